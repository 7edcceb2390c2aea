"""200 agents and a server that refuses more than its memory allows, in simulated time: `python bench_overload.py`.

The server holds 40,000 tokens of prompts at once and refuses what is more with "CUDA out of memory"; a call takes as
long as its prompt. Prints what is answered without limits, with the defaults, and at the best fixed concurrency.
"""

import asyncio
import random
from collections.abc import AsyncGenerator
from functools import partial

from autogen_ext.models.replay import ReplayChatCompletionClient

import simulated_time
from autogen_budget import Limits
from autogen_budget._client import read_trouble
from autogen_budget._limits import Sender

MEMORY = 40_000  # tokens
AGENTS, CALLS = 200, 5


class Server:
    """Answers as long as its memory lasts."""

    def __init__(self) -> None:
        self.held = self.answered = self.refused = 0

    async def ask(self, tokens: int) -> AsyncGenerator[str, None]:
        """One call."""
        self.held += tokens
        try:
            await asyncio.sleep(0.05)
            if self.held > MEMORY:
                self.refused += 1
                raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
            await asyncio.sleep(tokens / 1_000)
            self.answered += 1
            yield "answer"
        finally:
            self.held -= tokens


def play(limits: Limits | None) -> tuple[int, int, int, float]:
    """Tasks that were finished, calls answered and refused, and the seconds it took."""
    rng, server, client = random.Random(7), Server(), ReplayChatCompletionClient([])

    async def agent() -> bool:
        sender = Sender("agent", limits or Limits(), client, read_trouble=read_trouble, report=lambda _: None)
        for _ in range(CALLS):
            tokens = rng.choice((500, 1_000, 2_000, 8_000))
            stream = server.ask(tokens)
            if limits is not None:
                stream = sender.send(partial(server.ask, tokens), tokens=tokens, streamed=False)
            try:
                async for _ in stream:
                    pass
            except RuntimeError:
                return False
        return True

    async def main() -> tuple[int, float]:
        done = await asyncio.gather(*(agent() for _ in range(AGENTS)))
        return sum(done), asyncio.get_running_loop().time()

    finished, seconds = simulated_time.run(main())
    return finished, server.answered, server.refused, seconds


def main() -> None:
    """Print the table."""
    print("                       finished  answered  refused  calls a second")
    rows: list[tuple[str, Limits | None]] = [("without limits", None), ("limits, nothing set", Limits())]
    rows.append(("max_tokens_in_flight", Limits(max_tokens_in_flight=MEMORY)))
    rows += [(f"fixed concurrency {calls}", Limits(max_concurrent_calls=calls)) for calls in (4, 5, 8, 12, 16, 24)]
    for name, limits in rows:
        finished, answered, refused, seconds = play(limits)
        print(f"{name:22} {finished:5}/{AGENTS} {answered:9} {refused:8} {answered / seconds:9.2f}")


if __name__ == "__main__":
    main()
