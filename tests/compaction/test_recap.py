"""Dropped turns rendered within a limit: their facts, those about the newest words first."""

from autogen_core.models import UserMessage

from autogen_budget import TiktokenCounter, Turn
from autogen_budget._compaction import Focus, render
from autogen_budget._history import DroppedTurns, stands_for_dropped
from autogen_budget._turns import note
from builders import order_turn

COUNTER = TiktokenCounter()
ORDER = order_turn("#W2378156", '{"order_id": "#W2378156", "email": "yusuf@example.com", "total": 164.28}')


def test_tells_the_facts_with_their_names() -> None:
    """Values of dropped turns are told with the field they stood in, within the limit."""
    past = render(DroppedTurns().extended([ORDER], 60), 200, COUNTER)
    text = str(past.message().content)
    assert "yusuf@example.com" in text
    assert "email" in text
    assert "164.28" in text
    assert COUNTER.measure_text(text).total <= 200
    assert (past.turns, past.tokens) == (1, 60)


def test_what_is_visible_is_not_told_again() -> None:
    """A value that stays in the request takes no room among the facts."""
    past = DroppedTurns().extended([ORDER], 60)
    rendered = render(past, 200, COUNTER, Focus(visible=("the email is yusuf@example.com",))).rendered
    assert "yusuf@example.com" not in rendered
    assert "164.28" in rendered


def test_what_is_told_changes_only_when_it_is_told_anew() -> None:
    """More dropped turns make another past, which tells nothing until it is asked to."""
    past = render(DroppedTurns().extended([ORDER], 60), 200, COUNTER)
    more = past.extended([order_turn("#W99", '{"order_id": "#W99", "status": "shipped"}')], 40)
    assert past.rendered
    assert (more.turns, more.tokens, more.rendered) == (2, 100, "")
    assert "shipped" in render(more, 300, COUNTER).rendered


def test_facts_come_from_turns_as_they_were() -> None:
    """What was cut away from a turn before it was dropped is still known."""
    cut = ORDER.with_results(["{}"])
    assert "yusuf@example.com" in render(DroppedTurns().extended([cut], 9), 200, COUNTER).rendered
    shortened = DroppedTurns().extended([Turn(UserMessage(content="hi", source="user"))], 5)
    assert "yusuf@example.com" in render(shortened, 200, COUNTER, Focus(shortened=(cut,))).rendered


def test_facts_that_are_far_from_being_told_are_forgotten() -> None:
    """What is remembered is bounded by the room there is for telling it, and the newest facts are among it."""
    turns = [order_turn(f"#W{i}", f'{{"order_id": "#W{i}", "email": "skipper{i}@example.com"}}') for i in range(900)]
    past = DroppedTurns().extended(turns, 9_000)
    small, large = render(past, 200, COUNTER), render(past, 3 * 1_200, COUNTER)
    assert len(past.digest.facts) > 1_200
    assert (len(small.digest.facts), len(large.digest.facts)) == (500, 1_200)
    assert render(past, 200, COUNTER).rendered == small.rendered
    assert "skipper899@example.com" in render(small, 2_000, COUNTER).rendered
    assert render(large, 3_600, COUNTER).digest is large.digest


def test_no_room_is_no_facts() -> None:
    """A limit of nothing, or less, leaves the figures."""
    past = render(DroppedTurns().extended([ORDER], 60), -5, COUNTER)
    assert past.rendered == ""
    assert "1 earlier turn" in str(past.message().content)


def test_what_a_message_told_of_its_own_past_is_carried_on() -> None:
    """A note that stood for turns that are gone is told again, before facts, in half of the room at most."""
    older = note("[Facts from 7 earlier turns]\n" + "the harbour master is called Ines; " * 60)
    other = note("[The conversation began before this point.]")
    past = render(DroppedTurns().extended([other, older, ORDER], 60), 200, COUNTER)
    first, rest = past.rendered.split("\n", 1)
    assert first == "[Facts from 7 earlier turns]"
    assert "Ines" in rest
    assert "yusuf@example.com" in rest
    assert "began before" not in rest
    assert COUNTER.measure_text(past.rendered).total <= 200
    again = render(past.extended([note("[2 earlier turns (9 tokens) left out]")], 5), 2_000, COUNTER)
    assert again.rendered.index("[Facts from 7") < again.rendered.index("[2 earlier turns")
    assert render(DroppedTurns().extended([older], 5), 0, COUNTER).rendered == ""


def test_a_text_that_is_there_in_part_is_no_earlier_turn() -> None:
    """The heading says where facts are from: dropped turns, cut texts, or both; it counts within the limit."""
    focus = Focus(shortened=(ORDER.with_results(["{}"]),))
    alone = render(DroppedTurns(), 200, COUNTER, focus).rendered
    assert alone.startswith("[Facts from cut texts]\n")
    assert stands_for_dropped(note(alone)), "when it is dropped itself, its words are carried on"
    both = render(DroppedTurns().extended([order_turn("#W99", '{"status": "shipped"}')], 5), 60, COUNTER, focus)
    assert both.rendered.startswith("[Facts from 1 earlier turn and cut texts]\n")
    assert COUNTER.count_text(both.rendered) <= 60
    assert render(DroppedTurns(), 0, COUNTER, focus).rendered == ""
