"""Three kinds of agents and their settings: a coding agent, nested agents, structured output.

python examples/recipes.py             # all of them
python examples/recipes.py nested      # one: coding, nested, structured
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.tools import AgentTool
from autogen_core import FunctionCall
from autogen_core.models import AssistantMessage, FunctionExecutionResultMessage, LLMMessage
from pydantic import BaseModel

from autogen_budget import BudgetedAgent, Report, TokenBudget
from model_choice import ScriptedModel

STEPS = 15


def read_file(path: str) -> str:
    """Reads a file.

    Args:
        path (str): Its path.
    """
    return f"# {path}\n" + "\n".join(f"def depth_{i}(tide: float) -> float:\n    return tide + {i}" for i in range(60))


def calls_in(messages: Sequence[LLMMessage]) -> list[FunctionCall]:
    """The calls that a request still holds."""
    asked = (m.content for m in messages if isinstance(m, AssistantMessage) and not isinstance(m.content, str))
    return [call for calls in asked for call in calls]


async def coding() -> str:
    """Files are long and read again: late results stay, each within its own limit."""
    paths = iter(f"src/tides/station_{number}.py" for number in range(STEPS))

    def script(messages: Sequence[LLMMessage]) -> str | FunctionCall:
        path = next(paths, None)
        if path is None:
            return f"Read; the last of them is {calls_in(messages)[-1].arguments}."
        return FunctionCall(id=path, name="read_file", arguments=json.dumps({"path": path}))

    coder = AssistantAgent("coder", ScriptedModel(script), tools=[read_file], max_tool_iterations=STEPS + 1)
    agent = BudgetedAgent(coder, TokenBudget(6_000, keep_last_turns=4, tool_output_tokens={"read_file": 1_000}))
    await agent.run(task="Where is the depth of station 3 computed?")
    return summary(agent)


async def nested() -> str:
    """What an agent offers as a tool is covered too: wrap the outermost."""

    def librarian_script(_: Sequence[LLMMessage]) -> str | FunctionCall:
        return "The almanac says: high water at 9:12. " * 60

    def skipper_script(messages: Sequence[LLMMessage]) -> str | FunctionCall:
        asked = len([message for message in messages if isinstance(message, FunctionExecutionResultMessage)])
        if asked < 3:
            return FunctionCall(id=str(asked), name="librarian", arguments='{"task": "When is high water?"}')
        return "High water is at 9:12."

    librarian = AssistantAgent("librarian", ScriptedModel(librarian_script), description="Knows the almanac.")
    skipper = AssistantAgent(
        "skipper", ScriptedModel(skipper_script), tools=[AgentTool(librarian)], max_tool_iterations=5
    )
    agent = BudgetedAgent(skipper, TokenBudget(2_000), per_agent={"librarian": TokenBudget(1_000)})
    await agent.run(task="When do we sail?")
    return summary(agent)


class Berth(BaseModel):
    """What the harbour master answers."""

    number: int
    reason: str


async def structured() -> str:
    """The schema is counted with the request and never cut."""

    def script(_: Sequence[LLMMessage]) -> str | FunctionCall:
        return Berth(number=4, reason="It is deep enough.").model_dump_json()

    clerk = AssistantAgent("clerk", ScriptedModel(script), output_content_type=Berth)
    agent = BudgetedAgent(clerk, TokenBudget(1_000))
    for day in range(10):
        await agent.run(task=f"Day {day}. " + "The wind is light, the sea is calm, and nobody is expected. " * 12)
    return summary(agent)


def summary(agent: BudgetedAgent) -> str:
    """One line for each agent that made calls."""
    report = Report.of(agent)
    caps = {call.name: call.cap for call in agent.records}
    largest = {name: max(call.tokens_sent for call in agent.records if call.name == name) for name in caps}
    return "\n".join(
        f"  {name}: {totals.calls} calls, the largest {largest[name]:,} of {caps[name]:,} tokens"
        for name, totals in report.by_agent.items()
    )


RECIPES: dict[str, Callable[[], Awaitable[str]]] = {"coding": coding, "nested": nested, "structured": structured}


async def main(names: Sequence[str]) -> None:
    """Run them."""
    for name in names:
        print(f"{name}\n{await RECIPES[name]()}")


if __name__ == "__main__":
    chosen = sys.argv[1:] or list(RECIPES)
    if unknown := set(chosen) - set(RECIPES):
        sys.exit(f"{', '.join(unknown)} is not one of: {', '.join(RECIPES)}")
    asyncio.run(main(chosen))
