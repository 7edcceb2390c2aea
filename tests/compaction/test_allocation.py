"""The allocation of a request's tokens, as a table."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget._compaction import Allocation

PLAIN = Allocation(target=600, cap=1_000, fixed=100, dropped=2_000, notice=20)


@pytest.mark.parametrize(
    ("allocation", "protected", "exchange", "turns", "facts"),
    [
        # 600 - 200 - 20 = 380 are left: facts may take three quarters of it, turns the rest; unused room goes to facts.
        (PLAIN, 200, 0, 95, 380),
        # Little was dropped: two fifths of it are worth rendering.
        (replace(PLAIN, dropped=400), 200, 0, 296, 160),
        # Without facts all of it goes to turns.
        (replace(PLAIN, facts=False), 200, 0, 380, 0),
        # A summary and reserved shares are taken off first.
        (replace(PLAIN, summary=80), 200, 0, 75, 300),
        (replace(PLAIN, reserved={"working set": 80}), 200, 0, 75, 300),
        # What is kept free for recall is taken off the cap, which an exchange is measured against.
        (replace(PLAIN, recall=150), 200, 600, -255, 30),
        (replace(PLAIN, recall=150), 640, 0, -60, 190),
        # The newest exchange takes the place of other turns; a larger one stands in the head-room up to the cap.
        (PLAIN, 200, 100, 0, 285),
        (PLAIN, 200, 400, 0, 285),
        (PLAIN, 200, 600, -105, 180),
        # Where protected turns leave nothing under the target, facts may take some of the head-room.
        (PLAIN, 640, 0, -60, 225),
        (PLAIN, 900, 0, -320, 80),
        (PLAIN, 1_000, 0, -420, 0),
    ],
)
def test_shares(allocation: Allocation, protected: int, exchange: int, turns: int, facts: int) -> None:
    """What turns and facts may hold beside protected turns and the newest exchange."""
    assert allocation.turns_limit(protected, exchange) == turns
    assert allocation.facts_limit(protected, exchange) == facts


def test_protected_turns_yield_to_some_facts() -> None:
    """Words yield to a quarter of the room beside instructions, data to 60 %, both to no more than is worth it."""
    assert PLAIN.min_facts == 225
    assert PLAIN.protected_limit == 1_000 - 20 - 225
    assert PLAIN.protected_results_limit == 1_000 - 20 - 540
    few = replace(PLAIN, dropped=100)
    assert few.protected_limit == few.protected_results_limit == 1_000 - 20 - 40
    assert replace(PLAIN, facts=False).protected_limit == 980


def test_reserved_shares_are_part_of_what_is_set_aside_for_facts_beside_protected_turns() -> None:
    """Beside other turns they are taken off first; protected turns yield to the larger of both only."""
    small, large = (replace(PLAIN, reserved={"working set": n}) for n in (100, 400))
    assert small.protected_limit == PLAIN.protected_limit
    assert small.protected_results_limit == PLAIN.protected_results_limit
    assert small.exchange_limit(200) == 1_000 - 20 - 200 - 210
    assert large.protected_limit == 1_000 - 20 - 400
    assert large.exchange_limit(200) == 1_000 - 20 - 200 - 400
    assert small.turns_limit(200) == 280 - 210


@pytest.mark.parametrize(("cap", "limit"), [(1_000, 1_000 - 20 - 200 - 285), (20_000, 20_000 - 20 - 200 - 1_000)])
def test_the_newest_exchange_is_measured_against_the_cap(cap: int, limit: int) -> None:
    """Facts keep their share beside it, and at most a thousand tokens."""
    assert replace(PLAIN, cap=cap, target=cap * 6 // 10, dropped=cap * 10).exchange_limit(200) == limit


@given(
    target=st.integers(0, 2_000),
    headroom=st.integers(0, 2_000),
    fixed=st.integers(0, 500),
    dropped=st.integers(0, 20_000),
    summary=st.integers(0, 300),
    protected=st.integers(0, 4_000),
    exchange=st.integers(0, 2_000),
    kept=st.integers(0, 2_000),
)
def test_no_part_is_over_the_cap(
    target: int, headroom: int, fixed: int, dropped: int, summary: int, protected: int, exchange: int, kept: int
) -> None:
    """Whatever is asked for, facts hold no more than is left under the cap, and never less than nothing."""
    allocation = Allocation(target, target + headroom, fixed, dropped, 20, summary)
    exchange = max(0, min(exchange, allocation.exchange_limit(protected)))
    kept = max(0, min(kept, allocation.turns_limit(protected, exchange)))
    facts = allocation.facts_limit(protected, exchange, kept)
    assert facts >= 0
    assert facts == 0 or allocation.overhead + protected + exchange + kept + facts <= allocation.cap
