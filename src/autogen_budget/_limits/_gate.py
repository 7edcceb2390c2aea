"""The gate that model calls pass, first come, first served: concurrency, rates and a shared back-off."""

import asyncio
import heapq
import math
import threading
import time
import weakref
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from autogen_core import CancellationToken
from autogen_core.models import ChatCompletionClient

from ._bounds import InFlight, PerMinute
from ._limits import Limits
from ._run import run_limits
from ._supervision import TimeLimitReached, first_of, now, stopped_by

Reason = Literal["concurrency", "rate", "back-off"]
"""Why a call had to wait."""

TOKEN_STEP = 1_000.0
"""Tokens by which a bound on tokens grows that nobody set: a short prompt."""

_tickets_lock = threading.Lock()
_newest_ticket = 0


@dataclass(slots=True)
class Permit:
    """A place for one call.

    Args:
        tokens (int): Tokens of its prompt.
        weight (int): As how many such calls it counts.
        generation (int): How often the gate's bounds had shrunk when it was given.
        waited (float): Seconds that the call waited.
        reason (Reason | None): What it waited for last. `None` means it did not wait.
    """

    tokens: int
    weight: int
    generation: int
    waited: float
    reason: Reason | None


@dataclass(slots=True, order=True)
class _Waiter:
    ticket: int
    tokens: int = field(compare=False)
    weight: int = field(compare=False)
    loop: asyncio.AbstractEventLoop = field(compare=False)
    admitted: "asyncio.Future[Permit]" = field(compare=False)
    since: float = field(compare=False)
    alarm: float = field(default=math.inf, compare=False)
    permit: Permit | None = field(default=None, compare=False)


class Gate:
    """Lets model calls through, first come, first served; a large one is not overtaken by small ones.

    It may be used from several event loops in several threads.

    Args:
        calls (int | None): Calls under way at once. `None` means no bound, until the server is overloaded.
        tokens (int | None): Prompt tokens under way at once. `None` means no bound, until the server is overloaded.
        requests_per_minute (int | None): Calls begun in any minute. `None` means no bound.
        tokens_per_minute (int | None): Tokens in any minute. `None` means no bound.
    """

    def __init__(
        self,
        *,
        calls: int | None = None,
        tokens: int | None = None,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
    ) -> None:
        self._calls = InFlight(calls)
        self._tokens = InFlight(tokens, TOKEN_STEP)
        self._requests_per_minute = PerMinute(requests_per_minute or math.inf)
        self._tokens_per_minute = PerMinute(tokens_per_minute or math.inf)
        self._free_from = -math.inf
        self._generation = 0
        self._reason: Reason = "concurrency"
        self._lock = threading.RLock()
        self._waiting: list[_Waiter] = []

    @property
    def under_way(self) -> int:
        """How many calls are under way."""
        return int(self._calls.used)

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return len(self._waiting)

    @property
    def max_calls(self) -> float:
        """How many calls may be under way by now; infinity if nothing bounds them."""
        return self._calls.bound

    @property
    def max_tokens(self) -> float:
        """How many prompt tokens may be under way by now; infinity if nothing bounds them."""
        return self._tokens.bound

    @asynccontextmanager
    async def admit(
        self, tokens: int, ticket: int, *, weight: int = 1, token: CancellationToken | None = None
    ) -> AsyncGenerator[Permit, None]:
        """Wait for a place, and hold it.

        `token`: Ends the wait. `None` means only cancelling the caller does.

        Raises:
            TimeLimitReached: The run's deadline came first.
            asyncio.CancelledError: The token or the caller was cancelled.
        """
        permit = await self._enter(tokens, ticket, weight, token)
        try:
            yield permit
        finally:
            with self._lock:
                self._give_back(permit)

    def succeeded(self) -> None:
        """Note that a call was answered that still holds its place."""
        with self._lock:
            self._calls.grow()
            self._tokens.grow()

    def spend(self, tokens: int) -> None:
        """Count tokens of an answer for the minute."""
        with self._lock:
            self._tokens_per_minute.add(tokens, now())

    def overloaded(self, permit: Permit) -> bool:
        """Send less from now on: the server was overloaded by a call that still holds its place, and others."""
        with self._lock:
            others = self._calls.used > permit.weight
            if permit.generation == self._generation and others:
                self._generation += 1
                self._calls.shrink(first=True)
                self._tokens.shrink(first=True)
            elif others:
                self._calls.shrink(first=False)
                self._tokens.shrink(first=False)
            return others

    def hold(self, seconds: float) -> None:
        """Let nothing through for so many seconds: the server asked for it."""
        with self._lock:
            self._free_from = max(self._free_from, now() + seconds)

    async def _enter(self, tokens: int, ticket: int, weight: int, token: CancellationToken | None) -> Permit:
        loop = asyncio.get_running_loop()
        waiter = _Waiter(ticket, tokens, weight, loop, loop.create_future(), now())
        with self._lock:
            heapq.heappush(self._waiting, waiter)
            self._let_through()
            if waiter.permit is not None:
                return waiter.permit
        limit = next(iter(run_limits()), None)
        try:
            with stopped_by(token) as stopped:
                await first_of({waiter.admitted, stopped}, limit)
                if waiter.admitted.done():
                    return waiter.admitted.result()
                if limit is None or stopped.done():
                    raise asyncio.CancelledError
                raise TimeLimitReached(limit)
        except BaseException:
            self._withdraw(waiter)
            raise

    def _withdraw(self, waiter: _Waiter) -> None:
        """Take back the place of one that does not want it any more, or its turn."""
        with self._lock:
            if waiter.permit is None:
                self._waiting.remove(waiter)
                heapq.heapify(self._waiting)
                self._let_through()
            else:
                self._give_back(waiter.permit)

    def _give_back(self, permit: Permit) -> None:
        self._calls.remove(permit.weight)
        self._tokens.remove(permit.tokens * permit.weight)
        self._let_through()

    def _let_through(self) -> None:
        """Admit whoever is first as long as that is possible, and look again when time alone will make it so."""
        with self._lock:
            while self._waiting:
                first, moment = self._waiting[0], now()
                delay, reason = self._delay(first.tokens, first.weight, moment)
                if delay:
                    self._reason = reason
                    self._look_again(first, moment + delay)
                    return
                heapq.heappop(self._waiting)
                self._take(first, moment)

    def _delay(self, tokens: int, weight: int, now: float) -> tuple[float, Reason]:
        """Return the seconds that a call has to wait at least, and what for; infinity means until another one ends."""
        in_flight = max(self._calls.delay(weight), self._tokens.delay(tokens * weight))
        rate = max(self._requests_per_minute.delay(1, now), self._tokens_per_minute.delay(tokens, now))
        hold = max(0.0, self._free_from - now)
        if in_flight:
            return in_flight, "concurrency"
        return (rate, "rate") if rate >= hold else (hold, "back-off")

    def _take(self, waiter: _Waiter, now: float) -> None:
        self._calls.add(waiter.weight)
        self._tokens.add(waiter.tokens * waiter.weight)
        self._requests_per_minute.add(1, now)
        self._tokens_per_minute.add(waiter.tokens, now)
        waited = now - waiter.since
        waiter.permit = Permit(waiter.tokens, waiter.weight, self._generation, waited, self._reason if waited else None)
        waiter.loop.call_soon_threadsafe(waiter.admitted.set_result, waiter.permit)

    def _look_again(self, waiter: _Waiter, when: float) -> None:
        """Have the waiter's own loop look again; the loops of others may end before."""
        if when < waiter.alarm:  # infinity is no time: another call's end will do
            waiter.alarm = when
            waiter.loop.call_soon_threadsafe(waiter.loop.call_later, when - now(), self._ring, waiter)

    def _ring(self, waiter: _Waiter) -> None:
        waiter.alarm = math.inf
        self._let_through()


def new_ticket() -> int:
    """Return a place in every queue, behind all before: nanoseconds of the monotonic clock, none twice."""
    global _newest_ticket
    with _tickets_lock:
        _newest_ticket = max(time.monotonic_ns(), _newest_ticket + 1)
        return _newest_ticket


_of_limits: dict[int, Gate] = {}
_of_clients: "weakref.WeakKeyDictionary[ChatCompletionClient, Gate]" = weakref.WeakKeyDictionary()


def gate_of(limits: Limits) -> Gate:
    """Return the gate of all that share an object of limits; equal objects have gates of their own."""
    gate = _of_limits.get(id(limits))
    if gate is None:
        gate = _of_limits[id(limits)] = Gate(
            calls=limits.max_concurrent_calls,
            tokens=limits.max_tokens_in_flight,
            requests_per_minute=limits.max_requests_per_minute,
            tokens_per_minute=limits.max_tokens_per_minute,
        )
        weakref.finalize(limits, _of_limits.pop, id(limits), None)
    return gate


def gate_of_client(client: ChatCompletionClient) -> Gate:
    """Return the gate of all that call one client: what its server asks for holds for all of them."""
    return _of_clients.setdefault(client, Gate())
