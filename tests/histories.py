"""Hypothesis strategies for the messages of an agent, in any state, and for the tools it is offered."""

from typing import Any

from autogen_core import FunctionCall, Image
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from autogen_core.tools import ToolSchema
from hypothesis import strategies as st
from PIL import Image as Picture

from autogen_budget._turns import encodable_message

NAMES = st.sampled_from(["user", "assistant", "writer", "a-b_C9"])

IMAGES = [Image(Picture.new("RGB", size, "navy")) for size in ((8, 8), (700, 300), (2_100, 60))]

_LONG = [
    "The ship at the pier reported its cargo. " * 80,
    "\n".join(f"{i},{i * 7},pier {i % 9},ERROR {i}" for i in range(150)),
    '{"rows": [' + ", ".join(f'{{"id": {i}, "name": "n{i}"}}' for i in range(80)) + "]}",
    "\u6e2f\u53e3\u7684\u8239" * 200,
    " " * 3_000,
    "x" * 2_000,
    "<html><body>" + "<p>tide <a href='/t'>table</a></p>" * 80 + "</body></html>",
]

_REPEATED = [_LONG[0], _LONG[1], _LONG[2], _LONG[1][:900], f"tool: {_LONG[2]}\n{_LONG[0]}", _LONG[0][41:1_200]]
"""Texts that stand again in each other: whole, in part, among others."""

texts = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(), max_size=30),  # lone surrogates, too
    st.sampled_from(["", " ", "<|endoftext|>", "\ud800", "\U0001f6a2 \u0928\u092e\u0938\u094d\u0924\u0947", "ok"]),
    st.sampled_from(_LONG),
)
"""Empty, short, odd and long texts."""

arguments = st.one_of(
    st.sampled_from(["{}", '{"q": "ships"}', '{"a": {"b": [1, 2, "three"]}}']),
    st.builds('{{"text": "{}"}}'.format, st.sampled_from(["word " * 300, "x" * 900])),
)
"""Arguments of a call: JSON objects."""

loose_arguments = arguments | st.sampled_from(["not json", "", "[1, 2]", '"text"', "[" * 3_000])
"""Arguments as a model may write them."""


@st.composite
def users(draw: st.DrawFn) -> UserMessage:
    """A user's message, with images now and then."""
    parts = st.lists(st.one_of(texts, st.sampled_from(IMAGES)), max_size=3)
    content = draw(st.one_of(texts, texts, texts, parts))
    return UserMessage(content=content, source=draw(NAMES))


@st.composite
def answers(draw: st.DrawFn) -> AssistantMessage:
    """An assistant's text."""
    return AssistantMessage(content=draw(texts), thought=draw(st.none() | texts), source=draw(NAMES))


def result(call_id: str, text: str) -> FunctionExecutionResult:
    """A result for a call."""
    return FunctionExecutionResult(content=text, name="tool", call_id=call_id, is_error=False)


@st.composite
def tool_turns(draw: st.DrawFn, first_id: int) -> list[LLMMessage]:
    """One to three parallel calls with fresh ids, and their results in any order."""
    ids = [f"call_{first_id}_{n}" for n in range(draw(st.integers(1, 3)))]
    calls = [FunctionCall(id=i, name="tool", arguments=draw(arguments)) for i in ids]
    return [
        AssistantMessage(content=calls, thought=draw(st.none() | texts), source=draw(NAMES)),
        FunctionExecutionResultMessage(content=[result(i, draw(texts)) for i in draw(st.permutations(ids))]),
    ]


@st.composite
def valid_messages(draw: st.DrawFn, max_turns: int = 10) -> list[LLMMessage]:
    """An unbroken history: instructions, a user's words, then turns of every kind."""
    messages: list[LLMMessage] = [SystemMessage(content=text) for text in draw(st.lists(texts, max_size=2))]
    messages.append(draw(users()))
    for i, kind in enumerate(draw(st.lists(st.sampled_from("uat"), max_size=max_turns))):
        messages += draw({"u": users().map(_one), "a": answers().map(_one), "t": tool_turns(i)}[kind])
    return [encodable_message(message) for message in messages]


@st.composite
def memory_blocks(draw: st.DrawFn) -> SystemMessage:
    """What a memory puts behind a user's message: what it holds by now, counted from one."""
    first = draw(st.integers(0, 2))
    known = [f"the ship {name} lies at pier {pier}" for pier, name in enumerate(("Ada", "Bell", "Cook", "Drake"))]
    held = known[first : first + draw(st.integers(0, 4))]
    lines = "\n".join(f"{i}. {line}" for i, line in enumerate(held, 1))
    return SystemMessage(content=f"\nRelevant memory content (in chronological order):\n{lines}\n")


@st.composite
def repeating_messages(draw: st.DrawFn, max_turns: int = 12) -> list[LLMMessage]:
    """A conversation that says things again: results, broadcasts of results, memory blocks; thoughts and images too."""
    said = st.sampled_from(_REPEATED)
    messages: list[LLMMessage] = [SystemMessage(content="Be brief."), draw(users())]
    for i, kind in enumerate(draw(st.lists(st.sampled_from("rrbmaui"), max_size=max_turns))):
        if kind == "r":
            calls = [FunctionCall(id=f"r{i}{n}", name="tool", arguments='{"q": "ships"}') for n in range(2)]
            calls = calls[: draw(st.integers(1, 2))]
            messages.append(AssistantMessage(content=calls, thought=draw(st.none() | said), source="assistant"))
            messages.append(FunctionExecutionResultMessage(content=[result(c.id, draw(said)) for c in calls]))
        elif kind == "i":
            parts = draw(st.lists(st.sampled_from(IMAGES), min_size=1, max_size=3))
            messages.append(UserMessage(content=["look", *parts], source="user"))
        else:
            broadcast = st.builds(UserMessage, content=said, source=NAMES)
            kinds: dict[str, st.SearchStrategy[LLMMessage]]
            kinds = {"b": broadcast, "m": memory_blocks(), "a": answers(), "u": users()}
            messages.append(draw(kinds[kind]))
    return messages


@st.composite
def _loose_calls(draw: st.DrawFn) -> AssistantMessage:
    """Calls with missing, repeated or empty ids, or none at all."""
    ids = draw(st.lists(st.sampled_from(["", "0", "0", "1", "a"]), max_size=3))
    calls = [FunctionCall(id=i, name="tool", arguments=draw(loose_arguments)) for i in ids]
    return AssistantMessage(content=calls, thought=draw(st.none() | texts), source=draw(NAMES))


@st.composite
def _loose_results(draw: st.DrawFn) -> FunctionExecutionResultMessage:
    """Results for calls that may or may not be there."""
    ids = draw(st.lists(st.sampled_from(["", "0", "0", "1", "a", "gone"]), max_size=3))
    return FunctionExecutionResultMessage(content=[result(i, draw(texts)) for i in ids])


@st.composite
def _loose_turns(draw: st.DrawFn) -> list[LLMMessage]:
    """Calls and, right behind them, results that may or may not answer them, in any number of messages."""
    return [draw(_loose_calls()), *draw(st.lists(_loose_results(), max_size=2))]


@st.composite
def messages(draw: st.DrawFn, max_size: int = 14) -> list[LLMMessage]:
    """Any list of messages: valid parts, and broken ones anywhere between them."""
    whole = draw(valid_messages(max_turns=4)) if draw(st.booleans()) else []
    alone: st.SearchStrategy[LLMMessage] = st.one_of(
        users(), answers(), _loose_results(), memory_blocks(), st.builds(SystemMessage, content=texts)
    )
    loose = draw(st.lists(st.one_of(alone.map(_one), _loose_turns()), max_size=max_size))
    broken = [message for part in loose for message in part][:max_size]
    at = draw(st.integers(0, len(whole)))
    return [*whole[:at], *broken, *whole[at:]]


def _one(message: LLMMessage) -> list[LLMMessage]:
    return [message]


_LEAVES: st.SearchStrategy[Any] = st.sampled_from(
    [
        True,
        {"type": "string", "description": "what to look for"},
        {"type": ["string", "null"]},
        {"enum": [1, 2, None]},
        {"type": "integer", "enum": [1, 2]},
        {"anyOf": [{"const": "a"}, {"$ref": "#/$defs/X"}], "default": None},
        {"type": "number", "minimum": 0, "title": "N"},
        {},
    ]
)


def _object_of(properties: dict[str, object]) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas one level deeper: lists, objects and unions."""
    return st.one_of(
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}),
        st.dictionaries(st.sampled_from(["a", "b", "c"]), inner, max_size=3).map(_object_of),
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=3)}),
    )


_SCHEMAS: st.SearchStrategy[Any] = st.recursive(_LEAVES, _nested, max_leaves=6)


@st.composite
def tool_schemas(draw: st.DrawFn) -> list[ToolSchema]:
    """Tools with parameters of every shape."""
    parameters = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from(["x", "y", "z"]), _SCHEMAS)}
    )
    made = draw(st.lists(parameters, max_size=2))
    return [ToolSchema(name=f"tool_{i}", description="Does it.", parameters=p) for i, p in enumerate(made)]  # type: ignore[typeddict-item]  # any JSON schema
