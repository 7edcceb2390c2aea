"""The values of spend control: what is allowed, and how a report reads."""

from dataclasses import FrozenInstanceError
from decimal import Decimal

import pytest

from autogen_budget import SpendPool
from autogen_budget._spend import Allowance, Amount


def test_an_amount_up_to_the_allowance_fits() -> None:
    """A limit may be reached, but not exceeded."""
    allowance = Allowance(tokens=10)
    assert allowance.exceeded_unit(Amount(tokens=10)) is None
    assert allowance.exceeded_unit(Amount(tokens=11)) == "tokens"
    assert allowance.used_up_by(Amount(tokens=9)) is None
    assert allowance.used_up_by(Amount(tokens=10)) == "tokens"


@pytest.mark.parametrize("unit", ["tokens", "cost", "calls"])
def test_each_unit_can_run_out(unit: str) -> None:
    """Tokens, dollars and calls are limited on their own, and what ran out is named."""
    allowance = Allowance(tokens=5, cost=Decimal(5), calls=5)
    more = {"tokens": Amount(6, Decimal(5), 5), "cost": Amount(5, Decimal(6), 5), "calls": Amount(5, Decimal(5), 6)}
    assert allowance.exceeded_unit(more[unit]) == unit


def test_without_limits_everything_fits() -> None:
    """`None` means no limit: nothing runs out and nothing is subtracted."""
    allowance = Allowance()
    huge = Amount(10**12, Decimal(10**12), 10**12)
    assert allowance.exceeded_unit(huge) is None
    assert allowance.used_up_by(huge) is None
    assert allowance.minus(huge) == allowance


def test_what_is_left_is_never_negative() -> None:
    """Spending beyond a limit leaves nothing, not less than nothing."""
    allowance = Allowance(tokens=5, cost=Decimal("0.5"), calls=1)
    assert allowance.minus(Amount(9, Decimal(9), 9)) == Allowance(0, Decimal(0), 0)
    assert allowance.minus(Amount(2, Decimal("0.2"), 1)) == Allowance(3, Decimal("0.3"), 0)


def test_the_tighter_of_two_allowances_wins_unit_by_unit() -> None:
    """A share within a budget leaves the smaller of both, and no limit is larger than any."""
    one, other = Allowance(tokens=5, calls=9), Allowance(tokens=7, cost=Decimal(1), calls=3)
    assert one.tighter(other) == other.tighter(one) == Allowance(5, Decimal(1), 3)


@pytest.mark.parametrize(
    ("allowance", "text"),
    [
        (Allowance(), "without limit"),
        (Allowance(tokens=200_000), "200,000 tokens"),
        (Allowance(cost=Decimal("1.5"), calls=1), "$1.50, 1 call"),
        (Allowance(cost=Decimal("0.00004")), "$0.00004"),
    ],
)
def test_an_allowance_reads_well(allowance: Allowance, text: str) -> None:
    """Messages name only the limits there are, and small sums are not rounded to nothing."""
    assert str(allowance) == text


def spend(pool: SpendPool, tokens: int, **call: str) -> None:
    """Make a call that uses what it reserves."""
    pool.reserve(tokens, 0, **{"agent": "writer", "model": "gpt-4o", **call}).settle(tokens, 0)  # type: ignore[arg-type]  # keywords from a dictionary


def test_a_report_splits_what_was_spent() -> None:
    """A report tells who spent, what for and on which model, largest first."""
    pool = SpendPool()
    spend(pool, 100, agent="writer")
    spend(pool, 300, agent="critic", purpose="selector")
    spend(pool, 50, agent="writer", model="gpt-4.1-mini")
    report = pool.report()
    assert {name: spent.tokens for name, spent in report.by_agent.items()} == {"critic": 300, "writer": 150}
    assert list(report.by_agent) == ["critic", "writer"]
    assert {name: spent.calls for name, spent in report.by_purpose.items()} == {"selector": 1, "reply": 2}
    assert {name: spent.tokens for name, spent in report.by_model.items()} == {"gpt-4o": 400, "gpt-4.1-mini": 50}
    assert len(report.lines) == 3


def test_a_report_stays_as_it_is() -> None:
    """A report is of one moment: it cannot be changed, and later calls do not change it."""
    pool = SpendPool()
    report = pool.report()
    spend(pool, 100)
    assert report.spent.tokens == 0
    assert not report.lines
    with pytest.raises(FrozenInstanceError):
        report.exhausted = True  # type: ignore[misc]  # frozen, which is what is tried


def test_a_report_reads_as_one_line() -> None:
    """The text of a report names the pool, what it spent, its limits, and what the figures leave out."""
    pool = SpendPool(max_tokens=10_000, max_cost=0.05, max_calls=20, name="team")
    spend(pool, 1_000)
    assert str(pool.report()) == "pool 'team' spent 1,000 of 10,000 tokens, $0.0025 of $0.05, 1 of 20 calls"


def test_a_report_marks_what_is_estimated_and_unpriced() -> None:
    """Tokens that no provider reported, and tokens without a known price, are told apart from the rest."""
    pool = SpendPool(name="team")
    pool.reserve(10, 5, agent="writer", model="mine").settle(10, 2, estimated=True)
    report = pool.report()
    assert (report.spent.estimated_tokens, report.spent.unpriced_tokens) == (12, 12)
    assert str(report) == (
        "pool 'team' spent 12 tokens, 1 call, 12 tokens of it estimated, 12 tokens of it without a known price"
    )
    spend(pool, 1_000)
    assert pool.spent.estimated_tokens == pool.spent.unpriced_tokens == 12
    assert "$0.0025" in str(pool.report())
