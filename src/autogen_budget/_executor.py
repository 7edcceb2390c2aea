"""A code executor whose output is cut where it comes in, before it reaches contexts, events and other agents."""

from __future__ import annotations

from dataclasses import replace

from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock, CodeExecutor, CodeResult

from ._outputs import OutputCutter

CODE_OUTPUT = "code_executor"
"""The name under which `TokenBudget.tool_output_tokens` may limit the output of code."""


class BudgetedCodeExecutor(CodeExecutor):
    """Runs code in another executor, and cuts what it puts out to its limit.

    Args:
        executor (CodeExecutor): What runs the code.
        cutter (OutputCutter): Cuts the output.
    """

    def __init__(self, executor: CodeExecutor, cutter: OutputCutter) -> None:
        self.executor = executor
        """The wrapped executor."""
        self.cutter = cutter
        """Cuts the output."""

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        """Run code; see `CodeExecutor.execute_code_blocks`."""
        result = await self.executor.execute_code_blocks(code_blocks, cancellation_token)
        code = [block.code for block in code_blocks]
        return replace(result, output=await self.cutter.cut(result.output, CODE_OUTPUT, hints=code))

    async def start(self) -> None:
        """Start the wrapped executor."""
        await self.executor.start()

    async def stop(self) -> None:
        """Stop the wrapped executor."""
        await self.executor.stop()

    async def restart(self) -> None:
        """Restart the wrapped executor."""
        await self.executor.restart()
