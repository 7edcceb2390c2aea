"""A turn is read once, whoever asks for its facts, and what is remembered of it is bounded."""

from copy import deepcopy

from autogen_core.models import AssistantMessage, UserMessage
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget import Turn
from autogen_budget._digest import Digest


def said(text: str) -> Turn:
    """A turn in which a user says something."""
    return Turn(UserMessage(content=text, source="user"))


def asked(text: str) -> Turn:
    """A turn in which an assistant says something."""
    return Turn(AssistantMessage(content=text, source="agent"))


def test_a_turn_is_read_once() -> None:
    """Whoever drops the same turns gets the very same facts; another turn with the same words is read anew."""
    turns = [said("Order B771 goes to Bonn."), asked("Order C905 goes to Rome.")]
    first, second, other = (Digest().extended(each) for each in (turns, turns, deepcopy(turns)))
    assert first.facts
    assert [*map(id, first.facts.values())] == [*map(id, second.facts.values())]
    assert first.facts == other.facts
    assert {*map(id, first.facts.values())}.isdisjoint(map(id, other.facts.values()))


@given(st.lists(st.integers(1000, 9999), min_size=2, max_size=5), st.integers(1, 4))
def test_what_was_read_under_another_number_is_told_with_its_own(orders: list[int], first: int) -> None:
    """Facts do not depend on what else was dropped when their turn was read first."""
    turns = [said(f"Order A{order} goes to Bonn.") for order in orders]
    Digest().extended(turns[first:])
    assert Digest().extended(turns) == Digest().extended(deepcopy(turns))


def test_what_is_remembered_is_bounded() -> None:
    """A turn that was read long ago is forgotten, and read again."""
    turn = said("Order B771 goes to Bonn.")
    before = [*Digest().extended([turn]).facts.values()]
    for number in range(5):
        Digest().extended([asked(f"{number} " + "it " * 400_000)])
    after = [*Digest().extended([turn]).facts.values()]
    assert before == after
    assert not any(old is new for old, new in zip(before, after, strict=True))
