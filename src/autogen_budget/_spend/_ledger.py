"""The books of a tree of spend pools: reserve, settle and give back, each in one step under one lock.

The books know no clients and no prices. Every amount is booked under a line and counted for the pool that pays and for
all pools above it at once, so parents and children cannot disagree.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from pydantic import TypeAdapter

from ._amounts import Allowance, Amount, SpendLine, Spent, Unit

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """The allowance of one pool of the tree.

    Args:
        pool (str): The pool's name, behind those of its parents, parted by `/`.
        path (tuple[str, ...]): The names of the pools from below the root to it; empty for the root.
        allowance (Allowance): What it may spend, its children included.
    """

    pool: str
    path: Path
    allowance: Allowance


@dataclass(frozen=True, slots=True, eq=False)
class Hold:
    """What one call under way has reserved. Each is one of a kind.

    Args:
        line (SpendLine): What it is booked under.
        amount (Amount): How much it holds.
    """

    line: SpendLine
    amount: Amount


@dataclass(frozen=True, slots=True)
class CallExtremes:
    """What a pool remembers of single calls.

    Args:
        largest (Amount): The most that one call reserved, unit by unit.
        refused (Amount | None): What the call asked for that did not fit any more. `None` means there was none.
    """

    largest: Amount = field(default_factory=Amount)
    refused: Amount | None = None


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """How one pool stands.

    Args:
        limit (Limit): Which pool, and what it may spend.
        spent (Spent): What finished calls used.
        held (Amount): What calls under way hold.
        marks (CallExtremes): What it remembers of single calls.
    """

    limit: Limit
    spent: Spent
    held: Amount
    marks: CallExtremes

    @property
    def exhausted_unit(self) -> Unit | None:
        """What is used up: nothing is left of it, or too little for a call that was refused. `None` means nothing."""
        spent, refused = self.spent.amount, self.marks.refused
        allowance = self.limit.allowance
        return allowance.used_up_by(spent) or (None if refused is None else allowance.exceeded_unit(spent + refused))

    def exceeded_unit(self, asked: Amount) -> Unit | None:
        """Return the unit a call exceeds, whatever calls under way give back. `None` means it could fit."""
        return self.exhausted_unit or self.limit.allowance.exceeded_unit(self.spent.amount + asked)

    def short_now(self, asked: Amount) -> Unit | None:
        """Return the unit a call exceeds while calls under way hold theirs. `None` means it fits."""
        return self.limit.allowance.exceeded_unit(self.spent.amount + self.held + asked)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call cannot be paid for.

    Args:
        status (PoolStatus): The pool that refused.
        asked (Amount): What the call asked for.
        unit (Unit): What there is too little of.
        final (bool): Whether nothing can change that. False means it may fit once calls under way are settled.
    """

    status: PoolStatus
    asked: Amount
    unit: Unit
    final: bool


@dataclass(frozen=True, slots=True)
class LedgerState:
    """What of the books is saved.

    Args:
        lines (list[tuple[SpendLine, Spent]]): What was spent, by line.
        marks (list[tuple[tuple[str, ...], CallExtremes]]): What the pools remember of single calls.
    """

    lines: list[tuple[SpendLine, Spent]]
    marks: list[tuple[Path, CallExtremes]]


@cache
def _adapter() -> TypeAdapter[LedgerState]:
    """Make the adapter when the first state is saved or loaded."""
    return TypeAdapter(LedgerState)


class Books(Protocol):
    """The books of one tree of pools, wherever they are kept."""

    @property
    def remote(self) -> bool:
        """Whether a step may block, on a server: an event loop then lets a thread take it."""
        ...

    @property
    def untouched(self) -> bool:
        """Whether nothing was spent, is held, or was refused."""
        ...

    def open(self, limit: Limit) -> Limit:
        """Open the books of a pool below the root."""
        ...

    def hold(
        self, limits: Sequence[Limit], line: SpendLine, asked: Amount, *, on_change: Callable[[], object] | None = None
    ) -> Hold | Refusal:
        """Reserve an amount in a pool and all pools above it, or in none of them."""
        ...

    def settle(self, hold: Hold, spent: Spent) -> None:
        """Replace what a call held by what it used."""
        ...

    def release(self, hold: Hold) -> None:
        """Give back what a call held."""
        ...

    def look(self, limits: Sequence[Limit]) -> tuple[Sequence[PoolStatus], Mapping[SpendLine, Spent]]:
        """Return how pools stand at this moment, and the lines of the first of them."""
        ...

    def save(self) -> Mapping[str, object]:
        """Return what was spent, as values that JSON can hold."""
        ...

    def load(self, state: Mapping[str, object]) -> None:
        """Take over what was saved."""
        ...

    def close(self) -> None:
        """Close what is open; the books can be used again."""
        ...


class Ledger:
    """The books of one tree of pools in this process. Threads and event loops may share them; nothing in here waits."""

    remote = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limits: dict[Path, Limit] = {}
        self._lines: dict[SpendLine, Spent] = {}
        self._spent: dict[Path, Spent] = {}
        self._held: dict[Path, Amount] = {}
        self._marks: dict[Path, CallExtremes] = {}
        self._open: set[Hold] = set()
        self._waiting: list[Callable[[], object]] = []

    @property
    def untouched(self) -> bool:
        """Whether nothing was spent, is held, or was refused."""
        with self._lock:
            return not (self._lines or self._open or self._marks)

    def open(self, limit: Limit) -> Limit:
        """Open the books of a pool below the root; nothing happens if they are open already.

        Raises:
            ValueError: They are open with another allowance.
        """
        with self._lock:
            there = self._limits.setdefault(limit.path, limit)
        if there != limit:
            raise ValueError(f"pool {limit.pool!r} is there already, with another allowance: {there.allowance}")
        return limit

    def hold(
        self,
        limits: Sequence[Limit],
        line: SpendLine,
        asked: Amount,
        *,
        on_change: Callable[[], object] | None = None,
    ) -> Hold | Refusal:
        """Reserve an amount in a pool and all pools above it, or in none of them.

        `on_change`: Called once, when something was given back, if the refusal is not final. `None` means
        nobody waits.
        """
        optional = line.purpose == "summary"  # a run can go on without it, so it says nothing about the next call
        with self._lock:
            refusal = _refusal([self._status(limit) for limit in limits], asked)
            if refusal is None:
                return self._take(Hold(line, asked), optional=optional)
            if refusal.final and refusal.status.exhausted_unit is None and not optional:
                status = refusal.status
                self._marks[status.limit.path] = CallExtremes(status.marks.largest, refused=asked)
            if not refusal.final and on_change is not None:
                self._waiting.append(on_change)
            return refusal

    def settle(self, hold: Hold, spent: Spent) -> None:
        """Replace what a call held by what it used.

        Raises:
            RuntimeError: The call is settled or released already.
        """
        with self._lock:
            if not self._drop(hold):
                raise RuntimeError(f"the reservation of {hold.line.agent!r} is settled or released already")
            self._book(hold.line, spent)
        self._announce()

    def release(self, hold: Hold) -> None:
        """Give back what a call held; nothing happens if it is settled or released already."""
        with self._lock:
            dropped = self._drop(hold)
        if dropped:
            self._announce()

    def look(self, limits: Sequence[Limit]) -> tuple[Sequence[PoolStatus], Mapping[SpendLine, Spent]]:
        """Return how pools stand at this moment, and the lines of the first of them."""
        path = limits[0].path
        with self._lock:
            lines = {line: spent for line, spent in self._lines.items() if line.pool[: len(path)] == path}
            return [self._status(limit) for limit in limits], lines

    def save(self) -> Mapping[str, object]:
        """Return what was spent, as values that JSON can hold. Calls under way are not in it."""
        with self._lock:
            state = LedgerState(list(self._lines.items()), list(self._marks.items()))
        saved: Mapping[str, object] = _adapter().dump_python(state, mode="json")
        return saved

    def book(self, line: SpendLine, spent: Spent) -> None:
        """Count what a call used that nothing was reserved for here."""
        with self._lock:
            self._book(line, spent)

    def load(self, state: Mapping[str, object]) -> None:
        """Take over what was saved, in place of what was spent here. Calls under way keep what they hold.

        Raises:
            pydantic.ValidationError: A `ValueError`; the state is not one that `save` made.
        """
        loaded = _adapter().validate_python(state)
        with self._lock:
            self._lines.clear()
            self._spent.clear()
            self._marks = dict(loaded.marks)
            for line, spent in loaded.lines:
                self._book(line, spent)
        self._announce()

    def close(self) -> None:
        """Nothing is open."""

    def _status(self, limit: Limit) -> PoolStatus:
        path = limit.path
        return PoolStatus(
            limit, self._spent.get(path, Spent()), self._held.get(path, Amount()), self._marks.get(path, CallExtremes())
        )

    def _take(self, hold: Hold, *, optional: bool) -> Hold:
        self._open.add(hold)
        for path in paths_upwards(hold.line.pool):
            self._held[path] = self._held.get(path, Amount()) + hold.amount
            if not optional:
                marks = self._marks.get(path, CallExtremes())
                self._marks[path] = CallExtremes(marks.largest.larger(hold.amount), marks.refused)
        return hold

    def _drop(self, hold: Hold) -> bool:
        if hold not in self._open:
            return False
        self._open.remove(hold)
        for path in paths_upwards(hold.line.pool):
            self._held[path] -= hold.amount
        return True

    def _book(self, line: SpendLine, spent: Spent) -> None:
        self._lines[line] = self._lines.get(line, Spent()) + spent
        for path in paths_upwards(line.pool):
            self._spent[path] = self._spent.get(path, Spent()) + spent

    def _announce(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for on_change in waiting:
            on_change()


def _refusal(statuses: Sequence[PoolStatus], asked: Amount) -> Refusal | None:
    for status in statuses:
        if unit := status.exceeded_unit(asked):
            return Refusal(status, asked, unit, final=True)
    for status in statuses:
        if unit := status.short_now(asked):
            return Refusal(status, asked, unit, final=False)
    return None


def paths_upwards(path: Path) -> Iterator[Path]:
    """Return the paths of a pool and of all pools above it."""
    return (path[:length] for length in range(len(path), -1, -1))
