"""Four processes, one pool: whatever they do at the same time, together they never spend a token too much.

python examples/shared_pool_redis.py                                     # starts a Redis of its own and stops it
REDIS_URL=redis://127.0.0.1:6379/0 python examples/shared_pool_redis.py  # with one that runs
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
from collections.abc import Sequence
from multiprocessing.synchronize import Barrier

from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import LLMMessage

from autogen_budget import BudgetedAgent, SpendLimitError, SpendPool, TokenBudget
from local_redis import redis_url
from model_choice import PRICES, ScriptedModel, spending_table

# Where it can, each worker begins as a copy of this process, and need not import everything once more.
if sys.platform == "win32":
    PROCESSES = multiprocessing.get_context("spawn")
else:
    PROCESSES = multiprocessing.get_context("fork")

WORKERS = 4
LIMIT = 20_000  # tokens, prompts and replies of all processes together


def pool_at(url: str) -> SpendPool:
    """The pool as each process opens it: the same name at the same server is the same pool."""
    return SpendPool(max_tokens=LIMIT, name="harbour", url=url, prices=PRICES)


def answer(messages: Sequence[LLMMessage]) -> str:
    """What the scripted model says."""
    return f"Note {len(messages)}: " + "the pilot boat reported wind from the west. " * 8


async def spend(url: str, name: str, start: Barrier) -> None:
    """Ask an agent until the pool is used up."""
    agent = BudgetedAgent(
        AssistantAgent(name, ScriptedModel(answer)), TokenBudget(1_000, reply_reserve=200), pool=pool_at(url)
    )
    calls = 0
    start.wait()
    try:
        while True:
            await agent.run(task=f"Report number {calls + 1}, please.")
            calls += 1
            await asyncio.sleep(0.01)  # a real model takes longer
    except SpendLimitError as error:
        line = f"{name} (process {os.getpid()}): {calls} calls, then refused: {error.unit} are used up\n"
        print(line, end="", flush=True)  # written at once, so that lines of processes do not mix


def work(url: str, name: str, start: Barrier) -> None:
    """One process."""
    asyncio.run(spend(url, name, start))


def main() -> None:
    """Start the workers, wait for them, and print who spent what."""
    with redis_url() as url:
        start = PROCESSES.Barrier(WORKERS)  # all begin together
        workers = [
            PROCESSES.Process(target=work, args=(url, f"worker_{number + 1}", start)) for number in range(WORKERS)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        pool = pool_at(url)
        report = pool.report()
        print(f"\n{spending_table(report)}")
        print(f"{report.spent.tokens:,} of {LIMIT:,} tokens spent by {WORKERS} processes; none is held any more.")
        pool.close()


if __name__ == "__main__":
    main()
