"""An answer is a record, or there is a reason why it is none."""

import json

import pytest
from autogen_core import FunctionCall
from autogen_core.models import CreateResult, RequestUsage

from authors import said
from autogen_budget._summary._reply import NoSummaryError, record_of_notes, text_of_reply


def test_words_are_the_record() -> None:
    """White space around them is not."""
    assert text_of_reply(said("  Goal: bring the ship home.\n")) == "Goal: bring the ship home."


def test_calls_are_no_record() -> None:
    """A model that calls functions has not written anything."""
    calls = [FunctionCall(id="1", name="search", arguments="{}")]
    usage = RequestUsage(prompt_tokens=0, completion_tokens=0)
    with pytest.raises(NoSummaryError, match="called functions"):
        text_of_reply(CreateResult(finish_reason="function_calls", content=calls, usage=usage, cached=False))


@pytest.mark.parametrize("text", ["", "  \n"])
def test_nothing_is_no_record(text: str) -> None:
    """An empty answer is none."""
    with pytest.raises(NoSummaryError, match="said nothing"):
        text_of_reply(said(text))


def test_a_stopped_answer_is_no_record() -> None:
    """What the content filter left is not taken."""
    with pytest.raises(NoSummaryError, match="content filter"):
        text_of_reply(said("Goal: bring", "content_filter"))


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I\u2019m very sorry, I cannot do this.",
        "I am sorry.",
        "Sorry, no.",
        "I can't assist with that request.",
        "I cannot summarize this.",
        "I won't do that.",
        "I am unable to help.",
        "**I'm not able to do that.**",
        "As an AI language model, I have no record.",
    ],
)
def test_a_refusal_is_no_record(text: str) -> None:
    """However a model declines, and the reason quotes it."""
    with pytest.raises(NoSummaryError, match=r"declined: .*[A-Za-z]"):
        text_of_reply(said(text))


@pytest.mark.parametrize("text", ["Island hopping is the goal.", "Goal: I'm sorry was said.", "As agreed: 4 ships."])
def test_a_record_may_tell_of_one(text: str) -> None:
    """Only how an answer begins makes it a refusal."""
    assert text_of_reply(said(text)) == text


def notes(**parts: object) -> str:
    """Notes as JSON."""
    return json.dumps({"facts": [], "decisions": [], "open_points": [], "goal": "", "next_step": "", **parts})


def test_notes_become_text() -> None:
    """Each part stands under its heading; what is empty is left out."""
    text = notes(goal="Home", facts=["berth 17", "code KX-2291"], next_step="Call \n the pilot")
    source = "user: berth 17, code KX-2291"
    assert record_of_notes(text, source) == "Goal: Home\nFacts: berth 17; code KX-2291\nNext step: Call the pilot"


def test_repetitions_and_inventions_are_left_out() -> None:
    """A small model's list holds a thing once, and no number that nobody said."""
    text = notes(facts=["berth 17", "berth 17", "2022-03-14", "left 14 March"])
    assert record_of_notes(text, "berth 17, 14 March") == "Facts: berth 17; left 14 March"


def test_notes_that_were_cut_off_are_used() -> None:
    """What stands in JSON that was stopped in its middle counts."""
    assert record_of_notes('{"facts": ["berth 17", "the Halc', "berth 17") == "Facts: berth 17; the Halc"


@pytest.mark.parametrize("text", ["Here you are:", "{facts: }"])
def test_other_text_is_no_notes(text: str) -> None:
    """What is not JSON is refused with what is wrong."""
    with pytest.raises(NoSummaryError, match="invalid JSON"):
        record_of_notes(text, "")


@pytest.mark.parametrize("text", ["[]", "null", "{}", notes(), notes(facts=["in 2022"], goal=4), '{"facts": {"a": 1}}'])
def test_notes_with_nothing_in_them_are_no_record(text: str) -> None:
    """Neither are those in which everything is made up."""
    with pytest.raises(NoSummaryError, match="nothing"):
        record_of_notes(text, "")
