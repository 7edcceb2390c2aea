"""The gate that the model calls of many processes pass: bounds and rates that hold for all of them.

It stands behind the gate of each process, which holds the same bounds for itself. Who waits asks the server again and
again, the more rarely the longer there is to wait; the server keeps the queue.
"""

import asyncio
import json
import random
import threading
import time
import weakref
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from uuid import uuid4

from autogen_core import CancellationToken

from autogen_budget._shared import Leases, ServerAwayError, in_thread, off_the_loop, open_server

from . import _shared_scripts as scripts
from ._gate import Permit, Reason
from ._limits import Limits
from ._run import run_limits
from ._supervision import run_within

WAITING_LEASE = 10.0
"""Seconds for which one that waits keeps its turn without asking: many times the longest pause."""

FIRST_PAUSE, LONGEST_PAUSE = 0.02, 1.0
"""Seconds between two questions: an admitted call may learn a pause late that it is, so that none is long."""

PAUSE_SHARE = 0.1
"""A pause is this part of the time that was waited already: a place that is free is not left so for longer."""

_REASONS: tuple[Reason, ...] = ("concurrency", "rate")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the server says to one that waits.

    Args:
        admitted (bool): Whether it has a place.
        ahead (int): How many wait before it.
        seconds (float): How long the first of them has to wait at least; 0 means nobody can say.
        reason (Reason): What for.
    """

    admitted: bool
    ahead: int = 0
    seconds: float = 0.0
    reason: Reason = "concurrency"


@dataclass(slots=True)
class _Call:
    """One call, from its first question to its end.

    Args:
        stored (str): What it asks for, as the server keeps it.
        ticket (int): When it came, by `new_ticket`.
        identity (str): Its name on the server.
        reason (Reason | None): What it waited for last. `None` means it did not wait.
    """

    stored: str
    ticket: int
    identity: str = field(default_factory=lambda: uuid4().hex)
    reason: Reason | None = None


class SharedGate:
    """Lets the calls of all processes through, first come, first served; a large one is not overtaken by small ones.

    It may be used from several event loops in several threads.
    """

    def __init__(self, limits: Limits, url: str) -> None:
        self._bounds = {
            "max_calls": limits.max_concurrent_calls,
            "max_tokens": limits.max_tokens_in_flight,
            "requests": limits.max_requests_per_minute,
            "tokens_per_minute": limits.max_tokens_per_minute,
        }
        self._refuses = limits.when_away == "refuse"
        self._lease = limits.lease_seconds
        self._server = open_server(
            url,
            f"shared limits {limits.name!r}",
            keys=[f"autogen_budget:{{{limits.name}}}:gate:{part}" for part in scripts.KEYS],
            scripts={name: getattr(scripts, name) for name in ("ASK", "LEAVE", "RENEW", "SPEND")},
            when_away=limits.when_away,
        )
        self._lock = threading.Lock()
        self._under_way: dict[str, str] = {}
        self._leases = Leases(self.renew, limits.lease_seconds)

    @asynccontextmanager
    async def admit(
        self, tokens: int, ticket: int, *, weight: int = 1, token: CancellationToken | None = None
    ) -> AsyncGenerator[Permit, None]:
        """Wait for a place, and hold it; see `Gate.admit`.

        Raises:
            PoolUnavailableError: The server cannot be reached, and calls are to be refused then.
            TimeLimitReached: The run's deadline came first.
            asyncio.CancelledError: The token or the caller was cancelled.
        """
        bounds = {name: bound for name, bound in self._bounds.items() if bound is not None}
        call = _Call(json.dumps({"tokens": tokens, "weight": weight, **bounds}), ticket)
        begun = time.monotonic()
        try:
            await run_within(self._enter(call), run_limits(), token=token, name="a call that waits for a place")
            yield Permit(tokens, weight, 0, 0.0 if call.reason is None else time.monotonic() - begun, call.reason)
        finally:
            in_thread(partial(self._leave, call))

    def spend(self, tokens: int) -> None:
        """Count tokens of an answer for the minute; see `Gate.spend`."""
        if tokens and self._bounds["tokens_per_minute"] is not None:
            in_thread(partial(self._run, "SPEND", tokens))

    def close(self) -> None:
        """Close the connections, and renew nothing any more."""
        self._leases.stop()
        self._server.close()

    def renew(self) -> bool:
        """Renew the leases of the calls under way."""
        with self._lock:
            calls = dict(self._under_way)
        self._run("RENEW", int(self._lease * 1e6), *(word for call in calls.items() for word in call))
        with self._lock:
            ended = calls.keys() - self._under_way.keys()
        for identity in ended:
            self._run("LEAVE", identity)  # again: it may have been renewed after it had left
        return bool(calls)

    async def _enter(self, call: _Call) -> None:
        """Ask for a place until there is one."""
        begun = time.monotonic()
        while True:
            answer = await off_the_loop(partial(self._ask, call), undo=lambda _: self._leave(call))
            if answer.admitted:
                return
            call.reason = answer.reason
            spread = random.uniform(0.5, 1)  # noqa: S311  # spreads the questions of many processes
            pause = max(FIRST_PAUSE * (answer.ahead + 1), (time.monotonic() - begun) * PAUSE_SHARE) * spread
            await asyncio.sleep(min(max(pause, answer.seconds), LONGEST_PAUSE))

    def _ask(self, call: _Call) -> _Answer:
        """Ask once. A call that goes on while the server is away is reported to it with the next renewal."""
        age = (time.monotonic_ns() - call.ticket) // 1_000
        leases = (int(self._lease * 1e6), int(WAITING_LEASE * 1e6))
        try:
            admitted, ahead, wait, reason = map(int, self._server.run("ASK", call.identity, call.stored, age, *leases))
        except ServerAwayError:
            if self._refuses:
                raise self._server.unavailable() from None
            admitted, ahead, wait, reason = 1, 0, 0, 0
        if admitted:
            with self._lock:
                self._under_way[call.identity] = call.stored
            self._leases.keep()
        return _Answer(bool(admitted), ahead, max(0, wait) / 1e6, _REASONS[reason])

    def _leave(self, call: _Call) -> None:
        """Give back a place, or a turn; nothing happens where there is none."""
        with self._lock:
            self._under_way.pop(call.identity, None)
        self._run("LEAVE", call.identity)

    def _run(self, script: str, *arguments: object) -> None:
        """Run what need not succeed: leases end by themselves."""
        with suppress(ServerAwayError):
            self._server.run(script, *arguments)


_of_limits: dict[int, SharedGate] = {}


def shared_gates_of(limits: Limits) -> tuple[SharedGate, ...]:
    """Return the gate of all that share an object of limits with other processes; none if they share it with nobody."""
    if limits.server_url is None:
        return ()
    gate = _of_limits.get(id(limits))
    if gate is None:
        gate = _of_limits[id(limits)] = SharedGate(limits, limits.server_url)
        weakref.finalize(limits, _forget, id(limits))
    return (gate,)


def _forget(limits: int) -> None:
    _of_limits.pop(limits).close()
