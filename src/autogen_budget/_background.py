"""Work that takes longer than a few milliseconds, done off the event loop, one piece at a time."""

import asyncio
from collections.abc import Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

SMALL = 500
"""What is read on the event loop: that takes a few milliseconds, and handing it to a thread a part of one."""

PAUSE_EVERY = 16
"""Turns after which work on the event loop lets other work go first: it takes up to a millisecond for each."""

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def in_background(work: Callable[[], T], size: int) -> T:
    """Do work that needs the processor in a thread, so that the event loop goes on meanwhile.

    All such work of one event loop waits for its turn: the interpreter runs one thread at a time, and each further one
    that wants to run would keep the event loop waiting as long again.
    """
    if size <= SMALL:
        return work()
    loop = asyncio.get_running_loop()
    if loop not in _turns:
        _turns[loop] = asyncio.Semaphore(1)
    async with _turns[loop]:
        return await asyncio.to_thread(work)


async def pause(number: int) -> None:
    """Let the other tasks of the event loop go on, every so often in work that takes long."""
    if number % PAUSE_EVERY == 0:
        await asyncio.sleep(0)
