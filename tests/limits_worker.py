"""Processes that call a model within shared limits: what the tests of shared limits start.

python limits_worker.py URL NAME PROCESSES   # each makes calls; prints the most calls and tokens that were under way
python limits_worker.py URL NAME hold        # holds the one place, says so, and hangs until it is killed
python limits_worker.py URL NAME wait        # waits for the one place, says so, and hangs until it is killed
"""

import asyncio
import multiprocessing
import random
import sys
from collections.abc import AsyncGenerator
from typing import cast

import redis
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import Limits
from autogen_budget._limits import Sender

CALLS, TOKENS = 3, 100
"""What may be under way at once."""

CALLERS, ROUNDS = 4, 4
"""Callers in each process, and calls of each."""

# One model for all processes: it sums what is under way at it, and remembers the most.
_BEGIN = """
local calls, tokens = redis.call('INCR', KEYS[1]), redis.call('INCRBY', KEYS[2], ARGV[1])
if calls > tonumber(redis.call('GET', KEYS[3]) or 0) then redis.call('SET', KEYS[3], calls) end
if calls > 1 and tokens > tonumber(redis.call('GET', KEYS[4]) or 0) then redis.call('SET', KEYS[4], tokens) end
"""


class Model:
    """A model that all processes call."""

    def __init__(self, url: str, name: str) -> None:
        self._server: redis.Redis = redis.Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType]
        self._begin = self._server.register_script(_BEGIN)
        self.keys = [f"model:{name}:{figure}" for figure in ("calls", "tokens", "most calls", "most tokens")]

    async def ask(self, tokens: int, seconds: float) -> AsyncGenerator[str, None]:
        """Answer after a while."""
        self._begin(keys=self.keys, args=[str(tokens)])
        try:
            await asyncio.sleep(seconds)
            yield "aye"
        finally:
            self._server.decr(self.keys[0])
            self._server.decrby(self.keys[1], tokens)

    def most(self) -> tuple[int, int]:
        """The most calls that were under way at once, and the most tokens of those that were not alone."""
        calls, tokens = (int(cast("bytes | None", self._server.get(key)) or 0) for key in self.keys[2:])
        return calls, tokens


def sender(url: str, name: str, **settings: object) -> Sender:
    """What a process calls the model with."""
    bounds = {"max_concurrent_calls": CALLS, "max_tokens_in_flight": TOKENS, "lease_seconds": 5.0, **settings}
    limits = Limits(url=url, name=name, **bounds)  # type: ignore[arg-type]  # keywords
    client = ReplayChatCompletionClient([])
    return Sender("agent", limits, client, read_trouble=lambda _: None, report=lambda _: None)


async def call_often(url: str, name: str, seed: int) -> None:
    """One process: several callers that share its limits; one in ten gives up."""
    model, calling, chance = Model(url, name), sender(url, name), random.Random(seed)

    async def call() -> None:
        tokens = chance.choice((10, 30, 60, 150))  # the last is larger than what may be under way: it goes alone
        async for _ in calling.send(lambda: model.ask(tokens, chance.random() / 50), tokens=tokens, streamed=False):
            pass

    async def caller() -> None:
        for _ in range(ROUNDS):
            making = asyncio.create_task(call())
            if chance.random() < 0.1:
                await asyncio.wait([making], timeout=0.02)
                making.cancel()
            await asyncio.wait([making])
            if not making.cancelled():
                making.result()

    await asyncio.gather(*(caller() for _ in range(CALLERS)))


def process(url: str, name: str, seed: int) -> None:
    """One process."""
    asyncio.run(call_often(url, name, seed))


async def call_for_ever(url: str, name: str, word: str) -> None:
    """Call the model, and say so when the call begins to wait or is sent."""
    calling = sender(url, name, max_concurrent_calls=1)

    async def ask() -> AsyncGenerator[str, None]:
        print("holds", flush=True)
        await asyncio.sleep(600)
        yield "aye"

    if word == "wait":
        asyncio.get_running_loop().call_later(0.5, lambda: print("waits", flush=True))
    async for _ in calling.send(ask, tokens=1, streamed=False):
        pass


if __name__ == "__main__":
    url, name, mode = sys.argv[1:4]
    if mode in ("hold", "wait"):
        asyncio.run(call_for_ever(url, name, mode))
    else:
        # Forked, so that many processes do not import everything many times.
        with multiprocessing.get_context("fork").Pool(int(mode)) as processes:
            processes.starmap(process, [(url, name, seed) for seed in range(int(mode))], chunksize=1)
        print(*Model(url, name).most(), flush=True)
