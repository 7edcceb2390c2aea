"""Processes that spend from a shared pool: what the tests of shared pools start.

python spend_worker.py URL NAME LIMIT PROCESSES    # each spends until it is refused; prints the tokens settled
python spend_worker.py URL NAME LIMIT hold LEASE   # reserves 100 tokens, says so, and hangs until it is killed
"""

import asyncio
import multiprocessing
import random
import sys
import time

from autogen_budget import SpendLimitError, SpendPool


async def spend_all(pool: SpendPool, seed: int) -> int:
    """Make calls of 10 to 60 tokens until nothing is left; the tokens that were settled."""
    settled = 0
    chance = random.Random(seed)
    while True:
        asked = chance.randint(10, 60)
        try:
            reservation = await pool.acquire(asked, 0, agent="worker")
        except SpendLimitError:
            return settled
        await asyncio.sleep(chance.random() / 1_000)
        used = chance.randint(asked // 2, asked)
        await reservation.asettle(used, 0)
        settled += used


async def use(pool: SpendPool) -> None:
    """Take from the pool and give it back."""
    await (await pool.acquire(10, 0, agent="parent")).arelease()


def spend(url: str, name: str, limit: int, seed: int) -> int:
    """One process: it opens the pool by itself."""
    return asyncio.run(spend_all(SpendPool(max_tokens=limit, name=name, url=url), seed))


if __name__ == "__main__":
    url, name, limit, mode = sys.argv[1:5]
    if mode == "hold":
        pool = SpendPool(max_tokens=int(limit), name=name, url=url, lease_seconds=float(sys.argv[5]))
        held = pool.reserve(100, 0, agent="worker")
        print("holds", flush=True)
        time.sleep(60)
    else:
        # What a process has used of a pool must not bind the processes that are forked from it.
        asyncio.run(use(SpendPool(max_tokens=int(limit), name=name, url=url)))
        # Forked, so that sixteen processes do not import everything sixteen times.
        with multiprocessing.get_context("fork").Pool(int(mode)) as processes:
            jobs = [(url, name, int(limit), seed) for seed in range(int(mode))]
            print(*processes.starmap(spend, jobs, chunksize=1), flush=True)
