"""A live MCP server that never answers: its start, its list and its calls end in time, and so does a cancelled turn."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import ToolCallExecutionEvent
from autogen_core import CancellationToken, FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient
from autogen_ext.tools.mcp import McpWorkbench, StdioServerParams  # pyright: ignore[reportMissingTypeStubs]  # no stubs

from autogen_budget import BudgetedAgent, BudgetedWorkbench, Limits, TokenBudget, ToolTimeoutError

BUDGET = TokenBudget(4_000)
LIMITS = Limits(tool_timeout=0.5)
SERVER = Path(__file__).parents[1] / "hanging_mcp_server.py"
INFO = ModelInfo(vision=False, function_calling=True, json_output=True, family="unknown", structured_output=False)
USAGE = RequestUsage(prompt_tokens=9, completion_tokens=3)
LOOKS = CreateResult(
    finish_reason="function_calls",
    content=[FunctionCall(id="1", name="look", arguments="{}")],
    usage=USAGE,
    cached=False,
)
DONE = CreateResult(finish_reason="stop", content="Done.", usage=USAGE, cached=False)


@asynccontextmanager
async def hanging_at(method: str) -> AsyncGenerator[McpWorkbench, None]:
    """The tools of a server that does not answer one method; AutoGen itself would wait for an hour."""
    server = StdioServerParams(command=sys.executable, args=[str(SERVER), method], read_timeout_seconds=3_600)
    workbench = McpWorkbench(server)
    try:
        yield workbench
    finally:
        if method == "initialize":
            workbench._actor = None  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # it cannot be stopped
        else:
            await asyncio.wait_for(workbench.stop(), 30)


async def test_a_server_that_does_not_begin_is_given_up() -> None:
    """AutoGen's own start does not wait for it; the first list and the end name the limit."""
    async with hanging_at("initialize") as workbench:
        tools = BudgetedWorkbench(workbench, BUDGET, limits=LIMITS)
        await tools.start()
        with pytest.raises(ToolTimeoutError, match=r"the tools' list did not end within 0\.5 s"):
            await tools.list_tools()
        with pytest.raises(ToolTimeoutError, match=r"the tools' end did not end within 0\.5 s"):
            await tools.stop()


async def test_a_list_that_hangs_ends_in_time() -> None:
    """With an error that names the limit."""
    async with hanging_at("tools/list") as workbench:
        tools = BudgetedWorkbench(workbench, BUDGET, limits=Limits(tool_timeout=30))
        await tools.start()
        with pytest.raises(ToolTimeoutError, match=r"the tools' list did not end within 0\.5 s"):
            await BudgetedWorkbench(workbench, BUDGET, limits=LIMITS).list_tools()


async def test_a_call_that_hangs_is_an_error_the_model_can_act_on() -> None:
    """The agent answers all the same."""
    async with hanging_at("tools/call") as workbench:
        await workbench.start()
        model = ReplayChatCompletionClient([LOOKS, DONE], model_info=INFO)
        inner = AssistantAgent("clerk", model, workbench=workbench, reflect_on_tool_use=True)
        agent = BudgetedAgent(inner, BUDGET, limits=Limits(tool_timeouts={"look": 0.5}))
        result = await agent.run(task="Look.")
    (event,) = (message for message in result.messages if isinstance(message, ToolCallExecutionEvent))
    assert event.content[0].is_error
    assert "look did not end within 0.5 s" in event.content[0].content
    assert result.messages[-1].to_text() == "Done."


@pytest.mark.parametrize("by_token", [False, True])
async def test_a_turn_that_hangs_in_a_call_can_be_cancelled(by_token: bool) -> None:
    """By its token, although AutoGen's own call cannot be cancelled so, and by its task; the agent goes on."""
    async with hanging_at("tools/call") as workbench:
        await workbench.start()
        model = ReplayChatCompletionClient([LOOKS, DONE], model_info=INFO)
        agent = BudgetedAgent(AssistantAgent("clerk", model, workbench=workbench), BUDGET)
        token, called = CancellationToken(), asyncio.Event()

        async def turn() -> None:
            async for message in agent.run_stream(task="Look.", cancellation_token=token):
                if getattr(message, "type", "") == "ToolCallRequestEvent":
                    called.set()

        task = asyncio.ensure_future(turn())
        await called.wait()
        await asyncio.sleep(0.05)
        if by_token:
            token.cancel()
        else:
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 30)
        assert (await agent.run(task="And?")).messages[-1].to_text() == "Done."
