"""A code executor whose output is cut where it comes in, before it reaches contexts, events and other agents."""

from __future__ import annotations

from dataclasses import replace

from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock, CodeExecutor, CodeResult

from autogen_budget._errors import ToolTimeoutError
from autogen_budget._limits import Limits

from ._output_limiter import ToolOutputLimiter
from ._timer import ToolTimer

CODE_OUTPUT = "code_executor"
"""The name under which `TokenBudget.tool_output_tokens` and `Limits.tool_timeouts` may limit code."""

TIMED_OUT = 124
"""The exit code of code that took too long, as AutoGen's own executors and `timeout` give it."""


class BudgetedCodeExecutor(CodeExecutor):
    """Runs code in another executor, and cuts what it puts out to its limit.

    `limits`: How long code may run. `None` means `Limits()`: 300 seconds.
    """

    def __init__(self, executor: CodeExecutor, limiter: ToolOutputLimiter, limits: Limits | None = None) -> None:
        self.executor = executor
        """The wrapped executor."""
        self.limiter = limiter
        """Cuts the output."""
        self._timer = ToolTimer(limits or Limits(), limiter.report, limiter.name)

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        """Run code; see `CodeExecutor.execute_code_blocks`. What takes too long fails with exit code 124."""
        try:
            result = await self._timer.run(
                CODE_OUTPUT, lambda token: self.executor.execute_code_blocks(code_blocks, token), cancellation_token
            )
        except ToolTimeoutError as error:
            return CodeResult(exit_code=TIMED_OUT, output=str(error))
        code = [block.code for block in code_blocks]
        return replace(result, output=await self.limiter.cut(result.output, CODE_OUTPUT, hints=code))

    async def start(self) -> None:
        """Start the wrapped executor."""
        await self._timer.run(f"{CODE_OUTPUT}: its start", lambda _: self.executor.start())

    async def stop(self) -> None:
        """Stop the wrapped executor."""
        await self._timer.run(f"{CODE_OUTPUT}: its end", lambda _: self.executor.stop())

    async def restart(self) -> None:
        """Restart the wrapped executor."""
        await self.executor.restart()
