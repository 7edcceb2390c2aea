"""Code output is cut where it comes in; everything else is the wrapped executor's."""

import asyncio

from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock, CodeResult

from autogen_budget import ArtifactStore, Limits, TiktokenCounter, TokenBudget
from builders import Machine, ResultWithFile, budgeted_executor, reference_in


async def test_cuts_output_and_keeps_the_rest_of_the_result() -> None:
    """Exit code and file are as they were; the whole output is in the store."""
    store = ArtifactStore()
    executor = budgeted_executor(
        Machine(), TokenBudget(8_000, tool_output_tokens={"code_executor": 100}), artifacts=store
    )
    result = await executor.execute_code_blocks([CodeBlock("print()", "python")], CancellationToken())
    assert isinstance(result, ResultWithFile)
    assert (result.exit_code, result.code_file) == (3, "main.py")
    assert TiktokenCounter().measure_text(result.output).total <= 100
    whole = await store.get(str(reference_in(result.output)))
    assert whole.splitlines()[1_999] == "1999 print()"


async def test_delegates_the_rest() -> None:
    """Starting, stopping and restarting reach the wrapped executor."""
    machine = Machine()
    executor = budgeted_executor(machine, TokenBudget(800))
    async with executor:
        await executor.restart()
    assert machine.asked == ["start", "restart", "stop"]


async def test_code_that_takes_too_long_fails_as_with_timeout() -> None:
    """The result says how long it was given, under the exit code that AutoGen's own executors use."""

    class Endless(Machine):
        """Runs code for ever."""

        async def execute_code_blocks(
            self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
        ) -> CodeResult:
            """Wait."""
            await asyncio.sleep(3_600)
            raise AssertionError("an hour went by")

    executor = budgeted_executor(Endless(), TokenBudget(800), limits=Limits(tool_timeout=0.01))
    result = await executor.execute_code_blocks([CodeBlock("while True: pass", "python")], CancellationToken())
    assert result.exit_code == 124
    assert "0.01 s" in result.output
