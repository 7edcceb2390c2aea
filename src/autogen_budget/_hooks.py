"""Where records go: the newest in memory, the hooks that are called with each, the events in a log."""

import json
import logging
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TypeVar

from ._records import CallRecord, OutputCut, Record

logger = logging.getLogger("autogen_budget")

events = logging.getLogger("autogen_budget.events")
"""Gets a `RecordEvent` for each record, at level INFO."""

MAX_RECORDS = 1_000
"""How many records of calls, and how many of everything else, a `RecordLog` keeps in memory."""

RecordT = TypeVar("RecordT", bound=Record)

Hook = Callable[[Record], object]
"""Is called with each record as it is made. What it returns is ignored; what it raises is logged."""

OutputHook = Callable[[OutputCut], object]
"""A hook that is given the cuts of outputs only."""


class RecordLog:
    """The newest records of an agent or client, in memory.

    Calls and everything else are kept apart, so that a thousand cuts of outputs do not drive out the calls.

    Args:
        limit (int): How many calls, and how many other records, are kept.
    """

    def __init__(self, limit: int = MAX_RECORDS) -> None:
        self._calls: deque[CallRecord] = deque(maxlen=limit)
        self._others: deque[Record] = deque(maxlen=limit)

    def add(self, record: Record) -> None:
        """Keep a record."""
        if isinstance(record, CallRecord):
            self._calls.append(record)
        else:
            self._others.append(record)

    @property
    def calls(self) -> tuple[CallRecord, ...]:
        """The newest calls, oldest first."""
        return tuple(self._calls)

    @property
    def cuts(self) -> tuple[OutputCut, ...]:
        """The newest cuts of outputs, oldest first."""
        return tuple(record for record in self._others if isinstance(record, OutputCut))

    @property
    def all(self) -> tuple[Record, ...]:
        """The newest records of every kind, oldest first."""
        return tuple(sorted((*self._calls, *self._others), key=lambda record: record.at))


class RecordEvent:
    """A record as an event for a log, in the style of AutoGen's own: its text is JSON, without content.

    Args:
        record (Record): The record.
    """

    def __init__(self, record: Record) -> None:
        self.record = record

    @property
    def kwargs(self) -> dict[str, object]:
        """The record as values for JSON, with its `type`."""
        from ._record_json import to_dict

        return {"type": f"Budget{type(self.record).__name__}", **to_dict(self.record)}

    def __str__(self) -> str:
        return json.dumps(self.kwargs)


_observers: list[Hook] = []


@contextmanager
def observed(hook: Hook) -> Generator[None]:
    """Let a hook hear of every record of the process for a while, whoever makes it.

    Args:
        hook (Hook): Is called with each record.
    """
    _observers.append(hook)
    try:
        yield
    finally:
        _observers.remove(hook)


def tell(record: RecordT, hooks: Iterable[Callable[[RecordT], object]]) -> None:
    """Call hooks with a record, and log it as an event; what hooks raise is one line in the log.

    `hooks`: Called with it, in order.
    """
    if events.isEnabledFor(logging.INFO):
        events.info(RecordEvent(record))
    for hook in (*hooks, *_observers):
        try:
            hook(record)
        except Exception:
            logger.warning("hook %r failed", hook, exc_info=True)
