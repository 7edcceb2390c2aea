"""Spending: each call is reserved before it is made and settled after it, and an exhausted pool ends everything."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import FunctionCall, InMemoryStore
from autogen_core.models import ChatCompletionClient, CreateResult, LLMMessage, RequestUsage, UserMessage
from autogen_ext.models.cache import ChatCompletionCache
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import (
    BudgetedAgent,
    BudgetedChatCompletionClient,
    SpendLimitError,
    SpendPool,
    SpendTermination,
    TokenBudget,
)
from servers import Answer, Failure, OpenAIServer, Overflow
from servers.clients import client_of

HELLO: list[LLMMessage] = [UserMessage(content="Hello there, how many ships came in today?", source="user")]

BUDGET = TokenBudget(1_000, reply_reserve=50)


def wrapped(client: ChatCompletionClient, pool: SpendPool) -> BudgetedChatCompletionClient:
    """A client that a pool pays for."""
    return BudgetedChatCompletionClient(client, BUDGET, name="clerk", pool=pool, purpose="selector")


async def drain(stream: AsyncGenerator[str | CreateResult, None]) -> list[str | CreateResult]:
    """All items of a stream."""
    return [item async for item in stream]


async def test_reported_usage_is_charged() -> None:
    """What the provider reports is booked, for the caller, the purpose and the model."""
    pool = SpendPool(max_tokens=10_000)
    async with OpenAIServer() as server, client_of(server) as inner:
        client = wrapped(inner, pool)
        await client.create(HELLO)
    (record,) = client.records
    assert record.reported_prompt_tokens is not None
    assert record.reported_completion_tokens is not None
    used = record.reported_prompt_tokens + record.reported_completion_tokens
    assert pool.spent.tokens == used
    assert pool.report().by_agent["clerk"].tokens == used
    assert pool.report().by_purpose["selector"].tokens == used
    assert pool.report().by_model["gpt-4o"].tokens == used
    assert pool.spent.estimated_tokens == 0
    assert pool.reserved.tokens == 0


async def test_an_exhausted_pool_stops_before_the_call() -> None:
    """When the next call would not fit, it is not made, and neither is any later one."""
    pool = SpendPool(max_tokens=200)
    async with OpenAIServer() as server, client_of(server) as inner:
        client = wrapped(inner, pool)
        with pytest.raises(SpendLimitError, match="200"):
            for _ in range(20):
                await client.create(HELLO)
        made = len(server.requests)
        assert 1 <= made < 10
        with pytest.raises(SpendLimitError):
            await client.create(HELLO)
        with pytest.raises(SpendLimitError):
            await drain(client.create_stream(HELLO))
        assert len(server.requests) == made
    assert pool.spent.tokens <= 200
    assert client.records[-1].error is not None
    assert client.records[-1].error.startswith("SpendLimitError")


async def test_a_stream_is_asked_for_its_usage() -> None:
    """OpenAI's streams report nothing unless asked, so they are asked: what is booked is what the provider says."""
    pool = SpendPool(max_tokens=10_000)
    async with OpenAIServer() as server, client_of(server) as inner:
        server.script(*["three ships and a barge"] * 2)
        plain = await drain(inner.create_stream(HELLO))
        client = wrapped(ChatCompletionCache(inner, InMemoryStore()), pool)
        asked = await drain(client.create_stream(HELLO))
        assert "stream_options" not in server.requests[0].body
        assert pool.spent.prompt_tokens == server.requests[1].prompt_tokens
    assert asked[:-1] == plain[:-1]
    assert isinstance(plain[-1], CreateResult)
    assert isinstance(asked[-1], CreateResult)
    assert asked[-1].model_copy(update={"usage": RequestUsage(0, 0)}) == plain[-1]
    assert pool.spent.estimated_tokens == 0
    assert client.records[0].reported_completion_tokens == 6


async def test_a_stream_without_a_report_is_charged_by_our_own_count() -> None:
    """Where the caller or the client decides about stream options, it stays so: the counter's figures are booked."""
    pool = SpendPool(max_tokens=10_000)
    silent = {"stream_options": {"include_usage": False}}
    async with OpenAIServer() as server, client_of(server) as inner:
        server.script(*["three ships and a barge"] * 2)
        client = wrapped(inner, pool)
        await drain(client.create_stream(HELLO, extra_create_args=silent))
        assert pool.spent.estimated_tokens == pool.spent.tokens > client.records[0].tokens_sent
        own = OpenAIChatCompletionClient(
            model="gpt-4o", base_url=server.base_url, api_key="x", stream_options={"include_usage": False}
        )
        await drain(wrapped(own, pool).create_stream(HELLO))
        await own.close()
        assert [request.body["stream_options"] for request in server.requests] == [{"include_usage": False}] * 2
    assert pool.spent.estimated_tokens == pool.spent.tokens


async def test_a_server_that_cannot_be_asked_for_usage_is_not_asked_again() -> None:
    """Some compatible servers refuse the option: the call goes out once more without it, and so do all later ones."""
    refused = Failure(400, {"error": {"message": "Unrecognized request argument supplied: stream_options"}})
    pool = SpendPool(max_tokens=10_000)
    async with OpenAIServer() as server, client_of(server) as inner:
        server.script(refused, "aye", "aye")
        client = wrapped(inner, pool)
        for _ in range(2):
            *_, last = await drain(client.create_stream(HELLO))
            assert isinstance(last, CreateResult)
            assert last.content == "aye"
        assert ["stream_options" in request.body for request in server.requests] == [True, False, False]
    assert pool.spent.calls == 2
    assert pool.reserved.tokens == 0


async def test_calls_without_a_report_are_charged_too() -> None:
    """Names and arguments of calls are what the model wrote."""
    calls = [FunctionCall(id="c", name="count_ships", arguments='{"pier": 9, "flag": "any"}')]
    silent = CreateResult(finish_reason="function_calls", content=calls, usage=RequestUsage(0, 0), cached=False)

    class Silent(ReplayChatCompletionClient):
        async def create(self, *_: object, **__: object) -> CreateResult:
            return silent

    pool = SpendPool(max_tokens=10_000)
    client = wrapped(Silent(["never"]), pool)
    await client.create(HELLO)
    assert pool.spent.tokens > client.records[0].tokens_sent + 5


async def test_a_stream_that_ends_early_is_charged_for_what_was_said() -> None:
    """The provider charges for it as well."""
    pool = SpendPool(max_tokens=10_000)
    async with OpenAIServer() as server, client_of(server) as inner:
        server.script("one two three four five six")
        stream = wrapped(inner, pool).create_stream(HELLO)
        await anext(stream)
        await stream.aclose()
    assert pool.spent.estimated_tokens > 0
    assert pool.reserved.tokens == 0


async def test_failures_and_caches_cost_nothing() -> None:
    """A call that failed, or was answered from a cache, gives back what it reserved."""
    pool = SpendPool(max_tokens=10_000)
    async with OpenAIServer() as server, client_of(server) as inner:
        server.script(Failure(500, {"error": {"message": "oops"}}))
        with pytest.raises(Exception, match="oops"):
            await wrapped(inner, pool).create(HELLO)
    await wrapped(ReplayChatCompletionClient(["from a cache"]), pool).create(HELLO)
    assert (pool.spent.tokens, pool.reserved.tokens) == (0, 0)


async def test_a_request_that_is_sent_again_is_charged_once() -> None:
    """After a refusal for its size, what was reserved for the first request goes back."""
    pool = SpendPool(max_tokens=10_000)
    long: list[LLMMessage] = [UserMessage(content="the ships " * 150, source="user")]
    async with OpenAIServer() as server, client_of(server) as inner:
        server.script(Overflow(), Answer("well"))
        await wrapped(inner, pool).create(long)
        assert len(server.requests) == 2
        assert pool.spent.tokens < server.requests[0].prompt_tokens + server.requests[1].prompt_tokens
    assert pool.reserved.tokens == 0
    assert pool.spent.calls == 1


async def test_callers_at_the_same_time_never_overdraw() -> None:
    """With 50 callers at once, no more is spent than the pool holds."""
    pool = SpendPool(max_tokens=1_000)
    async with OpenAIServer() as server, client_of(server) as inner:
        server.reply_with(lambda _: Answer("aye", delay=0.01))
        clients = [wrapped(inner, pool) for _ in range(50)]
        done = await asyncio.gather(*(client.create(HELLO) for client in clients), return_exceptions=True)
    assert {type(result) for result in done} == {CreateResult, SpendLimitError}
    assert pool.spent.tokens <= 1_000
    assert pool.reserved.tokens == 0


async def test_pool_and_purpose_go_into_the_component() -> None:
    """Loaded again, the client draws on a pool with the same limits."""
    client = wrapped(ReplayChatCompletionClient(["yes"]), SpendPool(max_tokens=60, name="harbour"))
    loaded = BudgetedChatCompletionClient.load_component(client.dump_component())
    with pytest.raises(SpendLimitError, match="harbour"):
        await loaded.create([UserMessage(content="ships " * 100, source="user")])


async def test_the_room_for_replies_is_reserved() -> None:
    """`max_tokens` of the call, or the reserve, is set aside beside the prompt."""
    pool = SpendPool(max_tokens=100)
    client = wrapped(ReplayChatCompletionClient(["yes"] * 3), pool)
    await client.create(HELLO)
    with pytest.raises(SpendLimitError):
        await client.create(HELLO, extra_create_args={"max_tokens": 95})


async def test_agents_share_a_pool_in_a_team() -> None:
    """A team of wrapped agents spends one pool; the run ends with a stop message that says what was spent."""
    pool = SpendPool(max_tokens=900, name="harbour")
    async with OpenAIServer() as server, client_of(server) as inner:
        agents = [
            BudgetedAgent(AssistantAgent(name, inner), TokenBudget(500, reply_reserve=40), pool=pool)
            for name in ("one", "two")
        ]
        team = RoundRobinGroupChat([*agents], termination_condition=SpendTermination(pool))
        result = await team.run(task="Talk about the ships.")
    assert result.stop_reason is not None
    assert "harbour" in result.stop_reason
    assert pool.spent.tokens <= 900
    assert set(pool.report().by_agent) == {"one", "two"}
    dumped = agents[0].dump_component()
    assert dumped.config["pool"]["provider"] == "autogen_budget.SpendPool"
    assert isinstance(BudgetedAgent.load_component(dumped), BudgetedAgent)
