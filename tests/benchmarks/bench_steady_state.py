"""What keeping the budget costs one call of a long conversation, against the length of its history and against a peer.

A conversation is grown to its length, then one message more comes with each call. The model answers at once, so that
what is measured is the work around it. The peer is AutoGen's own `TokenLimitedChatCompletionContext` with the same
limit, asked once for the messages to send; its work grows with the square of the history: the longest is left out.

    python tests/benchmarks/bench_steady_state.py
"""

import asyncio
import gc
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from autogen_core.model_context import TokenLimitedChatCompletionContext
from autogen_core.models import AssistantMessage, CreateResult, LLMMessage, RequestUsage, SystemMessage, UserMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import BudgetedChatCompletionClient, TokenBudget

sys.path.insert(0, str(Path(__file__).parent.parent))
from official_vocabularies import official_encoding

CALLS = 50
LENGTHS = (100, 1_000, 10_000)
PEER_LENGTHS = (100, 1_000)
CAP = 8_000


class Instant(ReplayChatCompletionClient):
    """A model that answers at once and keeps nothing, so that its own work does not grow with the history."""

    async def create(self, *_: Any, **__: Any) -> CreateResult:
        """Give the same answer to everything."""
        return CreateResult(finish_reason="stop", content="yes", usage=RequestUsage(0, 0), cached=False)


def history(length: int) -> list[LLMMessage]:
    """A conversation of so many messages, each of about 30 tokens."""
    messages: list[LLMMessage] = [SystemMessage(content="You watch the harbour.")]
    for i in range(length - 1):
        text = f"Message {i}: the ship at pier {i % 40} reported {i * 7} tonnes of cargo and asked for a pilot at noon."
        question = UserMessage(content=text, source="user")
        messages.append(question if i % 2 == 0 else AssistantMessage(content=text, source="watch"))
    return messages


async def milliseconds_per_call(
    call: Callable[[list[LLMMessage]], Awaitable[object]], length: int, calls: int
) -> float:
    """The median time of a call to which one message was added."""
    messages = history(length)
    await call(messages)
    times: list[float] = []
    for i in range(calls):
        messages.append(UserMessage(content=f"One more question, number {i}.", source="user"))
        gc.collect()
        began = time.perf_counter()
        await call(messages)
        times.append((time.perf_counter() - began) * 1_000)
    return statistics.median(times)


async def main() -> None:
    """Print the tables."""
    print(f"{'messages':>10} {'budget':>10} {'same, nothing to compact':>26} {'TokenLimited':>14}   ms a call")
    rows: dict[int, tuple[float, float]] = {}
    for length in LENGTHS:
        tight, wide = (BudgetedChatCompletionClient(Instant([]), TokenBudget(cap)) for cap in (CAP, 10_000_000))
        rows[length] = (
            await milliseconds_per_call(tight.create, length, CALLS),
            await milliseconds_per_call(wide.create, length, CALLS),
        )
        peer = await peers_milliseconds(length) if length in PEER_LENGTHS else float("nan")
        print(f"{length:>10,} {rows[length][0]:>10.2f} {rows[length][1]:>26.2f} {peer:>14.1f}")
    shortest, longest = rows[LENGTHS[0]], rows[LENGTHS[-1]]
    ratios = [late / early for late, early in zip(longest, shortest, strict=True)]
    print(f"ratio {LENGTHS[-1]:,} to {LENGTHS[0]:,} messages: {ratios[0]:.2f}, with nothing to compact {ratios[1]:.2f}")


async def peers_milliseconds(length: int) -> float:
    """The time AutoGen's own context needs to give the messages to send."""
    client = OpenAIChatCompletionClient(model="gpt-4o", api_key="not needed")

    async def limited(messages: list[LLMMessage]) -> object:
        context = TokenLimitedChatCompletionContext(client, token_limit=CAP, initial_messages=messages)
        return await context.get_messages()

    return await milliseconds_per_call(limited, length, 1)


if __name__ == "__main__":
    official_encoding("o200k_base")  # the peer's client finds its vocabulary without a network
    asyncio.run(main())
