"""Whether compaction paid: what prompts cost with it, and what they would have cost without it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from autogen_budget._records import CallRecord
from autogen_budget._spend import Price, list_price


@dataclass(frozen=True, slots=True)
class Balance:
    """What prompts cost with compaction, and what they would have cost without it.

    Both sides take it that the provider caches the beginning that a request shares with the one before it, and ask for
    that the price of cached input. Without compaction everything but the new messages is such a beginning; with it, the
    stable prefix of the record. Summaries are on the side that made them.

    Args:
        spent (Decimal): US dollars for the prompts as they were sent, and for the calls that made summaries.
        spared (Decimal): US dollars for the same prompts with everything in them that was ever received.
        unpriced_calls (int): Calls left out on both sides, because the price of their model is not known.
    """

    spent: Decimal
    spared: Decimal
    unpriced_calls: int

    @property
    def saved(self) -> Decimal:
        """US dollars that compaction saved; negative when it cost more than it saved."""
        return self.spared - self.spent

    def __str__(self) -> str:
        saved = self.saved
        what = f"saved ${saved:,.6f}" if saved >= 0 else f"cost ${-saved:,.6f} more than it saved"
        left_out = f" ({self.unpriced_calls:,} calls without a known price left out)" if self.unpriced_calls else ""
        return (
            f"compaction {what}: prompts and summaries ${self.spent:,.6f}, whole histories would have been "
            f"${self.spared:,.6f} if the provider caches what repeats{left_out}"
        )


def cost_of(call: CallRecord, prices: Mapping[str, Price]) -> Decimal | None:
    """Price a call in US dollars by what was reported, else by what was sent; a reply from a cache costs nothing.

    Returns:
        Decimal | None: `None` means the price of its model is not known.
    """
    if call.from_cache:
        return Decimal(0)
    price = prices.get(call.model or "") or list_price(call.model or "", call.tokens_sent)
    if price is None:
        return None
    prompt = call.reported_prompt_tokens or call.tokens_sent
    return price.cost(prompt, call.reported_completion_tokens or 0, min(prompt, call.cached_tokens or 0))


def balance_of(records: Iterable[CallRecord], prices: Mapping[str, Price]) -> Balance | None:
    """Add up both sides.

    Returns:
        Balance | None: `None` means the price of none of the models is known.
    """
    spent, spared, priced, unpriced = Decimal(0), Decimal(0), 0, 0
    known_prices: dict[tuple[str, int], Price | None] = {}
    for record in records:
        if not record.tokens_sent:  # it could not be made to fit: nothing was spent, and nothing spared
            continue
        model = record.model or ""
        # Prices change with the length of a prompt at some round numbers only.
        key = (model, (record.tokens_sent - 1) // 1_000)
        if key not in known_prices:
            known_prices[key] = prices.get(model) or list_price(model, record.tokens_sent)
        price = known_prices[key]
        if price is None:
            unpriced += 1
            continue
        priced += 1
        if record.purpose == "summary":
            spent += price.cost(record.tokens_sent, record.reported_completion_tokens or 0)
        else:
            spent += price.cost(record.tokens_sent, 0, min(record.stable_prefix_tokens, record.tokens_sent))
            known = max(0, record.tokens_before - record.new_tokens) if record.stable_prefix_tokens else 0
            spared += price.cost(record.tokens_before, 0, known)
    return Balance(spent, spared, unpriced) if priced else None
