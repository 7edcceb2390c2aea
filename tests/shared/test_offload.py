"""Steps that may block are taken off the event loop, and undone when nobody waits for them any more."""

import asyncio
import threading

import pytest

from autogen_budget._shared import off_the_loop

PATIENCE = 20.0  # seconds until what was begun must have happened


async def test_the_event_loop_goes_on_meanwhile() -> None:
    """A step waits for something that only the loop can do."""
    ready = threading.Event()
    waiting = asyncio.create_task(off_the_loop(lambda: ready.wait(PATIENCE)))
    await asyncio.sleep(0.01)
    ready.set()
    assert await waiting


@pytest.mark.parametrize("answered_first", [True, False])
async def test_a_step_that_comes_too_late_is_undone(answered_first: bool) -> None:
    """A caller that is cancelled holds nothing, whether the step ended before it or afterwards."""
    undone: list[int] = []
    begun, answer, happened = threading.Event(), threading.Event(), threading.Event()

    def step() -> int:
        begun.set()
        answer.wait(PATIENCE)
        return 7

    def undo(result: int) -> None:
        undone.append(result)
        happened.set()

    waiting = asyncio.create_task(off_the_loop(step, undo=undo))
    await asyncio.to_thread(begun.wait, PATIENCE)
    if answered_first:
        answer.set()
        asyncio.get_running_loop().call_later(0, waiting.cancel)
        threading.Event().wait(0.05)  # the loop does not see that it has ended before it is cancelled
    waiting.cancel()
    answer.set()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    await asyncio.to_thread(happened.wait, PATIENCE)
    assert undone == [7]


async def test_what_a_step_raises_too_late_is_nobodys() -> None:
    """Nobody waits for it: neither an error nor a warning comes of it."""
    begun, answer = threading.Event(), threading.Event()

    def fail() -> None:
        begun.set()
        answer.wait(PATIENCE)
        raise ConnectionError

    late = asyncio.create_task(off_the_loop(fail))
    await asyncio.to_thread(begun.wait, PATIENCE)
    late.cancel()
    await asyncio.wait([late])
    answer.set()
    with pytest.raises(ConnectionError):
        await off_the_loop(fail)
