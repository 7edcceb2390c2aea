"""Whether compaction is set up well: how often it happens, and whether it pays."""

from collections.abc import Sequence

from autogen_budget._records import CallRecord

from ._balance import Balance
from ._findings import Finding
from ._thresholds import THRESHOLDS


def find_frequent(agent: str, calls: Sequence[CallRecord]) -> list[Finding]:
    """Find an agent whose requests are made smaller nearly every time.

    `calls`: Its calls, oldest first.
    """
    shrunk = [call for call in calls if call.shrank]
    if len(shrunk) < THRESHOLDS.min_compactions or len(shrunk) * THRESHOLDS.frequent < len(calls):
        return []
    cap = calls[-1].cap
    lost = sum(max(0, call.tokens_sent - call.stable_prefix_tokens - call.new_tokens) for call in shrunk)
    return [
        Finding(
            "frequent compaction",
            agent,
            f"{len(shrunk):,} of {len(calls):,} calls of {agent} had to be made smaller: each time the provider's "
            f"cache is lost, {lost:,} tokens so far",
            lost,
            "raise the cap, or shrink further at once so that it happens more rarely",
            f"TokenBudget({2 * cap})  # or TokenBudget({cap}, compact_to=0.4)",
        )
    ]


def find_loss(balance: Balance | None, calls: Sequence[CallRecord]) -> list[Finding]:
    """Say so when compaction cost more than it saved.

    `balance`: Whether compaction paid. `None` means that is not known.
    """
    if balance is None or balance.saved >= 0 or not any(call.shrank for call in calls):
        return []
    lost = sum(max(0, call.tokens_sent - call.stable_prefix_tokens - call.new_tokens) for call in calls if call.shrank)
    windows = [call.window for call in calls if call.window is not None]
    return [
        Finding(
            "compaction costs",
            " and ".join(sorted({call.name for call in calls if call.shrank})),
            f"{balance}: the run was too short, or compacted too often, for it to pay",
            lost,
            "leave the cap to the model's window; compaction then happens only where a request would not fit",
            f"TokenBudget(context_window={max(windows)})" if windows else "",
        )
    ]
