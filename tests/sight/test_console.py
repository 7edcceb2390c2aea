"""A run shown while it goes on: AutoGen's messages, and a line for each model call."""

import io
from collections.abc import AsyncGenerator

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import Response, TaskResult
from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage, ModelClientStreamingChunkEvent, TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken
from autogen_core.tools import FunctionTool, StaticWorkbench

from autogen_budget import BudgetedWorkbench, TokenBudget, budget_team, show_run
from servers import OpenAIServer
from servers.clients import client_of


async def test_a_team_is_shown_with_its_tokens() -> None:
    """Each message as AutoGen shows it, then who sent how much of which cap."""
    out = io.StringIO()
    async with OpenAIServer() as server, client_of(server) as client:
        team = RoundRobinGroupChat([AssistantAgent(name, client) for name in ("one", "two")], max_turns=2)
        budget_team(team, TokenBudget(500))
        result = await show_run(team.run_stream(task="How many ships?"), output=out)
    assert isinstance(result, TaskResult)
    text = out.getvalue()
    assert "---------- TextMessage (user) ----------\nHow many ships?" in text
    assert text.count("---------- TextMessage (one) ----------") == 1
    assert " of 500 tokens (" in text
    assert "  · two: " in text
    assert " in 1 call, $0.0002, nothing cut, " in text


async def test_an_agents_stream_is_shown_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A response instead of a result, on standard output."""
    async with OpenAIServer() as server, client_of(server) as client:
        agent = AssistantAgent("clerk", client)
        asked = TextMessage(content="How many ships?", source="user")
        result = await show_run(agent.on_messages_stream([asked], CancellationToken()))
    assert isinstance(result, Response)
    assert result.chat_message.to_text() in capsys.readouterr().out


async def test_chunks_events_and_escapes() -> None:
    """Chunks stand in one line; what else is recorded is told; a terminal obeys nothing."""

    def fetch() -> str:
        """Fetch."""
        return "nine ships " * 900

    budget = TokenBudget(8_000, max_tool_output_tokens=200)
    tools = BudgetedWorkbench(StaticWorkbench([FunctionTool(fetch, "Fetches.")]), budget)

    async def stream() -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | TaskResult, None]:
        yield ModelClientStreamingChunkEvent(content="Nine ", source="clerk")
        yield ModelClientStreamingChunkEvent(content="ships\x1b[2J", source="clerk")
        await tools.call_tool("fetch", {})
        yield TextMessage(content="Nine ships", source="clerk")
        yield TaskResult(messages=[])

    out = io.StringIO()
    await show_run(stream(), output=out)
    text = out.getvalue()
    assert text.startswith("Nine ships�[2J\n---------- TextMessage (clerk)")
    assert "  · tool: output cut: fetch: 9,900 characters, " in text
    assert "\x1b" not in text


async def test_a_stream_without_a_result_is_an_error() -> None:
    """As with AutoGen's own console."""

    async def stream() -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | TaskResult, None]:
        yield TextMessage(content="Nine ships", source="clerk")

    with pytest.raises(ValueError, match="without a TaskResult or Response"):
        await show_run(stream(), output=io.StringIO())
