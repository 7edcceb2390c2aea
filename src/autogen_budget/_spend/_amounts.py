"""What is allowed, reserved and spent: the values that spend control reckons with.

Money is exact (`Decimal`), so that splits add up to their total to the last digit.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

from pydantic import Field

Purpose = Literal["reply", "selector", "orchestrator", "summary"]
"""What a model call is for."""

Unit = Literal["tokens", "cost", "calls"]
"""What can run out."""

Count = Annotated[int, Field(ge=0)]
Usd = Annotated[Decimal, Field(ge=0)]
Number = TypeVar("Number", int, Decimal)


@dataclass(frozen=True, slots=True)
class Amount:
    """What one or several calls take out of a pool.

    Args:
        tokens (int): Prompts and replies together.
        cost (Decimal): US dollars.
        calls (int): Model calls.
    """

    tokens: Count = 0
    cost: Usd = Decimal(0)
    calls: Count = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.tokens + other.tokens, self.cost + other.cost, self.calls + other.calls)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.tokens - other.tokens, self.cost - other.cost, self.calls - other.calls)

    def __str__(self) -> str:
        return f"{_tokens(self.tokens)}, {_usd(self.cost)}, {_calls(self.calls)}"

    def larger(self, other: "Amount") -> "Amount":
        """Return the larger of both, unit by unit."""
        return Amount(max(self.tokens, other.tokens), max(self.cost, other.cost), max(self.calls, other.calls))


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much may be spent.

    Args:
        tokens (int | None): Prompts and replies together. `None` means without limit.
        cost (Decimal | None): US dollars. `None` means without limit.
        calls (int | None): Model calls. `None` means without limit.
    """

    tokens: int | None = None
    cost: Decimal | None = None
    calls: int | None = None

    def __str__(self) -> str:
        limits = (
            None if self.tokens is None else _tokens(self.tokens),
            None if self.cost is None else _usd(self.cost),
            None if self.calls is None else _calls(self.calls),
        )
        return ", ".join(filter(None, limits)) or "without limit"

    def exceeded_unit(self, amount: Amount) -> Unit | None:
        """Return what there is too little of for an amount. `None` means the amount fits."""
        return next((unit for unit, limit, used in self._beside(amount) if used > limit), None)

    def used_up_by(self, amount: Amount) -> Unit | None:
        """Return what an amount leaves nothing of. `None` means it leaves something of everything."""
        return next((unit for unit, limit, used in self._beside(amount) if used >= limit), None)

    def minus(self, amount: Amount) -> "Allowance":
        """Return what an amount leaves; never below zero, even when it is more than was allowed."""
        return Allowance(
            _left(self.tokens, amount.tokens), _left(self.cost, amount.cost), _left(self.calls, amount.calls)
        )

    def tighter(self, other: "Allowance") -> "Allowance":
        """Return the smaller of both, unit by unit."""
        return Allowance(
            _smaller(self.tokens, other.tokens), _smaller(self.cost, other.cost), _smaller(self.calls, other.calls)
        )

    def _beside(self, amount: Amount) -> Iterator[tuple[Unit, int | Decimal, int | Decimal]]:
        if self.tokens is not None:
            yield "tokens", self.tokens, amount.tokens
        if self.cost is not None:
            yield "cost", self.cost, amount.cost
        if self.calls is not None:
            yield "calls", self.calls, amount.calls


@dataclass(frozen=True, slots=True)
class Spent:
    """What finished calls have used.

    Args:
        calls (int): Model calls. A reply from a `ChatCompletionCache` is no call.
        prompt_tokens (int): Tokens sent, with those the provider read from its prompt cache.
        completion_tokens (int): Tokens of the replies.
        cached_tokens (int): How many of `prompt_tokens` the provider read from its prompt cache.
        cost (Decimal): US dollars, for the tokens whose price is known.
        estimated_tokens (int): How many of all tokens were counted here because the provider reported no usage.
        unpriced_tokens (int): How many of all tokens are not in `cost` because their model's price is not known.
    """

    calls: Count = 0
    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    cached_tokens: Count = 0
    cost: Usd = Decimal(0)
    estimated_tokens: Count = 0
    unpriced_tokens: Count = 0

    @property
    def tokens(self) -> int:
        """Prompts and replies together."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def amount(self) -> Amount:
        """What counts against limits."""
        return Amount(self.tokens, self.cost, self.calls)

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            calls=self.calls + other.calls,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cost=self.cost + other.cost,
            estimated_tokens=self.estimated_tokens + other.estimated_tokens,
            unpriced_tokens=self.unpriced_tokens + other.unpriced_tokens,
        )


@dataclass(frozen=True, slots=True)
class SpendLine:
    """What an amount is booked under.

    Args:
        pool (tuple[str, ...]): Names of the pools from below the root to the one that paid; empty for the root.
        agent (str): Who called.
        purpose (Purpose): What for.
        model (str): The model's name.
    """

    pool: tuple[str, ...]
    agent: str
    purpose: Purpose
    model: str


@dataclass(frozen=True, slots=True)
class SpendReport:
    """How a pool stands at one moment, with everything its children spent.

    Args:
        pool (str): The pool's name, behind those of its parents, parted by `/`.
        limits (Allowance): What it may spend.
        spent (Spent): What finished calls used.
        reserved (Amount): What calls under way hold.
        remaining (Allowance): What can still be reserved now, by this pool and all its parents.
        exhausted (bool): Whether it is used up, by its own limits or those of a parent. It stays so.
        affords_another (bool): Whether it is not exhausted, and one more call as large as its largest so far would fit
            once all calls under way have given back what they hold. Summaries do not count: a run goes on without them.
        lines (Mapping[SpendLine, Spent]): `spent` by pool, agent, purpose and model.
    """

    pool: str
    limits: Allowance
    spent: Spent
    reserved: Amount
    remaining: Allowance
    exhausted: bool
    affords_another: bool
    lines: Mapping[SpendLine, Spent]

    @property
    def by_agent(self) -> Mapping[str, Spent]:
        """`spent` by who called, most tokens first."""
        return self._split(lambda line: line.agent)

    @property
    def by_purpose(self) -> Mapping[str, Spent]:
        """`spent` by what the calls were for, most tokens first."""
        return self._split(lambda line: line.purpose)

    @property
    def by_model(self) -> Mapping[str, Spent]:
        """`spent` by model, most tokens first."""
        return self._split(lambda line: line.model)

    def __str__(self) -> str:
        spent, limits = self.spent, self.limits
        parts = [_tokens(spent.tokens) if limits.tokens is None else f"{spent.tokens:,} of {_tokens(limits.tokens)}"]
        if spent.cost or limits.cost is not None:
            parts.append(_usd(spent.cost) if limits.cost is None else f"{_usd(spent.cost)} of {_usd(limits.cost)}")
        parts.append(_calls(spent.calls) if limits.calls is None else f"{spent.calls:,} of {_calls(limits.calls)}")
        if spent.estimated_tokens:
            parts.append(f"{_tokens(spent.estimated_tokens)} of it estimated")
        if spent.unpriced_tokens:
            parts.append(f"{_tokens(spent.unpriced_tokens)} of it without a known price")
        return f"pool {self.pool!r} spent " + ", ".join(parts)

    def _split(self, key: Callable[[SpendLine], str]) -> Mapping[str, Spent]:
        split: dict[str, Spent] = {}
        for line, spent in self.lines.items():
            split[key(line)] = split.get(key(line), Spent()) + spent
        return dict(sorted(split.items(), key=lambda item: -item[1].tokens))


def _left(limit: Number | None, used: Number) -> Number | None:
    return None if limit is None else limit - min(limit, used)


def _smaller(one: Number | None, other: Number | None) -> Number | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _tokens(tokens: int) -> str:
    return f"{tokens:,} tokens"


def _calls(calls: int) -> str:
    return f"{calls:,} call{'' if calls == 1 else 's'}"


def _usd(cost: Decimal) -> str:
    """Dollars to the millionth, without zeros behind the cents."""
    whole, _, part = f"{cost:,.6f}".partition(".")
    return f"${whole}.{part.rstrip('0').ljust(2, '0')}"
