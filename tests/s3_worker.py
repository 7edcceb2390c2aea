"""Processes that share a bucket: what the tests of stores by URL start.

python s3_worker.py URL put SEED TEXTS    # puts texts, some of them the same as others put; prints each reference
python s3_worker.py URL talk STATE HISTORY   # a conversation whose turns leave it; saves its state, and what left it
"""

import asyncio
import json
import sys
from pathlib import Path

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import ArtifactStore, BudgetedAgent, TokenBudget

TIMEOUT = 120.0
"""Seconds until the store counts as failing: the server under test has little of the machine."""

SIDE_BY_SIDE = 4
"""Texts that one process puts at the same time."""

SECRET = "The harbour master's spare key hangs behind the barometer."  # noqa: S105  # a text under test, no password


def text_of(number: int) -> str:
    """A text of a few kilobytes."""
    return f"text {number}\n" + "wind and tide\n" * (100 + number % 200)


async def put_all(url: str, seed: int, texts: int) -> None:
    """Put the texts of one process, every tenth of which all others put as well."""
    store, places = ArtifactStore(url, timeout=TIMEOUT), asyncio.Semaphore(SIDE_BY_SIDE)

    async def put(number: int) -> None:
        async with places:
            wanted = number if number % 10 == 0 else number + seed * 1_000_000
            reference = await store.put(text_of(wanted), owner=store)
            print(wanted, reference, flush=True)  # from here on somebody may refer to it

    await asyncio.gather(*map(put, range(texts)))


def agent_at(url: str) -> BudgetedAgent:
    """The same agent on any machine."""
    store = ArtifactStore(url, timeout=TIMEOUT)
    assistant = AssistantAgent("clerk", ReplayChatCompletionClient(["Noted."] * 40))
    return BudgetedAgent(assistant, TokenBudget(600, reply_reserve=50), artifacts=store, bounded_memory=True)


async def talk(url: str) -> tuple[str, str]:
    """Say something, then so much else that it leaves the conversation; the state, and what has left."""
    agent = agent_at(url)
    await agent.run(task=SECRET)
    for number in range(12):
        await agent.run(task=f"Report {number}: " + "nothing new, the wind is light. " * 20)
    return json.dumps(await agent.save_state()), await agent.read_history()


if __name__ == "__main__":
    url, mode, *more = sys.argv[1:]
    if mode == "put":
        asyncio.run(put_all(url, int(more[0]), int(more[1])))
    else:
        for path, written in zip(more, asyncio.run(talk(url)), strict=True):
            Path(path).write_text(written, encoding="utf-8")
