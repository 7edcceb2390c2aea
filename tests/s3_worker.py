"""Processes that share a bucket: what the tests of stores by URL start.

python s3_worker.py URL put PROCESSES TEXTS   # each puts texts, some of them the same as others put; prints references
python s3_worker.py URL talk STATE HISTORY   # a conversation whose turns leave it; saves its state, and what left it
"""

import asyncio
import json
import multiprocessing
import os
import sys
from pathlib import Path

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import ArtifactStore, BudgetedAgent, TokenBudget

TIMEOUT = 120.0
"""Seconds until the store counts as failing: the server under test has little of the machine."""

OWNERS = 4
"""Who stores texts in one process: what is theirs is written side by side."""

AT_ONCE = 10
"""Texts that are stored, and then waited for."""

SECRET = "The harbour master's spare key hangs behind the barometer."  # noqa: S105  # a text under test, no password


def text_of(number: int) -> str:
    """A text of a few kilobytes."""
    return f"text {number}\n" + "wind and tide\n" * (100 + number % 200)


class Owner:
    """Somebody who stores texts."""


async def put_all(url: str, seed: int, texts: int) -> None:
    """Put the texts of one process, every tenth of which all others put as well."""
    store, owners = ArtifactStore(url, timeout=TIMEOUT), [Owner() for _ in range(OWNERS)]
    for start in range(0, texts, AT_ONCE):
        stored: list[str] = []
        for number in range(start, min(start + AT_ONCE, texts)):
            wanted = number if number % 10 == 0 else number + seed * 1_000_000
            reference = await store.put_behind(text_of(wanted), owner=owners[number % OWNERS])
            stored.append(f"{wanted} {reference}\n")
        while not await store.flush():
            pass
        os.write(1, "".join(stored).encode())  # from here on somebody may refer to them


def put_in_process(url: str, seed: int, texts: int) -> None:
    """One process."""
    asyncio.run(put_all(url, seed, texts))


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
        # Forked, so that they do not all import everything; the last one is this process.
        others, texts = int(more[0]) - 1, int(more[1])
        context = multiprocessing.get_context("fork")
        processes = [context.Process(target=put_in_process, args=(url, seed, texts)) for seed in range(others)]
        for process in processes:
            process.start()
        put_in_process(url, others, texts)
        for process in processes:
            process.join()
    else:
        for path, written in zip(more, asyncio.run(talk(url)), strict=True):
            Path(path).write_text(written, encoding="utf-8")
