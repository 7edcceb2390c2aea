"""What compaction leaves of a real server's prompt cache: SmolLM2 in llama.cpp on 127.0.0.1, 30 turns of a chat.

Ways to keep the same conversation within the same cap are compared, each against a server of its own:

- the oldest message goes at every call;
- blocks: when the history is over the cap, the oldest messages go until half of the cap is left;
- `BudgetedAgent` with its default strategies, at two shares to compact to.

    python tests/benchmarks/bench_prompt_cache.py [--cap 900] [--turns 30]

The figures are the server's own: prompt tokens, those it read from its cache, and milliseconds it took to read the
rest.
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from autogen_agentchat.agents import AssistantAgent
from autogen_core import EVENT_LOGGER_NAME
from autogen_core.logging import LLMCallEvent
from autogen_core.model_context import ChatCompletionContext

from autogen_budget import BudgetedAgent, TokenBudget

sys.path += [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "examples")]
from cache_simulation import Trimmed
from local_model import LocalModel  # an example, no installed module

WINDOW, REPLY = 2_048, 24  # tokens
SYSTEM_MESSAGE = "You are the clerk of a harbour. Answer in one short sentence."
PLACES = ("north quay", "coal pier", "fish market", "dry dock", "customs house")
GOODS = ("salt", "tar", "rope", "oranges", "timber", "wool", "tin")


def tasks(turns: int) -> Iterator[str]:
    """What the user says in each turn."""
    for day in range(turns):
        cargo = ", ".join(f"{day * 7 % (9 + i) + 3} tonnes of {GOODS[(day + i) % 7]}" for i in range(4))
        yield f"Day {day}: {PLACES[day % 5]} took {cargo}. The crane was out for {day * 13 % 50} minutes. Noted?"


@dataclass
class Figures:
    """What the server reported, added up."""

    prompt: int = 0
    cached: int = 0
    milliseconds: float = 0.0

    def __str__(self) -> str:
        share = self.cached / max(1, self.prompt)
        seconds = self.milliseconds / 1_000
        read = self.prompt - self.cached
        return f"{self.prompt:>8,}{self.cached:>8,}{share:>8.0%}{read:>8,}{seconds:>9.1f}"


class Listener(logging.Handler):
    """Adds up what the server says of each call; AutoGen tells it in a log event, and nowhere else."""

    def __init__(self) -> None:
        super().__init__()
        self.figures = Figures()

    def emit(self, record: logging.LogRecord) -> None:
        """Read one event."""
        if isinstance(record.msg, LLMCallEvent):
            response = cast("dict[str, dict[str, float]]", record.msg.kwargs["response"])
            timings = response["timings"]
            self.figures.cached += int(timings["cache_n"])
            self.figures.prompt += int(timings["cache_n"] + timings["prompt_n"])
            self.figures.milliseconds += timings["prompt_ms"]


@contextmanager
def listening() -> Generator[Figures]:
    """The figures of all calls made meanwhile."""
    events, listener = logging.getLogger(EVENT_LOGGER_NAME), Listener()
    events.setLevel(logging.INFO)
    events.propagate = False
    events.addHandler(listener)
    try:
        yield listener.figures
    finally:
        events.removeHandler(listener)


Wrap = Callable[[Callable[[ChatCompletionContext | None], AssistantAgent]], AssistantAgent | BudgetedAgent]


async def run(turns: int, wrap: Wrap) -> Figures:
    """All turns of one way, against a server of its own."""
    with LocalModel(WINDOW) as model, listening() as figures:
        client = model.client(max_tokens=REPLY)
        agent = wrap(
            lambda context: AssistantAgent("clerk", client, system_message=SYSTEM_MESSAGE, model_context=context)
        )
        for task in tasks(turns):
            await agent.run(task=task)
        await client.close()
    return figures


async def main(cap: int, turns: int) -> None:
    """Run the three ways and print their figures."""
    history = cap - 40  # what the instructions and the frame of a request take
    ways: dict[str, Wrap] = {
        "oldest message each time": lambda make: make(Trimmed(history, history)),
        "blocks, cap to half": lambda make: make(Trimmed(history, history // 2)),
        "BudgetedAgent": lambda make: BudgetedAgent(
            make(None), TokenBudget(cap, context_window=WINDOW, reply_reserve=REPLY)
        ),
        "the same, compact_to=0.5": lambda make: BudgetedAgent(
            make(None), TokenBudget(cap, context_window=WINDOW, reply_reserve=REPLY, compact_to=0.5)
        ),
    }
    print(f"{turns} turns, cap {cap:,}")
    print(f"{'':<26}{'prompt':>8}{'cached':>8}{'share':>8}{'read':>8}{'seconds':>9}")
    for name, wrap in ways.items():
        print(f"{name:<26}{await run(turns, wrap)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cap", type=int, default=900, help="tokens of a request at most")
    parser.add_argument("--turns", type=int, default=30, help="how many tasks the user gives")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.cap, arguments.turns))
