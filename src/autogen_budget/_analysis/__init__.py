"""Records → what they add up to, how histories grow, what wastes tokens and what to change."""

from collections.abc import Sequence

from autogen_budget._records import CallRecord

from ._balance import Balance, balance_of, cost_of
from ._compactions import find_frequent, find_loss
from ._findings import Finding
from ._fixed import find_fixed
from ._growth import Growth, find_growth, growth_of
from ._repeats import find_echoes, find_repeats
from ._rising import find_rising

__all__ = [
    "Balance",
    "Finding",
    "Growth",
    "balance_of",
    "calls_by_agent",
    "cost_of",
    "find_all",
    "growth_by_agent",
]


def calls_by_agent(calls: Sequence[CallRecord]) -> dict[str, list[CallRecord]]:
    """Sort the calls that agents made for themselves by agent, without those for summaries and those that failed.

    `calls`: Calls, oldest first.
    """
    agents: dict[str, list[CallRecord]] = {}
    for call in calls:
        if call.purpose != "summary" and call.error is None:
            agents.setdefault(call.name, []).append(call)
    return agents


def growth_by_agent(calls: Sequence[CallRecord]) -> tuple[Growth, ...]:
    """Measure how the history of each agent grows, the fastest first.

    `calls`: Calls of all agents, oldest first.
    """
    found = (growth_of(agent, own) for agent, own in calls_by_agent(calls).items())
    return tuple(sorted((growth for growth in found if growth), key=lambda growth: -growth.tokens_per_call))


def find_all(calls: Sequence[CallRecord], balance: Balance | None) -> tuple[Finding, ...]:
    """Find what wastes tokens, the largest gain first.

    `calls`: Calls of all agents, oldest first. `balance`: Whether compaction paid. `None` means that is not known.
    """
    found: list[Finding] = [*find_loss(balance, calls), *find_echoes(calls)]
    agents = calls_by_agent(calls)
    for agent, own in agents.items():
        rising = find_rising(agent, own, agents)
        growth = growth_of(agent, own)
        steady = None if growth is None or rising else find_growth(growth, own)
        found += [*rising, *find_fixed(agent, own), *find_repeats(agent, own, agents), *find_frequent(agent, own)]
        if steady is not None:
            found.append(steady)
    return tuple(sorted(found, key=lambda finding: -finding.tokens))
