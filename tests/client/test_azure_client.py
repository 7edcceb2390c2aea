"""AutoGen's client for Azure AI under a budget, against a server with its wire format."""

import asyncio
import gc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_core import CancellationToken
from autogen_core.models import CreateResult

from autogen_budget import ArtifactStore, BudgetedAgent, BudgetedChatCompletionClient, SpendPool, TokenBudget
from builders import ship_talk
from servers import Answer, Call, OpenAIServer, Stall

azure = pytest.importorskip("autogen_ext.models.azure", reason="needs azure-ai-inference")
credentials = pytest.importorskip("azure.core.credentials")

INFO = {
    "vision": False,
    "function_calling": True,
    "json_output": True,
    "family": "unknown",
    "structured_output": False,
}


@asynccontextmanager
async def client_of(server: OpenAIServer) -> AsyncGenerator[Any]:
    """AutoGen's client; Azure's API for models adds its version to the address, and is OpenAI's but for that."""
    client = azure.AzureAIChatCompletionClient(
        model="phi-4", endpoint=server.base_url, credential=credentials.AzureKeyCredential("x"), model_info=INFO
    )
    try:
        yield client
    finally:
        await client.close()


@pytest.mark.parametrize("stream", [False, True])
async def test_requests_fit_and_are_paid_for(stream: bool) -> None:
    """A long history is sent under its cap, whole and streamed, and charged as the server reports it."""
    pool = SpendPool(max_tokens=100_000)
    async with OpenAIServer() as server, client_of(server) as inner:
        client = BudgetedChatCompletionClient(inner, TokenBudget(500), pool=pool)
        for turns in (1, 30, 31):
            server.script("All ships are in.")
            if stream:
                *chunks, result = [item async for item in client.create_stream(ship_talk(turns))]
                assert "".join(map(str, chunks)) == "All ships are in."
            else:
                result = await client.create(ship_talk(turns))
            assert isinstance(result, CreateResult)
            assert result.content == "All ships are in."
    assert [request.prompt_tokens <= 500 for request in server.requests] == [True] * 3
    assert pool.reserved.tokens == 0
    reported = sum(request.prompt_tokens for request in server.requests)
    assert pool.spent.prompt_tokens == reported or stream  # its streams report usage only where the server adds it
    assert pool.spent.calls == 3


async def test_an_agent_with_tools_works_under_its_cap() -> None:
    """Calls and results go through, and a long result is cut, its head kept.

    Not streamed: the second piece of a call is a TypeError in AutoGen's client, without a budget too.
    """

    async def look(name: str) -> str:
        """Look a ship up."""
        return f"{name} lies at berth 7. " + "Nothing else is known. " * 800

    async with OpenAIServer() as server, client_of(server) as inner:
        server.script(Answer(calls=(Call("look", {"name": "Tern"}),)), "Berth 7 it is.")
        assistant = AssistantAgent("clerk", inner, tools=[look], reflect_on_tool_use=True)
        agent = BudgetedAgent(assistant, TokenBudget(1_500), artifacts=ArtifactStore())
        run = await agent.run(task="Where is Tern?")
    assert "Berth 7 it is." in str(run.messages[-1])
    assert [request.prompt_tokens <= 1_500 for request in server.requests] == [True] * 2
    assert "berth 7" in str(server.requests[-1].body["messages"])
    assert agent.report().output_cuts == 1


async def test_a_refusal_teaches_the_window() -> None:
    """What the service says of its window is read from its error, and the request made smaller."""
    async with OpenAIServer(window=600) as server, client_of(server) as inner:
        client = BudgetedChatCompletionClient(inner, TokenBudget(5_000, context_window=8_000))
        await client.create(ship_talk(40))
    assert [request.accepted for request in server.requests] == [False, True]
    assert client.records[0].window == 600


@pytest.mark.filterwarnings("ignore:Unclosed connection:ResourceWarning")
async def test_cancelling_ends_a_call() -> None:
    """A token that is cancelled ends a stream that hangs, and nothing stays reserved.

    AutoGen's client leaves the response of a stream that is not read to its end to the garbage collector.
    """
    pool = SpendPool(max_tokens=100_000)
    async with OpenAIServer() as server, client_of(server) as inner:
        server.script(Stall(after_chunks=2))
        client = BudgetedChatCompletionClient(inner, TokenBudget(500), pool=pool)
        token = CancellationToken()
        with pytest.raises(asyncio.CancelledError):
            async for _ in client.create_stream(ship_talk(1), cancellation_token=token):
                token.cancel()
    assert pool.reserved.tokens == 0
    gc.collect()  # or another test would be warned
