"""An event loop whose time is simulated: waiting takes none, and a test that would wait forever fails at once."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar

from typing_extensions import TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class StuckError(RuntimeError):
    """Everything waits, and nothing is scheduled that could end it."""


class _InstantSelector(selectors.DefaultSelector):
    """Tells the loop how long it would have waited instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; where nothing is, time goes on to what is scheduled next."""
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise StuckError("all tasks wait, and nothing is scheduled")
        self.seconds += max(timeout, 0.0)
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    """A loop that jumps to the next thing that is scheduled."""

    def __init__(self) -> None:
        self._instant = _InstantSelector()
        super().__init__(self._instant)

    def time(self) -> float:
        """Seconds since the loop was made, none of which anybody waited."""
        return self._instant.seconds

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: Unpack[Ts]
    ) -> "asyncio.Future[T]":
        """Do at once what would be done in a thread: time stands still for threads."""
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:
            done.set_exception(error)
        return done


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end in simulated time; no task may be left when it ends."""
    loop = SimulatedLoop()
    try:
        result = loop.run_until_complete(work)
        loop.run_until_complete(asyncio.sleep(0.01))  # what was cancelled ends within a few steps of the loop
        assert not asyncio.all_tasks(loop)
        return result
    finally:
        loop.close()
