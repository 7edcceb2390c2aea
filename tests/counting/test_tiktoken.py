"""Whole requests: equal to AutoGen's counts where those are right, never below them, and never an exception."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Literal

import pytest
from autogen_core import FunctionCall, Image
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from autogen_core.tools import FunctionTool, ParametersSchema, ToolSchema
from autogen_ext.models.openai._openai_client import count_tokens_openai
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Picture
from pydantic import BaseModel

from autogen_budget import Tally, TiktokenCounter, TokenCounter
from official_vocabularies import SHA256, official_encoding

MODELS = ["gpt-4o", "gpt-4", "gpt-3.5-turbo", "gpt-5", "o3-mini", "gpt-4.1-mini"]

# AutoGen's own count refuses the names of special tokens.
texts = st.text(max_size=60).filter(lambda text: "<|" not in text)
names = st.sampled_from(["user", "writer", "a-b_C9"])
plain = st.one_of(
    st.builds(SystemMessage, content=texts),
    st.builds(UserMessage, content=texts, source=names),
    st.builds(AssistantMessage, content=texts, source=names, thought=st.none() | texts),
)
calls = st.lists(st.builds(FunctionCall, id=names, name=names, arguments=texts), min_size=1, max_size=3)
results = st.lists(
    st.builds(FunctionExecutionResult, content=texts, name=names, call_id=names, is_error=st.booleans()), max_size=3
)
work = st.one_of(
    st.builds(AssistantMessage, content=calls, source=names, thought=st.none() | texts),
    st.builds(FunctionExecutionResultMessage, content=results),
)
properties: st.SearchStrategy[dict[str, dict[str, object]]] = st.dictionaries(
    st.text("abcxyz_", min_size=1, max_size=12),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["string", "integer", "array"])},
        optional={
            "description": texts,
            "title": texts,
            "default": st.text("abc 1", max_size=9) | st.integers(),
            "enum": st.lists(st.text("abc ", max_size=5), min_size=1, max_size=9),
            "anyOf": st.lists(st.just({"type": "string"}), min_size=1, max_size=4),
        },
    ),
    max_size=5,
)


@st.composite
def schemas(draw: st.DrawFn) -> ToolSchema:
    """The schema of a tool that AutoGen can count."""
    takes = draw(properties)
    parameters = ParametersSchema(type="object", properties=takes, required=list(takes))
    return ToolSchema(name=draw(names), description=draw(texts), parameters=parameters)


def autogens_count(messages: Sequence[LLMMessage], model: str, tools: Sequence[ToolSchema] = ()) -> int:
    """What AutoGen's OpenAI client counts."""
    for name in SHA256:
        official_encoding(name)
    return count_tokens_openai(messages, model, tools=tools)


@pytest.mark.parametrize("model", MODELS)
@given(messages=st.lists(plain, max_size=5))
def test_plain_messages_count_as_in_autogen(model: str, messages: list[LLMMessage]) -> None:
    """System, user and assistant texts have exactly AutoGen's count, vocabulary by vocabulary."""
    assert TiktokenCounter(model).count(messages) == autogens_count(messages, model)


@given(messages=st.lists(plain | work, max_size=5), tools=st.lists(schemas(), max_size=3))
def test_no_request_counts_less_than_in_autogen(messages: list[LLMMessage], tools: list[ToolSchema]) -> None:
    """Calls, thoughts, results and tools included, a request never counts less than AutoGen thinks."""
    assert TiktokenCounter("gpt-4o").count(messages, tools=tools) >= autogens_count(messages, "gpt-4o", tools)


@given(messages=st.lists(plain | work, max_size=5), tools=st.lists(schemas(), max_size=3))
def test_the_parts_add_up_to_the_whole(messages: list[LLMMessage], tools: list[ToolSchema]) -> None:
    """The tallies of the parts are the tally of the request."""
    counter = TiktokenCounter()
    parts = [counter.measure_extras(tools), *map(counter.measure_message, messages)]
    assert sum(map(counter.tokens, parts)) == counter.count(messages, tools=tools)


def test_what_is_sent_is_counted() -> None:
    """A thought counts beside calls only, each parallel result is a message, and an empty list still costs a frame."""
    counter = TiktokenCounter("gpt-4o")
    call = [FunctionCall(id="1", name="f", arguments="{}")]

    def size(message: LLMMessage) -> int:
        return counter.tokens(counter.measure_message(message))

    long = "word " * 100
    assert size(AssistantMessage(content=call, source="a", thought=long)) - size(
        AssistantMessage(content=call, source="a")
    ) == counter.count_text(long)
    assert size(AssistantMessage(content="x", source="a", thought=long)) == size(
        AssistantMessage(content="x", source="a")
    )
    result = FunctionExecutionResult(content="ok", name="f", call_id="1", is_error=False)
    assert size(FunctionExecutionResultMessage(content=[result] * 3)) == 3 * size(
        FunctionExecutionResultMessage(content=[result])
    )
    assert size(FunctionExecutionResultMessage(content=[])) == 4


def test_images_count_by_their_pixels() -> None:
    """An image in a message costs its tiles, never the length of its base64 text."""
    counter = TiktokenCounter("gpt-4o")
    image = Image(Picture.effect_noise((700, 300), 90))
    message = UserMessage(content=["What is this?", image], source="user")
    size = counter.tokens(counter.measure_message(message))
    assert 425 < counter.tokens(counter.measure_image(image)) + 10 < size < 450


class Answer(BaseModel):
    """A structured reply."""

    text: str


def test_everything_beside_the_messages_is_counted() -> None:
    """Tools, the JSON reply and arguments that the model reads add up; an empty request costs its constant."""
    counter = TiktokenCounter("gpt-4o")

    def size(*args: Any, **kwargs: Any) -> int:
        return counter.tokens(counter.measure_extras(*args, **kwargs))

    tool = ToolSchema(name="f", parameters={"type": "object", "properties": {"x": {"enum": [None, 1], "type": "a"}}})
    assert size() == 3
    assert size([tool]) > 40
    assert size([tool, tool]) - size([tool]) == size([tool]) - size() - 12
    assert size(json_output=True) > size()
    assert size(json_output=Answer) > 40
    assert size(extra_create_args={"response_format": Answer}) > size(json_output=Answer)
    assert size(extra_create_args={"temperature": 1}) == size()


def odd(choice: Literal[1, 2], which: bool | None, nested: dict[str, list[int | str]]) -> str:
    """A tool that AutoGen's own count fails on."""
    return f"{choice}{which}{nested}"


@pytest.mark.parametrize("text", ["", "\ud800", "<|endoftext|>", "<|im_start|>", "\x00", " " * 1_000_000, "😀" * 9])
def test_no_text_and_no_tool_is_refused(text: str) -> None:
    """Special tokens, lone surrogates, endless blanks, literals and unions: everything has a count."""
    counter = TiktokenCounter("gpt-4o")
    messages: list[LLMMessage] = [
        SystemMessage(content=text),
        UserMessage(content=[text], source=text),
        AssistantMessage(content=[FunctionCall(id=text, name=text, arguments=text)], source=text, thought=text),
        FunctionExecutionResultMessage(content=[FunctionExecutionResult(content=text, name=text, call_id=text)]),
    ]
    tools = [FunctionTool(odd, text)]
    assert counter.count(messages, tools=tools, extra_create_args={text: text, "x": {1, 2}}) > 60


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4o-2024-08-06", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-oss-20b", "o200k_base"),
        ("text-davinci-003", "cl100k_base"),
        ("gpt2", "cl100k_base"),
        ("claude-sonnet-4-5", "o200k_base"),
        ("", "o200k_base"),
        (None, "o200k_base"),
    ],
)
def test_each_model_has_its_vocabulary(model: str | None, encoding: str) -> None:
    """Names are mapped as tiktoken maps them; unknown ones get the newest vocabulary."""
    counter = TiktokenCounter(model)
    assert counter.encoding_name == encoding
    assert isinstance(counter, TokenCounter)


def test_a_limit_stops_the_count_of_a_huge_text() -> None:
    """Beyond the limit a text is not read on, and what was read is above the limit."""
    counter = TiktokenCounter("gpt-4o")
    huge = "All work and no play. " * 2_000_000
    size = counter.count_text(huge, limit=2_000)
    assert 2_000 < size < 200_000
    small = "All work and no play. "
    assert counter.measure_text(small, limit=0) == counter.measure_text(small)


def test_what_was_learned_outlives_the_counter() -> None:
    """A counter that loads another's state counts as that one does; what it cannot understand changes nothing."""
    counter = TiktokenCounter("llama3")
    request = counter.measure_extras() + counter.measure_text("Some words about nothing at all. " * 50)
    for _ in range(3):
        counter.observe(request, int(request.total * 1.4))
    assert counter.tokens(request) >= int(request.total * 1.4)
    state = json.loads(json.dumps(dict(counter.save_state())))

    other = TiktokenCounter("mistral")
    other.load_state(state)
    assert other.tokens(request) == counter.tokens(request)

    for useless in ({}, {"vocabulary": "o200k_base"}, {**state, "vocabulary": "p50k"}, {**state, "calibration": 3}):
        fresh = TiktokenCounter("mistral")
        fresh.load_state(useless)
        assert fresh.tokens(request) == TiktokenCounter("mistral").tokens(request)
    another_vocabulary = TiktokenCounter("gpt-4")
    another_vocabulary.load_state(state)
    assert another_vocabulary.tokens(request) == request.total


def test_differences_never_count_below_nothing() -> None:
    """A negative difference of tallies has no tokens."""
    assert TiktokenCounter().tokens(Tally() - Tally(letters=5)) == 0


async def test_large_texts_are_measured_in_a_thread() -> None:
    """While a large text is prepared the event loop goes on; counting it afterwards is a look-up."""
    counter = TiktokenCounter("gpt-4o")
    text = "".join(f"Line {number} of a large text. " for number in range(80_000))
    beats = 0

    async def heart() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.001)
            beats += 1

    beating = asyncio.create_task(heart())
    await counter.prepare([text, "small"])
    beating.cancel()
    assert beats > 3
    known = counter.measure_text(text)
    assert counter.measure_text("".join([text])) is known
    await counter.prepare([text])
    await counter.prepare([])


@pytest.mark.parametrize("model", ["gpt-4o", "openai/gpt-4o", None])
def test_openai_models_are_counted_exactly_from_the_start(model: str | None) -> None:
    """A name of OpenAI's, and no name at all, count as the vocabulary says."""
    counter = TiktokenCounter(model)
    tally = counter.measure_text("Some words, 4711 and größer.")
    assert counter.tokens(tally) == tally.total


@given(text=st.text(), more=st.text())
def test_more_text_never_counts_much_less(text: str, more: str) -> None:
    """Text behind a text may merge with its end, and with no more than that."""
    for model in ("gpt-4o", "smollm2"):
        counter = TiktokenCounter(model)
        assert counter.count_text(text + more) >= counter.count_text(text) - 4 * len(
            text[-16:].encode("utf-8", "replace")
        )
