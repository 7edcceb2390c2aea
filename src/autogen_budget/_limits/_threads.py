"""Threads that do not keep a process from ending: Python cannot stop one, so what is given up goes on by itself."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from threading import Lock, Thread
from typing import Any, TypeVar
from weakref import WeakSet

from typing_extensions import ParamSpec, override

from autogen_budget._introspection import has_own_threads

P = ParamSpec("P")
T = TypeVar("T")

MAX_THREADS = min(32, (os.cpu_count() or 1) + 4)
"""Threads at once, as many as Python's own pool has; those that were given up do not count."""

MOMENT = 0.05
"""Seconds that a function in a thread gets to end: most do that are given up."""


@dataclass(frozen=True, slots=True, eq=False)
class Threaded:
    """A function that was given to a thread.

    Args:
        future (Future[Any]): Its result.
        give_up (Callable[[], None]): Lets others have its place, although it goes on.
    """

    future: Future[Any]
    give_up: Callable[[], None]


_begun: ContextVar[list[Threaded] | None] = ContextVar("autogen_budget_threads", default=None)
"""Where it is noted what is given to threads. `None` means nowhere."""

_equipped: WeakSet[asyncio.AbstractEventLoop] = WeakSet()


class DaemonThreads(ThreadPoolExecutor):
    """Runs functions in threads that Python does not wait for when it ends.

    A function that was given up, such as a tool that did not end in time, takes no place from others.
    """

    def __init__(self) -> None:
        super().__init__(MAX_THREADS)
        self._lock = Lock()
        self._queue: deque[tuple[Future[Any], Callable[[], Any]]] = deque()
        self._at_work: set[Future[Any]] = set()

    @override
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a function as soon as a thread is free."""
        future: Future[T] = Future()
        if (begun := _begun.get()) is not None:
            begun.append(Threaded(future, partial(self._leave, future)))
        with self._lock:
            self._queue.append((future, lambda: fn(*args, **kwargs)))
        self._start_next()
        return future

    @override
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for all that nobody gave up, if that is asked for."""
        with self._lock:
            queued, at_work = [future for future, _ in self._queue], list(self._at_work)
        if cancel_futures:
            for future in queued:
                future.cancel()
        if wait:
            wait_for([*queued, *at_work])

    def _start_next(self) -> None:
        with self._lock:
            while self._queue and len(self._at_work) < MAX_THREADS:
                future, function = self._queue.popleft()
                self._at_work.add(future)
                Thread(target=self._run, args=(future, function), name="autogen_budget", daemon=True).start()

    def _run(self, future: Future[Any], function: Callable[[], Any]) -> None:
        try:
            if future.set_running_or_notify_cancel():
                future.set_result(function())
        except StopIteration as error:  # which no asyncio future takes: whoever waits would wait forever
            future.set_exception(RuntimeError(f"a function in a thread raised {error!r}"))
        except BaseException as error:  # for whoever waits
            future.set_exception(error)
        finally:
            self._leave(future)

    def _leave(self, future: Future[Any]) -> None:
        with self._lock:
            self._at_work.discard(future)
        self._start_next()


def use_daemon_threads() -> None:
    """Let the running event loop use such threads, unless its program gave it threads of its own."""
    loop = asyncio.get_running_loop()
    if loop not in _equipped:
        _equipped.add(loop)
        if not has_own_threads(loop):
            loop.set_default_executor(DaemonThreads())


def note_threads() -> list[Threaded]:
    """Begin to note what is given to threads from here on in this context."""
    begun: list[Threaded] = []
    _begun.set(begun)
    return begun


async def give_up_threads(begun: Sequence[Threaded]) -> list[Future[Any]]:
    """Give up what goes on in threads after a moment."""
    running = [threaded for threaded in begun if threaded.future.running()]
    if running:
        await asyncio.wait([asyncio.wrap_future(threaded.future) for threaded in running], timeout=MOMENT)
    left = [threaded for threaded in running if not threaded.future.done()]
    for threaded in left:
        threaded.give_up()
    return [threaded.future for threaded in left]
