"""What a model call costs: prices by the model's name, from `genai-prices` or from the user."""

import logging
from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from genai_prices.types import TieredPrices

logger = logging.getLogger("autogen_budget")

UsdPerMillion = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Price(BaseModel):
    """What a model's tokens cost.

    .. code-block:: python

        from autogen_budget import Price

        Price(input=2.50, output=10, cached_input=1.25)
        Price(input=0, output=0)  # a model of one's own

    Args:
        input (float): US dollars for a million prompt tokens.
        output (float): US dollars for a million tokens of replies.
        cached_input (float | None): US dollars for a million prompt tokens that the provider reads from its prompt
            cache. `None` means they cost as much as others.

    Raises:
        pydantic.ValidationError: A `ValueError`; a price is negative or not a number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: UsdPerMillion
    output: UsdPerMillion
    cached_input: UsdPerMillion | None = None

    def cost(self, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> Decimal:
        """US dollars for one call.

        Args:
            prompt_tokens (int): Tokens sent, with the cached ones.
            completion_tokens (int): Tokens of the reply.
            cached_tokens (int): How many of `prompt_tokens` the provider read from its prompt cache.
        """
        cached_input = self.input if self.cached_input is None else self.cached_input
        fresh_tokens = prompt_tokens - cached_tokens
        per_million = fresh_tokens * _exact(self.input) + cached_tokens * _exact(cached_input)
        return (per_million + completion_tokens * _exact(self.output)) / 1_000_000


class PriceList:
    """The prices of all models, the user's own before those of `genai-prices`."""

    def __init__(self, own: Mapping[str, Price]) -> None:
        self.own = dict(own)
        """The user's prices."""
        self._missed: set[str] = set()

    def cost(self, model: str, prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> Decimal | None:
        """US dollars for one call.

        Returns:
            Decimal | None: `None` means the price is not known, which is logged once for each model.
        """
        price = self.own.get(model) or list_price(model, prompt_tokens)
        if price is not None:
            return price.cost(prompt_tokens, completion_tokens, cached_tokens)
        if model not in self._missed:
            self._missed.add(model)
            logger.warning(
                "the price of model %r is not known: its tokens are counted, its cost is not; "
                "give it in US dollars per million tokens: SpendPool(prices={%r: Price(input=..., output=...)})",
                model,
                model,
            )
        return None


def list_price(model: str, prompt_tokens: int) -> Price | None:
    """Return what a provider asks for a model today, as `genai-prices` has it; needs no network.

    Returns:
        Price | None: `None` means the model or one of its two prices is not known.
    """
    from genai_prices import data_snapshot  # the prices of a thousand models are read when one is asked for

    try:
        _, info = data_snapshot.get_snapshot().find_provider_model(model, None, None, None)
    except LookupError:
        return None
    prices = info.get_prices(datetime.now(timezone.utc))
    input_price = _at(prices.input_mtok, prompt_tokens)
    output_price = _at(prices.output_mtok, prompt_tokens)
    if input_price is None or output_price is None:
        return None
    return Price(input=input_price, output=output_price, cached_input=_at(prices.cache_read_mtok, prompt_tokens))


def _at(price: "Decimal | TieredPrices | None", prompt_tokens: int) -> float | None:
    from genai_prices.types import TieredPrices

    if isinstance(price, TieredPrices):  # the tier a prompt reaches holds for all of its tokens
        reached = [tier.price for tier in price.tiers if prompt_tokens > tier.start]
        return float(reached[-1] if reached else price.base)
    return None if price is None else float(price)


def _exact(price: float) -> Decimal:
    return Decimal(repr(price))
