"""What an agent still finds in its compacted prompt, on transcripts of real agents, with no model in the loop.

Before each call of a transcript, the history so far is compacted by the default strategies (`compact`, all settings at
their defaults). A value in the call's arguments that stands earlier in the history counts as

- usable, if it still stands in the compacted messages,
- labelled, if a reader can tell what it is: it stands in a message that came as it is sent, or in a line with a word of
  the argument's name, a field's name before it, or the words of a sentence around it,
- beyond, if its newest place lies further back than the cap reaches.

    python tests/benchmarks/bench_argument_recall.py DIR [SET ...] [--steps 600] [--cap 2000 --cap 4000 --cap 0.125]

DIR holds SET.jsonl files: one transcript a line, `{"messages": [...]}` in AutoGen's own form. A cap below 1 is a share
of the history's tokens; instructions are no part of either. Steps are drawn evenly.
"""

import argparse
import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from autogen_core import FunctionCall
from autogen_core.models import AssistantMessage, LLMMessage, SystemMessage
from pydantic import TypeAdapter

from autogen_budget import ContextOverflowError, History, TiktokenCounter, TokenBudget, compact

COUNTER = TiktokenCounter("gpt-4o")
SHORTEST = 4
"""Characters a value has at least: shorter ones are found by chance."""

LEAST_HISTORY = 2_000
"""Tokens a history holds at least for a cap that is a share of it."""

MESSAGES = TypeAdapter(list[LLMMessage])


@dataclass
class Found:
    """Counts of one set and cap."""

    steps: int = 0
    values: int = 0
    usable: int = 0
    labelled: int = 0
    far: int = 0
    far_usable: int = 0
    filled: float = 0.0
    refused: int = 0
    over: int = 0

    def __str__(self) -> str:
        def share(part: int, whole: int) -> str:
            return f"{part / whole:>8.3f}" if whole else "       -"

        filled = self.filled / max(1, self.steps)
        return (
            f"{self.steps:>7,}{self.values:>8,}{share(self.usable, self.values)}{share(self.labelled, self.values)}"
            f"{share(self.far_usable, self.far)} ({self.far}){filled:>8.2f}{self.over:>6}{self.refused:>9}"
        )


def values_of(call: FunctionCall) -> Iterator[tuple[str, str]]:
    """The strings and numbers in a call's arguments, each with the name of its field."""

    def leaves(name: str, value: object) -> Iterator[tuple[str, str]]:
        if isinstance(value, dict):
            for key, item in cast("dict[str, object]", value).items():
                yield from leaves(key, item)
        elif isinstance(value, list):
            for item in cast("list[object]", value):
                yield from leaves(name, item)
        elif value is not None and not isinstance(value, bool) and len(str(value).strip()) >= SHORTEST:
            yield name, str(value).strip()

    try:
        yield from leaves("", json.loads(call.arguments))
    except ValueError:
        return


def texts_of(message: LLMMessage) -> list[str]:
    """All that a reader sees of a message."""
    if isinstance(message.content, str):
        return [message.content]
    parts: list[str] = []
    for part in message.content:
        if isinstance(part, FunctionCall):
            parts.append(part.arguments)
        elif isinstance(part, str):
            parts.append(part)
        else:
            parts.append(str(getattr(part, "content", "")))
    return parts


def stands_in(value: str, text: str) -> bool:
    """Whether a value stands in a text as a word of its own."""
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) is not None


def is_labelled(name: str, value: str, text: str) -> bool:
    """Whether some line tells what a value is."""
    words = {word for word in re.findall(r"[a-z]{2,}", name.lower()) if word not in ("id", "the")}
    for line in text.splitlines():
        if not stands_in(value, line):
            continue
        named = any(word.rstrip("s") in line.lower() for word in words)
        if (
            named
            or re.search(rf"[\w\]]+=[^=|]{{0,80}}{re.escape(value)}", line)
            or len(re.findall(r"[a-z]{2,}", line)) > 3
        ):
            return True
    return False


async def look(history: Sequence[LLMMessage], calls: Sequence[FunctionCall], cap: float, found: Found) -> None:
    """Compact the history before a step and look for the values of its calls."""
    body = [message for message in history if not isinstance(message, SystemMessage)]
    held = COUNTER.count(body)
    allowed = int(cap if cap >= 1 else held * cap)
    if held <= allowed or (cap < 1 and held < LEAST_HISTORY):
        return
    whole = [" \n ".join(texts_of(message)) for message in body]
    wanted = {
        (name, value): max(i for i, text in enumerate(whole) if stands_in(value, text))
        for call in calls
        for name, value in values_of(call)
        if any(stands_in(value, text) for text in whole)
    }
    if not wanted:
        return
    found.steps += 1
    found.values += len(wanted)
    try:
        done = await compact(body, TokenBudget(allowed), counter=COUNTER)
    except ContextOverflowError:
        found.refused += 1
        return
    found.filled += done.tokens_after / allowed
    found.over += done.tokens_after > allowed
    came = {id(message) for message in body}
    sent = [(id(message) in came, "\n".join(texts_of(message))) for message in done.messages]
    for (name, value), newest in wanted.items():
        usable = any(stands_in(value, text) for _, text in sent)
        found.usable += usable
        found.labelled += any(
            stands_in(value, text) and (untouched or is_labelled(name, value, text)) for untouched, text in sent
        )
        if COUNTER.count(body[newest + 1 :]) > allowed:
            found.far += 1
            found.far_usable += usable


async def main() -> None:
    """Print a line for each set and cap."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("sets", nargs="*")
    parser.add_argument("--steps", type=int, default=600, help="steps to look at in each set (%(default)s)")
    parser.add_argument("--cap", type=float, action="append", help="tokens, or a share (2000, 4000 and 0.125)")
    options = parser.parse_args()
    names: list[str] = options.sets or sorted(path.stem for path in options.folder.glob("*.jsonl"))
    title = f"{'steps':>7}{'values':>8}{'usable':>8}{'labelled':>8}{'beyond':>8}{'filled':>12}{'over':>6}{'refused':>9}"
    print(f"{'set':<10}{'cap':>7}{title}")
    for name in names:
        lines = (options.folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        transcripts = [
            History.parse(MESSAGES.validate_python(json.loads(line)["messages"])).flatten() for line in lines
        ]
        steps = [
            (messages, k, [part for part in message.content if isinstance(part, FunctionCall)])
            for messages in transcripts
            for k, message in enumerate(messages)
            if isinstance(message, AssistantMessage) and not isinstance(message.content, str)
        ]
        drawn = steps[:: max(1, len(steps) // max(1, options.steps))]
        for cap in options.cap or (2_000, 4_000, 0.125):
            found = Found()
            for messages, k, calls in drawn:
                await look(messages[:k], calls, cap, found)
            print(f"{name:<10}{cap:>7g}{found}")


if __name__ == "__main__":
    asyncio.run(main())
