"""Tallies: values that add up."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget._tally import KINDS, Tally, digit_characters, parts, script_bytes

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


def test_second_measures_are_not_counted_twice() -> None:
    """Digits and bytes measure text that was counted as tokens already, and a request's mark is no token."""
    assert Tally(digit_characters=9, script_bytes=9, requests=1).total == 0
    assert parts(Tally(letters=1, requests=2)) == (1, *(0 for _ in KINDS[2:]), 2)


def test_tallies_cannot_be_changed() -> None:
    """A tally is a value."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Tally().letters = 1  # type: ignore[misc]  # frozen, which is what is tried


def test_digits_and_scripts_are_measured_in_characters_and_bytes() -> None:
    """ASCII digits count one by one, other scripts by their UTF-8 bytes, a lone surrogate as one replaced character."""
    assert digit_characters("a1b22 ٣") == 3
    assert script_bytes("plain 123") == 0
    assert script_bytes("né ж 港") == 2 + 2 + 3
    assert script_bytes("é\ud800") == 2
    assert digit_characters("7\ud800") == 1
