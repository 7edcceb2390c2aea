from ._agents import (
    BudgetedAgent as BudgetedAgent,
    budget_team as budget_team,
    check_message_size as check_message_size,
    handoff_summary as handoff_summary,
    send_remote as send_remote,
)
from ._analysis import (
    Balance as Balance,
    Finding as Finding,
    Growth as Growth,
)
from ._artifacts import ArtifactStore as ArtifactStore
from ._budget import TokenBudget as TokenBudget
from ._client import BudgetedChatCompletionClient as BudgetedChatCompletionClient
from ._compaction import (
    ClearToolOutputs as ClearToolOutputs,
    Compaction as Compaction,
    CompactionContext as CompactionContext,
    DropDuplicates as DropDuplicates,
    DropImages as DropImages,
    DropThoughts as DropThoughts,
    Strategy as Strategy,
    Summarize as Summarize,
    TrimOldest as TrimOldest,
    TrimSelectorThread as TrimSelectorThread,
    TruncateToolOutputs as TruncateToolOutputs,
    compact as compact,
    default_strategies as default_strategies,
)
from ._counting import (
    AnthropicTokenSource as AnthropicTokenSource,
    FunctionCounter as FunctionCounter,
    GeminiTokenSource as GeminiTokenSource,
    Tally as Tally,
    TiktokenCounter as TiktokenCounter,
    TokenCounter as TokenCounter,
    TokenSource as TokenSource,
)
from ._errors import (
    ArtifactNotFoundError as ArtifactNotFoundError,
    BudgetError as BudgetError,
    ContextOverflowError as ContextOverflowError,
    LoopDetectedError as LoopDetectedError,
    MessageTooLargeError as MessageTooLargeError,
    ModelTimeoutError as ModelTimeoutError,
    PoolUnavailableError as PoolUnavailableError,
    RemoteTimeoutError as RemoteTimeoutError,
    RunTimeoutError as RunTimeoutError,
    SpendLimitError as SpendLimitError,
    ToolTimeoutError as ToolTimeoutError,
)
from ._history import History as History
from ._hooks import (
    RecordEvent as RecordEvent,
    RecordLog as RecordLog,
    observed as observed,
)
from ._limits import (
    Limits as Limits,
    LoopTermination as LoopTermination,
)
from ._record_json import (
    RecordFile as RecordFile,
    RecordFormatError as RecordFormatError,
    read_records as read_records,
)
from ._records import (
    CallRecord as CallRecord,
    Event as Event,
    LoopRecord as LoopRecord,
    OutputCut as OutputCut,
    Part as Part,
    Record as Record,
    RetryRecord as RetryRecord,
    Step as Step,
    TimeLimitRecord as TimeLimitRecord,
    WaitRecord as WaitRecord,
)
from ._report import (
    CallTotals as CallTotals,
    Report as Report,
)
from ._sight import (
    Telemetry as Telemetry,
    assert_within as assert_within,
    show_run as show_run,
)
from ._spend import (
    Price as Price,
    SpendPool as SpendPool,
    SpendReport as SpendReport,
    SpendTermination as SpendTermination,
)
from ._tools import BudgetedWorkbench as BudgetedWorkbench
from ._turns import (
    Pin as Pin,
    Turn as Turn,
    pin as pin,
)

__version__: str
__all__: list[str]
