"""Prices: the user's own, those of genai-prices, and what happens without one."""

import logging
from decimal import Decimal

import pytest
from pydantic import ValidationError

from autogen_budget import Price
from autogen_budget._spend._prices import PriceList, list_price

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
