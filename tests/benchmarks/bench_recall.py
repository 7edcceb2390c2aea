"""What an agent still finds after its tool results were cut, on transcripts of real agents.

For each tool call of a transcript, the values of its arguments that came from earlier tool results are looked up in
these results as they are after cutting: shortened by their kind (`TruncateToolOutputs`, through `compact`), and, as the
peer, by head and tail at line ends. A value counts as found if it stands in some tool result before the call; words of
users and assistants do not count.

    python tests/benchmarks/bench_recall.py DIR [SET ...] [--tokens 500]

DIR holds SET.jsonl files: one transcript a line, `{"messages": [...]}` in AutoGen's own form.
"""

import argparse
import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from autogen_core import FunctionCall
from autogen_core.models import AssistantMessage, FunctionExecutionResultMessage, LLMMessage, UserMessage
from pydantic import TypeAdapter

from autogen_budget import History, TiktokenCounter, TokenBudget, TruncateToolOutputs, compact
from autogen_budget._cut import cut_middle

COUNTER = TiktokenCounter("gpt-4o")

SHORTEST = 4
"""Characters a value has at least: shorter ones are found by chance."""

MESSAGES = TypeAdapter(list[LLMMessage])


def values_of(call: FunctionCall) -> Iterator[str]:
    """The strings and numbers in a call's arguments."""

    def leaves(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            for item in cast("dict[str, object]", value).values():
                yield from leaves(item)
        elif isinstance(value, list):
            for item in cast("list[object]", value):
                yield from leaves(item)
        elif value is not None and not isinstance(value, bool):
            yield str(value).strip()

    try:
        yield from (text for text in leaves(json.loads(call.arguments)) if len(text) >= SHORTEST)
    except ValueError:
        return


def stands_in(value: str, text: str) -> bool:
    """Whether a value stands in a text as a word of its own."""
    at = text.find(value)
    while at >= 0:
        around = text[at - 1 : at] + " " + text[at + len(value) : at + len(value) + 1]
        if not re.search(r"\w", around):
            return True
        at = text.find(value, at + 1)
    return False


def results_in(messages: Sequence[LLMMessage]) -> list[list[str]]:
    """The texts of tool results, message by message."""
    return [
        [result.content for result in message.content] if isinstance(message, FunctionExecutionResultMessage) else []
        for message in messages
    ]


async def by_kind(messages: list[LLMMessage], tokens: int) -> list[list[str]]:
    """Results cut by the library's own strategy."""
    over = COUNTER.count(messages) - 1
    budget = TokenBudget(over, compact_to=0.001)
    done = await compact(messages, budget, strategies=[TruncateToolOutputs(tokens)], counter=COUNTER)
    if [step.strategy for step in done.steps] != ["TruncateToolOutputs"]:  # nothing is over-long
        return results_in(messages)
    return results_in(done.messages)


async def by_head_and_tail(messages: list[LLMMessage], tokens: int) -> list[list[str]]:
    """Results cut in their middle."""
    return [[cut_middle(text, tokens, COUNTER) for text in texts] for texts in results_in(messages)]


async def main() -> None:
    """Print one line for each set and way of cutting."""
    parser = argparse.ArgumentParser(description="Recall of argument values after tool results were cut.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--tokens", type=int, default=500, help="tokens a result may keep (%(default)s)")
    options = parser.parse_args()
    names: list[str] = options.sets or sorted(path.stem for path in options.folder.glob("*.jsonl"))
    print(f"{'set':<10} {'cut by':<14} {'found':>8} {'of':>7} {'share':>7}   only in cut results")
    for name in names:
        lines = (options.folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        # Mended first, so that the messages are the same ones before and after.
        transcripts = [
            History.parse(MESSAGES.validate_python(json.loads(line)["messages"])).flatten() for line in lines
        ]
        for title, cut in (("kind", by_kind), ("head and tail", by_head_and_tail)):
            found = total = cut_found = cut_total = 0
            for messages in transcripts:
                whole, short = results_in(messages), await cut(messages, options.tokens)
                for k, message in enumerate(messages):
                    if not isinstance(message, AssistantMessage) or isinstance(message.content, str):
                        continue
                    for value in {value for call in message.content for value in values_of(call)}:
                        places = [i for i in range(k) if any(stands_in(value, text) for text in whole[i])]
                        if not places or any(
                            isinstance(m, UserMessage) and stands_in(value, str(m.content))
                            for m in messages[: places[0]]
                        ):
                            continue
                        there = any(stands_in(value, text) for i in places for text in short[i])
                        found, total = found + there, total + 1
                        if all(whole[i] != short[i] for i in places):
                            cut_found, cut_total = cut_found + there, cut_total + 1
            share = found / total if total else float("nan")
            print(f"{name:<10} {title:<14} {found:>8,} {total:>7,} {share:>7.4f}   {cut_found} of {cut_total}")


if __name__ == "__main__":
    asyncio.run(main())
