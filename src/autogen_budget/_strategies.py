"""The strategies that are used when none are given."""

from autogen_core.models import ChatCompletionClient

from ._budget import TokenBudget
from ._clear import ClearToolOutputs
from ._duplicates import DropDuplicates
from ._lighten import DropImages, DropThoughts
from ._need import Strategy
from ._selector import TrimSelectorThread
from ._summarize import Summarize
from ._trim import TrimOldest
from ._truncate import TruncateToolOutputs


def default_strategies(budget: TokenBudget, summarizer: ChatCompletionClient | None = None) -> tuple[Strategy, ...]:
    """The strategies used when none are given: cheapest and least lossy first.

    Summaries are written by the agent's own model if it is known to handle it (AutoGen knows its family, or
    `genai-prices` its name) and the cap is at least 4,000 tokens. Otherwise, and in `compact`, which calls no model,
    facts alone stand for the turns that go; see `Summarize`.

    Args:
        budget (TokenBudget): The budget they work for.
        summarizer (ChatCompletionClient | None): Who writes summaries, whatever the cap. `None` means the agent's own
            model.
    """
    return (
        TrimSelectorThread(),
        DropDuplicates(),
        DropThoughts(),
        DropImages(),
        TruncateToolOutputs(budget.max_tool_output_tokens, budget.tool_output_tokens),
        ClearToolOutputs(),
        Summarize(summarizer),
        TrimOldest(),
    )
