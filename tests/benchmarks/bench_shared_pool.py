"""What a pool costs that processes share, on a Redis of its own: `PYTHONPATH=tests python .../bench_shared_pool.py`.

First the overhead of a call (one reservation, one settlement) against a pool in the process, at 1, 10 and 100 callers
at once. Then a simulation: 1,000 agents in 20 processes, whose calls take as long as a model's and spend from one pool.
"""

import asyncio
import multiprocessing
import random
import statistics
import tempfile
import time
from pathlib import Path

from autogen_budget import Price, SpendPool
from redis_server import RedisServer

CALLS = 500  # of all callers together
AGENTS, PROCESSES, ROUNDS = 1_000, 20, 3
MODEL_SECONDS = 2.0, 6.0  # a short answer, a long one
PRICES = {"model": Price(input=1, output=1)}


async def call(pool: SpendPool, agent: str, seconds: float = 0.0) -> float:
    """One call; the seconds that it spent in the pool."""
    begun = time.perf_counter()
    reservation = await pool.acquire(900, 100, agent=agent, model="model")
    reserved = time.perf_counter()
    await asyncio.sleep(seconds)
    answered = time.perf_counter()
    await reservation.asettle(850, 70)
    return reserved - begun + time.perf_counter() - answered


async def overhead(pool: SpendPool, callers: int) -> tuple[float, float, float]:
    """Milliseconds of a call in the pool, at the median; of the processor, in this process; and calls a second."""
    took: list[float] = []

    async def caller(number: int) -> None:
        for _ in range(CALLS // callers):
            took.append(await call(pool, f"agent_{number}"))

    await call(pool, "first")
    begun, worked = time.perf_counter(), time.process_time()
    await asyncio.gather(*map(caller, range(callers)))
    worked, seconds = time.process_time() - worked, time.perf_counter() - begun
    return statistics.median(took) * 1_000, worked / len(took) * 1_000, len(took) / seconds


def agents(url: str, process: int) -> list[float]:
    """One process: its agents call, each several times; seconds in the pool, by call."""
    chance = random.Random(process)
    pool = SpendPool(max_tokens=10**9, name="simulation", url=url, prices=PRICES)

    async def agent(number: int) -> list[float]:
        await asyncio.sleep(chance.uniform(0, MODEL_SECONDS[1]))
        return [await call(pool, f"agent_{number}", chance.uniform(*MODEL_SECONDS)) for _ in range(ROUNDS)]

    async def main() -> list[float]:
        each = AGENTS // PROCESSES
        took = await asyncio.gather(*(agent(process * each + number) for number in range(each)))
        return [seconds for calls in took for seconds in calls]

    return asyncio.run(main())


def simulate(server: RedisServer) -> None:
    """Print what the agents and the server saw."""
    server.command("FLUSHALL")
    before = memory(server)
    server.command("CONFIG", "RESETSTAT")
    begun = time.perf_counter()
    with multiprocessing.get_context("fork").Pool(PROCESSES) as processes:
        jobs = [(server.url, number) for number in range(PROCESSES)]
        took = sorted(seconds for each in processes.starmap(agents, jobs, chunksize=1) for seconds in each)
    seconds = time.perf_counter() - begun
    stats = server.command("INFO", "commandstats")["cmdstat_evalsha"]
    late = took[len(took) * 99 // 100] * 1_000
    print(f"{AGENTS:,} agents in {PROCESSES} processes: {len(took):,} calls in {seconds:.1f} s")
    print(f"calls a second: {len(took) / seconds:.0f}")
    print(f"round trips a call: {stats['calls'] / len(took):.2f}, each {stats['usec_per_call']:.0f} us of the server")
    print(f"in the pool: median {statistics.median(took) * 1_000:.1f} ms, 99 % {late:.1f} ms")
    print(f"memory of the server: {(memory(server) - before) / AGENTS:,.0f} bytes an agent")
    settled = server.command("MEMORY", "USAGE", "autogen_budget:{simulation}:done") / len(took)
    print(f"of these, for an hour: {settled:.0f} bytes a call")


def memory(server: RedisServer) -> int:
    """Bytes of data that the server holds."""
    return int(server.command("INFO", "memory")["used_memory_dataset"])


def main() -> None:
    """Print both tables."""
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            print("callers   local ms   shared ms   processor: local ms   shared ms   shared calls a second")
            for callers in (1, 10, 100):
                local, local_work, _ = asyncio.run(overhead(SpendPool(max_tokens=10**9, prices=PRICES), callers))
                pool = SpendPool(max_tokens=10**9, name=f"bench-{callers}", url=server.url, prices=PRICES)
                shared, shared_work, rate = asyncio.run(overhead(pool, callers))
                pool.close()
                print(f"{callers:7} {local:10.3f} {shared:11.3f} {local_work:21.3f} {shared_work:11.3f} {rate:23,.0f}")
            simulate(server)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
