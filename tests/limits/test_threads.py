"""Functions in threads, which nothing can stop: they are given up, counted, and take no place from others."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from autogen_core.tools import FunctionTool, StaticWorkbench

from autogen_budget import BudgetedWorkbench, Limits, Record, TimeLimitRecord, TokenBudget
from autogen_budget._limits import left_behind, use_daemon_threads

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
