"""Eighty tools under a cap of 1,500 tokens: the agent is offered what it needs, and finds the rest.

    python examples/many_tools.py

A scripted model stands in for a real one: it calls the tools that an agent of a harbour would call.
"""

import asyncio
import logging

from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_core.tools import FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import BudgetedAgent, TokenBudget

ACTIONS = ("list", "open", "close", "move", "count", "report", "repair", "rent")
THINGS = ("crane", "berth", "container", "tugboat", "warehouse", "pilot", "gangway", "buoy", "truck", "scale")
ABILITIES = ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)


def tool(action: str, thing: str) -> FunctionTool:
    """One tool of the harbour; its description is as long-winded as those of real servers."""

    def run(number: int) -> str:
        return f"{action} {thing} {number}: done"

    note = "Call it only when its number is known, and ask the harbour master if it is not. Every call is logged."
    return FunctionTool(run, f"{action.title()} a {thing} of the harbour. {note}", name=f"{action}_{thing}")


def call(name: str, arguments: str) -> CreateResult:
    """A reply that calls a tool."""
    usage = RequestUsage(prompt_tokens=0, completion_tokens=0)
    content = [FunctionCall(id="1", name=name, arguments=arguments)]
    return CreateResult(finish_reason="function_calls", content=content, usage=usage, cached=False)


async def main() -> None:
    """Run the agent, and print what each of its requests offered."""
    logging.getLogger("autogen_core").setLevel(logging.ERROR)
    script: list[str | CreateResult] = [
        call("repair_crane", '{"number": 4}'),
        call("find_tools", '{"query": "rent a truck"}'),
        call("rent_truck", '{"number": 7}'),
        "The crane is repaired, and truck 7 is yours.",
    ]
    assistant = AssistantAgent(
        "master",
        ReplayChatCompletionClient(script, model_info=ABILITIES),
        tools=[tool(action, thing) for action in ACTIONS for thing in THINGS],
        max_tool_iterations=5,  # find_tools needs a request after it
    )
    agent = BudgetedAgent(assistant, TokenBudget(4_000, max_tool_schema_tokens=1_500), pin_tools=("report_buoy",))
    result = await agent.run(task="Crane 4 is broken: repair the crane.")
    for record in agent.records:
        before, sent = record.layers_before["tools"], record.layers_sent["tools"]
        print(
            f"{len(record.tools):>3} of {len(record.tools) + len(record.tools_withheld)} tools offered, "
            f"{sent:,} of {before:,} tokens; then called: {', '.join(record.called) or 'none'}"
        )
    print(result.messages[-1].to_text())


if __name__ == "__main__":
    asyncio.run(main())
