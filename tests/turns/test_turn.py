"""The atom of a conversation: calls and results together or not at all, and read in parts as at once."""

from itertools import pairwise
from typing import Any

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
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Picture

from autogen_budget import History, Turn
from autogen_budget._turns import TurnReader, note, text_of, transcript_lines
from histories import messages, valid_messages

CALLS = AssistantMessage(
    content=[FunctionCall(id=i, name="f", arguments='{"q": 1}') for i in ("a", "b")], source="assistant"
)


def results(*ids: str) -> FunctionExecutionResultMessage:
    """Results of calls."""
    return FunctionExecutionResultMessage(
        content=[FunctionExecutionResult(content=f"result {i}", name="f", call_id=i, is_error=False) for i in ids]
    )


@pytest.mark.parametrize(
    ("head", "answers"),
    [
        (CALLS, None),
        (CALLS, results("a")),
        (CALLS, results("a", "b", "b")),
        (CALLS, results("a", "c")),
        (UserMessage(content="hi", source="user"), results("a")),
        (AssistantMessage(content="hi", source="a"), results("a")),
    ],
)
def test_a_torn_pair_cannot_be_made(head: Any, answers: Any) -> None:
    """A call without its result, or a result without its call, is refused with both sides named."""
    with pytest.raises(ValueError, match=r"one result for each call: calls .*, results"):
        Turn(head, answers)


@pytest.mark.parametrize(
    ("turn", "kind"),
    [
        (Turn(SystemMessage(content="memory")), "system"),
        (Turn(UserMessage(content="hi", source="user")), "user"),
        (Turn(AssistantMessage(content="hello", source="a")), "assistant"),
        (Turn(CALLS, results("b", "a")), "tools"),
    ],
)
def test_kinds(turn: Turn, kind: str) -> None:
    """Each of the four kinds says what it is and gives its messages in order."""
    assert turn.kind == kind
    assert turn.messages[0] is turn.head
    assert len(turn.messages) == (2 if kind == "tools" else 1)
    assert len(turn.calls) == (2 if kind == "tools" else 0)


def test_only_users_words_are_said_by_a_user() -> None:
    """A note of this library is a user's message for the model only."""
    assert Turn(UserMessage(content="hi", source="user")).said_by_user
    assert not note("left out").said_by_user
    assert not Turn(CALLS, results("a", "b")).said_by_user


def test_other_results_make_another_turn() -> None:
    """Changed texts make a new turn; unchanged ones, or none to change, give the same object."""
    turn = Turn(CALLS, results("a", "b"))
    assert turn.with_results(["result a", "result b"]) is turn
    other = turn.with_results(["short", "result b"])
    assert other.results is not None
    assert turn.results is not None
    assert [result.content for result in other.results.content] == ["short", "result b"]
    assert other.results.content[1] is turn.results.content[1]
    assert turn.results.content[0].content == "result a"
    user = Turn(UserMessage(content="hi", source="user"))
    assert user.with_results([]) is user


def test_another_head_makes_another_turn() -> None:
    """An equal message changes nothing."""
    turn = Turn(UserMessage(content="hi", source="user"))
    assert turn.with_head(UserMessage(content="hi", source="user")) is turn
    assert turn.with_head(UserMessage(content="ho", source="user")).head.content == "ho"


def test_words_of_a_message() -> None:
    """Texts, arguments and results are words; images are not."""
    picture = Image(Picture.new("RGB", (4, 4)))
    assert text_of(SystemMessage(content="rules")) == "rules"
    assert text_of(UserMessage(content=["look", picture, "here"], source="user")) == "look\nhere"
    assert text_of(CALLS) == '{"q": 1}\n{"q": 1}'
    assert text_of(results("a", "b")) == "result a\nresult b"


def test_as_many_calls_as_there_are_is_the_same_turn() -> None:
    """Asking for all calls of a turn, or for those of a turn without any, changes nothing."""
    call = FunctionCall(id="1", name="look", arguments="{}")
    result = FunctionExecutionResult(content="calm", name="look", call_id="1", is_error=False)
    turn = Turn(AssistantMessage(content=[call], source="a"), FunctionExecutionResultMessage(content=[result]))
    words = Turn(UserMessage(content="Hello.", source="user"))
    assert turn.with_calls(1) is turn
    assert words.with_calls(1) is words


@given(messages(), st.booleans())
def test_what_changes_is_told(came: list[LLMMessage], anywhere: bool) -> None:
    """Wherever other messages come out than came in, there is a repair, and nowhere else."""
    reader = TurnReader(multiple_system_messages=anywhere)
    begins = [i for i, m in enumerate(came) if i == 0 or not isinstance(m, FunctionExecutionResultMessage)]
    for begin, end in pairwise([*begins, len(came)]):
        part = came[begin:end]
        turns, repairs = reader.read(part)
        out = [message for turn in turns for message in turn.messages]
        same = len(out) == len(part) and all(a is b for a, b in zip(out, part, strict=True))
        assert same == (not repairs)


@given(messages(), st.data(), st.booleans())
def test_reading_in_parts_is_reading_at_once(came: list[LLMMessage], data: st.DataObject, anywhere: bool) -> None:
    """Where no part begins with results, parts give the turns and repairs that the whole gives."""
    possible = [i for i, m in enumerate(came) if not isinstance(m, FunctionExecutionResultMessage)]
    cuts = sorted(data.draw(st.sets(st.sampled_from(possible)))) if possible else []
    whole = TurnReader(multiple_system_messages=anywhere).read(came)
    reader = TurnReader(multiple_system_messages=anywhere)
    parts = [reader.read(came[a:b]) for a, b in pairwise([0, *cuts, len(came)])]
    assert tuple(turn for turns, _ in parts for turn in turns) == whole[0]
    assert tuple(repair for _, repairs in parts for repair in repairs) == whole[1]


@given(messages(), messages(), st.booleans())
def test_another_reader_goes_on_where_one_stopped(
    first: list[LLMMessage], second: list[LLMMessage], anywhere: bool
) -> None:
    """A reader that is given the turns so far reads on as the one that made them."""
    reader = TurnReader(multiple_system_messages=anywhere)
    turns, _ = reader.read(first)
    other = TurnReader(multiple_system_messages=anywhere, before=turns)
    assert other.read(second) == reader.read(second)


PICTURE = Image(Picture.new("RGB", (2, 2)))


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        (Turn(UserMessage(content="hello", source="ann")), [("ann", "hello")]),
        (Turn(UserMessage(content=["see", PICTURE], source="ann")), [("ann", "see\n[image]")]),
        (Turn(SystemMessage(content="rule")), [("instructions", "rule")]),
        (Turn(AssistantMessage(content="yes", thought="no", source="w")), [("w thinks", "no"), ("w", "yes")]),
    ],
)
def test_words_are_told_with_their_speaker(turn: Turn, expected: list[tuple[str, str]]) -> None:
    """A message that calls nothing is its speaker and its words."""
    assert list(transcript_lines(turn)) == expected


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_a_call_is_followed_by_its_own_result(order: tuple[int, ...]) -> None:
    """Whatever the order in which results came; of calls that share an id each takes one."""
    calls = [FunctionCall(id=i, name=name, arguments="{}") for i, name in (("a", "look"), ("b", "ask"), ("a", "look"))]
    results = [
        FunctionExecutionResult(content="fog", name="look", call_id="a", is_error=False),
        FunctionExecutionResult(content="nobody", name="ask", call_id="b", is_error=True),
        FunctionExecutionResult(content="fog", name="look", call_id="a", is_error=False),
    ]
    turn = Turn(
        AssistantMessage(content=calls, source="w"),
        FunctionExecutionResultMessage(content=[results[i] for i in order]),
    )
    looked = [("w calls look", "{}"), ("look returns", "fog")]
    assert list(transcript_lines(turn)) == [*looked, ("w calls ask", "{}"), ("ask fails", "nobody"), *looked]


@given(valid_messages())
def test_nothing_is_left_out_and_nothing_comes_twice(messages: list[LLMMessage]) -> None:
    """What is told are the texts, thoughts, arguments and results of a conversation, in some order."""
    turns = History.parse(messages).turns
    expected: list[str] = []
    for message in (message for turn in turns for message in turn.messages):
        if isinstance(message, FunctionExecutionResultMessage):
            expected += [result.content for result in message.content]
            continue
        if isinstance(message, AssistantMessage) and message.thought:
            expected.append(message.thought)
        if isinstance(message, AssistantMessage) and isinstance(message.content, list):
            expected += [call.arguments for call in message.content]
        elif isinstance(message.content, str):
            expected.append(message.content)
        else:
            expected.append("\n".join(part if isinstance(part, str) else "[image]" for part in message.content))
    assert sorted(words for turn in turns for _, words in transcript_lines(turn)) == sorted(expected)
