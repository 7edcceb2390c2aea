"""AutoGen's adapter of Semantic Kernel under a budget, against a server with OpenAI's wire format.

It needs `pip install semantic-kernel`, which is large and holds pydantic back, so that no extra brings it.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import CreateResult
from openai import AsyncOpenAI

from autogen_budget import ArtifactStore, BudgetedAgent, BudgetedChatCompletionClient, SpendPool, TokenBudget
from builders import ship_talk
from servers import Answer, Call, OpenAIServer

kernel = pytest.importorskip("semantic_kernel", reason="needs semantic-kernel")
connectors = pytest.importorskip("semantic_kernel.connectors.ai.open_ai", reason="needs semantic-kernel")
adapters = pytest.importorskip("autogen_ext.models.semantic_kernel", reason="needs semantic-kernel")

INFO = {"vision": False, "function_calling": True, "json_output": True, "family": "unknown", "structured_output": False}


@asynccontextmanager
async def client_of(server: OpenAIServer) -> AsyncGenerator[Any, None]:
    """AutoGen's adapter around Semantic Kernel's client of OpenAI."""
    async with AsyncOpenAI(base_url=server.base_url, api_key="x", max_retries=0) as openai:
        inner = connectors.OpenAIChatCompletion(ai_model_id="mine", async_client=openai)
        yield adapters.SKChatCompletionAdapter(inner, kernel=kernel.Kernel(), model_info=INFO)


@pytest.mark.parametrize("stream", [False, True])
async def test_requests_fit_and_are_paid_for(stream: bool) -> None:
    """A long history is sent under its cap, whole and streamed, and charged as the server reports it."""
    pool = SpendPool(max_tokens=100_000)
    async with OpenAIServer() as server, client_of(server) as inner:
        client = BudgetedChatCompletionClient(inner, TokenBudget(500), pool=pool)
        for turns in (1, 30, 31):
            server.script("All ships are in.")
            if stream:
                *_, result = [item async for item in client.create_stream(ship_talk(turns))]
            else:
                result = await client.create(ship_talk(turns))
            assert isinstance(result, CreateResult)
            assert result.content == "All ships are in."
    assert [request.prompt_tokens <= 500 for request in server.requests] == [True] * 3
    assert pool.reserved.tokens == 0
    assert pool.spent.prompt_tokens == sum(request.prompt_tokens for request in server.requests)


@pytest.mark.filterwarnings("ignore:tool_choice parameter is specified")  # AutoGen's, on what AutoGen asks for
@pytest.mark.parametrize("stream", [False, True])
async def test_an_agent_with_tools_works_under_its_cap(stream: bool) -> None:
    """Calls and results go through, and a long result is cut, its head kept."""

    async def look(name: str) -> str:
        """Look a ship up."""
        return f"{name} lies at berth 7. " + "Nothing else is known. " * 800

    async with OpenAIServer() as server, client_of(server) as inner:
        call = Call("autogen_tools-look", {"name": "Tern"})  # the name that the adapter gives the tool
        server.script(Answer(calls=(call,)), "Berth 7 it is.", "Berth 7 it is.")
        assistant = AssistantAgent("clerk", inner, tools=[look], model_client_stream=stream, reflect_on_tool_use=True)
        agent = BudgetedAgent(assistant, TokenBudget(1_500), artifacts=ArtifactStore())
        run = await agent.run(task="Where is Tern?")
    assert [request.prompt_tokens <= 1_500 for request in server.requests] == [True] * len(server.requests)
    assert "Berth 7" in str(run.messages[-1])


async def test_a_refusal_teaches_the_window() -> None:
    """What the service says of its window is read from an error that Semantic Kernel has wrapped."""
    async with OpenAIServer(window=600) as server, client_of(server) as inner:
        client = BudgetedChatCompletionClient(inner, TokenBudget(5_000, context_window=8_000))
        await client.create(ship_talk(40))
    assert [request.accepted for request in server.requests] == [False, True]
    assert client.records[0].window == 600
