"""The tool seam: workbenches and code executors whose output is limited where it comes in."""

from ._output_limiter import ToolOutputLimiter, cap_of
from ._timer import ToolTimer
from ._workbench import BudgetedWorkbench
from ._wrapping import ToolWrapping, wrap_unique

__all__ = [
    "BudgetedWorkbench",
    "ToolOutputLimiter",
    "ToolTimer",
    "ToolWrapping",
    "cap_of",
    "wrap_unique",
]
