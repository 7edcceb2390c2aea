"""What is sent again and again: duplicates, repeated memory, echoes, old results, broken prompt caches."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from autogen_budget._records import CallRecord, Part

from ._findings import Finding, percent
from ._parts import described, is_received, new_parts
from ._rising import is_rising
from ._thresholds import THRESHOLDS


def find_repeats(agent: str, calls: Sequence[CallRecord], agents: Collection[str]) -> list[Finding]:
    """Find what one agent's requests hold more than once or for too long.

    `calls`: Its calls, oldest first. `agents`: Names of all agents; `find_echoes` looks at what they write.
    """
    return [
        *_memory(agent, calls),
        *_duplicates(agent, calls, agents),
        *_old_results(agent, calls),
        *_busts(agent, calls),
    ]


def find_echoes(calls: Sequence[CallRecord]) -> list[Finding]:
    """Find pairs of agents that send each other the same text, and agents that do so with ever longer ones.

    `calls`: The calls of all agents, oldest first.
    """
    names = {call.name for call in calls}
    texts: dict[str, Part] = {}  # each text once, though every agent of a team is sent it
    copies: dict[frozenset[str], Counter[str]] = {}
    for _, part in new_parts(calls):
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
        if len(same) >= THRESHOLDS.repeats
    ]
    sizes: dict[str, list[int]] = {}
    for key, part in texts.items():
        sizes.setdefault(key.rpartition(" ")[0], []).append(part.tokens)
    rising = sorted(name for name, row in sizes.items() if is_rising(row))
    if not found and len(rising) > 1:
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
    for left, part in new_parts(calls):
        if part.label == "memory":
            seen[part.fingerprint] += 1
            if seen[part.fingerprint] > 1:
                extra += part.tokens
                tokens += part.tokens * left
    times = max(seen.values(), default=0)
    if times >= THRESHOLDS.repeats:
        yield Finding(
            "repeated memory",
            agent,
            f"memory of {agent} puts the same text into its history up to {times:,} times: {extra:,} tokens of repeats",
            tokens,
            "query the memory for what the newest message is about, or let DropDuplicates go first",
        )


def _duplicates(agent: str, calls: Sequence[CallRecord], agents: Collection[str]) -> Iterator[Finding]:
    seen = Counter[str]()
    repeats = Counter[str]()
    tokens = extra = 0
    for left, part in new_parts(calls):
        is_tool = part.layer == "tool output"
        if part.label == "memory" or not (is_tool or part.tokens >= THRESHOLDS.repeated_text):
            continue
        if not is_received(part, agents):
            continue
        seen[part.fingerprint] += 1
        if seen[part.fingerprint] > 1:
            repeats[described(part.label)] += 1
            extra += part.tokens
            tokens += part.tokens * left
    times = sum(repeats.values())
    if extra > THRESHOLDS.repeated_share * sum(call.new_tokens for call in calls) and times >= THRESHOLDS.repeats:
        what, most = repeats.most_common(1)[0]
        tool = what.removeprefix("results of ")
        yield Finding(
            "duplicates",
            agent,
            f"{times:,} messages or results sent to {agent} repeat earlier ones ({what} {most:,} times): "
            f"{extra:,} tokens",
            tokens,
            f"cache {tool}, or tell the agent that it has the result already"
            if tool != what
            else "say it once: it stays in the history",
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
        if part.age >= THRESHOLDS.old_calls and part.tokens >= THRESHOLDS.old_share * calls[-1].cap:
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
    busts = [(call.cache_bust, call.tokens_sent) for call in calls if call.cache_bust]
    places = Counter(_place(bust) for bust, _ in busts)
    if not places or places.most_common(1)[0][1] < min(THRESHOLDS.repeats, len(calls) - 1):
        return
    place, times = places.most_common(1)[0]
    kinds = Counter(bust.partition(", at character")[0] for bust, _ in busts if _place(bust) == place)
    what = kinds.most_common(1)[0][0]  # an id is now taken for a number, now for a change
    lost = sum(tokens for bust, tokens in busts if _place(bust) == place)
    yield Finding(
        "cache bust",
        agent,
        f"the provider's cache is lost in {times:,} of {len(calls):,} calls of {agent} by {what}: {lost:,} tokens "
        f"({percent(lost, sum(call.tokens_sent for call in calls))} of all) are paid in full",
        lost,
        _advice(what),
    )


def _place(bust: str) -> str:
    """Return where a prefix changed: "the instructions", "message 2", "the tools"."""
    return bust.partition(",")[0].rpartition(" in ")[2]


def _advice(what: str) -> str:
    if what == "the tools, which this call leaves out":
        return (
            "AutoGen leaves the tools out where it reflects on their results: let the agent go on with its tools "
            "instead, with max_tool_iterations in place of reflect_on_tool_use"
        )
    if "tool" in what:
        return "offer the same tools in the same order with every call"
    return "put what changes into the newest message, behind everything that stays the same"
