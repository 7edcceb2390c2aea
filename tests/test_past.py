"""What stands for dropped turns: figures, and the facts that are still known of them."""

import json

import pytest
from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    UserMessage,
)

from autogen_budget import TiktokenCounter
from autogen_budget._past import Past
from autogen_budget._turns import NOTE_SOURCE, Turn, note

COUNTER = TiktokenCounter()


def lookup(order: str, result: str) -> Turn:
    """A call that looks up an order, and its result."""
    return Turn(
        AssistantMessage(
            content=[FunctionCall(id=order, name="get_order", arguments=f'{{"order_id": "{order}"}}')], source="a"
        ),
        FunctionExecutionResultMessage(
            content=[FunctionExecutionResult(content=result, name="get_order", call_id=order, is_error=False)]
        ),
    )


ORDER = lookup("#W2378156", '{"order_id": "#W2378156", "email": "yusuf@example.com", "total": 164.28}')


@pytest.mark.parametrize(
    ("past", "text"),
    [
        (Past(1, 20), "1 earlier turn (20 tokens) left out"),
        (Past(1_200, 65_000), "1,200 earlier turns (65,000 tokens)"),
    ],
)
def test_tells_how_much_is_gone(past: Past, text: str) -> None:
    """Without facts, one message from this library says how much is gone."""
    message = past.message()
    assert text in str(message.content)
    assert message.source == NOTE_SOURCE


def test_tells_the_facts_with_their_names() -> None:
    """Values of dropped turns are told with the field they stood in, within the limit."""
    past = Past().extended([ORDER], 60).telling(200, COUNTER)
    text = str(past.message().content)
    assert "yusuf@example.com" in text
    assert "email" in text
    assert "164.28" in text
    assert COUNTER.measure_text(text).total <= 200
    assert (past.turns, past.tokens) == (1, 60)


def test_what_is_visible_is_not_told_again() -> None:
    """A value that stays in the request takes no room among the facts."""
    past = Past().extended([ORDER], 60)
    told = past.telling(200, COUNTER, visible=["the email is yusuf@example.com"]).told
    assert "yusuf@example.com" not in told
    assert "164.28" in told


def test_what_is_told_changes_only_when_it_is_told_anew() -> None:
    """More dropped turns make another past, which tells nothing until it is asked to."""
    past = Past().extended([ORDER], 60).telling(200, COUNTER)
    more = past.extended([lookup("#W99", '{"order_id": "#W99", "status": "shipped"}')], 40)
    assert past.told
    assert (more.turns, more.tokens, more.told) == (2, 100, "")
    assert "shipped" in more.telling(300, COUNTER).told


def test_facts_come_from_turns_as_they_were() -> None:
    """What was cut away from a turn before it was dropped is still known."""
    cut = ORDER.with_results(["{}"])
    assert "yusuf@example.com" in Past().extended([cut], 9).telling(200, COUNTER).told
    shortened = Past().extended([Turn(UserMessage(content="hi", source="user"))], 5)
    assert "yusuf@example.com" in shortened.telling(200, COUNTER, shortened=[cut]).told


def test_facts_that_are_far_from_being_told_are_forgotten() -> None:
    """What is remembered is bounded by the room there is for telling it, and the newest facts are among it."""
    turns = [lookup(f"#W{i}", f'{{"order_id": "#W{i}", "email": "skipper{i}@example.com"}}') for i in range(900)]
    past = Past().extended(turns, 9_000)
    small, large = past.telling(200, COUNTER), past.telling(3 * 1_200, COUNTER)
    assert len(past.digest.facts) > 1_200
    assert (len(small.digest.facts), len(large.digest.facts)) == (500, 1_200)
    assert past.telling(200, COUNTER).told == small.told
    assert "skipper899@example.com" in small.telling(2_000, COUNTER).told
    assert large.telling(3_600, COUNTER).digest is large.digest


def test_no_room_is_no_facts() -> None:
    """A limit of nothing, or less, leaves the figures."""
    past = Past().extended([ORDER], 60).telling(-5, COUNTER)
    assert past.told == ""
    assert "1 earlier turn" in str(past.message().content)


def test_what_a_message_told_of_its_own_past_is_carried_on() -> None:
    """A note that stood for turns that are gone is told again, before facts, in half of the room at most."""
    older = note("[Facts from 7 earlier turns]\n" + "the harbour master is called Ines; " * 60)
    other = note("[The conversation began before this point.]")
    past = Past().extended([other, older, ORDER], 60).telling(200, COUNTER)
    first, rest = past.told.split("\n", 1)
    assert first == "[Facts from 7 earlier turns]"
    assert "Ines" in rest
    assert "yusuf@example.com" in rest
    assert "began before" not in rest
    assert COUNTER.measure_text(past.told).total <= 200
    again = past.extended([note("[2 earlier turns (9 tokens) left out]")], 5).telling(2_000, COUNTER)
    assert again.told.index("[Facts from 7") < again.told.index("[2 earlier turns")
    assert Past().extended([older], 5).telling(0, COUNTER).told == ""


def test_a_loaded_past_is_the_one_that_was_saved() -> None:
    """All that is known and told comes back from a file."""
    past = Past().extended([note("[Facts from 7 earlier turns]"), ORDER], 60).telling(200, COUNTER)
    loaded = Past.load(json.loads(json.dumps(past.save())))
    assert loaded == past
    assert loaded.digest == past.digest


@pytest.mark.parametrize("change", [{"turns": "7"}, {"told": None}, {"digest": 7}, {"digest": {}}, {"turns": True}])
def test_what_is_no_past_is_refused(change: dict[str, object]) -> None:
    """Garbage is an error that names it."""
    with pytest.raises(ValueError, match="not a saved"):
        Past.load({**Past().save(), **change})
