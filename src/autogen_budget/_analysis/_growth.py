"""Growth: how many tokens a call of an agent adds to its history, and what they are."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from autogen_budget._records import CallRecord

from ._findings import Finding
from ._parts import described, new_parts
from ._thresholds import THRESHOLDS


@dataclass(frozen=True, slots=True)
class Growth:
    """How the longest conversation of an agent grows.

    Args:
        agent (str): The agent's name.
        calls (int): Calls of the conversation.
        tokens_per_call (float): Tokens that each call after the first added to the history.
        cause (str): What added most: `"results of fetch_page"`, `"text of user"`, or a layer. Empty means nothing was
            added.
        cause_share (float): Its share of all that was added, from 0 to 1.
        limit (int): Tokens of the window, or of the cap where the window is not known.
        calls_left (int | None): Calls until the history as received would fill `limit`, 0 if it already does. `None`
            means it does not grow.
    """

    agent: str
    calls: int
    tokens_per_call: float
    cause: str
    cause_share: float
    limit: int
    calls_left: int | None

    def __str__(self) -> str:
        if self.calls_left is None:
            return f"history of {self.agent} does not grow"
        end = f"at this rate {self.limit:,} tokens are full in {self.calls_left:,} calls"
        if not self.calls_left:
            end = f"as it came it would no longer fit into {self.limit:,} tokens"
        return (
            f"history of {self.agent} grows {self.tokens_per_call:,.0f} tokens a call, {self.cause_share:.0%} of it "
            f"{self.cause}; {end}"
        )


def growth_of(agent: str, calls: Sequence[CallRecord]) -> Growth | None:
    """Measure how the longest conversation of an agent grows.

    `calls`: Its calls, oldest first.

    Returns:
        Growth | None: `None` means there are too few calls.
    """
    conversations: dict[str, list[CallRecord]] = {}
    for call in calls:
        conversations.setdefault(call.conversation, []).append(call)
    nobody: list[CallRecord] = []
    longest = max(conversations.values(), key=len, default=nobody)
    if len(longest) < THRESHOLDS.min_calls:
        return None
    added = Counter[str]()
    for call in longest[1:]:
        for part in call.new_parts:
            added[described(part.label)] += part.tokens
    first, last = longest[0], longest[-1]
    if not added:  # records without parts hold layers only
        for layer, tokens in last.layers_before.items():
            added[layer] = max(0, tokens - first.layers_before.get(layer, 0))
    total = sum(added.values())
    rate = total / (len(longest) - 1)
    cause, tokens = added.most_common(1)[0] if total else ("", 0)
    limit = last.window or last.cap
    left = int(max(0, limit - last.tokens_before) / rate) if rate >= 1 else None
    return Growth(agent, len(longest), rate, cause, tokens / total if total else 0.0, limit, left)


def find_growth(growth: Growth, calls: Sequence[CallRecord]) -> Finding | None:
    """Make a finding of growth that will soon fill the cap, if one tool's results are its cause."""
    cap = calls[-1].cap
    tool = growth.cause.removeprefix("results of ")
    is_slow = growth.tokens_per_call < cap * THRESHOLDS.growth_share
    if tool == growth.cause or is_slow or growth.cause_share < THRESHOLDS.growth_cause:
        return None
    sizes = sorted(part.tokens for call in calls for part in call.new_parts if part.label == f"result of {tool}")
    limit = max(1, sizes[len(sizes) // 4] // 2)
    label = f"result of {tool}"
    # Each token that a result is shorter by is not sent with any later call.
    saved = sum(max(0, part.tokens - limit) * left for left, part in new_parts(calls) if part.label == label)
    return Finding(
        "growth",
        growth.agent,
        str(growth),
        min(saved, sum(call.layers_sent.get("tool output", 0) for call in calls)),
        f"let {tool} return less, or cut its outputs: the whole stays in the store and can be read back",
        f'TokenBudget({cap}, tool_output_tokens={{"{tool}": {limit}}})',
    )
