"""Turns become a text in which everything is said once, by whom, and nothing is longer than it may be."""

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

from autogen_budget import History, TiktokenCounter, Turn
from autogen_budget._summary._transcript import LONGEST_TEXT, chunks_of, transcript_of
from histories import valid_messages

COUNTER = TiktokenCounter()


def tokens(text: str) -> int:
    """Tokens of a text."""
    return COUNTER.count_text(text)


def user(text: str) -> Turn:
    """A turn in which a user says something."""
    return Turn(UserMessage(content=text, source="user"))


def tools(*results: FunctionExecutionResult) -> Turn:
    """A turn with two calls."""
    calls = [
        FunctionCall(id="1", name="search", arguments='{"q": "tide"}'),
        FunctionCall(id="2", name="read", arguments='{"path": "/log"}'),
    ]
    head = AssistantMessage(content=calls, thought="The tide first.", source="clerk")
    return Turn(head, FunctionExecutionResultMessage(content=[*results]))


HIGH = FunctionExecutionResult(content="high at 14:05", name="search", call_id="1", is_error=False)
GONE = FunctionExecutionResult(content="no such file", name="read", call_id="2", is_error=True)


def test_calls_stand_before_their_own_results() -> None:
    """Each call, with its arguments, is followed by what it brought, whatever the order of the results."""
    expected = (
        "clerk thinks: The tide first.\n"
        'clerk calls search: {"q": "tide"}\n'
        "search returns: high at 14:05\n"
        'clerk calls read: {"path": "/log"}\n'
        "read fails: no such file"
    )
    assert transcript_of(tools(HIGH, GONE), 100, COUNTER) == expected
    assert transcript_of(tools(GONE, HIGH), 100, COUNTER) == expected


def test_words_stand_behind_who_said_them() -> None:
    """Users, assistants and instructions are told apart, and images are named."""
    picture = UserMessage(content=["See this:", Image(Picture.new("RGB", (8, 8)))], source="anna")
    assert transcript_of(Turn(picture), 100, COUNTER) == "anna: See this:\n  [image]"
    assert transcript_of(Turn(AssistantMessage(content="I see.", source="clerk")), 100, COUNTER) == "clerk: I see."
    assert transcript_of(Turn(SystemMessage(content="Be brief.")), 100, COUNTER) == "instructions: Be brief."


def test_what_was_cut_is_shown_as_it_came() -> None:
    """A result that was cleared from the request is still there to be summarised."""
    whole = tools(HIGH, GONE)
    cut = whole.with_results(["[cleared]", "[cleared]"])
    assert transcript_of(cut, 100, COUNTER) == transcript_of(whole, 100, COUNTER)


def test_a_long_text_is_cut() -> None:
    """One result does not take the place of everything else."""
    long = FunctionExecutionResult(content="\n".join(f"line {i}: ok" for i in range(2_000)), name="search", call_id="1")
    text = transcript_of(tools(long, GONE), 100, COUNTER)
    assert tokens(text) < 180
    assert "line 0" in text
    assert "no such file" in text


def test_turns_that_do_not_fit_together_are_shown_in_parts() -> None:
    """Parts hold whole turns, in order, each within the room; a turn that is larger is cut to it."""
    turns = [user(f"Report {i}. " + "Nothing new at the pier. " * 20) for i in range(10)]
    parts = list(chunks_of(turns, 300, COUNTER))
    assert [part.turns for part in parts] == [2, 2, 2, 2, 2]
    assert all(tokens(part.text) <= 300 for part in parts)
    (only,) = chunks_of([user("tide " * 50_000)], 10 * LONGEST_TEXT, COUNTER)
    assert tokens(only.text) <= LONGEST_TEXT + 10
    assert list(chunks_of([], 300, COUNTER)) == []


@given(valid_messages(), st.integers(40, 2_000))
def test_every_turn_is_in_one_part(messages: list[LLMMessage], room: int) -> None:
    """Nothing is left out, nothing comes twice, and no part is over the room by more than the margin allows."""
    turns = History.parse(messages).turns
    parts = list(chunks_of(turns, room, COUNTER))
    assert sum(part.turns for part in parts) == len(turns)
    assert all(part.turns for part in parts)
    assert all(tokens(part.text) <= room / 0.95 for part in parts)
