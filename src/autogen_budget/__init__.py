"""Keeps AutoGen agents inside their context budget: every model call fits, stays valid and is recorded.

How a call flows:

1. count: what is new in the request, by kind of text, corrected by the usage the provider reports.
2. recognise: a history that continues a known one is read from its first new message on.
3. fit: strategies in reading order, until the request is at its target. Under the cap nothing is touched.
   Tool output over its limit was cut where it was received, and can be read back from the store that keeps the whole.
4. call: the wrapped client. A refusal for size teaches the true window; a strictly smaller request is sent once.
5. settle: usage corrects the counter, a `CallRecord` is kept, hooks are called.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._agents import BudgetedAgent, budget_team, check_message_size, handoff_summary, send_remote
    from ._analysis import Balance, Finding, Growth
    from ._artifacts import ArtifactStore
    from ._budget import TokenBudget
    from ._client import BudgetedChatCompletionClient
    from ._compaction import (
        ClearToolOutputs,
        Compaction,
        CompactionContext,
        DropDuplicates,
        DropImages,
        DropThoughts,
        Strategy,
        Summarize,
        TrimOldest,
        TrimSelectorThread,
        TruncateToolOutputs,
        compact,
        default_strategies,
    )
    from ._counting import (
        AnthropicTokenSource,
        FunctionCounter,
        GeminiTokenSource,
        Tally,
        TiktokenCounter,
        TokenCounter,
        TokenSource,
    )
    from ._errors import (
        ArtifactNotFoundError,
        BudgetError,
        ContextOverflowError,
        LoopDetectedError,
        MessageTooLargeError,
        ModelTimeoutError,
        PoolUnavailableError,
        RemoteTimeoutError,
        RunTimeoutError,
        SpendLimitError,
        ToolTimeoutError,
    )
    from ._history import History
    from ._hooks import RecordEvent, RecordLog, observed
    from ._limits import Limits, LoopTermination
    from ._record_json import RecordFile, RecordFormatError, read_records
    from ._records import (
        CallRecord,
        Event,
        LoopRecord,
        OutputCut,
        Part,
        Record,
        RetryRecord,
        Step,
        TimeLimitRecord,
        WaitRecord,
    )
    from ._report import CallTotals, Report
    from ._sight import Telemetry, assert_within, show_run
    from ._spend import Price, SpendPool, SpendReport, SpendTermination
    from ._tools import BudgetedWorkbench
    from ._turns import Pin, Turn, pin

__version__ = "0.2.0"

__all__ = [
    "AnthropicTokenSource",
    "ArtifactNotFoundError",
    "ArtifactStore",
    "Balance",
    "BudgetError",
    "BudgetedAgent",
    "BudgetedChatCompletionClient",
    "BudgetedWorkbench",
    "CallRecord",
    "CallTotals",
    "ClearToolOutputs",
    "Compaction",
    "CompactionContext",
    "ContextOverflowError",
    "DropDuplicates",
    "DropImages",
    "DropThoughts",
    "Event",
    "Finding",
    "FunctionCounter",
    "GeminiTokenSource",
    "Growth",
    "History",
    "Limits",
    "LoopDetectedError",
    "LoopRecord",
    "LoopTermination",
    "MessageTooLargeError",
    "ModelTimeoutError",
    "OutputCut",
    "Part",
    "Pin",
    "PoolUnavailableError",
    "Price",
    "Record",
    "RecordEvent",
    "RecordFile",
    "RecordFormatError",
    "RecordLog",
    "RemoteTimeoutError",
    "Report",
    "RetryRecord",
    "RunTimeoutError",
    "SpendLimitError",
    "SpendPool",
    "SpendReport",
    "SpendTermination",
    "Step",
    "Strategy",
    "Summarize",
    "Tally",
    "Telemetry",
    "TiktokenCounter",
    "TimeLimitRecord",
    "TokenBudget",
    "TokenCounter",
    "TokenSource",
    "ToolTimeoutError",
    "TrimOldest",
    "TrimSelectorThread",
    "TruncateToolOutputs",
    "Turn",
    "WaitRecord",
    "__version__",
    "assert_within",
    "budget_team",
    "check_message_size",
    "compact",
    "default_strategies",
    "handoff_summary",
    "observed",
    "pin",
    "read_records",
    "send_remote",
    "show_run",
]

_HOMES = {
    name: module
    for module, names in {
        "._agents": "BudgetedAgent budget_team check_message_size handoff_summary send_remote",
        "._analysis": "Balance Finding Growth",
        "._artifacts": "ArtifactStore",
        "._budget": "TokenBudget",
        "._client": "BudgetedChatCompletionClient",
        "._compaction": (
            "ClearToolOutputs Compaction CompactionContext DropDuplicates DropImages DropThoughts Strategy "
            "Summarize TrimOldest TrimSelectorThread TruncateToolOutputs compact default_strategies"
        ),
        "._counting": (
            "AnthropicTokenSource FunctionCounter GeminiTokenSource Tally TiktokenCounter TokenCounter TokenSource"
        ),
        "._errors": (
            "ArtifactNotFoundError BudgetError ContextOverflowError LoopDetectedError MessageTooLargeError "
            "ModelTimeoutError PoolUnavailableError RemoteTimeoutError RunTimeoutError SpendLimitError "
            "ToolTimeoutError"
        ),
        "._history": "History",
        "._hooks": "RecordEvent RecordLog observed",
        "._limits": "Limits LoopTermination",
        "._record_json": "RecordFile RecordFormatError read_records",
        "._records": "CallRecord Event LoopRecord OutputCut Part Record RetryRecord Step TimeLimitRecord WaitRecord",
        "._report": "CallTotals Report",
        "._sight": "Telemetry assert_within show_run",
        "._spend": "Price SpendPool SpendReport SpendTermination",
        "._tools": "BudgetedWorkbench",
        "._turns": "Pin Turn pin",
    }.items()
    for name in names.split()
}
"""Modules by the public names they hold."""


def __getattr__(name: str) -> object:
    """Load the module that a name is from when the name is used first: a program imports what it uses."""
    module = _HOMES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(_import_module(module, __name__), name)
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return [*__all__]
