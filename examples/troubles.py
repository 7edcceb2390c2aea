"""The troubles that users search for, each made here on purpose, without a budget and with one.

python examples/troubles.py            # all of them
python examples/troubles.py window     # one: window, stuck, tool, overload, loop, dangling
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import AssistantMessage, CreateResult, LLMMessage, UserMessage

from autogen_budget import BudgetedAgent, Limits, TokenBudget
from model_choice import ScriptedModel

WINDOW = 1_000  # tokens
MEMORY = 2_500  # tokens that the model's server can hold at once
PATIENCE = 60.0  # seconds after which this example calls a run stuck that should end
SHORT = 3.0  # seconds after which it calls one stuck that never does


class TroubledModel(ScriptedModel):
    """A scripted model with a small window and little memory, which takes a moment to answer.

    Args:
        script (Callable): Gives the answers.
        seconds (float): How long an answer takes.
    """

    def __init__(self, script: Callable[[Sequence[LLMMessage]], str | FunctionCall], seconds: float = 0.01) -> None:
        super().__init__(script)
        self._seconds = seconds
        self.in_flight = 0

    async def create(self, messages: Sequence[LLMMessage], **options: Any) -> CreateResult:
        """Answer, or refuse as servers do."""
        size = sum(len(str(message.content)) for message in messages) // 4
        if size > WINDOW:
            raise ValueError(f"This model's maximum context length is {WINDOW} tokens, your messages hold {size}")
        self.in_flight += size
        try:
            if self.in_flight > MEMORY:
                raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
            await asyncio.sleep(self._seconds)
            return await super().create(messages, **options)
        finally:
            self.in_flight -= size


def answer(messages: Sequence[LLMMessage]) -> str:
    """What the model says."""
    return f"Noted: {len(messages)} messages. " + "The tide is high. " * 20


def budgeted(model: TroubledModel, limits: Limits, **settings: Any) -> BudgetedAgent:
    """The same agent under a budget."""
    budget = TokenBudget(600, context_window=WINDOW, reply_reserve=200)
    return BudgetedAgent(AssistantAgent("clerk", model, **settings), budget, limits=limits)


async def outcome(work: Awaitable[object], patience: float = PATIENCE) -> str:
    """How some work ended, in one line."""
    try:
        result = await asyncio.wait_for(asyncio.ensure_future(work), patience)
    except asyncio.TimeoutError:
        return "stuck"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:96]
    return str(result)


async def talk(agent: AssistantAgent | BudgetedAgent, turns: int = 12) -> str:
    """Several tasks, one after the other."""
    for number in range(turns):
        await agent.run(task=f"Report {number}. " + "The pilot boat is out. " * 10)
    return f"all {turns} turns answered"


async def window() -> tuple[str, str]:
    """The history grows past the window: `token limit exceeded`, `This model's maximum context length is`."""
    bare = await outcome(talk(AssistantAgent("clerk", TroubledModel(answer))))
    return bare, await outcome(talk(budgeted(TroubledModel(answer), Limits())))


async def stuck() -> tuple[str, str]:
    """A model that never answers: `chain execution stuck when scaling`."""
    bare = AssistantAgent("clerk", TroubledModel(answer, seconds=3_600))
    limited = budgeted(TroubledModel(answer, seconds=3_600), Limits(model_timeout=0.1, retries=1))
    return await outcome(talk(bare), SHORT), await outcome(talk(limited))


async def tool() -> tuple[str, str]:
    """A tool that never returns: tool calls without a response."""

    async def dredge() -> str:
        """Waits for a dredger that never comes."""
        await asyncio.sleep(3_600)
        return "done"

    def script(messages: Sequence[LLMMessage]) -> str | FunctionCall:
        return FunctionCall(id="1", name="dredge", arguments="{}") if len(messages) < 3 else answer(messages)

    bare = AssistantAgent("clerk", TroubledModel(script), tools=[dredge], reflect_on_tool_use=True)
    limits = Limits(tool_timeout=0.1)
    limited = budgeted(TroubledModel(script), limits, tools=[dredge], reflect_on_tool_use=True)
    return await outcome(talk(bare, 1), SHORT), await outcome(talk(limited, 1))


async def overload() -> tuple[str, str]:
    """Twenty agents at once on a server that can hold a few: `timeout error when scaling`, out of memory."""

    async def crowd(agents: Sequence[AssistantAgent | BudgetedAgent]) -> str:
        done = await asyncio.gather(*(talk(agent, 2) for agent in agents), return_exceptions=True)
        failed = [error for error in done if isinstance(error, BaseException)]
        return f"{len(done) - len(failed)} of {len(done)} agents finished" + (f"; {failed[0]}"[:60] if failed else "")

    shared = TroubledModel(answer)
    bare = await outcome(crowd([AssistantAgent("clerk", shared) for _ in range(20)]))
    limits = Limits(max_tokens_in_flight=MEMORY // 2)  # one object, shared by all
    return bare, await outcome(crowd([budgeted(shared, limits) for _ in range(20)]))


async def loop() -> tuple[str, str]:
    """The same call again and again, with the same result."""

    def read_gauge() -> str:
        """Reads the gauge."""
        return "3.2 m"

    def script(_: Sequence[LLMMessage]) -> FunctionCall:
        return FunctionCall(id="1", name="read_gauge", arguments="{}")

    settings: dict[str, Any] = {"tools": [read_gauge], "max_tool_iterations": 200}
    calls = await AssistantAgent("clerk", ScriptedModel(script), **settings).run(task="Watch the gauge.")
    bare = f"{len(calls.messages) // 2} calls of the same tool"
    return bare, await outcome(talk(budgeted(TroubledModel(script), Limits(max_repeats=5), **settings), 1))


async def dangling() -> tuple[str, str]:
    """A call whose result never came, as a crash leaves it: `tool calls must be followed by tool messages`."""
    call = FunctionCall(id="7", name="dredge", arguments="{}")
    left = AssistantMessage(content=[call], source="clerk")
    seen: list[str] = []

    def script(messages: Sequence[LLMMessage]) -> str:
        seen.append(" ".join(message.type.removesuffix("Message") for message in messages[1:]))
        return "ok"

    for under_budget in (False, True):
        agent = AssistantAgent("clerk", ScriptedModel(script))
        await agent.model_context.add_message(UserMessage(content="Dredge the basin.", source="user"))
        await agent.model_context.add_message(left)
        await (BudgetedAgent(agent, TokenBudget(600)) if under_budget else agent).run(task="Go on.")
    return f"sent {seen[0]}", f"sent {seen[1]}"


TROUBLES = {each.__name__: each for each in (window, stuck, tool, overload, loop, dangling)}


async def main(names: Sequence[str]) -> None:
    """Make each trouble, and print how it ends."""
    logging.getLogger("autogen_budget").setLevel(logging.ERROR)
    logging.getLogger("autogen_core").setLevel(logging.CRITICAL)
    for name in names:
        without, under = await TROUBLES[name]()
        print(f"{name}: {(TROUBLES[name].__doc__ or '').splitlines()[0]}")
        print(f"  without: {without}\n  with:    {under}")


if __name__ == "__main__":
    unknown = [name for name in sys.argv[1:] if name not in TROUBLES]
    if unknown:
        sys.exit(f"no such trouble: {', '.join(unknown)}; there are {', '.join(TROUBLES)}")
    asyncio.run(main(sys.argv[1:] or list(TROUBLES)))
