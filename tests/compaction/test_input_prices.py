"""What prompt tokens cost, and that compaction goes by it."""

import pytest
from autogen_core.models import LLMMessage, SystemMessage, UserMessage

from autogen_budget import TiktokenCounter, TokenBudget, TrimOldest
from autogen_budget._client import Ask, Planner
from autogen_budget._compaction import InputPrices, input_prices
from autogen_budget._model_facts import ClientFacts


def test_prices_are_those_of_the_model() -> None:
    """They are known by its name; where cached tokens have no price of their own, they cost what others do."""
    known, long = (input_prices("gpt-4o", tokens, own_server=True) for tokens in (8_000, 100_000))
    assert known == long == input_prices("gpt-4o", 8_000, own_server=False)
    assert known is not None
    assert 0 < known.cached < known.fresh
    undiscounted = input_prices("gpt-4", 8_000, own_server=False)
    assert undiscounted is not None
    assert undiscounted.cached == undiscounted.fresh


@pytest.mark.parametrize("model", [None, "my-own-model"])
def test_on_a_server_of_ones_own_time_is_the_price(model: str | None) -> None:
    """A token read from the cache takes none of it; of a hosted model that nobody knows, no price is known."""
    assert input_prices(model, 8_000, own_server=True) == InputPrices(1.0, 0.0)
    assert input_prices(model, 8_000, own_server=False) is None


async def test_a_server_of_ones_own_reads_less() -> None:
    """The client's configuration decides: to a server without a price, compaction sends at most half of what can go."""
    came: list[LLMMessage] = [SystemMessage(content="Be brief."), UserMessage(content="the task", source="user")]
    came += [UserMessage(content="word " * 30, source="user") for _ in range(200)]
    sent: list[int] = []
    for base_url in (None, "http://127.0.0.1:1/v1"):
        facts = ClientFacts(model="my-own-model", base_url=base_url)
        budget = TokenBudget(2_000, context_window=8_000)
        planner = Planner(facts, budget, [TrimOldest(facts=False)], TiktokenCounter(), multiple_system_messages=True)
        sent.append((await planner.plan(Ask(came))).tokens)
    assert 900 < sent[1] <= 1_030 < 1_100 < sent[0] <= 1_200
