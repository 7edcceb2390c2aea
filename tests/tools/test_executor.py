"""Code output is cut where it comes in; everything else is the wrapped executor's."""

import asyncio
from dataclasses import dataclass

from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock, CodeExecutor, CodeResult

from autogen_budget import ArtifactStore, Limits, TiktokenCounter, TokenBudget
from autogen_budget._tools import ToolOutputLimiter
from autogen_budget._tools._executor import BudgetedCodeExecutor
from builders import reference_in


@dataclass
class ResultWithFile(CodeResult):
    """A result that says more, as those of the command line do."""

    code_file: str


class Machine(CodeExecutor):
    """Answers with the code itself, many times over, and notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        """Repeats the code."""
        lines = [f"{i} {block.code}" for block in code_blocks for i in range(2_000)]
        return ResultWithFile(exit_code=3, output="\n".join(lines), code_file="main.py")

    async def start(self) -> None:
        """Notes the call."""
        self.asked.append("start")

    async def stop(self) -> None:
        """Notes the call."""
        self.asked.append("stop")

    async def restart(self) -> None:
        """Notes the call."""
        self.asked.append("restart")


def budgeted(budget: TokenBudget, store: ArtifactStore | None = None) -> tuple[BudgetedCodeExecutor, Machine]:
    """A machine under budget, and the machine."""
    machine = Machine()
    limiter = ToolOutputLimiter(budget, store or ArtifactStore(), TiktokenCounter())
    return BudgetedCodeExecutor(machine, limiter), machine


async def test_cuts_output_and_keeps_the_rest_of_the_result() -> None:
    """Exit code and file are as they were; the whole output is in the store."""
    store = ArtifactStore()
    executor, _ = budgeted(TokenBudget(8_000, tool_output_tokens={"code_executor": 100}), store)
    result = await executor.execute_code_blocks([CodeBlock("print()", "python")], CancellationToken())
    assert isinstance(result, ResultWithFile)
    assert (result.exit_code, result.code_file) == (3, "main.py")
    assert TiktokenCounter().measure_text(result.output).total <= 100
    whole = await store.get(str(reference_in(result.output)))
    assert whole.splitlines()[1_999] == "1999 print()"


async def test_delegates_the_rest() -> None:
    """Starting, stopping and restarting reach the wrapped executor."""
    executor, machine = budgeted(TokenBudget(800))
    async with executor:
        await executor.restart()
    assert machine.asked == ["start", "restart", "stop"]
    assert executor.executor is machine


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

    limiter = ToolOutputLimiter(TokenBudget(800), ArtifactStore(), TiktokenCounter())
    executor = BudgetedCodeExecutor(Endless(), limiter, Limits(tool_timeout=0.01))
    result = await executor.execute_code_blocks([CodeBlock("while True: pass", "python")], CancellationToken())
    assert result.exit_code == 124
    assert "0.01 s" in result.output
