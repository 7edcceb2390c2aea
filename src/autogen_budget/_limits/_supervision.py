"""Run work that may not hang: it ends in time, when it is cancelled, or is left behind if it will not end.

The work runs in tasks of its own, so that a limit acts even on what ignores its cancellation. A task that goes on for
more than `GRACE` seconds after it was cancelled is left behind, and so is a function in a thread, which Python cannot
stop: nothing waits for them, not even the end of the process, and `left_behind` counts them.
"""

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar
from weakref import ref

from autogen_core import CancellationToken
from typing_extensions import Self

from ._threads import Threaded, give_up_threads, note_threads

logger = logging.getLogger("autogen_budget")

T = TypeVar("T")

Clock = Literal["call", "first_token", "idle", "tool", "run"]
"""What is timed: a whole answer, a stream's first chunk, the time between two chunks, a tool, a whole run."""

GRACE = 0.3
"""Seconds that cancelled work gets to clean up: agents are to end within a second, with others inside them."""

LATE = 1.0
"""Seconds after which a limit that acts too late is worth a line in the log: something blocked the event loop."""

_left_behind: set["asyncio.Task[Any] | Future[Any]"] = set()


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """A time by which something has to end.

    Args:
        clock (Clock): What is timed.
        seconds (float): How long it may take, as it was set.
        ends (float): When it is over, in the event loop's time.
    """

    clock: Clock
    seconds: float
    ends: float

    @classmethod
    def after(cls, clock: Clock, seconds: float | None) -> "tuple[TimeLimit, ...]":
        """Return the limit that ends so many seconds from now; none without seconds."""
        if seconds is None:
            return ()
        return (cls(clock, seconds, now() + seconds),)

    @property
    def seconds_left(self) -> float:
        """Seconds until it is over; negative after it."""
        return self.ends - now()


class TimeLimitReached(Exception):  # noqa: N818  # not an error by itself: each seam makes its own of it
    """Work did not end in time."""

    def __init__(self, limit: TimeLimit) -> None:
        super().__init__(f"{limit.clock}: {limit.seconds:g} s")
        self.limit = limit
        self.left_behind = False
        """Whether it goes on in the background."""


class SelfCancelledError(Exception):
    """Work raised `asyncio.CancelledError` although nobody cancelled it."""


def cancel_quietly(token: CancellationToken) -> None:
    """Cancel all that is linked to a token. AutoGen's MCP tools link what cannot be cancelled, which raises."""
    try:
        token.cancel()
    except Exception:
        logger.debug("something that is linked to a token could not be cancelled", exc_info=True)


def left_behind() -> int:
    """Return how many tasks, and functions in threads, go on in the background although they were given up."""
    return len(_left_behind)


async def run_within(
    work: Coroutine[Any, Any, T],
    limits: Iterable[TimeLimit] = (),
    *,
    token: CancellationToken | None = None,
    prepare: Callable[[], object] = lambda: None,
    name: str = "",
) -> T:
    """Run a coroutine until the first of its limits, or until it is cancelled. A result that is there in time counts.

    `limits`: When it has to end. Empty means no limit. `token`: Cancels it. `None` means only cancelling the caller
    does.

    Raises:
        TimeLimitReached: It did not end in time.
        SelfCancelledError: It was cancelled by itself.
        asyncio.CancelledError: The token or the caller was cancelled.
    """
    limit = min(limits, key=lambda limit: limit.ends, default=None)
    context = copy_context()
    context.run(prepare)
    begun = context.run(note_threads)
    task = _spawn(work, context)
    try:
        with stopped_by(token) as stopped:
            await first_of({task, stopped}, limit)
            in_time, cancelled = task.done(), stopped.done()
    except asyncio.CancelledError:
        await _end(task, begun, name)
        raise
    if limit is not None:
        _note_blocking(limit, name)
    if in_time and task.cancelled() and not cancelled:
        raise SelfCancelledError
    if in_time:
        return task.result()
    left = await _end(task, begun, name)
    if cancelled or limit is None:
        raise asyncio.CancelledError
    if task.done() and not task.cancelled() and task.exception() is None:
        return task.result()
    reached = TimeLimitReached(limit)
    reached.left_behind = left
    raise reached


class StreamReader(Generic[T]):
    """Reads a stream, an item at a time, with limits on the wait for each.

    Each item is read in a task of its own, all of them in one context. Between two items nothing runs.

    `token`: Ends the reading. `None` means only cancelling the reader does.
    """

    def __init__(
        self,
        stream: AsyncGenerator[T, None],
        *,
        token: CancellationToken | None = None,
        prepare: Callable[[], object] = lambda: None,
        name: str = "",
    ) -> None:
        self._stream = stream
        self._context = copy_context()
        self._context.run(prepare)
        self._begun = self._context.run(note_threads)
        self._link = stopped_by(token)
        self._name = name
        self._task: asyncio.Task[Any] | None = None

    async def __aenter__(self) -> Self:
        self._stopped = self._link.__enter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._link.__exit__(None, None, None)
        failed = kind is not None and kind is not GeneratorExit
        if self._task is not None and (failed or not self._task.done()):
            left = await _end(self._task, self._begun, self._name)
            if isinstance(error, TimeLimitReached):
                error.left_behind = left
        if self._task is not None and not self._task.done():
            return  # it is left behind, with the stream
        if kind is GeneratorExit:  # the event loop may be closing every stream there is: nothing can wait for others
            await self._close()
        else:
            closing = _spawn(self._stream.aclose(), self._context)
            await asyncio.wait({closing}, timeout=GRACE)
            if not closing.done():
                await _end(closing, self._begun, self._name)

    async def read(self, limits: Iterable[TimeLimit] = ()) -> tuple[T] | None:
        """Return the next item in a tuple. `None` means the stream ended.

        `limits`: When it has to be there. Empty means no limit.

        Raises:
            TimeLimitReached: It was not there in time.
            SelfCancelledError: The stream was cancelled by itself.
            asyncio.CancelledError: The token or the caller was cancelled.
        """
        limit = min(limits, key=lambda limit: limit.ends, default=None)
        if self._stopped.done():
            raise asyncio.CancelledError
        task: asyncio.Task[tuple[T] | None] = _spawn(self._next(), self._context)
        self._task = task
        await first_of({task, self._stopped}, limit)
        if self._stopped.done():  # nothing is passed on after a cancellation
            raise asyncio.CancelledError
        if task.cancelled():
            raise SelfCancelledError
        if limit is None or task.done():
            return task.result()
        _note_blocking(limit, self._name)
        raise TimeLimitReached(limit)

    async def _close(self) -> None:
        """Close the stream; that it was cancelled inside is no cancellation of who closes it."""
        try:
            await self._stream.aclose()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if sys.version_info >= (3, 11) and task is not None and task.cancelling():
                raise

    async def _next(self) -> tuple[T] | None:
        try:
            return (await anext(self._stream),)
        except StopAsyncIteration:
            return None


def _spawn(work: Coroutine[Any, Any, T], context: Context) -> "asyncio.Task[T]":
    """Start a task in a context, whose changes it keeps; before Python 3.11 a task can only begin in a copy."""
    arguments: dict[str, Any] = {} if sys.version_info < (3, 11) else {"context": context}
    task: asyncio.Task[T] = context.run(lambda: asyncio.create_task(work, **arguments))
    task.add_done_callback(_look_at)
    return task


@contextmanager
def stopped_by(token: CancellationToken | None) -> Generator["asyncio.Future[None]"]:
    """Give a future that is done once the token is cancelled, in any thread; the token does not keep it alive."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[None] = loop.create_future()
    known = ref(stopped)

    def stop() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(lambda: _finish(known()))

    if token is not None:
        token.add_callback(stop)
    try:
        yield stopped
    finally:
        stopped.cancel()


def _finish(future: "asyncio.Future[None] | None") -> None:
    if future is not None and not future.done():
        future.set_result(None)


def now() -> float:
    """Return the time of the running event loop."""
    return asyncio.get_running_loop().time()


async def first_of(futures: "set[asyncio.Future[Any]]", limit: TimeLimit | None) -> None:
    """Wait until one is done, or the limit is reached."""
    timeout = None if limit is None else max(0.0, limit.seconds_left)
    await asyncio.wait(futures, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)


async def _end(task: "asyncio.Task[Any]", begun: Sequence[Threaded], name: str) -> bool:
    """Cancel a task, wait a little for its end, and leave behind what goes on of it; return whether anything does."""
    task.cancel()
    left: list[asyncio.Task[Any] | Future[Any]] = []
    try:
        await asyncio.wait({task}, timeout=GRACE)
        left += await give_up_threads(begun)
    finally:
        if not task.done():
            left.append(task)
        for each in left:
            _left_behind.add(each)
            each.add_done_callback(_left_behind.discard)
        if left:
            logger.warning("%s did not end when it was cancelled; it goes on in the background", name or "a task")
    return bool(left)


def _look_at(task: "asyncio.Task[Any]") -> None:
    """Take note of what a task raised, since nobody does that who gave it up."""
    if not task.cancelled():
        task.exception()


def _note_blocking(limit: TimeLimit, name: str) -> None:
    late = -limit.seconds_left
    if late > LATE:
        logger.warning("%s blocked the event loop: its limit of %g s acted %.1f s late", name, limit.seconds, late)
