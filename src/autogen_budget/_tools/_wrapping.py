"""What an agent works with beside its model, put under budget: its workbenches and the code it runs."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from autogen_core.code_executor import CodeExecutor
from autogen_core.tools import Workbench

from autogen_budget._limits import Limits

from ._executor import BudgetedCodeExecutor
from ._finder import ToolFinder
from ._output_limiter import ToolOutputLimiter
from ._workbench import BudgetedWorkbench, ReadBack

T = TypeVar("T")
W = TypeVar("W")


class ToolWrapping:
    """Wraps the tools and the code of one agent, whose outputs are cut where they come in."""

    def __init__(
        self, limiter: ToolOutputLimiter, *, read_back: bool, shared: bool, find_tools: bool, limits: Limits
    ) -> None:
        self._limiter = limiter
        self._limits = limits
        self._read_back = read_back
        self._shared = shared
        self._find_tools = find_tools and limiter.budget.max_tool_schema_tokens is not None

    def wrap_workbenches(self, held: Mapping[str, Workbench | Sequence[Workbench]]) -> dict[str, object]:
        """Return what to put in the place of an agent's workbenches; one of them offers the tool that reads back."""
        rows = {name: [value] if isinstance(value, Workbench) else list(value) for name, value in held.items()}
        plain = {id(workbench): workbench for row in rows.values() for workbench in row}
        wrapped = {
            key: self._wrap_workbench(workbench, self._read_back_of(list(plain.values()), workbench))
            for key, workbench in plain.items()
        }
        new = {name: [wrapped[id(workbench)] for workbench in row] for name, row in rows.items()}
        if self._find_tools:
            new = {name: [*row, self._finder(row)] for name, row in new.items()}
        return {name: new[name][0] if isinstance(value, Workbench) else new[name] for name, value in held.items()}

    def wrap_executors(self, held: Mapping[str, CodeExecutor]) -> dict[str, CodeExecutor]:
        """Return what to put in the place of an agent's code executors."""
        return wrap_unique(held, lambda executor: BudgetedCodeExecutor(executor, self._limiter, self._limits))

    def _read_back_of(self, workbenches: Sequence[Workbench], workbench: Workbench) -> ReadBack:
        """Return when a workbench offers the tool that reads back: the last one of an agent does, if any."""
        offered = any(isinstance(other, BudgetedWorkbench) for other in workbenches)  # by the user's own
        if not self._read_back or offered or workbench is not workbenches[-1]:
            return "never"
        needed = self._shared or self._limiter.budget.max_instruction_tokens is not None  # texts that no tool put out
        return "always" if needed or len(workbenches) > 1 else "with tools"

    def _finder(self, workbenches: Sequence[BudgetedWorkbench]) -> BudgetedWorkbench:
        finder = ToolFinder(workbenches, self._limiter)
        return BudgetedWorkbench(finder, self._limiter, read_back="never", limits=self._limits)

    def _wrap_workbench(self, workbench: Workbench, read_back: ReadBack) -> BudgetedWorkbench:
        if isinstance(workbench, BudgetedWorkbench):
            return workbench
        return BudgetedWorkbench(workbench, self._limiter, read_back=read_back, limits=self._limits)


def wrap_unique(held: Mapping[str, T], wrap: Callable[[T], W]) -> dict[str, W]:
    """Wrap what an object holds; what it holds under two names gets one wrapper."""
    wrapped = {id(part): part for part in held.values()}
    wrappers = {key: wrap(part) for key, part in wrapped.items()}
    return {name: wrappers[id(part)] for name, part in held.items()}
