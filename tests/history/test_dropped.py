"""What stands for dropped turns: figures, and the facts that are still known of them."""

import json
from dataclasses import replace

import pytest

from autogen_budget import TiktokenCounter
from autogen_budget._history import DroppedTurns, stands_for_dropped
from autogen_budget._turns import NOTE_SOURCE, note
from builders import order_turn

COUNTER = TiktokenCounter()
ORDER = order_turn("#W2378156", '{"order_id": "#W2378156", "email": "yusuf@example.com", "total": 164.28}')


@pytest.mark.parametrize(
    ("past", "text"),
    [
        (DroppedTurns(1, 20), "1 earlier turn (20 tokens) left out"),
        (DroppedTurns(1_200, 65_000), "1,200 earlier turns (65,000 tokens)"),
    ],
)
def test_tells_how_much_is_gone(past: DroppedTurns, text: str) -> None:
    """Without facts, one message from this library says how much is gone."""
    message = past.message()
    assert text in str(message.content)
    assert message.source == NOTE_SOURCE


def test_a_loaded_past_is_the_one_that_was_saved() -> None:
    """All that is known and told comes back from a file."""
    past = replace(
        DroppedTurns().extended([note("[Facts from 7 earlier turns]"), ORDER], 60),
        rendered="[Facts from 1 earlier turn]",
    )
    loaded = DroppedTurns.load(json.loads(json.dumps(past.save())))
    assert loaded == past
    assert loaded.digest == past.digest


@pytest.mark.parametrize("change", [{"turns": "7"}, {"rendered": None}, {"digest": 7}, {"digest": {}}, {"turns": True}])
def test_what_is_no_past_is_refused(change: dict[str, object]) -> None:
    """Garbage is an error that names it."""
    with pytest.raises(ValueError, match=r"not (a )?saved"):
        DroppedTurns.load({**DroppedTurns().save(), **change})


@pytest.mark.parametrize(
    "past",
    [
        DroppedTurns(1, 20),
        DroppedTurns(1_200, 9),
        DroppedTurns(3, 60, rendered="[Facts from 3 earlier turns]\nx"),
        DroppedTurns(2, 9, summary="Goal: x"),
    ],
)
def test_what_stands_for_the_past_is_known_as_such(past: DroppedTurns) -> None:
    """Every message that tells of turns that are gone is recognised when it comes back without its state."""
    assert stands_for_dropped(note(str(past.message().content)))
    assert not stands_for_dropped(note("[The conversation began before this point.]"))
