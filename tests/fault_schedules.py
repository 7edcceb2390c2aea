"""Servers that fail in every way, at random, under agents that share their limits: no hang, no lost or repeated turn.

Each number makes another schedule of faults. Many are tried by hand, in pieces:

    python tests/fault_schedules.py 0 2000
"""

import asyncio
import logging
import random
import sys
import warnings
from contextlib import suppress
from functools import cached_property
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))

from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import ChatCompletionClient
from autogen_core.tools import FunctionTool, ToolSchema
from openai import APIError

import simulated_time
from autogen_budget import BudgetedAgent, BudgetError, FunctionCounter, Limits, SpendPool, TokenBudget
from autogen_budget._limits import gate_of
from numbered_runs import try_all
from servers import Answer, Call, Drop, Failure, OpenAIServer, Overflow, Reply, Stall
from servers.memory import memory_client_of

FULL = Failure(503, {"error": {"message": "CUDA out of memory. Tried to allocate 2.00 GiB"}})
BROKEN = Failure(500, {"error": {"message": "Internal error"}})
GARBAGE = Failure(200, {"what": "is this?"})


async def look(where: str) -> str:
    """Look somewhere."""
    await asyncio.sleep(0.001)
    return f"nothing {where}"


class _Look(FunctionTool):
    """`look` as a tool whose schema is made once, and not for every agent at every call."""

    def __init__(self) -> None:
        super().__init__(look, "Look somewhere.")

    @cached_property
    def _made(self) -> ToolSchema:
        return super().schema

    @property
    def schema(self) -> ToolSchema:
        """What models are told of it."""
        return self._made


LOOK = _Look()


def busy(seconds: str) -> Failure:
    """A server that wants to be left alone."""
    error = {"message": "Rate limit reached", "code": "rate_limit_exceeded"}
    return Failure(429, {"error": error}, {"retry-after": seconds})


def fault(rng: random.Random, unit: float) -> Reply:
    """What a server does next; `unit` is how many seconds it takes where it takes time."""
    answers: list[Reply] = [Answer("Done."), Answer(calls=(Call("look", {"where": str(rng.random())}),))]
    faults: list[Reply] = [
        FULL,
        busy(rng.choice(["0", str(unit)])),
        BROKEN,
        GARBAGE,
        Overflow(rng.choice([None, 1_000, 3_000, 10**9] if rng.random() < 0.9 else [1, 300])),
        Drop(rng.randrange(3)),
        Stall(rng.randrange(3)),
        Answer("Late.", delay=rng.random() * 2 * unit),
    ]
    return rng.choice(answers if rng.random() < 0.6 else faults)


async def play(
    rng: random.Random, server: OpenAIServer, client: ChatCompletionClient, agents: int, unit: float
) -> None:
    """Let agents work while their server fails at random, and then once while it does not."""
    pool = SpendPool(max_tokens=10_000_000)
    limits = Limits(model_timeout=unit, idle_timeout=unit, retries=1, max_concurrent_calls=3)
    counter = FunctionCounter(lambda text: len(text) // 4)
    server.reply_with(lambda _: fault(rng, unit))
    inner = [
        AssistantAgent(f"agent_{number}", client, tools=[LOOK], model_client_stream=number % 2 == 0)
        for number in range(agents)
    ]
    wrapped = [BudgetedAgent(agent, TokenBudget(4_000), counter=counter, pool=pool, limits=limits) for agent in inner]

    async def work(agent: BudgetedAgent) -> None:
        for task in range(2):
            try:
                await agent.run(task=f"task {task} of {agent.name}.")
            except (APIError, BudgetError):
                pass
            except TypeError as error:  # what AutoGen's client makes of garbage
                if "'NoneType' object is not subscriptable" not in str(error):
                    raise

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # AutoGen's, on answers that broke off or are garbage
        await asyncio.gather(*map(work, wrapped))
    server.reply_with(lambda _: Answer("At last."))
    for agent in wrapped:
        with suppress(BudgetError):  # a server may have told of a window that holds nothing
            assert (await agent.run(task=f"task 2 of {agent.name}.")).messages[-1].to_text() == "At last."
    assert (gate_of(limits).under_way, gate_of(limits).waiting) == (0, 0)
    assert pool.reserved.tokens == 0
    assert pool.spent.calls <= len(server.requests)
    assert pool.spent.tokens == sum(spent.tokens for spent in pool.report().by_agent.values())
    for each in inner:
        held = [message.content for message in await each.model_context.get_messages()]
        asked = [text for text in held if isinstance(text, str) and text.startswith("task ")]
        assert asked == [f"task {task} of {each.name}." for task in range(3)]
    assert all(request.accepted for request in server.requests)  # its pairs are whole


def play_alone(number: int) -> None:
    """One schedule with 20 agents in simulated time; no task is left when it ends.

    Args:
        number (int): Which schedule.

    Raises:
        AssertionError: Something that was promised did not hold.
    """

    async def main() -> None:
        server = OpenAIServer()
        async with memory_client_of(server) as client:
            await play(random.Random(number), server, client, agents=20, unit=30.0)

    simulated_time.run(main())


def main(first: int, last: int) -> None:
    """Play all schedules from one number to another, and print those that fail."""
    logging.disable(logging.CRITICAL)  # what servers do is told there
    warnings.simplefilter("ignore")
    try_all(play_alone, first, last, every=100)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
