"""What the budget adds to one call of a long conversation, against the length of its history.

A conversation is grown to its length, then one message more comes with each call. The inner client answers at once, so
that what is measured is the library's own work. Printed: seconds a call, the ratio of the longest to the shortest
history, and what AutoGen's own TokenLimitedChatCompletionContext needs for the same.

    python tests/benchmarks/bench_steady_state.py
"""

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable

from autogen_core.model_context import TokenLimitedChatCompletionContext
from autogen_core.models import AssistantMessage, LLMMessage, SystemMessage, UserMessage
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import BudgetedChatCompletionClient, TokenBudget

CALLS = 50
LENGTHS = (100, 1_000, 10_000)


def history(length: int) -> list[LLMMessage]:
    """A conversation of so many messages, each of about 30 tokens."""
    messages: list[LLMMessage] = [SystemMessage(content="You watch the harbour.")]
    for i in range(length - 1):
        text = f"Message {i}: the ship at pier {i % 40} reported {i * 7} tonnes of cargo and asked for a pilot at noon."
        messages.append(
            UserMessage(content=text, source="user") if i % 2 == 0 else AssistantMessage(content=text, source="watch")
        )
    return messages


class Instant(ReplayChatCompletionClient):
    """Answers at once and keeps nothing, so that its own work does not grow with the history."""

    def __init__(self) -> None:
        super().__init__(["yes"])
        self._answer = None

    async def create(self, messages, **_):  # type: ignore[no-untyped-def, override]
        """The same answer to everything."""
        if self._answer is None:
            self._answer = await super().create([])
        return self._answer


async def seconds_per_call(call: Callable[[list[LLMMessage]], Awaitable[object]], length: int) -> float:
    """The median time of a call to which one message was added."""
    messages = history(length)
    await call(messages)
    await call(messages)
    times: list[float] = []
    for i in range(CALLS):
        messages.append(UserMessage(content=f"One more question, number {i}.", source="user"))
        gc.collect()
        began = time.perf_counter()
        await call(messages)
        times.append(time.perf_counter() - began)
    return sorted(times)[CALLS // 2]


async def compared(cap: int) -> None:
    """Print the table for one cap."""
    print(f"\ncap {cap:,} tokens")
    print(f"{'messages':>10} {'budget, ms':>12}")
    figures: list[float] = []
    for length in LENGTHS:
        client = BudgetedChatCompletionClient(Instant(), TokenBudget(cap))
        figures.append(await seconds_per_call(client.create, length))
        print(f"{length:>10,} {figures[-1] * 1_000:>12.3f}")
    print(f"ratio {LENGTHS[-1]:,} to {LENGTHS[0]:,} messages: {figures[-1] / figures[0]:.2f}")


async def main() -> None:
    """Print all tables."""
    await compared(8_000)
    await compared(1_000_000)


if __name__ == "__main__":
    asyncio.run(main())
