"""Rising series: results, memory and texts that are larger each time they come."""

from collections.abc import Collection, Sequence
from itertools import pairwise
from statistics import correlation

from autogen_budget._records import CallRecord

from ._findings import Finding
from ._parts import described, is_received, new_parts
from ._thresholds import THRESHOLDS


def find_rising(agent: str, calls: Sequence[CallRecord], agents: Collection[str]) -> list[Finding]:
    """Find tools, memory and users whose results and texts are larger each time.

    `calls`: Its calls, oldest first. `agents`: Names of all agents; `find_echoes` looks at what they write.
    """
    series: dict[str, list[tuple[int, int]]] = {}
    for left, part in new_parts(calls):
        if is_received(part, agents):
            series.setdefault(part.label, []).append((part.tokens, left))
    return [
        _finding(agent, calls[-1].cap, label, sized)
        for label, sized in series.items()
        if len(sized) >= THRESHOLDS.min_series and is_rising([tokens for tokens, _ in sized])
    ]


def is_rising(sizes: Sequence[int]) -> bool:
    """Return whether a series grows throughout: nearly every step is up, and the end is well above the beginning.

    `sizes`: Tokens, oldest first.
    """
    rise = sizes[-1] - sizes[0]
    if len(sizes) < THRESHOLDS.min_calls or sizes[-1] < 1.5 * sizes[0] or rise < THRESHOLDS.min_rise:
        return False
    ups = sum(b > a for a, b in pairwise(sizes))
    return ups >= 0.8 * (len(sizes) - 1) and correlation(range(len(sizes)), sizes) >= 0.8


def _finding(agent: str, cap: int, label: str, sized: Sequence[tuple[int, int]]) -> Finding:
    first, last = sized[0][0], sized[-1][0]
    excess = sum(tokens - first for tokens, _ in sized)
    what, tool = described(label), label.removeprefix("result of ")
    is_tool = tool != label
    return Finding(
        "rising results" if is_tool else "rising texts",
        agent,
        f"{what} {'grows' if label == 'memory' else 'grow'} with each call of {agent}: {first:,} tokens at first, "
        f"{last:,} after {len(sized):,} times, {excess:,} tokens more than if they had stayed as they were",
        sum((tokens - first) * (1 + left) for tokens, left in sized),
        f"let {tool} return only what is new since it was called last"
        if is_tool
        else "send only what is new since the last time, or what the newest message is about",
        f'TokenBudget({cap}, tool_output_tokens={{"{tool}": {max(1, 2 * first)}}})' if is_tool else "",
    )
