"""The strategies that are used when none are given."""

from typing import Literal

from autogen_core.models import ChatCompletionClient

from autogen_budget._budget import TokenBudget
from autogen_budget._checks import kind_of

from ._clear import ClearToolOutputs
from ._drop_images import DropImages
from ._drop_thoughts import DropThoughts
from ._duplicates import DropDuplicates
from ._protocol import Strategy
from ._selector import TrimSelectorThread
from ._summarize import Summarize
from ._trim import TrimOldest
from ._truncate import TruncateToolOutputs

SummarizerChoice = ChatCompletionClient | Literal["own"] | None
"""Who writes summaries: a client, the agent's own model, or (`None`) nobody: then no model is called."""


def default_strategies(budget: TokenBudget, summarize: Summarize | None = None) -> tuple[Strategy, ...]:
    """Return the strategies used when none are given: cheapest and least lossy first.

    .. code-block:: python

        default_strategies(budget, summarize=Summarize(cheap_client, prompt="Keep each decision and its reason."))

    Args:
        budget (TokenBudget): The budget they work for.
        summarize (Summarize | None): How a model writes up the turns that are dropped. `None` means none does: the
            facts in them stand in their place.
    """
    return (
        TrimSelectorThread(),
        DropDuplicates(),
        DropThoughts(),
        DropImages(),
        TruncateToolOutputs(budget.max_tool_output_tokens, budget.tool_output_tokens),
        ClearToolOutputs(),
        *(() if summarize is None else (summarize,)),
        TrimOldest(),
    )


def summarize_with(summarizer: SummarizerChoice) -> Summarize | None:
    """Return the strategy for a choice of who writes summaries.

    `summarizer`: A client, `"own"` for the agent's own model, or `None` for nobody.

    Raises:
        TypeError: It is something else.
    """
    if summarizer is None:
        return None
    if summarizer == "own":
        return Summarize()
    if not isinstance(summarizer, ChatCompletionClient):
        raise TypeError(
            f"summarizer must be a ChatCompletionClient, 'own' for the agent's own model, or None, got "
            f"{kind_of(summarizer)}"
        )
    return Summarize(summarizer)
