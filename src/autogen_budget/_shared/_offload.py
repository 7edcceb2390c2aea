"""Steps that may block, taken off the event loop; a step that nobody waits for any more is undone."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")

THREADS = 16
"""A step is one round trip of less than a millisecond: so many at once are tens of thousands a second."""

_of_processes: dict[int, ThreadPoolExecutor] = {}


def _threads() -> ThreadPoolExecutor:
    """Return the threads of this process: one that was forked has none of its parent's."""
    process = os.getpid()
    if process not in _of_processes:
        _of_processes[process] = ThreadPoolExecutor(THREADS, thread_name_prefix="autogen-budget")
    return _of_processes[process]


class _Step(Generic[T]):
    """One step in a thread, and what undoes it if it comes too late."""

    def __init__(self, step: Callable[[], T], undo: Callable[[T], object] | None) -> None:
        self._step, self._undo = step, undo
        self._lock = threading.Lock()
        self._abandoned = False
        self._done: list[T] = []

    def __call__(self) -> T:
        result = self._step()
        with self._lock:
            self._done.append(result)
            abandoned = self._abandoned
        if abandoned and self._undo is not None:
            self._undo(result)
        return result

    def abandon(self) -> None:
        """Nobody waits for the result any more."""
        with self._lock:
            self._abandoned = True
            done = [*self._done]
        if done and self._undo is not None:
            _threads().submit(self._undo, done[0])


async def off_the_loop(step: Callable[[], T], *, undo: Callable[[T], object] | None = None) -> T:
    """Take a step in a thread.

    `undo`: Undoes it where the caller is cancelled meanwhile. `None` means that the step counts all the same.
    """
    task = _Step(step, undo)
    try:
        future = asyncio.get_running_loop().run_in_executor(_threads(), task)
    except RuntimeError:  # the interpreter is ending, and takes no more work for threads
        return step()
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        future.add_done_callback(_forget)
        task.abandon()
        raise


def in_thread(step: Callable[[], object]) -> None:
    """Take a step in a thread, and do not wait for it; while the interpreter ends there are no threads any more."""
    with suppress(RuntimeError):
        _threads().submit(step)


def _forget(future: "asyncio.Future[T]") -> None:
    """Take note of an error that nobody waits for any more."""
    if not future.cancelled():
        future.exception()
