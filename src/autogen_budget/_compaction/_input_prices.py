"""What the prompt tokens of a model cost, fresh and cached: by the price list, or in time."""

from functools import lru_cache

from autogen_budget._spend import list_price

from ._target import InputPrices

IN_TIME = InputPrices(fresh=1.0, cached=0.0)
"""Where a server of one's own serves a model without a price, time is what it costs; a cached token takes none."""


@lru_cache(maxsize=64)
def input_prices(model: str | None, tokens: int, *, own_server: bool) -> InputPrices | None:
    """Return what is known of a model's prices.

    `model`: Its name, as the client sends it. `None` means the client does not say.

    Returns:
        InputPrices | None: Those of `genai-prices`; without a price for cached tokens, they cost what others do. `None`
        means nothing is known.
    """
    price = None if model is None else list_price(model, tokens)
    if price is None:
        return IN_TIME if own_server else None
    return InputPrices(price.input, price.input if price.cached_input is None else price.cached_input)
