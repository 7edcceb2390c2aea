"""What recording costs: the time to describe a request and to tell of it, beside the whole work around a call.

A support agent with tools is played; the model answers at once, so that what is measured is the library's own work, in
processor time; the least of some rounds, in turn.

    python tests/benchmarks/bench_recording.py
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    CreateResult,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    RequestUsage,
    SystemMessage,
    UserMessage,
)
from autogen_core.tools import ToolSchema
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import (
    BudgetedChatCompletionClient,
    CallRecord,
    Record,
    RecordFile,
    RecordLog,
    TiktokenCounter,
    TokenBudget,
)
from autogen_budget._client._composition import Composer

TURNS, ROUNDS = 150, 5
TOOLS = [ToolSchema(name=f"tool_{i}", description="Looks closely at one of many places. " * 8) for i in range(12)]


class Instant(ReplayChatCompletionClient):
    """A model that answers at once."""

    async def create(self, *_: Any, **__: Any) -> CreateResult:
        """Give the same answer to everything."""
        return CreateResult(finish_reason="stop", content="yes", usage=RequestUsage(0, 0), cached=False)


def histories() -> list[list[LLMMessage]]:
    """The messages of each call of a run."""
    messages: list[LLMMessage] = [SystemMessage(content="You help captains. " * 40)]
    found: list[list[LLMMessage]] = []
    for turn in range(TURNS):
        call = FunctionCall(id=str(turn), name="tool_1", arguments=f'{{"ship": {turn}}}')
        text = " ".join(f"berth {turn * 31 % 97 + i} holds {turn * i} tons" for i in range(40))
        result = FunctionExecutionResult(content=text, name="tool_1", call_id=call.id, is_error=False)
        messages += [
            UserMessage(content=f"Where does ship {turn} lie?", source="user"),
            AssistantMessage(content=[call], source="clerk"),
            FunctionExecutionResultMessage(content=[result]),
        ]
        found.append([*messages])
        messages.append(AssistantMessage(content=f"At berth {turn}.", source="clerk"))
    return found


async def whole(
    calls: Sequence[list[LLMMessage]], cap: int, counter: TiktokenCounter
) -> tuple[float, tuple[CallRecord, ...]]:
    """Seconds of the library's work for each call, texts counted for the first time among it."""
    log = RecordLog(len(calls))
    client = BudgetedChatCompletionClient(Instant([]), TokenBudget(cap), hooks=[log.add], counter=counter)
    began = time.process_time()
    for messages in calls:
        await client.create(messages, tools=TOOLS)
    return (time.process_time() - began) / len(calls), log.calls


def describing(calls: Sequence[list[LLMMessage]], counter: TiktokenCounter) -> float:
    """Seconds to describe a request, with all texts counted before, as they are when a call is described."""
    composer = Composer(counter)
    began = time.process_time()
    for messages in calls:
        composer.describe(messages, messages, TOOLS, stable=True)
    return (time.process_time() - began) / len(calls)


def writing(records: Sequence[Record]) -> float:
    """Seconds to write a record to a file."""
    with tempfile.TemporaryDirectory() as folder:
        write = RecordFile(Path(folder) / "run.jsonl")
        began = time.process_time()
        for record in records:
            write(record)
        return (time.process_time() - began) / len(records)


async def main() -> None:
    """Print microseconds a call."""
    calls = histories()
    print(f"{'cap':>12} {'whole call':>12} {'describe':>10} {'share':>7} {'write':>8}   microseconds")
    for cap in (8_000, 10_000_000):
        rounds: list[tuple[float, float, float]] = []
        for _ in range(ROUNDS):
            counter = TiktokenCounter()
            counter.count_text("the vocabulary is loaded before")
            seconds, records = await whole(calls, cap, counter)
            rounds.append((seconds, describing(calls, counter), writing(records)))
        seconds, describe, write = map(min, zip(*rounds, strict=True))
        share = f"{describe / seconds:.1%}"
        print(f"{cap:>12,} {seconds * 1e6:>12,.0f} {describe * 1e6:>10,.0f} {share:>7} {write * 1e6:>8,.0f}")


if __name__ == "__main__":
    asyncio.run(main())
