"""Tallies: values that add up."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget import Tally
from autogen_budget._counting._tally import KINDS, parts

tallies = st.builds(Tally, **{kind: st.integers(-5, 1_000) for kind in KINDS})


@given(first=tallies, second=tallies, third=tallies)
def test_tallies_add_up_in_any_order(first: Tally, second: Tally, third: Tally) -> None:
    """Sums do not depend on order, nothing changes nothing, and a difference undoes a sum."""
    assert first + second == second + first
    assert (first + second) + third == first + (second + third) == Tally.sum([first, second, third])
    assert first + Tally() == first
    assert first + second - second == first
    assert (first + second).total == first.total + second.total


def test_the_sum_of_none_is_nothing() -> None:
    """Adding up no tallies gives the empty one."""
    assert Tally.sum([]) == Tally()
    assert Tally().total == 0


def test_an_exact_count_is_its_total() -> None:
    """A counter that needs no kinds gets its own number back."""
    assert Tally.exact(7).total == 7


def test_pieces_are_not_counted_twice() -> None:
    """Pieces measure text and schemas that were counted as tokens already, and a request's mark is no token."""
    assert Tally(letters=9, digits=9, structure_pieces=9, requests=1).total == 0
    assert Tally(text=5, letters=1, symbols=2, spaces=3, digits=4, scripts=5, structure_pieces=9).pieces == 15
    assert parts(Tally(text=1, requests=2)) == (1, *(0 for _ in KINDS[2:]), 2)


def test_tallies_cannot_be_changed() -> None:
    """A tally is a value."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Tally().text = 1  # type: ignore[misc]  # frozen, which is what is tried
