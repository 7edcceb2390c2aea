"""Reading messages in any state: what is broken is mended, told, and not lost."""

import json

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
from hypothesis import given, settings
from hypothesis import strategies as st

from autogen_budget import History
from autogen_budget._repair import BEGINNING, INTERRUPTED, TurnReader
from autogen_budget._turns import text_of
from histories import messages, valid_messages
from validity import assert_valid, convert_everywhere

TASK = UserMessage(content="task", source="user")


def call(*ids: str, arguments: str = "{}", thought: str | None = None) -> AssistantMessage:
    """An assistant's calls."""
    calls = [FunctionCall(id=i, name=f"tool{n}", arguments=arguments) for n, i in enumerate(ids)]
    return AssistantMessage(content=calls, thought=thought, source="assistant")


def results(*ids: str) -> FunctionExecutionResultMessage:
    """Results of calls, numbered in their order."""
    return FunctionExecutionResultMessage(
        content=[
            FunctionExecutionResult(content=f"result {n}", name=f"tool{n}", call_id=i, is_error=False)
            for n, i in enumerate(ids)
        ]
    )


def read(*came: LLMMessage) -> tuple[list[LLMMessage], list[str]]:
    """The mended messages, and the kinds of repairs."""
    history = History.parse([TASK, *came])
    assert_valid(history.flatten())
    return history.flatten()[1:], [repair.kind for repair in history.repairs]


def pairs(message: LLMMessage, answer: LLMMessage) -> list[tuple[str, str]]:
    """Which tool got which result."""
    assert isinstance(message, AssistantMessage)
    assert isinstance(answer, FunctionExecutionResultMessage)
    texts = {result.call_id: result.content for result in answer.content}
    return [(part.name, texts[part.id]) for part in message.content if isinstance(part, FunctionCall)]


def test_results_in_another_order_are_fine() -> None:
    """Ids pair them; nothing is touched."""
    came = [call("a", "b"), results("b", "a")]
    sent, repairs = read(*came)
    assert repairs == []
    assert all(a is b for a, b in zip(sent, came, strict=True))


def test_an_interrupted_call_is_answered() -> None:
    """A call whose tool was cancelled gets a result that says so, marked as an error."""
    (message, answer, _), repairs = read(call("a", "b"), results("a"), UserMessage(content="go on", source="user"))
    assert pairs(message, answer) == [("tool0", "result 0"), ("tool1", INTERRUPTED)]
    assert repairs == ["unanswered call"]
    assert isinstance(answer, FunctionExecutionResultMessage)
    assert [result.is_error for result in answer.content] == [False, True]
    (_, answer), repairs = read(call("a"))
    assert repairs == ["unanswered call"]


def test_an_orphaned_result_becomes_a_note() -> None:
    """A result whose call another context dropped keeps what it says, as a user's message."""
    (message,), repairs = read(results("gone"))
    assert isinstance(message, UserMessage)
    assert "tool0" in str(message.content)
    assert "result 0" in str(message.content)
    assert repairs == ["orphaned result"]


def test_repeated_ids_are_told_apart() -> None:
    """Servers that give parallel calls one id, and never count on, are paired by position."""
    came = [call("0", "0"), results("0", "0"), call("0"), results("0"), call("0_2"), results("0_2")]
    sent, repairs = read(*came)
    assert pairs(sent[0], sent[1]) == [("tool0", "result 0"), ("tool1", "result 1")]
    assert pairs(sent[2], sent[3]) == [("tool0", "result 0")]
    assert set(repairs) == {"repeated id"}
    assert len(repairs) == 3


def test_empty_ids_are_given() -> None:
    """Calls and results without ids are paired by position."""
    sent, repairs = read(call("", ""), results("", ""))
    assert pairs(sent[0], sent[1]) == [("tool0", "result 0"), ("tool1", "result 1")]
    assert repairs == ["empty id", "empty id"]


def test_unknown_ids_are_paired_by_position() -> None:
    """As many results as calls are theirs, whatever their ids say."""
    sent, repairs = read(call("a", "b"), results("x", "b"))
    assert pairs(sent[0], sent[1]) == [("tool0", "result 0"), ("tool1", "result 1")]
    assert repairs == []


def test_results_with_other_ids_and_in_other_number_are_orphans() -> None:
    """Where neither id nor number fits, the call is interrupted and the results are notes."""
    sent, repairs = read(call("a", "b"), results("x", "y", "b"))
    assert pairs(sent[0], sent[1]) == [("tool0", INTERRUPTED), ("tool1", "result 2")]
    assert ["result 0" in text_of(sent[2]), "result 1" in text_of(sent[3])] == [True, True]
    assert repairs == ["unanswered call", "orphaned result", "orphaned result"]


def test_split_results_are_joined() -> None:
    """Results that came one by one stand in one message, as AutoGen writes them."""
    sent, repairs = read(call("a", "b"), results("b"), results("a"))
    assert pairs(sent[0], sent[1]) == [("tool0", "result 0"), ("tool1", "result 0")]
    assert repairs == ["split results"]


@pytest.mark.parametrize(
    ("arguments", "mended"),
    [("", "{}"), ("  ", "{}"), ("not json", '{"arguments": "not json"}'), ("[1]", '{"arguments": "[1]"}')],
)
def test_arguments_that_are_no_object_are_put_into_one(arguments: str, mended: str) -> None:
    """Some clients raise on such arguments, with every later call as well."""
    (message, _), repairs = read(call("a", arguments=arguments), results("a"))
    assert isinstance(message, AssistantMessage)
    assert [part.arguments for part in message.content if isinstance(part, FunctionCall)] == [mended]
    assert repairs == ["invalid arguments"]
    convert_everywhere([message])


def test_empty_messages_are_filled_or_left_out() -> None:
    """No calls and no text becomes the thought, or a word; results without any are left out, and told."""
    (message, orphan), repairs = read(call(thought="hm"), results("a"))
    assert text_of(message) == "hm"
    assert "result 0" in text_of(orphan)
    assert repairs == ["empty message", "orphaned result"]
    (message,), repairs = read(call())
    assert text_of(message) == "[empty message]"
    assert read(results()) == ([], ["empty message"])


def test_a_leading_assistant_message_gets_a_beginning() -> None:
    """Providers that want a user to speak first get one."""
    history = History.parse([SystemMessage(content="rules"), AssistantMessage(content="hello", source="a")])
    assert text_of(history.flatten()[1]) == BEGINNING
    assert [repair.kind for repair in history.repairs] == ["leading assistant message"]
    assert history.task is None


def test_system_messages_inside_depend_on_the_model() -> None:
    """Where the model takes one block of instructions only, memory becomes a user's message in its place."""
    memory = SystemMessage(content="the key is 42")
    (message, _), repairs = read(memory, TASK)
    assert isinstance(message, UserMessage)
    assert message.content == "the key is 42"
    assert repairs == ["system message inside"]
    kept = History.parse([TASK, memory], multiple_system_messages=True)
    assert kept.flatten()[1] is memory
    assert kept.repairs == ()


def test_repairs_say_where() -> None:
    """A repair names the tool and the id."""
    repair = History.parse([TASK, call("abc")]).repairs[0]
    assert repair.detail == "tool0 ('abc')"


@given(messages())
@settings(max_examples=300)
def test_whatever_comes_is_valid_afterwards(came: list[LLMMessage]) -> None:
    """Any list becomes one that every provider takes, and reading it again finds nothing to mend."""
    history = History.parse(came)
    flat = history.flatten()
    assert_valid(flat)
    convert_everywhere(flat)
    again = History.parse(flat)
    assert again.repairs == ()
    assert all(a is b for a, b in zip(again.flatten(), flat, strict=True))


@given(messages())
@settings(max_examples=300)
def test_nothing_that_was_said_is_lost(came: list[LLMMessage]) -> None:
    """Every text, every argument and every result is still somewhere."""
    flat = "\n".join(text_of(message) for message in History.parse(came).flatten())
    for message in came:
        if isinstance(message, FunctionExecutionResultMessage):
            assert all(result.content in flat for result in message.content)
        elif isinstance(message.content, str):
            assert message.content in flat
        else:
            for part in message.content:
                if isinstance(part, FunctionCall):
                    assert part.arguments.strip() in flat or json.dumps(part.arguments) in flat
                elif isinstance(part, str):
                    assert part in flat


@given(valid_messages())
@settings(max_examples=300)
def test_what_is_whole_is_not_touched(came: list[LLMMessage]) -> None:
    """A valid history flattens to the very same objects."""
    history = History.parse(came)
    assert history.repairs == ()
    assert all(a is b for a, b in zip(history.flatten(), came, strict=True))


@given(messages(), st.lists(st.integers(0, 30), max_size=5), st.booleans())
@settings(max_examples=300)
def test_reading_in_parts_is_reading_at_once(came: list[LLMMessage], cuts: list[int], many: bool) -> None:
    """However a conversation is cut, as long as no part begins with results, the turns are the same."""
    reader = TurnReader(multiple_system_messages=many)
    ends = sorted({min(cut, len(came)) for cut in cuts} | {len(came)})
    ends = [end for end in ends if end == len(came) or not isinstance(came[end], FunctionExecutionResultMessage)]
    turns, begin = [], 0
    for end in ends:
        turns += reader.read(came[begin:end])[0]
        begin = end
    assert tuple(turns) == TurnReader(multiple_system_messages=many).read(came)[0]


def test_a_reader_goes_on_where_others_stopped() -> None:
    """Turns that a conversation has already take their ids, and it has begun."""
    before = History.parse([TASK, call("a"), results("a")]).turns
    turns, repairs = TurnReader(before=before).read([call("a"), results("a")])
    assert [repair.kind for repair in repairs] == ["repeated id"]
    assert turns[0].calls[0].id == "a_2"
