"""Everything in a turn is told once, in order, and by whom."""

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
from PIL import Image as Picture

from autogen_budget import History, Turn
from autogen_budget._turns import transcript_lines
from histories import valid_messages

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
