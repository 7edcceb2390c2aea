"""Four processes, one pool: whatever they do at the same time, together they never spend a token too much.

python examples/shared_pool_redis.py                                     # starts a Redis of its own and stops it
REDIS_URL=redis://127.0.0.1:6379/0 python examples/shared_pool_redis.py  # with one that runs
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence

from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import LLMMessage

from autogen_budget import BudgetedAgent, SpendLimitError, SpendPool, TokenBudget
from local_redis import redis_url
from model_choice import PRICES, ScriptedModel, spending_table

WORKERS = 4
LIMIT = 20_000  # tokens, prompts and replies of all processes together


def pool_at(url: str) -> SpendPool:
    """The pool as each process opens it: the same name at the same server is the same pool."""
    return SpendPool(max_tokens=LIMIT, name="harbour", url=url, prices=PRICES)


def answer(messages: Sequence[LLMMessage]) -> str:
    """What the scripted model says."""
    return f"Note {len(messages)}: " + "the pilot boat reported wind from the west. " * 8


async def work(url: str, name: str) -> None:
    """One process: an agent asks until the pool is used up."""
    agent = BudgetedAgent(
        AssistantAgent(name, ScriptedModel(answer)), TokenBudget(1_000, reply_reserve=200), pool=pool_at(url)
    )
    calls = 0
    print("ready", flush=True)
    sys.stdin.readline()  # all begin together
    try:
        while True:
            await agent.run(task=f"Report number {calls + 1}, please.")
            calls += 1
            await asyncio.sleep(0.01)  # a real model takes longer
    except SpendLimitError as error:
        print(f"{name} (process {os.getpid()}): {calls} calls, then refused: {error.unit} are used up")


def main() -> None:
    """Start the workers, wait for them, and print who spent what."""
    with redis_url() as url:
        workers = [
            subprocess.Popen(
                [sys.executable, __file__, url, f"worker_{number}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(1, WORKERS + 1)
        ]
        for worker in workers:
            if worker.stdout is None or worker.stdout.readline() != "ready\n":
                sys.exit("a worker did not start")
        for worker in workers:
            if worker.stdin is not None:
                worker.stdin.write("go\n")
                worker.stdin.flush()
        for worker in workers:
            print(worker.communicate()[0], end="")
        pool = pool_at(url)
        report = pool.report()
        print(f"\n{spending_table(report)}")
        print(f"{report.spent.tokens:,} of {LIMIT:,} tokens spent by {WORKERS} processes; none is held any more.")
        pool.close()


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(work(*sys.argv[1:3]))
    else:
        main()
