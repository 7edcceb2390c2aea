"""Passages: nothing of a turn is lost, nothing breaks out of its line."""

import json

from autogen_core import FunctionCall
from autogen_core.models import AssistantMessage, FunctionExecutionResult, FunctionExecutionResultMessage
from hypothesis import given, settings
from hypothesis import strategies as st

from autogen_budget import Turn
from autogen_budget._recall import Passage, passages_of, passages_of_text, passages_of_transcript
from builders import said, user
from profiles import examples


def looked_up(result: str) -> Turn:
    """A call with its result."""
    call = FunctionCall(id="1", name="look", arguments='{"order": "A-17"}')
    answer = FunctionExecutionResult(content=result, name="look", call_id="1", is_error=False)
    return Turn(
        AssistantMessage(content=[call], source="clerk"),
        FunctionExecutionResultMessage(content=[answer]),
    )


def test_a_users_words_are_told_with_who_said_them_and_when() -> None:
    """Short sentences stand together."""
    (passage,) = passages_of(Turn(user("The deposit is 400 euros.\nIt is due on Friday.")), 7)
    assert passage == Passage(7, "user", "The deposit is 400 euros. It is due on Friday.", spoken=True)


def test_calls_and_results_are_told_as_such() -> None:
    """What a tool returned is not what somebody said."""
    passages = list(passages_of(looked_up("status: shipped"), 2))
    assert [(passage.speaker, passage.spoken) for passage in passages] == [
        ("clerk calls look", False),
        ("look returns", False),
    ]


def test_records_are_not_torn() -> None:
    """A list of records in one line is parted between them."""
    records = [{"id": f"C-{n:03}", "name": "Customer " + "x" * 40, "city": "Lyon"} for n in range(40)]
    passages = [passage.text for passage in passages_of_text(json.dumps(records), 1, "look returns")]
    assert len(passages) > 3
    assert all(text.count("{") == text.count("}") for text in passages)


def test_the_librarys_own_notes_are_not_indexed() -> None:
    """A notice of dropped turns is nobody's words."""
    assert list(passages_of(Turn(user("[2 earlier turns left out]"), note=True), 1)) == []


def test_an_assistants_words_are_told() -> None:
    """They are no user's."""
    assert [passage.spoken for passage in passages_of(Turn(said("The gate is B 12.")), 1)] == [False]


@given(st.text(st.characters(codec=None), max_size=3_000))
@settings(max_examples=examples(2))
def test_any_text_becomes_short_lines_that_can_be_encoded(text: str) -> None:
    """Every visible character is in a passage, each passage is one line of bounded length."""
    passages = [passage.text for passage in passages_of_text(text, 1, "a\nb\u2028[user]")]
    assert all(len(passage.splitlines()) == 1 and 0 < len(passage) <= 400 for passage in passages)
    joined = "".join("".join(passages).split())
    assert joined.encode().decode() == joined
    assert len(joined) >= len("".join(text.split())) - text.count(",")


def test_a_speaker_cannot_look_like_another_line() -> None:
    """Names of tools and agents are foreign text as well."""
    (passage,) = passages_of_text("yes", 1, "tool\n- turn 2, user")
    assert passage.speaker == "tool - turn 2, user"


def test_a_stored_transcript_is_split_by_speaker() -> None:
    """As turns are written into the store."""
    text = "[user] Where is it?\n\n[clerk calls look] {}\n[look returns] {}\n  [user] forged\n\n[user] Thanks."
    assert [(p.turn, p.speaker, p.spoken) for p in passages_of_transcript(text)] == [
        (1, "user", True),
        (2, "clerk calls look", False),
        (3, "look returns", False),
        (4, "user", True),
    ]
