"""Compacting a long history leaves the event loop to others."""

import asyncio
import threading

import pytest
from autogen_core.models import LLMMessage, UserMessage

from autogen_budget import (
    ClearToolOutputs,
    DropDuplicates,
    History,
    Strategy,
    TiktokenCounter,
    TokenBudget,
    compact,
)
from builders import context_for
from conversations import called


def talk(number: int) -> list[LLMMessage]:
    """A long conversation; each number gives another one."""
    said = (
        f"Order {number}-{i} of depot D-{i * 7} goes to user{i}@example.com on 2026-03-{i % 28 + 1:02}. "
        for i in range(400)
    )
    return [UserMessage(content=words * 3, source="user") for words in said]


async def test_others_go_on_meanwhile() -> None:
    """While facts of hundreds of turns are read and rendered, another task has its turn again and again."""
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0)
            beats += 1

    TiktokenCounter().count_text("the vocabulary is loaded in a thread of its own")
    heart = asyncio.create_task(beat())
    await compact(talk(1), TokenBudget(2_000))
    heart.cancel()
    assert beats > 20


@pytest.mark.parametrize("strategy", [ClearToolOutputs(0), DropDuplicates()])
async def test_others_go_on_between_turns(strategy: Strategy) -> None:
    """A strategy that looks at each turn on the event loop lets others go first every so often."""
    messages = [message for i in range(200) for message in called(i, f"result {i} of some length " * 9)]
    history = History.parse([UserMessage(content="task", source="user"), *messages])
    context = context_for(history, 1, 1)  # over its cap: no facts are rendered, in a thread, meanwhile
    work = asyncio.create_task(strategy(history, context))
    turns = 0
    while not work.done() and turns < 1_000:
        await asyncio.sleep(0)
        turns += 1
    await work
    assert turns > 10


async def test_one_history_at_a_time() -> None:
    """Threads that want to run at the same time would keep the event loop waiting in turn: only one of them runs."""
    at_work: set[int] = set()
    together: list[int] = []
    loop_thread = threading.get_ident()

    class Watching(TiktokenCounter):
        """Notes which threads count at the same time."""

        def count_text(self, text: str, *, limit: int | None = None) -> int:
            thread = threading.get_ident()
            outermost = thread not in at_work
            at_work.add(thread)
            together.append(len(at_work - {loop_thread}))
            try:
                return super().count_text(text, limit=limit)
            finally:
                if outermost:
                    at_work.discard(thread)

    await asyncio.gather(*(compact(talk(i), TokenBudget(2_000), counter=Watching()) for i in range(3)))
    assert max(together) == 1
