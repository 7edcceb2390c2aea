"""How long compaction takes against one pass of `tiktoken` over the same text, and how long it holds the event loop.

An agent's conversation of people's words, prose, logs, code, and records in many formats is compacted to its cap:

- cold: all of it comes with the first request, and no text was ever seen;
- warm: it came turn by turn, and its last turn brings the compaction.

    python tests/benchmarks/bench_compaction.py [--tokens N ...] [--cap N ...] [--agents N]

Prints for each length and cap the processor's time as a multiple of one pass of `tiktoken`, and the longest time that a
heartbeat on the same loop had to wait. With `--agents`, so many conversations of a tenth of
the length are compacted beside it.
"""

import argparse
import asyncio
import gc
import random
import sys
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

import tiktoken
from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    CreateResult,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    RequestUsage,
    UserMessage,
)
from autogen_ext.models.replay import ReplayChatCompletionClient

sys.path.insert(0, str(Path(__file__).parents[1]))

from autogen_budget import BudgetedChatCompletionClient, TiktokenCounter, TokenBudget, compact
from formats import WORDS, records, variants
from official_vocabularies import official_encoding

COUNTER = TiktokenCounter("gpt-4o")
BEAT = 0.001


class Instant(ReplayChatCompletionClient):
    """A model that answers at once."""

    async def create(self, *_: Any, **__: Any) -> CreateResult:
        """Give the same answer to everything."""
        return CreateResult(finish_reason="stop", content="yes", usage=RequestUsage(0, 0), cached=False)


def turns(seed: int) -> Iterator[list[LLMMessage]]:
    """Turns without end, each the messages that come together; every seed gives other texts."""
    rng = random.Random(seed)
    writers = list(variants().items())
    words = " ".join(WORDS.values()).split()

    def prose(count: int) -> str:
        return ". ".join(" ".join(rng.choice(words) for _ in range(12)).capitalize() for _ in range(count)) + "."

    yield [UserMessage(content=f"Look after the orders of depot {seed}. {prose(3)}", source="user")]
    while True:
        number = rng.randrange(10**6)
        name, write = rng.choice(writers)
        kinds = {
            "log": "\n".join(
                f"2026-03-{rng.randrange(1, 29):02} 12:{rng.randrange(60):02}:07 {rng.choice(('INFO', 'ERROR'))} "
                f"worker-{rng.randrange(9)} order {rng.randrange(10**6)} at /var/spool/{rng.randrange(10**4)}.job"
                for _ in range(30)
            ),
            "code": "\n".join(
                f"def step_{rng.randrange(10**5)}(order):\n    return order.total * {rng.randrange(99)} + fee(order)\n"
                for _ in range(20)
            ),
            "prose": prose(20),
            name: write(records(8, seed=number)),
        }
        kind = rng.choice(list(kinds))
        call = FunctionCall(id=str(number), name=f"read_{kind.replace(' ', '_')}", arguments=f'{{"path": "/{number}"}}')
        result = FunctionExecutionResult(content=kinds[kind], call_id=call.id, name=call.name, is_error=False)
        yield [
            AssistantMessage(content=[call], source="clerk", thought=prose(1)),
            FunctionExecutionResultMessage(content=[result]),
        ]
        if rng.random() < 0.2:
            yield [AssistantMessage(content=prose(2), source="clerk")]
            yield [UserMessage(content=f"{prose(2)} What about order {number}?", source="user")]


def conversation(tokens: int, seed: int) -> list[list[LLMMessage]]:
    """A conversation of about so many tokens, turn by turn; a counter of its own leaves no text known to others."""
    taken: list[list[LLMMessage]] = []
    size = 0
    for turn in turns(seed):
        taken.append(turn)
        size += sum(map(len, map(_text, turn)))
        if size > tokens * 3.3:
            return taken
    return taken


def _text(message: LLMMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    parts = (getattr(part, "arguments", None) or getattr(part, "content", "") for part in message.content)
    return "\n".join(map(str, parts))


class Heart:
    """Beats on the loop, and remembers the longest pause."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def __aenter__(self) -> "Heart":
        self._task = asyncio.create_task(self._beat())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()

    async def _beat(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(BEAT)
            self.longest = max(self.longest, time.perf_counter() - began - BEAT)


async def measured(work: Awaitable[object], others: list[Awaitable[object]]) -> tuple[float, float]:
    """The processor's seconds, and the longest hold of the loop."""
    gc.collect()
    async with Heart() as heart:
        began = time.process_time()
        await asyncio.gather(work, *others)
        return time.process_time() - began, heart.longest


def one_pass(turns: list[list[LLMMessage]], encoding: tiktoken.Encoding) -> float:
    """The processor's seconds of one pass of tiktoken."""
    texts = [_text(message) for turn in turns for message in turn]
    began = time.process_time()
    for text in texts:
        encoding.encode_ordinary(text)
    return time.process_time() - began


async def warm(grown: list[list[LLMMessage]], cap: int) -> tuple[float, float]:
    """Seconds and hold of the call that compacts.

    The conversation grows under a cap that its last turn exceeds; the target is the cap that is asked for.
    """
    *before, last = grown
    size = COUNTER.count([message for turn in before for message in turn])
    budget = TokenBudget(size + 20, compact_to=max(0.01, min(1.0, cap / size)), keep_last_turns=1)
    client = BudgetedChatCompletionClient(Instant([]), budget)
    messages: list[LLMMessage] = []
    for turn in before:
        messages += turn
        if isinstance(turn[-1], (UserMessage, FunctionExecutionResultMessage)):
            await client.create(messages)
            await asyncio.sleep(0.002)
    messages += [*last, UserMessage(content="And now? " * 20, source="user")]
    await asyncio.sleep(1.0)
    seconds, hold = await measured(client.create(messages), [])
    return seconds, hold


async def main() -> None:
    """Print a line for each length and cap."""
    parser = argparse.ArgumentParser(description="What compaction takes.")
    parser.add_argument("--tokens", type=int, nargs="+", default=[10_000, 158_000])
    parser.add_argument("--cap", type=int, nargs="+", default=[8_000, 100_000])
    parser.add_argument("--agents", type=int, default=0)
    options = parser.parse_args()
    encoding = official_encoding("o200k_base")
    COUNTER.count_text("load the vocabulary")
    seed = 0
    heads = (
        ("tokens", 9),
        ("cap", 8),
        ("pass s", 7),
        ("cold", 6),
        ("hold ms", 8),
        ("warm", 6),
        ("ms", 6),
        ("hold ms", 8),
    )
    print(" ".join(f"{head:>{width}}" for head, width in heads))
    for tokens in options.tokens:
        for cap in (cap for cap in options.cap if cap < tokens):
            seed += 1
            taken = conversation(tokens, seed)
            flat = [message for turn in taken for message in turn]
            pass_seconds = one_pass(taken, encoding)
            small = [conversation(tokens // 10, 1_000 * seed + i) for i in range(options.agents)]
            beside = [compact([m for turn in other for m in turn], TokenBudget(cap // 10)) for other in small]
            cold, cold_hold = await measured(compact(flat, TokenBudget(cap)), [*beside])
            seed += 1
            seconds, hold = await warm(conversation(tokens, seed), cap)
            print(
                f"{tokens:>9,} {cap:>8,} {pass_seconds:>7.3f} {cold / pass_seconds:>6.1f} {cold_hold * 1e3:>8.0f} "
                f"{seconds / pass_seconds:>6.1f} {seconds * 1e3:>6.0f} {hold * 1e3:>8.0f}",
                flush=True,
            )


if __name__ == "__main__":
    asyncio.run(main())
