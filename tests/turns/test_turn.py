"""The atom of a conversation: calls and results together or not at all."""

from typing import Any

import pytest
from autogen_core import FunctionCall, Image
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    SystemMessage,
    UserMessage,
)
from PIL import Image as Picture

from autogen_budget import Turn
from autogen_budget._turns import note, text_of

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
