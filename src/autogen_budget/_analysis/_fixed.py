"""What every request of an agent carries: instructions and tool schemas, and whether they are worth their place."""

from collections.abc import Sequence

from autogen_budget._records import CallRecord

from ._findings import Finding, percent
from ._thresholds import THRESHOLDS


def find_fixed(agent: str, calls: Sequence[CallRecord]) -> list[Finding]:
    """Find instructions and tool schemas that take much of every request, and tools that are never called.

    `calls`: Its calls, oldest first.
    """
    last = calls[-1]
    found: list[Finding] = []
    system, tools = last.layers_sent.get("system", 0), last.layers_sent.get("tools", 0)
    floor = max(THRESHOLDS.large_tokens, int(last.cap * THRESHOLDS.large_share))
    if system >= floor:
        found.append(
            Finding(
                "instructions",
                agent,
                f"instructions of {agent} take {system:,} tokens of every request, {percent(system, last.cap)} of the "
                f"cap and {percent(system, last.tokens_sent)} of what is sent",
                sum(call.layers_sent.get("system", 0) for call in calls) - len(calls) * min(system, floor // 2),
                "give them a cap, so that only the sections a message is about are sent, or shorten them",
                f"TokenBudget({last.cap:_}, max_instruction_tokens={floor // 2:_})",
            )
        )
    unused = _unused_tools(calls)
    if tools >= floor and not unused:
        largest = sorted(last.tools.items(), key=lambda item: -item[1])[: THRESHOLDS.named]
        named = ", ".join(f"{name} {tokens:,}" for name, tokens in largest)
        found.append(
            Finding(
                "tool schemas",
                agent,
                f"tool schemas of {agent} take {tools:,} tokens of every request, {percent(tools, last.cap)} of the "
                f"cap; largest: {named}",
                sum(call.layers_sent.get("tools", 0) for call in calls) - len(calls) * min(tools, floor // 2),
                "shorten descriptions, or set max_tool_schema_tokens in TokenBudget",
            )
        )
    if unused:
        each = sum(unused.values())
        names = ", ".join(f"{name} {tokens:,}" for name, tokens in list(unused.items())[: THRESHOLDS.named])
        more = f" and {len(unused) - THRESHOLDS.named:,} more" if len(unused) > THRESHOLDS.named else ""
        found.append(
            Finding(
                "unused tools",
                agent,
                f"{len(unused):,} of {len(last.tools):,} tools of {agent} were never called in {len(calls):,} calls "
                f"and take {each:,} tokens of every request: {names}{more}",
                each * len(calls),
                "offer these tools only to the agent that needs them",
                f"tools=[{', '.join(name for name in last.tools if name not in unused)}]",
            )
        )
    return found


def _unused_tools(calls: Sequence[CallRecord]) -> dict[str, int]:
    """Return the tools that no reply called, with their tokens, largest first; empty where they weigh little."""
    last = calls[-1]
    called = {name for call in calls for name in call.called}
    # `read_artifact` is this library's own: it is there for when it is needed.
    unused = {name: tokens for name, tokens in last.tools.items() if name not in called and name != "read_artifact"}
    if last.tools_withheld:  # they are chosen by what is asked, and are others for another task
        return {}
    least = max(THRESHOLDS.large_tokens // 2, last.cap * THRESHOLDS.large_share / 4)
    if len(calls) < THRESHOLDS.unused_calls or sum(unused.values()) < least:
        return {}
    return dict(sorted(unused.items(), key=lambda item: -item[1]))
