"""The books of a tree of spend pools on a Redis server, shared by processes and machines.

Every step is one script and one round trip; the server's own clock decides when a lease ends. What a call holds is
leased: a process renews its leases as long as it lives, and what a dead one held is charged, since its call was most
likely made. When it lives after all and settles, the charge is replaced by what the call used.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from uuid import uuid4

from autogen_budget._shared import Leases, ServerAwayError, WhenAway, open_server

from . import _redis_scripts as scripts
from ._amounts import Amount, SpendLine, Spent, Unit
from ._ledger import CallExtremes, Hold, Ledger, Limit, Path, PoolStatus, Refusal, paths_upwards

_UNITS: tuple[Unit, ...] = ("tokens", "cost", "calls")
_SEPARATOR = "\x1f"
_NANO = Decimal(10**9)


PENDING_LIMIT = 10_000
"""Settlements that wait for the server at most; the oldest of more is left to its lease."""


class RedisLedger:
    """The books of one tree of pools on a server; the same steps as `Ledger`, each of which may block."""

    remote = True

    def __init__(self, url: str, tree: str, *, lease_seconds: float, when_away: WhenAway) -> None:
        self._server = open_server(
            url,
            f"shared pool {tree!r}",
            keys=[f"autogen_budget:{{{tree}}}:{part}" for part in ("pools", "lines", "holds", "leases", "done")],
            scripts={name: getattr(scripts, name) for name in ("HOLD", "SETTLE", "RELEASE", "RENEW", "LOOK")},
            when_away=when_away,
        )
        self._tree = tree
        self._lease = lease_seconds
        self._when_away = when_away
        self._lock = threading.Lock()
        self._open: dict[Hold, str] = {}
        self._own = Ledger()  # what this process spends: the limits hold for it while the server is away
        self._own_holds: dict[Hold, Hold] = {}
        self._pending: deque[tuple[object, ...]] = deque(maxlen=PENDING_LIMIT)
        self._delivering = threading.Lock()
        self._leases = Leases(self.renew, lease_seconds)

    @property
    def untouched(self) -> bool:
        """False: others may have spent from it."""
        return False

    def open(self, limit: Limit) -> Limit:
        """Open the books of a pool below the root. Each process keeps the limits that it was given itself."""
        return self._own.open(limit)

    def hold(
        self, limits: Sequence[Limit], line: SpendLine, asked: Amount, *, on_change: Callable[[], object] | None = None
    ) -> Hold | Refusal:
        """Reserve an amount in a pool and all pools above it, or in none of them; see `Ledger.hold`.

        Raises:
            PoolUnavailableError: The server cannot be reached, and calls are to be refused then.
        """
        hold, identity = Hold(line, asked), uuid4().hex
        bounds = [_bound(limit, unit) for limit in limits for unit in _UNITS]
        optional = "1" if line.purpose == "summary" else "0"
        asking = (identity, int(self._lease * 1e6), _stored(hold), optional)
        try:
            self._deliver_pending()
            answer: list[int] = self._server.run("HOLD", *asking, *bounds)
        except ServerAwayError:
            if self._when_away == "refuse":
                raise self._server.unavailable() from None
            return self._hold_here(hold, limits, on_change)
        if answer[0] == 1:
            with self._lock:
                self._open[hold] = identity
            self._leases.keep()
            return hold
        _, place, unit, final = answer
        status = self._look(limits, with_lines=False)[0][place]
        return Refusal(status, asked, _UNITS[unit], final=bool(final))

    def settle(self, hold: Hold, spent: Spent) -> None:
        """Replace what a call held by what it used; while the server is away, that is kept and sent later.

        Raises:
            RuntimeError: The call is settled or released already.
        """
        identity = self._taken(hold)
        if identity is None:
            raise RuntimeError(f"the reservation of {hold.line.agent!r} is settled or released already")
        self._own.book(hold.line, spent)
        figures = (spent.calls, spent.prompt_tokens, spent.completion_tokens, spent.cached_tokens)
        rest = (_nano(spent.cost), spent.estimated_tokens, spent.unpriced_tokens)
        self._deliver("SETTLE", identity, _stored(hold), *figures, *rest)

    def release(self, hold: Hold) -> None:
        """Give back what a call held; nothing happens if it is settled or released already."""
        identity = self._taken(hold)
        if identity is not None:
            self._deliver("RELEASE", identity)

    def look(self, limits: Sequence[Limit]) -> tuple[Sequence[PoolStatus], Mapping[SpendLine, Spent]]:
        """Return how pools stand at this moment, and the lines of the first of them.

        Raises:
            PoolUnavailableError: The server cannot be reached, and calls are to be refused then.
        """
        return self._look(limits, with_lines=True)

    def _look(
        self, limits: Sequence[Limit], *, with_lines: bool
    ) -> tuple[Sequence[PoolStatus], Mapping[SpendLine, Spent]]:
        try:
            self._deliver_pending()
            answer: list[list[str]] = self._server.run("LOOK", int(with_lines))
        except ServerAwayError:
            if self._when_away == "refuse":
                raise self._server.unavailable() from None
            return self._own.look(limits)
        pools, lines = map(_pairs, answer)
        path = limits[0].path
        by_line = {_line(owner): _spent(figures) for owner, figures in lines.items()}
        own = {line: spent for line, spent in by_line.items() if line.pool[: len(path)] == path}
        return [_status(limit, pools.get(_path_id(limit.path), {})) for limit in limits], own

    def save(self) -> Mapping[str, object]:
        """Return nothing: what was spent stays on the server, for whoever opens the pool next."""
        return {"shared": self._tree}

    def load(self, state: Mapping[str, object]) -> None:
        """Change nothing: what was spent is on the server."""

    def close(self) -> None:
        """Send what the server has missed, if it can be reached; stop renewing leases, and close the connections."""
        with suppress(ServerAwayError):
            self._deliver_pending()
        self._leases.stop()
        self._server.close()

    def _hold_here(self, hold: Hold, limits: Sequence[Limit], on_change: Callable[[], object] | None) -> Hold | Refusal:
        here = self._own.hold(limits, hold.line, hold.amount, on_change=on_change)
        if isinstance(here, Refusal):
            return here
        with self._lock:
            self._open[hold], self._own_holds[hold] = uuid4().hex, here
        return hold

    def _taken(self, hold: Hold) -> str | None:
        """Return the identity of a hold that ends now. `None` means it has ended before."""
        with self._lock:
            here = self._own_holds.pop(hold, None)
            identity = self._open.pop(hold, None)
        if here is not None:
            self._own.release(here)
        return identity

    def _deliver(self, *command: object) -> None:
        """Run a command that must not be lost; it counts once, however often and in whatever order it arrives."""
        try:
            self._server.run(str(command[0]), *command[1:])
        except ServerAwayError:
            self._pending.append(command)
            self._leases.keep()

    def _deliver_pending(self) -> None:
        """Run what the server has missed; one thread does so for all."""
        if not self._pending:
            return
        with self._delivering:
            while self._pending:
                command = self._pending.popleft()
                try:
                    self._server.run(str(command[0]), *command[1:])
                except ServerAwayError:
                    self._pending.appendleft(command)
                    raise

    def renew(self) -> bool:
        """Renew the leases of the calls under way, and send what the server has missed.

        Returns:
            bool: Whether anything is left to be renewed or sent.
        """
        with self._lock:
            identities = list(self._open.values())
        with suppress(ServerAwayError):
            self._deliver_pending()
            if identities:
                self._server.run("RENEW", int(self._lease * 1e6), *identities)
        return bool(identities or self._pending)


def _stored(hold: Hold) -> str:
    """Return a hold as the server keeps it; figures as text, so that none is rounded."""
    amount = hold.amount
    return json.dumps(
        {
            "paths": [_path_id(path) for path in paths_upwards(hold.line.pool)],
            "line": json.dumps(astuple(hold.line)),
            "tokens": str(amount.tokens),
            "cost": str(_nano(amount.cost)),
            "calls": str(amount.calls),
        }
    )


def _bound(limit: Limit, unit: Unit) -> str:
    allowed = getattr(limit.allowance, unit)
    return "" if allowed is None else str(_nano(allowed, ROUND_FLOOR) if unit == "cost" else allowed)


def _nano(cost: Decimal, rounding: str = ROUND_CEILING) -> int:
    """US dollars in billionths; what is spent is rounded up and what is allowed down, so that a cap stays a cap."""
    return int((cost * _NANO).to_integral_value(rounding))


def _path_id(path: Path) -> str:
    return json.dumps(path)


def _pairs(flat: Sequence[str]) -> dict[str, dict[str, int]]:
    """Fields `owner, separator, figure` and their values, by owner."""
    by_owner: dict[str, dict[str, int]] = {}
    for name, value in zip(flat[::2], flat[1::2], strict=True):
        owner, _, figure = name.rpartition(_SEPARATOR)
        by_owner.setdefault(owner, {})[figure] = int(value)
    return by_owner


def _line(stored: str) -> SpendLine:
    pool, agent, purpose, model = json.loads(stored)
    return SpendLine(tuple(pool), agent, purpose, model)


def _spent(figures: Mapping[str, int]) -> Spent:
    return Spent(
        calls=figures.get("calls", 0),
        prompt_tokens=figures.get("prompt", 0),
        completion_tokens=figures.get("completion", 0),
        cached_tokens=figures.get("cached", 0),
        cost=Decimal(figures.get("cost", 0)) / _NANO,
        estimated_tokens=figures.get("estimated", 0),
        unpriced_tokens=figures.get("unpriced", 0),
    )


def _amount(figures: Mapping[str, int], prefix: str) -> Amount:
    tokens, cost, calls = (figures.get(f"{prefix}_{unit}", 0) for unit in _UNITS)
    return Amount(tokens, Decimal(cost) / _NANO, calls)


def _status(limit: Limit, figures: Mapping[str, int]) -> PoolStatus:
    refused = _amount(figures, "refused") if "refused_tokens" in figures else None
    marks = replace(CallExtremes(_amount(figures, "largest")), refused=refused)
    return PoolStatus(limit, _spent(figures), _amount(figures, "held"), marks)
