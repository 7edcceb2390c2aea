"""Work within time limits: awaited, read from a stream, or in a thread; cancelled, left behind."""

import asyncio
import gc
import logging
import sys
import threading
import time
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest
from autogen_core import CancellationToken
from autogen_core.tools import FunctionTool, StaticWorkbench

import simulated_time
from autogen_budget import BudgetedWorkbench, Limits, Record, TimeLimitRecord, TokenBudget
from autogen_budget._limits import (
    GRACE,
    SelfCancelledError,
    StreamReader,
    TimeLimit,
    TimeLimitReached,
    cancel_quietly,
    left_behind,
    run_within,
    use_daemon_threads,
)

VARIABLE: ContextVar[str] = ContextVar("variable", default="outside")


async def deaf(seconds: float) -> str:
    """Ignores its cancellation, and answers in the end."""
    ends = asyncio.get_running_loop().time() + seconds
    while (left := ends - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue
    return "late"


async def slowly(*waits: float) -> AsyncGenerator[int, None]:
    """Numbers, with a wait before each."""
    for number, wait in enumerate(waits):
        await asyncio.sleep(wait)
        yield number


def test_a_result_in_time_counts() -> None:
    """Neither a limit nor a token changes what is there in time."""

    async def main() -> str:
        return await run_within(asyncio.sleep(5, "done"), TimeLimit.after("tool", 6), token=CancellationToken())

    assert simulated_time.run(main()) == "done"


def test_the_earliest_limit_acts() -> None:
    """Of several limits the earliest is the one that is told."""

    async def main() -> float:
        limits = (*TimeLimit.after("run", 9), *TimeLimit.after("tool", 3), *TimeLimit.after("call", None))
        with pytest.raises(TimeLimitReached, match="tool: 3 s"):
            await run_within(asyncio.sleep(99), limits)
        return asyncio.get_running_loop().time()

    assert simulated_time.run(main()) == 3


def test_what_ignores_its_cancellation_is_left_behind_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """The limit fires all the same; the task is counted until it ends."""

    async def main() -> None:
        with pytest.raises(TimeLimitReached):
            await run_within(deaf(20), TimeLimit.after("call", 3), name="the model")
        assert asyncio.get_running_loop().time() == 3 + GRACE
        assert left_behind() == 1
        await asyncio.sleep(30)
        assert left_behind() == 0

    simulated_time.run(main())
    assert "the model did not end when it was cancelled" in caplog.text


def test_a_result_that_races_its_limit_is_delivered() -> None:
    """What answers while it is being cancelled has answered."""

    async def main() -> str:
        return await run_within(deaf(3 + GRACE / 2), TimeLimit.after("tool", 3))

    assert simulated_time.run(main()) == "late"


def test_an_error_while_it_is_being_cancelled_is_a_time_out() -> None:
    """Clients turn their cancellation into errors of their own."""

    async def fails() -> None:
        try:
            await asyncio.sleep(99)
        except asyncio.CancelledError:
            raise ConnectionError from None

    async def main() -> None:
        with pytest.raises(TimeLimitReached):
            await run_within(fails(), TimeLimit.after("call", 3))

    simulated_time.run(main())


@pytest.mark.parametrize("from_thread", [False, True])
def test_a_token_ends_work(from_thread: bool) -> None:
    """A token that is cancelled, in whatever thread, ends the work as cancelling the task does."""

    async def main() -> None:
        token = CancellationToken()
        task = asyncio.create_task(run_within(asyncio.sleep(99), token=token))
        await asyncio.sleep(0)
        if from_thread:
            await asyncio.to_thread(token.cancel)
        else:
            token.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_a_token_that_is_cancelled_before_and_one_that_outlives_its_loop() -> None:
    """Neither begins, and neither raises in whoever cancels it."""
    tokens = [CancellationToken(), CancellationToken()]
    tokens[0].cancel()

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await run_within(asyncio.sleep(99), token=tokens[0])
        await run_within(asyncio.sleep(0), token=tokens[1])

    simulated_time.run(main())
    gc.collect()
    tokens[1].cancel()


def test_a_token_is_cancelled_after_the_work() -> None:
    """Nothing is left that it could end."""

    async def main() -> None:
        token = CancellationToken()
        await run_within(asyncio.sleep(0), token=token)
        token.cancel()
        await asyncio.sleep(0)

    simulated_time.run(main())


def test_cancelling_the_caller_cancels_the_work() -> None:
    """Nothing goes on when the caller is cancelled, not even while a limit acts."""

    async def main() -> None:
        for wait in (1, 3 + GRACE / 2):
            task = asyncio.create_task(run_within(deaf(3.2), TimeLimit.after("tool", 3)))
            await asyncio.sleep(wait)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.sleep(5)

    simulated_time.run(main())


def test_work_that_cancels_itself_does_not_cancel_who_waits() -> None:
    """Neither a function nor a stream does; both say what it was."""

    async def work() -> None:
        raise asyncio.CancelledError

    async def stream() -> AsyncGenerator[int, None]:
        yield 1
        raise asyncio.CancelledError

    async def main() -> None:
        with pytest.raises(SelfCancelledError):
            await run_within(work())
        async with StreamReader(stream()) as reader:
            assert await reader.read() == (1,)
            with pytest.raises(SelfCancelledError):
                await reader.read()

    simulated_time.run(main())


@pytest.mark.parametrize("waits", [0, 9])
def test_a_reader_that_is_closed_passes_on_only_its_own_cancellation(waits: int) -> None:
    """A stream that is cancelled by itself while it is closed has ended; Python 3.10 cannot tell the two apart."""

    async def stream() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            await asyncio.sleep(waits)
            raise asyncio.CancelledError

    async def read() -> None:
        async with StreamReader(stream()) as reader:
            await reader.read()
            raise GeneratorExit

    async def main() -> None:
        task = asyncio.create_task(read())
        await asyncio.sleep(1)
        is_cancelled = task.cancel() and sys.version_info >= (3, 11)
        with pytest.raises(asyncio.CancelledError if is_cancelled else GeneratorExit):
            await task
        assert is_cancelled == (waits > 0 and sys.version_info >= (3, 11))

    simulated_time.run(main())


def test_context_variables_are_set_for_the_work_alone() -> None:
    """What is prepared for the work is not seen outside."""

    async def look() -> str:
        return VARIABLE.get()

    async def main() -> tuple[str, str]:
        return await run_within(look(), prepare=lambda: VARIABLE.set("inside")), VARIABLE.get()

    assert simulated_time.run(main()) == ("inside", "outside")


def test_what_blocks_the_event_loop_is_named(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit acts as soon as the loop runs again, and the log names what kept it from running."""
    monkeypatch.setattr("autogen_budget._limits._supervision.LATE", 0.05)

    async def blocks() -> str:
        time.sleep(0.1)  # noqa: ASYNC251  # that is what is tested
        return "done"

    async def main() -> str:
        return await run_within(blocks(), TimeLimit.after("tool", 0.001), name="tool 'build'")

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(main()) == "done"
    assert "tool 'build' blocked the event loop" in caplog.text


def test_a_stream_is_read_item_by_item() -> None:
    """Items come as they are asked for; the end is the end."""

    async def main() -> list[int]:
        read: list[int] = []
        async with StreamReader(slowly(1, 1, 1)) as reader:
            while (item := await reader.read(TimeLimit.after("idle", 1.5))) is not None:
                read.append(item[0])
        return read

    assert simulated_time.run(main()) == [0, 1, 2]


def test_a_stream_that_falls_silent_is_closed() -> None:
    """The limit between items acts; the stream is closed in the task that read it."""
    closed: list[str] = []

    async def stream() -> AsyncGenerator[int, None]:
        try:
            yield 1
            await asyncio.sleep(99)
        finally:
            closed.append(VARIABLE.get())

    async def main() -> None:
        async with StreamReader(stream(), prepare=lambda: VARIABLE.set("inside")) as reader:
            assert await reader.read() == (1,)
            with pytest.raises(TimeLimitReached):
                await reader.read(TimeLimit.after("idle", 2))

    simulated_time.run(main())
    assert closed == ["inside"]


def test_an_error_of_a_stream_is_raised_where_it_is_read() -> None:
    """As without a reader; after it the stream has ended."""

    async def stream() -> AsyncGenerator[int, None]:
        yield 1
        raise ConnectionError("gone")

    async def main() -> None:
        async with StreamReader(stream()) as reader:
            await reader.read()
            with pytest.raises(ConnectionError, match="gone"):
                await reader.read(TimeLimit.after("idle", 2))
            assert await reader.read() is None

    simulated_time.run(main())


def test_nothing_is_passed_on_after_a_cancellation() -> None:
    """An item that is there already is not passed on any more once the token is cancelled."""

    async def main() -> None:
        token = CancellationToken()
        async with StreamReader(slowly(0, 0, 0), token=token) as reader:
            await reader.read()
            token.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reader.read()

    simulated_time.run(main())


def test_a_reader_that_is_left_closes_its_stream() -> None:
    """Leaving early leaves no task."""

    async def main() -> None:
        async with StreamReader(slowly(0, 99)) as reader:
            assert await reader.read() == (0,)

    simulated_time.run(main())


def test_a_stream_whose_end_takes_too_long_is_left_behind() -> None:
    """Closing it is not waited for any longer than for anything else."""

    async def stream() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            await deaf(5)

    async def main() -> float:
        async with StreamReader(stream()) as reader:
            await reader.read()
        ended = asyncio.get_running_loop().time()
        await asyncio.sleep(9)
        return ended

    assert simulated_time.run(main()) <= 2 * GRACE + 0.01


def test_a_stream_that_goes_on_is_left_behind() -> None:
    """What ignores that it is cancelled cannot be closed either."""

    async def stream() -> AsyncGenerator[str, None]:
        yield await deaf(9)

    async def main() -> None:
        async with StreamReader(stream()) as reader:
            with pytest.raises(TimeLimitReached):
                await reader.read(TimeLimit.after("idle", 1))
        assert left_behind() == 1
        await asyncio.sleep(9)
        assert left_behind() == 0

    simulated_time.run(main())


def test_what_cannot_be_cancelled_does_not_raise() -> None:
    """AutoGen's MCP tools link a coroutine to the token, which has no `cancel`."""
    token = CancellationToken()
    token.link_future("a coroutine")  # type: ignore[arg-type]  # as `McpWorkbench` of 0.7.5 does
    cancel_quietly(token)
    assert token.is_cancelled()


MANY = 40
"""More than there are threads at once."""


def test_what_blocks_its_thread_is_given_up_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    """The call is an error result; the record and the log say that it goes on; it is counted until it ends."""
    free, told = threading.Event(), list[Record]()

    def dig() -> str:
        """Dig."""
        free.wait()
        return "gold"

    bench = StaticWorkbench([FunctionTool(dig, "Dig.")])
    tools = BudgetedWorkbench(bench, TokenBudget(900), limits=Limits(tool_timeout=0.01), hooks=[told.append])

    async def main() -> None:
        for number in range(1, MANY):
            result = await tools.call_tool("dig", {})
            assert "did not end within 0.01 s and goes on in the background" in result.to_text()
            assert left_behind() == number
        assert await asyncio.to_thread(str.upper, "others") == "OTHERS"
        free.set()
        while left_behind():
            await asyncio.sleep(0)

    asyncio.run(main())
    assert {record.left_behind for record in told if isinstance(record, TimeLimitRecord)} == {True}
    assert "tool 'dig' did not end when it was cancelled; it goes on in the background" in caplog.text


def test_threads_work_as_those_of_python_do() -> None:
    """Results, errors, more functions than threads, cancelling what waits, an end that waits for what is at work."""
    done: list[int] = []

    def work(number: int) -> int:
        done.append(number)
        return number

    async def main() -> None:
        use_daemon_threads()
        assert await asyncio.gather(*(asyncio.to_thread(work, number) for number in range(MANY))) == [*range(MANY)]
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        with pytest.raises(RuntimeError, match=r"raised StopIteration\(\)"):  # which asyncio would wait forever for
            await asyncio.to_thread(next, iter(()))
        free = threading.Event()
        blocked = [asyncio.ensure_future(asyncio.to_thread(free.wait)) for _ in range(MANY)]
        await asyncio.sleep(0.05)
        waiting = asyncio.ensure_future(asyncio.to_thread(work, -1))
        await asyncio.sleep(0)
        waiting.cancel()
        free.set()
        await asyncio.gather(*blocked)
        asyncio.get_running_loop().run_in_executor(None, work, MANY)

    asyncio.run(main())
    assert sorted(done) == [*range(MANY + 1)]


def test_a_program_keeps_its_own_threads() -> None:
    """Those that it gave to its loop."""
    names: list[str] = []

    async def main() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1, thread_name_prefix="mine"))
        use_daemon_threads()
        names.append(await asyncio.to_thread(lambda: threading.current_thread().name))

    asyncio.run(main())
    assert names[0].startswith("mine")
