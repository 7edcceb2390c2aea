"""What a series of model calls adds up to, and whether compaction paid: `Report`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ._report import CallRecord
from ._spend import Price, list_price


@dataclass(frozen=True, slots=True)
class Balance:
    """What prompts cost with compaction, and what they would have cost without it.

    Both sides take it that the provider caches the beginning that a request shares with the one before it, and ask for
    that the price of cached input. Without compaction everything but the new messages is such a beginning; with it, the
    stable prefix of the record. Summaries are on the side that made them.

    Args:
        spent (Decimal): US dollars for the prompts as they were sent, and for the calls that made summaries.
        spared (Decimal): US dollars for the same prompts with everything in them that ever came.
        unpriced_calls (int): Calls left out on both sides, because the price of their model is not known.
    """

    spent: Decimal
    spared: Decimal
    unpriced_calls: int

    @property
    def saved(self) -> Decimal:
        """US dollars that compaction saved; negative when it cost more than it saved."""
        return self.spared - self.spent


@dataclass(frozen=True, slots=True)
class Report:
    """What a series of model calls adds up to.

    .. code-block:: python

        print(agent.report())

    Args:
        calls (int): Calls, with those that failed.
        from_cache (int): How many of them a `ChatCompletionCache` answered; they are in no figure below and cost
            nothing.
        failed (int): How many of them ended with an error.
        compactions (int): How many of them were made smaller, rather than going on with what an earlier one had made.
        tokens_before (int): Tokens of all requests as they came, with everything their conversations ever held.
        tokens_sent (int): Tokens of all requests as they were sent.
        stable_prefix_tokens (int): How many of `tokens_sent` the request before had as well, byte for byte.
        cached_tokens (int | None): Prompt tokens the provider said it read from its cache. `None` means it never said.
        summaries (int): How many of the calls were made for a summary.
        oversize (int): How many requests would not have fit into their model's window as they came.
        balance (Balance | None): Whether compaction paid. `None` means the price of none of the models is known.
    """

    calls: int
    from_cache: int
    failed: int
    compactions: int
    tokens_before: int
    tokens_sent: int
    stable_prefix_tokens: int
    cached_tokens: int | None
    summaries: int
    oversize: int
    balance: Balance | None

    @classmethod
    def of(cls, records: Iterable[CallRecord], *, prices: Mapping[str, Price] | None = None) -> "Report":
        """Add up records.

        Args:
            records (Iterable[CallRecord]): One record for each call, of one agent or of several.
            prices (Mapping[str, Price] | None): Prices by model, before those of `genai-prices`. `None` means there are
                none.
        """
        records = list(records)
        made = [record for record in records if not record.from_cache]
        cached = [record.cached_tokens for record in made if record.cached_tokens is not None]
        return cls(
            calls=len(records),
            from_cache=len(records) - len(made),
            failed=sum(record.error is not None for record in made),
            compactions=sum(_compacts(record) for record in made),
            tokens_before=sum(record.tokens_before for record in made),
            tokens_sent=sum(record.tokens_sent for record in made),
            stable_prefix_tokens=sum(record.stable_prefix_tokens for record in made),
            cached_tokens=sum(cached) if cached else None,
            summaries=sum(record.purpose == "summary" for record in made),
            oversize=sum(record.window is not None and record.tokens_before > record.window for record in made),
            balance=_balance(made, prices or {}),
        )

    def __str__(self) -> str:
        """A few lines for a person."""
        stable = self.stable_prefix_tokens / max(1, self.tokens_sent)
        lines = [
            f"{self.calls:,} calls, {self.failed:,} failed, {self.from_cache:,} answered from a cache; "
            f"{self.compactions:,} compacted, {self.summaries:,} made for summaries; "
            f"{self.oversize:,} would not have fit into the window",
            f"{self.tokens_before:,} tokens came, {self.tokens_sent:,} were sent; {stable:.0%} of these were the same "
            "as in the request before",
        ]
        if self.cached_tokens is not None:
            lines.append(f"{self.cached_tokens:,} tokens were read from the provider's cache")
        if self.balance is not None:
            lines.append(_verdict(self.balance))
        return "\n".join(lines)


def _compacts(record: CallRecord) -> bool:
    return any(step.tokens_after < step.tokens_before for step in record.steps)


def _balance(records: Iterable[CallRecord], prices: Mapping[str, Price]) -> Balance | None:
    spent, spared, priced, unpriced = Decimal(0), Decimal(0), 0, 0
    for record in records:
        price = prices.get(record.model or "") or list_price(record.model or "", record.tokens_sent)
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


def _verdict(balance: Balance) -> str:
    saved = balance.saved
    what = f"saved ${saved:,.6f}" if saved >= 0 else f"cost ${-saved:,.6f} more than it saved"
    left_out = f" ({balance.unpriced_calls:,} calls without a known price left out)" if balance.unpriced_calls else ""
    return (
        f"compaction {what}: prompts and summaries ${balance.spent:,.6f}, whole histories would have been "
        f"${balance.spared:,.6f} if the provider caches what repeats{left_out}"
    )
