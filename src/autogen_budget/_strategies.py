"""The strategies that are used when none are given."""

from ._budget import TokenBudget
from ._need import Strategy
from ._trim import TrimOldest
from ._truncate import TruncateToolOutputs


def default_strategies(budget: TokenBudget) -> tuple[Strategy, ...]:
    """The strategies used when none are given: cheapest and least lossy first.

    Args:
        budget (TokenBudget): The budget they work for.
    """
    return (TruncateToolOutputs(budget.max_tool_output_tokens, budget.tool_output_tokens), TrimOldest())
