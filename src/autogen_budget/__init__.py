"""Keeps AutoGen agents inside their context budget: every model call fits, stays valid, and tells what was done.

How a call flows:

1. count: what is new in the request, by kind of text, corrected by the usage the provider reports.
2. recognise: is this the history of last time with something new behind it? Then only the new part is looked at.
3. fit: strategies in reading order, until the request is at its target. Under the cap nothing is touched.
   Tool output over its limit was cut where it came in, and can be read back from the store that keeps the whole.
4. call: the wrapped client. A refusal for size teaches the true window; a strictly smaller request is sent once.
5. settle: usage corrects the counter, a `CallRecord` is kept, hooks are told.
"""

from ._agent import BudgetedAgent
from ._artifacts import ArtifactStore
from ._budget import TokenBudget
from ._clear import ClearToolOutputs
from ._client import BudgetedChatCompletionClient
from ._counting import TiktokenCounter, TokenCounter
from ._duplicates import DropDuplicates
from ._errors import ArtifactNotFoundError, BudgetError, ContextOverflowError, SpendLimitError
from ._history import History
from ._keep import Pin, pin
from ._lighten import DropImages, DropThoughts
from ._need import Need, Strategy
from ._phases import handoff_summary
from ._pipeline import Compaction, compact
from ._report import CallRecord, OutputCut, Step
from ._selector import TrimSelectorThread
from ._spend import Price, SpendPool, SpendReport, SpendTermination
from ._strategies import default_strategies
from ._summarize import Summarize
from ._tally import Tally
from ._team import budget_team
from ._totals import Report
from ._trim import TrimOldest
from ._truncate import TruncateToolOutputs
from ._workbench import BudgetedWorkbench

__all__ = [
    "ArtifactNotFoundError",
    "ArtifactStore",
    "BudgetError",
    "BudgetedAgent",
    "BudgetedChatCompletionClient",
    "BudgetedWorkbench",
    "CallRecord",
    "ClearToolOutputs",
    "Compaction",
    "ContextOverflowError",
    "DropDuplicates",
    "DropImages",
    "DropThoughts",
    "History",
    "Need",
    "OutputCut",
    "Pin",
    "Price",
    "Report",
    "SpendLimitError",
    "SpendPool",
    "SpendReport",
    "SpendTermination",
    "Step",
    "Strategy",
    "Summarize",
    "Tally",
    "TiktokenCounter",
    "TokenBudget",
    "TokenCounter",
    "TrimOldest",
    "TrimSelectorThread",
    "TruncateToolOutputs",
    "budget_team",
    "compact",
    "default_strategies",
    "handoff_summary",
    "pin",
]
