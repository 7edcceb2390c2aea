"""Find the cheapest settings for recorded runs that lose nothing: caps, `compact_to` and strategies side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from autogen_budget._analysis import balance_of
from autogen_budget._budget import TokenBudget

from ._formats import Transcript
from ._replay import Replayed, Settings, replay

CACHED_PRICE = 0.1
"""What a cached prompt token costs, as a share of a fresh one, where no model's prices are known: most providers ask
for a tenth (`genai-prices`, 2026)."""

CAP_SHARES = (1.0, 0.75, 0.5, 0.25, 0.125)
"""Caps that are tried, as shares of the largest request."""

NO_CAP = 10**9
"""Tokens that no request reaches."""

SMALLEST_CAP = 1_000
"""Tokens below which no cap is tried."""

COMPACT_TO = (0.4, 0.8)
"""Values of `compact_to` that are tried with the best cap, beside the default of 0.6."""

ENOUGH = 0.98
"""Share of the values that later calls need which must still be in what is sent, for settings to lose nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What settings come to over all runs.

    Args:
        settings (Settings): The settings.
        tokens_sent (int): Tokens of all requests.
        fresh_tokens (int): How many of them the request before did not have as well.
        cost (Decimal | None): US dollars for the prompts, with cached ones at their price. `None` means the price is
            not known.
        retention (float): Share of the values that recorded tool calls need and that were in what was sent, 0 to 1.
        compactions (int): Calls that were made smaller.
        violations (int): Calls that could not be made to fit.
    """

    settings: Settings
    tokens_sent: int
    fresh_tokens: int
    cost: Decimal | None
    retention: float
    compactions: int
    violations: int

    @property
    def cached_share(self) -> float:
        """Share of what was sent that the request before had as well, from 0 to 1."""
        return 1 - self.fresh_tokens / self.tokens_sent if self.tokens_sent else 0.0

    @property
    def price(self) -> Decimal:
        """What settings are compared by: money, or fresh tokens and a tenth of the cached ones."""
        cached = self.tokens_sent - self.fresh_tokens
        return Decimal(self.fresh_tokens + CACHED_PRICE * cached) if self.cost is None else self.cost

    @property
    def loses_nothing(self) -> bool:
        """Whether every call fitted and nearly everything that was needed later was there."""
        return self.violations == 0 and self.retention >= ENOUGH


def outcome_of(settings: Settings, runs: Sequence[Replayed]) -> Outcome:
    """Add up what settings come to."""
    calls = [call for run in runs for call in run.calls]
    balance = balance_of(calls, {})
    needed = sum(run.needed for run in runs)
    sent = sum(call.tokens_sent for call in calls)
    return Outcome(
        settings=settings,
        tokens_sent=sent,
        fresh_tokens=sent - sum(min(call.stable_prefix_tokens, call.tokens_sent) for call in calls),
        cost=None if balance is None else balance.spent,
        retention=sum(run.held for run in runs) / needed if needed else 1.0,
        compactions=sum(call.shrank for call in calls),
        violations=sum(call.error is not None for call in calls),
    )


async def plan(
    transcripts: Sequence[Transcript], model: str | None, progress: Callable[[str], None]
) -> tuple[list[Outcome], Outcome]:
    """Try settings over recorded runs.

    `model`: The model that counts and has prices. `None` means OpenAI's current ones, without prices.
    """

    async def run(settings: Settings) -> list[Replayed]:
        progress(str(settings))
        return [await replay(transcript, settings) for transcript in transcripts]

    async def attempt(budget: TokenBudget, strategies: tuple[str, ...] = ()) -> Outcome:
        settings = Settings(budget, strategies, model)
        return outcome_of(settings, await run(settings))

    whole = await run(Settings(TokenBudget(NO_CAP), (), model))
    largest = max((call.tokens_before for replayed in whole for call in replayed.calls), default=SMALLEST_CAP)
    tried: list[Outcome] = []
    for cap in caps_for(largest):
        tried.append(await attempt(TokenBudget(cap)))
        if tried[-1].violations:  # a smaller cap can only be worse
            break
    best = best_of(tried)
    if best.compactions:  # else nothing else is at work
        smallest = best.settings.budget.max_prompt_tokens
        tried += [await attempt(TokenBudget(smallest, compact_to=value)) for value in COMPACT_TO]
        tried.append(await attempt(best_of(tried).settings.budget, ("TrimOldest",)))
    return tried, best_of(tried)


def caps_for(largest: int) -> list[int]:
    """Caps worth trying, largest first, in round numbers."""
    return sorted({max(SMALLEST_CAP, round_up(largest * share)) for share in CAP_SHARES}, reverse=True)


def round_up(tokens: float) -> int:
    """Return the next number with two leading digits and zeros: 8,231 gives 8,300."""
    step = int("1" + "0" * max(0, len(str(int(tokens))) - 2))
    return -int(-tokens // step) * step


def best_of(tried: Sequence[Outcome]) -> Outcome:
    """Return the cheapest that loses nothing; where everything loses something, what loses least.

    `tried`: What was tried; at least one.
    """
    lossless = [outcome for outcome in tried if outcome.loses_nothing]
    if lossless:
        return min(lossless, key=lambda outcome: outcome.price)
    return max(tried, key=lambda outcome: (-outcome.violations, outcome.retention, -outcome.price))
