"""Cancellations, failing stores and hooks, odd usage and hostile texts at once: all promises hold together."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fuzzed_runs import run_alone
from profiles import examples


@example(number=900237)  # a result forced down to a bare "[cut]", and archived as that
@given(number=st.integers(0, 2**32))
@settings(max_examples=examples(0.2))
def test_nothing_is_lost_over_the_cap_or_left_reserved(number: int) -> None:
    """What goes out fits and is valid, what was said is found again, and the event loop has no complaint."""
    run_alone(number)
