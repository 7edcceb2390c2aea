"""The measure that cuts are held against."""

from hypothesis import given
from hypothesis import strategies as st

from autogen_budget import TiktokenCounter
from autogen_budget._cut import TokenLimit


def test_a_text_must_be_within_both_bounds() -> None:
    """Few tokens are not enough where the characters are more than those of the original, nor the other way round."""
    bounds = TokenLimit.of_tokens(TiktokenCounter(), 4, longest=12)
    assert bounds.fits("three words here"[:11])
    assert not bounds.fits("three words here")
    assert not bounds.fits("1!2?3!4?5!")
    assert bounds.max_chars == 12


def test_room_is_left_around_a_short_text() -> None:
    """A notice may take half of the room, in tokens and in characters."""
    assert TokenLimit.of_characters(10).fits_around("12345")
    assert not TokenLimit.of_characters(10).fits_around("123456")
    assert not TokenLimit(len, 100, 10).fits_around("123456")
    assert not TokenLimit.of_characters(20).share(0.5).fits_around("123456")


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_fullest_text_that_fits_is_found(limit: int, highest: int) -> None:
    """Of texts that grow, the last that fits is found with its number; none where not even the first does."""
    found = TokenLimit.of_characters(limit).largest_fitting(highest, lambda number: "x" * (number + 3))
    assert found == ((best := min(highest, limit - 3)), "x" * (best + 3)) if limit >= 3 else found is None


def test_texts_that_do_not_grow_still_fit() -> None:
    """Where a larger number gives a shorter text, what is found fits all the same."""
    found = TokenLimit.of_characters(5).largest_fitting(9, lambda number: "x" * (number * 7 % 10))
    assert found is not None
    assert len(found[1]) <= 5
