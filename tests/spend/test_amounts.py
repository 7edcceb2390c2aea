"""Amounts, allowances and prices: what calls may take, and what they cost."""

import logging
from dataclasses import FrozenInstanceError
from decimal import Decimal

import pytest
from pydantic import ValidationError

from autogen_budget import Price, SpendPool
from autogen_budget._spend import Allowance, Amount
from autogen_budget._spend._prices import PriceList, list_price


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


MILLION = 1_000_000


def test_a_call_costs_prompt_and_reply_at_their_own_prices() -> None:
    """Input and output have prices of their own, in US dollars per million tokens."""
    assert Price(input=2.5, output=10).cost(MILLION, 2 * MILLION) == Decimal("22.5")


def test_cached_tokens_cost_their_own_price() -> None:
    """Prompt tokens that were read from the provider's cache are not charged as fresh ones."""
    assert Price(input=2, output=0, cached_input=0.5).cost(MILLION, 0, 400_000) == Decimal("1.4")


def test_cached_tokens_cost_as_much_as_others_without_a_price() -> None:
    """A model without a price for cached tokens gives no discount."""
    assert Price(input=2, output=0).cost(MILLION, 0, 400_000) == Decimal(2)


def test_costs_are_exact() -> None:
    """Ten calls cost exactly ten times one call, where floating point numbers would drift."""
    price = Price(input=0.1, output=0.2)
    assert sum(price.cost(1, 1) for _ in range(10)) == price.cost(10, 10) == Decimal("0.000003")


@pytest.mark.parametrize("bad", [-1, float("nan"), float("inf")])
def test_a_price_is_a_number_of_dollars(bad: float) -> None:
    """Negative and endless prices are refused."""
    with pytest.raises(ValidationError):
        Price(input=bad, output=1)


def test_a_known_model_has_a_price_without_any_setting() -> None:
    """The price of a hosted model is found by its name: replies cost more than prompts, cached prompts less."""
    price = list_price("gpt-4o", 1_000)
    assert price is not None
    assert price.cached_input is not None
    assert 0 < price.cached_input < price.input < price.output


def test_a_price_may_know_no_discount() -> None:
    """A model whose provider has no price for cached tokens is found all the same."""
    price = list_price("mistral-large-latest", 1_000)
    assert price is not None
    assert price.cached_input is None


def test_long_prompts_reach_a_dearer_tier() -> None:
    """Some models cost more per token above a prompt size; the size of the prompt decides."""
    short, limit, long = (list_price("gemini-2.5-pro", tokens) for tokens in (1_000, 200_000, 200_001))
    assert short is not None
    assert long is not None
    assert limit == short
    assert (long.input, long.output) > (short.input, short.output)


@pytest.mark.parametrize("model", ["llama3.2", "", "gemini-99-nonesuch"])
def test_an_unknown_model_has_no_price(model: str) -> None:
    """A model that genai-prices does not know has no price, rather than a guessed one."""
    assert list_price(model, 1_000) is None


def test_a_model_with_half_a_price_has_none() -> None:
    """A model whose prompt or reply has no listed price counts as unknown: half a cost would look like a whole one."""
    assert list_price("gemini-embedding-001", 1_000) is None


def test_the_users_price_comes_first() -> None:
    """A price the user gives is used even for a model that has a listed one."""
    prices = PriceList({"gpt-4o": Price(input=1, output=1)})
    assert prices.cost("gpt-4o", MILLION, MILLION) == 2


def test_an_unknown_price_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """A missing price is a warning, once for each model, that says how to give it."""
    prices = PriceList({})
    with caplog.at_level(logging.WARNING, "autogen_budget"):
        assert [prices.cost(model, 10, 10) for model in ("mine", "mine", "yours")] == [None, None, None]
    assert len(caplog.messages) == 2
    assert "'mine'" in caplog.messages[0]
    assert "SpendPool(prices={'mine': Price(" in caplog.messages[0]


def test_a_model_of_ones_own_costs_nothing() -> None:
    """A price of zero is a price, not a missing one."""
    assert PriceList({"mine": Price(input=0, output=0)}).cost("mine", 10, 10) == 0
