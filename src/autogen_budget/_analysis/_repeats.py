"""What is sent again and again: duplicates, repeated memory, echoes, old results, broken prompt caches."""

from collections import Counter
from collections.abc import Iterator, Sequence

from autogen_budget._records import CallRecord, Part

from ._findings import Finding, percent
from ._growth import is_rising

NOTABLE_SHARE = 0.02
"""Share of all that was sent from which a repetition is worth a word."""

OLD_CALLS = 8
"""Calls after which a result is old."""

OLD_SHARE = 0.05
"""Share of the cap that an old result must take to be worth a word."""

REPEATS = 3
"""How often something must be seen to be a pattern."""


def find_repeats(agent: str, calls: Sequence[CallRecord]) -> list[Finding]:
    """Find what one agent's requests hold more than once or for too long.

    `calls`: Its calls, oldest first.
    """
    return [*_memory(agent, calls), *_duplicates(agent, calls), *_old_results(agent, calls), *_busts(agent, calls)]


def find_echoes(calls: Sequence[CallRecord]) -> list[Finding]:
    """Find pairs of agents that send each other the same text, or ever longer ones.

    `calls`: The calls of all agents, oldest first.
    """
    names = {call.name for call in calls}
    texts: dict[str, Part] = {}  # each text once, though every agent of a team is sent it
    copies: dict[frozenset[str], Counter[str]] = {}
    for _, part in _new_parts(calls):
        source = part.label.removeprefix("text of ")
        if source not in names or source == part.label:
            continue
        first = texts.setdefault(f"{source} {part.fingerprint}", part)
        twins = [other for other in names if other != source and f"{other} {part.fingerprint}" in texts]
        for other in twins:
            copies.setdefault(frozenset((source, other)), Counter())[first.fingerprint] = part.tokens
    found = [
        _echo(pair, f"said the same {len(same):,} times", sum(same.values()) * 2)
        for pair, same in copies.items()
        if len(same) >= REPEATS
    ]
    sizes: dict[str, list[int]] = {}
    for key, part in texts.items():
        sizes.setdefault(key.rpartition(" ")[0], []).append(part.tokens)
    rising = sorted(name for name, row in sizes.items() if is_rising(row))
    if not found and len(rising) == 2:
        excess = sum(size - sizes[name][0] for name in rising for size in sizes[name])
        now = " and ".join(f"{sizes[name][-1]:,}" for name in rising)
        found.append(_echo(frozenset(rising), f"answer each other with ever longer texts, by now {now} tokens", excess))
    return found


def _echo(pair: frozenset[str], what: str, tokens: int) -> Finding:
    agents = " and ".join(sorted(pair))
    return Finding(
        "echo",
        agents,
        f"{agents} {what}: {tokens:,} tokens",
        tokens,
        "tell them not to repeat what they were told, or let them be told only a summary of what others said",
        'budget_team(team, budget, share="summary")',
    )


def _memory(agent: str, calls: Sequence[CallRecord]) -> Iterator[Finding]:
    seen = Counter[str]()
    tokens = extra = 0
    for left, part in _new_parts(calls):
        if part.label == "memory":
            seen[part.fingerprint] += 1
            if seen[part.fingerprint] > 1:
                extra += part.tokens
                tokens += part.tokens * left
    times = max(seen.values(), default=0)
    if times >= REPEATS:
        yield Finding(
            "repeated memory",
            agent,
            f"memory of {agent} puts the same text into its history up to {times:,} times: {extra:,} tokens of repeats",
            tokens,
            "query the memory for what the newest message is about, or let DropDuplicates go first",
        )


def _duplicates(agent: str, calls: Sequence[CallRecord]) -> Iterator[Finding]:
    seen = Counter[str]()
    repeats = Counter[str]()
    tokens = extra = 0
    for left, part in _new_parts(calls):
        if part.layer == "tool output":
            seen[part.fingerprint] += 1
            if seen[part.fingerprint] > 1:
                repeats[part.label.removeprefix("result of ")] += 1
                extra += part.tokens
                tokens += part.tokens * left
    if extra > NOTABLE_SHARE * sum(call.new_tokens for call in calls) and sum(repeats.values()) >= REPEATS:
        tool, times = repeats.most_common(1)[0]
        yield Finding(
            "duplicates",
            agent,
            f"{sum(repeats.values()):,} results of {agent} said what an earlier one had said ({tool} {times:,} times): "
            f"{extra:,} tokens of repeats",
            tokens,
            f"cache {tool}, or tell the agent that it has the result already",
        )


def _old_results(agent: str, calls: Sequence[CallRecord]) -> Iterator[Finding]:
    burnt = Counter[str]()
    latest: dict[str, Part] = {}
    for call in calls:
        for part in call.largest:
            if part.layer == "tool output" and part.age:
                key = f"{call.conversation} {part.fingerprint}"
                burnt[key] += part.tokens
                latest[key] = part
    for key, tokens in burnt.most_common(1):
        part = latest[key]
        if part.age >= OLD_CALLS and part.tokens >= OLD_SHARE * calls[-1].cap:
            tool = part.label.removeprefix("result of ")
            yield Finding(
                "old result",
                agent,
                f"a {part.label} of {part.tokens:,} tokens is still sent by {agent} {part.age:,} calls after it came: "
                f"{tokens:,} tokens so far",
                tokens,
                "cut it where it comes in; the whole stays in the store and can be read back",
                f'TokenBudget({calls[-1].cap}, tool_output_tokens={{"{tool}": {max(1, part.tokens // 4)}}})',
            )


def _busts(agent: str, calls: Sequence[CallRecord]) -> Iterator[Finding]:
    busts = Counter(call.cache_bust.partition(", at character")[0] for call in calls if call.cache_bust)
    if not busts or busts.most_common(1)[0][1] < min(REPEATS, len(calls) - 1):
        return
    what, times = busts.most_common(1)[0]
    lost = sum(call.tokens_sent for call in calls if (call.cache_bust or "").startswith(what))
    yield Finding(
        "cache bust",
        agent,
        f"the provider's cache is lost in {times:,} of {len(calls):,} calls of {agent} by {what}: {lost:,} tokens "
        f"({percent(lost, sum(call.tokens_sent for call in calls))} of all) are paid in full",
        lost,
        _advice(what),
    )


def _advice(what: str) -> str:
    if what == "the tools, which this call leaves out":
        return (
            "AutoGen leaves the tools out where it reflects on their results: let the agent go on with its tools "
            "instead, with max_tool_iterations in place of reflect_on_tool_use"
        )
    if "tool" in what:
        return "offer the same tools in the same order with every call"
    return "put what changes into the newest message, behind everything that stays the same"


def _new_parts(calls: Sequence[CallRecord]) -> Iterator[tuple[int, Part]]:
    """New parts, each with the number of calls that came after it and were sent it as well."""
    return ((len(calls) - 1 - i, part) for i, call in enumerate(calls) for part in call.new_parts)
