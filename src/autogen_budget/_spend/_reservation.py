"""How one model call gets its share of a pool: asked for, reserved, and settled or given back."""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from types import TracebackType
from typing import TypeVar, get_args

from typing_extensions import Self

from autogen_budget._errors import SpendLimitError
from autogen_budget._shared import off_the_loop

from ._amounts import Amount, Purpose, SpendLine, Spent
from ._ledger import Books, Hold, Limit, Refusal
from ._prices import PriceList

FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0
"""Seconds between two attempts to reserve in a shared pool; a model call takes seconds, a question a millisecond."""

T = TypeVar("T")

UNKNOWN_MODEL = "unknown"
"""What calls are booked under whose client does not name the model."""


class Reservation:
    """What one model call has reserved, until it is settled or released.

    As a context manager it is released at the end of the block if it was not settled, however the block ends.
    """

    def __init__(self, hold: Hold, ledger: Books, prices: PriceList) -> None:
        self._hold = hold
        self._ledger = ledger
        self._prices = prices

    @property
    def amount(self) -> Amount:
        """How much was reserved."""
        return self._hold.amount

    def settle(
        self, prompt_tokens: int, completion_tokens: int, *, cached_tokens: int = 0, estimated: bool = False
    ) -> Spent:
        """Book what the call really used and give back the rest.

        A call may use more than it reserved, when a reply is longer than what was kept for it. That is booked as it is,
        even over the limit: it has been spent.

        Raises:
            RuntimeError: The reservation is settled or released already; nothing is booked twice.
            ValueError: A figure is negative.
        """
        spent = self._spent(prompt_tokens, completion_tokens, cached_tokens, estimated)
        self._ledger.settle(self._hold, spent)
        return spent

    async def asettle(
        self, prompt_tokens: int, completion_tokens: int, *, cached_tokens: int = 0, estimated: bool = False
    ) -> Spent:
        """Settle as `settle` does; where the books are on a server, the event loop goes on meanwhile.

        A caller that is cancelled meanwhile has settled all the same.
        """
        spent = self._spent(prompt_tokens, completion_tokens, cached_tokens, estimated)
        await self.run(partial(self._ledger.settle, self._hold, spent))
        return spent

    def _spent(self, prompt_tokens: int, completion_tokens: int, cached_tokens: int, estimated: bool) -> Spent:
        _check_tokens(prompt_tokens=prompt_tokens, completion_tokens=completion_tokens, cached_tokens=cached_tokens)
        cached_tokens = min(cached_tokens, prompt_tokens)
        tokens = prompt_tokens + completion_tokens
        cost = self._prices.cost(self._hold.line.model, prompt_tokens, completion_tokens, cached_tokens)
        return Spent(
            calls=1,
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            cached_tokens=cached_tokens,
            cost=cost or Decimal(0),
            estimated_tokens=tokens if estimated else 0,
            unpriced_tokens=tokens if cost is None else 0,
        )

    def release(self) -> None:
        """Give everything back: the call failed, was cancelled, or its result came from a cache.

        Nothing happens if the reservation is settled or released already.
        """
        self._ledger.release(self._hold)

    async def arelease(self) -> None:
        """Release as `release` does; where the books are on a server, the event loop goes on meanwhile."""
        await self.run(self.release)

    async def run(self, step: Callable[[], T]) -> T:
        """Take a step on this reservation; where the books are on a server, the event loop goes on meanwhile."""
        return await run_step(self._ledger, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


@dataclass(frozen=True, slots=True)
class Request:
    """What one call asks of a pool.

    Args:
        line (SpendLine): What it will be booked under.
        amount (Amount): What it may use at most, as far as its price is known.
    """

    line: SpendLine
    amount: Amount


@dataclass(frozen=True, slots=True)
class Account:
    """Where a pool stands in its tree, and how calls get their share there.

    Args:
        ledger (Books): The books of the tree.
        prices (PriceList): Its prices.
        limits (tuple[Limit, ...]): The pool's own limit first, then those of the pools above it.
    """

    ledger: Books
    prices: PriceList
    limits: tuple[Limit, ...]

    def request(
        self, prompt_tokens: int, reply_tokens: int, *, agent: str, purpose: Purpose, model: str | None
    ) -> Request:
        """Return what a call asks for, in all units.

        Raises:
            SpendLimitError: Its cost is limited and its price is not known, so that nobody can say whether it fits.
            ValueError: An argument is out of range.
        """
        _check_tokens(prompt_tokens=prompt_tokens, reply_tokens=reply_tokens)
        if purpose not in get_args(Purpose):
            raise ValueError(f"purpose must be one of {', '.join(get_args(Purpose))}, got {purpose!r}")
        line = SpendLine(self.limits[0].path, agent, purpose, model or UNKNOWN_MODEL)
        cost = self.prices.cost(line.model, prompt_tokens, reply_tokens)
        if cost is None:
            self._refuse_unpriced(line)
        return Request(line, Amount(prompt_tokens + reply_tokens, cost or Decimal(0), 1))

    def reserve(self, request: Request) -> Reservation:
        """Reserve what is asked for now.

        Raises:
            SpendLimitError: It does not fit.
        """
        outcome = self._hold(request)
        if isinstance(outcome, Refusal):
            raise _limit_error(outcome, request.line)
        return self._reservation(outcome)

    async def acquire(self, request: Request) -> Reservation:
        """Reserve what is asked for, as soon as calls under way free enough.

        Raises:
            SpendLimitError: It cannot fit any more.
        """
        loop = asyncio.get_running_loop()
        pauses = _pauses()
        while True:
            changed = asyncio.Event()
            step = partial(self._hold, request, on_change=partial(_ring, loop, changed))
            outcome = await run_step(self.ledger, step, undo=self._give_back)
            if isinstance(outcome, Hold):
                return self._reservation(outcome)
            if outcome.final:
                raise _limit_error(outcome, request.line)
            # What other processes give back is asked for again.
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(changed.wait(), next(pauses) if self.ledger.remote else None)

    def _give_back(self, outcome: Hold | Refusal) -> None:
        if isinstance(outcome, Hold):
            self.ledger.release(outcome)

    def _hold(self, request: Request, on_change: Callable[[], object] | None = None) -> Hold | Refusal:
        return self.ledger.hold(self.limits, request.line, request.amount, on_change=on_change)

    def _reservation(self, hold: Hold) -> Reservation:
        return Reservation(hold, self.ledger, self.prices)

    def _refuse_unpriced(self, line: SpendLine) -> None:
        limited = [limit for limit in self.limits if limit.allowance.cost is not None]
        for status in self.ledger.look(self.limits)[0] if limited else ():
            limit = status.limit.allowance.cost
            if limit is not None:
                raise SpendLimitError(
                    f"pool {status.limit.pool!r} may spend {status.limit.allowance}, and the price of model "
                    f"{line.model!r} is not known, so nobody can say whether a call of {line.agent!r} fits. The call "
                    f"was not made. Give the price: SpendPool(prices={{{line.model!r}: Price(input=..., output=...)}})",
                    pool=status.limit.pool,
                    unit="cost",
                    limit=limit,
                    spent=status.spent.cost,
                    reserved=status.held.cost,
                    asked=None,
                    final=True,
                )


def _limit_error(refusal: Refusal, line: SpendLine) -> SpendLimitError:
    status, unit = refusal.status, refusal.unit
    allowance, spent, refused = status.limit.allowance, status.spent.amount, status.marks.refused
    since = f" (exhausted since a call asked for {refused})" if refused and status.exhausted_unit else ""
    advice = (
        "No later call will be made either: raise the limit, or end runs in time with SpendTermination(pool)"
        if refusal.final
        else "It may fit once calls under way are settled: acquire() waits for that"
    )
    return SpendLimitError(
        f"pool {status.limit.pool!r}{since} has no room for a call of {line.agent!r} ({line.purpose}, model "
        f"{line.model!r}). Asked: {refusal.asked}. Spent: {spent}. Reserved by calls under way: {status.held}. "
        f"Limit: {allowance}. The call was not made. {advice}",
        pool=status.limit.pool,
        unit=unit,
        limit=getattr(allowance, unit),
        spent=getattr(spent, unit),
        reserved=getattr(status.held, unit),
        asked=getattr(refusal.asked, unit),
        final=refusal.final,
    )


def _pauses() -> Iterator[float]:
    """Yield the seconds between attempts, while other processes may free something: ever longer, with jitter."""
    pause = FIRST_PAUSE
    while True:
        yield pause * random.uniform(0.5, 1)  # noqa: S311  # spreads the questions of many processes
        pause = min(LONGEST_PAUSE, pause * 1.5)


def _check_tokens(**tokens: int) -> None:
    for name, value in tokens.items():
        if value < 0:
            raise ValueError(f"{name} must be 0 or more, got {value}")


def _ring(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the loop of a caller that no longer waits may be closed
        loop.call_soon_threadsafe(event.set)


async def run_step(books: Books, step: Callable[[], T], *, undo: Callable[[T], object] | None = None) -> T:
    """Take a step of books, in a thread where it may block; see `off_the_loop`."""
    return await off_the_loop(step, undo=undo) if books.remote else step()
