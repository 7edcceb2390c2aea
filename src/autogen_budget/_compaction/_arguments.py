"""Refuse strategies, counters and pins of the wrong kind before anything is done with them."""

from collections.abc import Sequence

from autogen_budget._checks import check_sequence, kind_of
from autogen_budget._counting import TokenCounter
from autogen_budget._turns import Pin

from ._protocol import Strategy


def check_compaction(strategies: Sequence[Strategy] | None, counter: TokenCounter | None, pins: Sequence[Pin]) -> None:
    """Refuse what is none of them, with a message that says what is expected.

    `strategies`: How to make a history smaller. `None` passes. `counter`: How to count. `None` passes.

    Raises:
        TypeError: One of them is of the wrong kind.
    """
    check_sequence("strategies", strategies, "[TrimOldest()]")
    check_sequence("pins", pins, "[pin(source='lawyer')]")
    for strategy in strategies or ():
        if isinstance(strategy, type) or not callable(strategy):
            raise TypeError(f"strategies must be instances such as TrimOldest(), got {kind_of(strategy)}")
    if counter is not None and not isinstance(counter, TokenCounter):
        raise TypeError(
            f"counter must be a TokenCounter, for example TiktokenCounter('gpt-4o'), got {kind_of(counter)}"
        )
    for pinned in pins:
        if not isinstance(pinned, Pin):
            raise TypeError(f"pins must be made by pin(), for example pin(source='lawyer'), got {kind_of(pinned)}")
