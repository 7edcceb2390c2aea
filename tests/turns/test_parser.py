"""Reading messages in any state: whole turns come out, everything said is still there, and each repair is told."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget import History
from builders import said
from histories import messages, valid_messages
from validity import assert_valid, convert_everywhere

TASK = UserMessage(content="Count the ships.", source="user")
SYSTEM = SystemMessage(content="Be brief.")
INTERRUPTED = "[No result: this call was interrupted.]"


def calls(*ids: str, arguments: str = "{}") -> AssistantMessage:
    """An assistant's calls of a tool named after each id."""
    return AssistantMessage(
        content=[FunctionCall(id=i, name=f"tool_{i}", arguments=arguments) for i in ids], thought="hm", source="writer"
    )


def results(*ids: str, texts: Sequence[str] | None = None) -> FunctionExecutionResultMessage:
    """Results for calls, with texts made of the ids unless some are given."""
    return FunctionExecutionResultMessage(
        content=[
            FunctionExecutionResult(content=text, name=f"tool_{i}", call_id=i, is_error=False)
            for i, text in zip(ids, texts or [f"result {i}" for i in ids], strict=True)
        ]
    )


def mended(*came: LLMMessage, multiple_system_messages: bool = False) -> tuple[list[LLMMessage], list[str]]:
    """The valid messages made of some, and the kinds of repairs it took."""
    history = History.parse(came, multiple_system_messages=multiple_system_messages)
    flat = history.flatten()
    assert_valid(flat, multiple_system_messages=multiple_system_messages)
    convert_everywhere(flat)
    return flat, [repair.kind for repair in history.repairs]


def answers_in(flat: Sequence[LLMMessage]) -> dict[str, str]:
    """The text that answers each call, by the call's id."""
    found = [message for message in flat if isinstance(message, FunctionExecutionResultMessage)]
    return {result.call_id: result.content for message in found for result in message.content}


def notes_in(flat: Sequence[LLMMessage]) -> list[object]:
    """What the library itself tells the model."""
    return [message.content for message in flat if isinstance(message, UserMessage) and message is not TASK]


def words_in(came: Sequence[LLMMessage]) -> list[str]:
    """Everything that was said in some messages: texts, thoughts, arguments and results."""
    words: list[str] = []
    for message in came:
        if isinstance(message, AssistantMessage):
            words.append(message.thought or "")
        if isinstance(message.content, str):
            words.append(message.content)
            continue
        for part in message.content:
            if isinstance(part, str):
                words.append(part)
            elif isinstance(part, FunctionCall):
                words += [part.arguments, part.name]
            elif isinstance(part, FunctionExecutionResult):
                words.append(part.content)
    return words


# -- what holds for any messages ---------------------------------------------------------------------------------------


@given(messages(), st.booleans())
def test_any_messages_become_valid_ones(came: list[LLMMessage], anywhere: bool) -> None:
    """Whatever comes in, what goes out is what providers demand, and AutoGen's clients can convert it."""
    flat = History.parse(came, multiple_system_messages=anywhere).flatten()
    assert_valid(flat, multiple_system_messages=anywhere)
    convert_everywhere(flat)


@given(messages(), st.booleans())
def test_a_mended_history_needs_no_repair(came: list[LLMMessage], anywhere: bool) -> None:
    """Reading the mended messages again mends nothing and gives the very same objects."""
    flat = History.parse(came, multiple_system_messages=anywhere).flatten()
    again = History.parse(flat, multiple_system_messages=anywhere)
    assert again.repairs == ()
    assert all(a is b for a, b in zip(again.flatten(), flat, strict=True))


@given(valid_messages())
def test_a_valid_history_is_left_as_it_is(came: list[LLMMessage]) -> None:
    """Without damage the very same objects come out, and no repair is told."""
    history = History.parse(came)
    assert history.repairs == ()
    assert all(a is b for a, b in zip(history.flatten(), came, strict=True))


@given(messages())
def test_nothing_that_was_said_is_lost(came: list[LLMMessage]) -> None:
    """Every text, thought, argument and result is still there, as itself or inside a note."""
    flat = History.parse(came).flatten()
    kept = [*words_in(flat)]

    def letters(text: str) -> str:  # lines may be indented, halves of characters are replaced
        return "".join(text.encode("utf-8", "replace").decode().replace("?", "\ufffd").split())

    kept += [str(json.loads(arguments).get("arguments", "")) for arguments in _arguments_in(flat)]
    everything = letters("\n".join(kept))
    assert [word for word in words_in(came) if letters(word) not in everything] == []


@given(messages())
def test_nothing_that_came_is_changed(came: list[LLMMessage]) -> None:
    """Reading leaves the list and each message in it as they were."""
    objects, before = list(came), [repr(message) for message in came]
    History.parse(came)
    assert all(a is b for a, b in zip(came, objects, strict=True))
    assert [repr(message) for message in came] == before


# -- each kind of damage -----------------------------------------------------------------------------------------------


def test_an_unanswered_call_is_answered() -> None:
    """A cancelled tool leaves a call without a result: it gets one that says so, as an error."""
    flat, kinds = mended(TASK, calls("a", "b"), results("b"), said("go on"))
    assert kinds == ["unanswered call"]
    assert answers_in(flat) == {"a": INTERRUPTED, "b": "result b"}
    answer = flat[2]
    assert isinstance(answer, FunctionExecutionResultMessage)
    assert [result.is_error for result in answer.content] == [True, False]
    assert [result.name for result in answer.content] == ["tool_a", "tool_b"]


def test_calls_at_the_very_end_are_answered_too() -> None:
    """The last message may be calls that nobody ran."""
    flat, kinds = mended(TASK, calls("a"))
    assert kinds == ["unanswered call"]
    assert answers_in(flat) == {"a": INTERRUPTED}


def test_an_orphan_becomes_a_note() -> None:
    """A result whose call was trimmed away by another context is told in its place."""
    flat, kinds = mended(TASK, results("gone"), said("go on"))
    assert kinds == ["orphaned result"]
    assert notes_in(flat) == ["[Result of tool_gone, whose call is not in this conversation:]\n  result gone"]
    assert flat[-1].content == "go on"


def test_a_result_too_many_becomes_a_note() -> None:
    """A second result for the same call is no answer, but not lost either."""
    flat, kinds = mended(TASK, calls("a"), results("a", "a", texts=["first", "second"]))
    assert kinds == ["orphaned result"]
    assert answers_in(flat) == {"a": "first"}
    assert "second" in str(notes_in(flat))


def test_a_result_behind_other_words_is_an_orphan() -> None:
    """Pairs are adjacent: a result that comes late is told where it came."""
    flat, kinds = mended(TASK, calls("a"), said("still waiting"), results("a"))
    assert kinds == ["unanswered call", "orphaned result"]
    assert "result a" in str(flat[-1].content)


def test_results_in_several_messages_become_one() -> None:
    """Each provider wants all answers at once."""
    flat, kinds = mended(TASK, calls("a", "b"), results("b"), results("a"))
    assert kinds == ["split results"]
    assert answers_in(flat) == {"a": "result a", "b": "result b"}


def test_results_in_another_order_are_left_alone() -> None:
    """The order of the answers is nobody's concern, so nothing is touched."""
    came: list[LLMMessage] = [TASK, calls("a", "b"), results("b", "a")]
    flat, kinds = mended(*came)
    assert kinds == []
    assert all(a is b for a, b in zip(flat, came, strict=True))


def test_parallel_calls_with_one_id_are_told_apart() -> None:
    """Ollama gives the parallel calls of one reply the same id: answers are matched by their order."""
    flat, kinds = mended(TASK, calls("0", "0", "0"), results("0", "0", "0", texts=["x", "y", "z"]))
    assert kinds == ["repeated id"] * 2
    assert answers_in(flat) == {"0": "x", "0_2": "y", "0_3": "z"}


def test_one_result_object_may_answer_several_calls() -> None:
    """A constant result that stands in the list twice answers twice."""
    constant = FunctionExecutionResult(content="done", name="tool_0", call_id="0", is_error=False)
    for call_ids in (("0", "0"), ("0", "other")):
        flat, kinds = mended(TASK, calls(*call_ids), FunctionExecutionResultMessage(content=[constant, constant]))
        assert "unanswered call" not in kinds
        assert list(answers_in(flat).values()) == ["done", "done"]


def test_ids_that_begin_anew_are_told_apart() -> None:
    """A server that counts its calls anew with each reply makes no id ambiguous, nor does a made one."""
    flat, kinds = mended(
        *(TASK, calls("0"), results("0"), calls("0_2"), results("0_2")),
        *(calls("0"), results("0", texts=["third"]), calls("0"), results("0", texts=["fourth"])),
    )
    assert kinds == ["repeated id"] * 2
    assert answers_in(flat) == {"0": "result 0", "0_2": "result 0_2", "0_3": "third", "0_4": "fourth"}


def test_empty_ids_are_filled_in() -> None:
    """Models that give no ids are answered by position."""
    flat, kinds = mended(TASK, calls("", ""), results("", "", texts=["x", "y"]))
    assert kinds == ["empty id"] * 2
    assert answers_in(flat) == {"call_2": "x", "call_3": "y"}


def test_a_result_without_an_id_answers_the_open_call() -> None:
    """Ids are only a check: what has none goes to the first call that has no answer."""
    flat, kinds = mended(TASK, calls("a", "b", "c"), results("b", "", texts=["for b", "for a"]))
    assert kinds == ["mismatched id", "unanswered call"]
    assert answers_in(flat) == {"a": "for a", "b": "for b", "c": INTERRUPTED}


def test_as_many_results_as_calls_are_matched_by_position() -> None:
    """Where a server renames its calls, as many results as calls still belong together."""
    flat, kinds = mended(TASK, calls("a", "b"), results("x", "y"))
    assert kinds == ["mismatched id"] * 2
    assert answers_in(flat) == {"a": "result x", "b": "result y"}


def test_results_in_another_number_and_with_other_ids_are_orphans() -> None:
    """Where neither id nor number fits, nobody can say which call they answer."""
    flat, kinds = mended(TASK, calls("a", "b"), results("x", "y", "b"))
    assert kinds == ["unanswered call", "orphaned result", "orphaned result"]
    assert answers_in(flat) == {"a": INTERRUPTED, "b": "result b"}
    assert [str(told).splitlines()[-1] for told in notes_in(flat)] == ["  result x", "  result y"]


@pytest.mark.parametrize(
    ("arguments", "sound"),
    [
        ("", {}),
        ("  ", {}),
        ("not json", {"arguments": "not json"}),
        ('{"q": "cut of', {"arguments": '{"q": "cut of'}),
        ("[1, 2]", {"arguments": "[1, 2]"}),
        ("null", {"arguments": "null"}),
        ("[" * 100_000, {"arguments": "[" * 100_000}),
        ("1" * 5_000, {"arguments": "1" * 5_000}),
        ("\ud800", {"arguments": "\ufffd"}),
    ],
    ids=range(9),
)
def test_arguments_become_an_object(arguments: str, sound: dict[str, str]) -> None:
    """A reply cut off inside its arguments would fail in some clients, with every later call."""
    flat, kinds = mended(TASK, calls("a", arguments=arguments), results("a"))
    assert kinds[-1] == "invalid arguments"
    assert [json.loads(text) for text in _arguments_in(flat)] == [sound]


def test_a_message_without_calls_becomes_its_thought() -> None:
    """An assistant message with an empty list holds nothing but its thought; its results are orphans."""
    flat, kinds = mended(TASK, calls(), results("a"))
    assert kinds == ["empty message", "orphaned result"]
    assert flat[1] == AssistantMessage(content="hm", source="writer")
    bare, _ = mended(TASK, AssistantMessage(content=[], source="writer"))
    assert bare[1] == AssistantMessage(content="[empty message]", source="writer")


def test_results_without_any_are_left_out() -> None:
    """An empty list of results says nothing."""
    assert mended(TASK, FunctionExecutionResultMessage(content=[])) == ([TASK], ["empty message"])


def test_a_system_message_inside_becomes_a_users() -> None:
    """Memory adds system messages at the end; models that take them only at the start get a user's message."""
    memory = SystemMessage(content="Remember the tide.")
    flat, kinds = mended(SystemMessage(content="Be brief."), TASK, memory)
    assert kinds == ["system message inside"]
    assert notes_in(flat) == ["Remember the tide."]
    flat, kinds = mended(SystemMessage(content="Be brief."), TASK, memory, multiple_system_messages=True)
    assert kinds == []
    assert flat[-1] is memory


@pytest.mark.parametrize("first", [[said("Hello.")], [calls("a"), results("a")]])
def test_a_leading_assistant_gets_a_beginning(first: list[LLMMessage]) -> None:
    """A buffer that dropped the task leaves an answer first; a note opens the conversation instead."""
    flat, kinds = mended(SystemMessage(content="Be brief."), *first, TASK)
    assert kinds == ["leading assistant message"]
    assert flat[1].content == "[The conversation began before this point.]"
    assert all(a is b for a, b in zip(flat[2:], [*first, TASK], strict=True))


@pytest.mark.parametrize("first", [[said("Hello.")], [calls("a"), results("a")], [SYSTEM, said("Hello.")]])
def test_a_lenient_model_lets_the_assistant_speak_first(first: list[LLMMessage]) -> None:
    """Orchestrators begin with the plan, selectors go on with a wrong answer: OpenAI's models take both as they are."""
    flat, kinds = mended(SYSTEM, *first, TASK, multiple_system_messages=True)
    assert kinds == []
    assert all(a is b for a, b in zip(flat, [SYSTEM, *first, TASK], strict=True))


def test_the_detail_says_where() -> None:
    """A repair names the tool and the id it was about."""
    history = History.parse([TASK, calls("a", "a"), results("b")])
    details = Counter(repair.kind for repair in history.repairs)
    assert details == {"repeated id": 1, "unanswered call": 2, "orphaned result": 1}
    assert [repair.detail for repair in history.repairs] == [
        "tool_a ('a' is now 'a_2')",
        "tool_a ('a')",
        "tool_a ('a')",
        "tool_b ('b')",
    ]


def test_many_repeated_ids_take_no_longer_than_others() -> None:
    """A server that gives every call the same id is no burden: each free id is found at once."""
    came: list[LLMMessage] = [TASK]
    for _ in range(3_000):
        came += [calls("0"), results("0")]
    history = History.parse(came)
    assert len({call.id for turn in history.turns for call in turn.calls}) == 3_000
    assert history.turns[-1].calls[0].id == "0_3000"


def test_what_is_no_message_is_refused() -> None:
    """Something else in the list is an error that names its class."""
    wrong: Any = {"role": "user", "content": "hi"}
    with pytest.raises(TypeError, match="FunctionExecutionResultMessage, got dict"):
        History.parse([wrong])


def _arguments_in(flat: Sequence[LLMMessage]) -> list[str]:
    """The arguments of all calls."""
    heads = [message for message in flat if isinstance(message, AssistantMessage)]
    return [call.arguments for head in heads if isinstance(head.content, list) for call in head.content]


def test_what_this_library_once_wrote_is_a_note() -> None:
    """A message of ours that an agent's context holds is no user's words, and stays as it is."""
    message = UserMessage(content="[12 earlier turns left out]", source="autogen_budget")
    history = History.parse([UserMessage(content="task", source="user"), message])
    task, told = history.turns
    assert (task.note, told.note) == (False, True)
    assert told.head is message
    assert not history.repairs
