"""Where records go: the newest in memory, the hooks that are called with each, the events in a log."""

import json
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, runtime_checkable

from ._records import CallRecord, OutputCut, Record

logger = logging.getLogger("autogen_budget")

events = logging.getLogger("autogen_budget.events")
"""Gets a `RecordEvent` for each record, at level INFO."""

MAX_RECORDS = 1_000
"""How many records of calls, and how many of everything else, a `RecordLog` keeps in memory."""

RecordT = TypeVar("RecordT", bound=Record)
ItemT = TypeVar("ItemT")

Hook = Callable[[Record], object]
"""Is called with each record as it is made. What it returns is ignored; what it raises is logged."""

OutputHook = Callable[[OutputCut], object]
"""A hook that is given the cuts of outputs only."""


Scope = Callable[[], AbstractContextManager[object]]
"""Makes a context for a part of a call."""


@dataclass(frozen=True, slots=True)
class CallStart:
    """A model call that begins.

    Args:
        name (str): Who calls: the agent's name, or the name given to the client.
        purpose (str): What the call is for, as in `CallRecord`.
        model (str | None): The model's name. `None` means the client does not name it.
        stream (bool): Whether the reply is streamed.
        at (float): When it begins, in seconds of Unix time.
    """

    name: str
    purpose: str
    model: str | None
    stream: bool
    at: float = field(default_factory=time.time)


@runtime_checkable
class CallTracer(Protocol):
    """A hook that is also told when a call begins, and surrounds it."""

    def begin_call(self, start: CallStart) -> Scope:
        """Take in that a call begins."""
        ...


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
            result = hook(record)
            if isinstance(result, Coroutine):
                result.close()
                raise TypeError("hooks are called, not awaited, and this one returned a coroutine")
        except Exception:
            logger.warning("hook %r failed", hook, exc_info=True)


def wants_content(hooks: Iterable[object]) -> bool:
    """Tell whether one of the hooks asks for what messages say, with a true `include_content`."""
    return any(getattr(hook, "include_content", False) is True for hook in hooks)


def traced(
    hooks: Iterable[object], start: CallStart, items: AsyncGenerator[ItemT, None]
) -> AsyncGenerator[ItemT, None]:
    """Run a call within the contexts of those hooks that surround calls; who reads it stays outside of them."""
    scopes: list[Scope] = []
    for hook in hooks:
        try:
            if isinstance(hook, CallTracer):
                scopes.append(hook.begin_call(start))
        except Exception:
            logger.warning("hook %r failed", hook, exc_info=True)
    return _within(scopes, items) if scopes else items


async def _within(scopes: Sequence[Scope], items: AsyncGenerator[ItemT, None]) -> AsyncGenerator[ItemT, None]:
    try:
        while True:
            with _entered(scopes):
                try:
                    item = await anext(items)
                except StopAsyncIteration:
                    return
            yield item
    finally:
        with _entered(scopes):
            await items.aclose()


@contextmanager
def _entered(scopes: Sequence[Scope]) -> Generator[None]:
    with ExitStack() as stack:
        for scope in scopes:
            try:
                stack.enter_context(scope())
            except Exception:
                logger.warning("a hook could not surround a call", exc_info=True)
        yield
