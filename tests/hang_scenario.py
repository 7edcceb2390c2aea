"""One situation in which AutoGen 0.7.5 hangs, in a process of its own: `python hang_scenario.py NAME plain|wrapped`.

It says "begun" when what hangs is about to, and "ended: ..." when it did not.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from threading import Event
from typing import Any, Literal

from autogen_agentchat.agents import AssistantAgent, UserProxyAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import MagenticOneGroupChat, RoundRobinGroupChat
from autogen_core import CancellationToken, FunctionCall
from autogen_core.models import ChatCompletionClient, CreateResult, LLMMessage, ModelInfo, RequestUsage
from autogen_core.tools import StaticWorkbench, Tool, ToolResult, ToolSchema
from autogen_ext.models.replay import ReplayChatCompletionClient
from pydantic import BaseModel

from autogen_budget import BudgetedAgent, Limits, TokenBudget, budget_team

BUDGET = TokenBudget(8_000)
LIMITS = Limits(model_timeout=1, tool_timeout=60, retries=0)

INFO = ModelInfo(vision=False, function_calling=True, json_output=True, family="unknown", structured_output=False)
USAGE = RequestUsage(prompt_tokens=9, completion_tokens=3)


def call_of(tool: str) -> CreateResult:
    """A reply that calls a tool."""
    calls = [FunctionCall(id="1", name=tool, arguments="{}")]
    return CreateResult(finish_reason="function_calls", content=calls, usage=USAGE, cached=False)


CALL = call_of("look")
DONE = CreateResult(finish_reason="stop", content="Done.", usage=USAGE, cached=False)


BEGUN = asyncio.Event()


def begin() -> None:
    """Say that what hangs has begun."""
    print("begun", flush=True)
    BEGUN.set()


async def look() -> str:
    """Look for a very long time."""
    begin()
    await asyncio.Event().wait()
    return "nothing"


def dig() -> str:
    """Dig in a thread, which nothing can stop."""
    begin()
    Event().wait()
    return "nothing"


class BrokenWorkbench(StaticWorkbench):
    """Lists its tools and raises when one is called, as workbenches of users do."""

    async def list_tools(self) -> list[ToolSchema]:
        """One tool."""
        return [ToolSchema(name="look", description="Look.", parameters={"type": "object", "properties": {}})]

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> ToolResult:
        """Raise."""
        begin()
        raise ConnectionError("the server is gone")


class DeafClient(ReplayChatCompletionClient):
    """Never answers, and does not look at its token."""

    async def create(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Tool | ToolSchema] = (),
        tool_choice: Tool | Literal["auto", "required", "none"] = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] = {},
        cancellation_token: CancellationToken | None = None,
    ) -> CreateResult:
        """Wait forever."""
        begin()
        await asyncio.Event().wait()
        raise AssertionError

    async def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Tool | ToolSchema] = (),
        tool_choice: Tool | Literal["auto", "required", "none"] = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] = {},
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[str | CreateResult, None]:
        """Wait forever."""
        yield await self.create(messages)


def replies(*results: CreateResult) -> ReplayChatCompletionClient:
    """A model that answers as it is told."""
    return ReplayChatCompletionClient(list(results), model_info=INFO)


def agent(client: ChatCompletionClient, *, wraps: bool, workbench: StaticWorkbench | None = None) -> Any:
    """An agent with the slow tool, or with tools of its own."""
    if workbench is None:
        plain = AssistantAgent("scout", client, tools=[look], description="A scout.")
    else:
        plain = AssistantAgent("scout", client, workbench=workbench, description="A scout.")
    return BudgetedAgent(plain, BUDGET, limits=LIMITS) if wraps else plain


def team_of(member: Any) -> RoundRobinGroupChat:
    """A team of one."""
    return RoundRobinGroupChat([member], termination_condition=MaxMessageTermination(4))


async def cancelled(run: Callable[[CancellationToken], Awaitable[object]]) -> None:
    """Cancel a run by its token while it hangs."""
    token = CancellationToken()
    task = asyncio.ensure_future(run(token))
    await BEGUN.wait()
    await asyncio.sleep(0)
    token.cancel()
    await task


async def tool_of_agent(wraps: bool) -> None:
    """Cancelled during an async tool."""
    subject = agent(replies(CALL, DONE), wraps=wraps)
    await cancelled(lambda token: subject.run(task="Look.", cancellation_token=token))


async def tool_of_team(wraps: bool) -> None:
    """The same in a team."""
    team = team_of(agent(replies(CALL, DONE), wraps=wraps))
    await cancelled(lambda token: team.run(task="Look.", cancellation_token=token))


async def workbench_of_agent(wraps: bool) -> None:
    """A workbench raises."""
    await agent(replies(CALL, DONE), wraps=wraps, workbench=BrokenWorkbench([])).run(task="Look.")


async def workbench_of_team(wraps: bool) -> None:
    """The same in a team."""
    await team_of(agent(replies(CALL, *[DONE] * 9), wraps=wraps, workbench=BrokenWorkbench([]))).run(task="Look.")


async def deaf_model(wraps: bool) -> None:
    """Cancelled during a call of a client that ignores its token."""
    subject = agent(DeafClient([], model_info=INFO), wraps=wraps)
    await cancelled(lambda token: subject.run(task="Look.", cancellation_token=token))


async def deaf_orchestrator(wraps: bool) -> None:
    """The same in the orchestrator of a Magentic-One team."""
    team = MagenticOneGroupChat([agent(replies(DONE), wraps=False)], DeafClient([], model_info=INFO))
    if wraps:
        budget_team(team, BUDGET, limits=LIMITS)
    await cancelled(lambda token: team.run(task="Look.", cancellation_token=token))


async def tool_in_a_thread(wraps: bool) -> None:
    """A function that blocks its thread for ever: without a limit its agent waits, and so does the end of Python."""
    client = replies(*[call_of("dig")] * 40, DONE)
    plain = AssistantAgent("scout", client, tools=[dig], max_tool_iterations=41, description="A scout.")
    limits = Limits(tool_timeout=0.01, max_repeats=None)
    await (BudgetedAgent(plain, BUDGET, limits=limits) if wraps else plain).run(task="Dig.")


async def human(wraps: bool) -> None:
    """A person is asked by `input()`, whose other end is open and says nothing."""
    team = team_of(UserProxyAgent("boss"))
    if wraps:
        budget_team(team, BUDGET, limits=Limits(tool_timeout=0.1))
    begin()
    await team.run(task="Well?")


async def hung_team(wraps: bool) -> None:
    """An outer time limit around a team whose model never answers."""
    run = asyncio.ensure_future(team_of(agent(DeafClient([], model_info=INFO), wraps=wraps)).run(task="Look."))
    await BEGUN.wait()  # from here the model has its second: the outer limit is always the first to fire
    await asyncio.wait_for(run, 0.2)


SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (
        tool_of_agent,
        tool_of_team,
        workbench_of_agent,
        workbench_of_team,
        deaf_model,
        deaf_orchestrator,
        tool_in_a_thread,
        human,
        hung_team,
    )
}


async def main(name: str, how: str) -> None:
    """Play one of them."""
    try:
        await SCENARIOS[name](how == "wrapped")
    except (Exception, asyncio.CancelledError) as error:
        print(f"\nended: {type(error).__name__}", flush=True)
    else:
        print("\nended: with a result", flush=True)
    await asyncio.sleep(0.1)  # what was cancelled ends within a few steps of the loop
    others = asyncio.all_tasks() - {asyncio.current_task()}
    print(f"tasks left: {len(others)}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
