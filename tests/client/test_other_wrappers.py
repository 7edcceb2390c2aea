"""In front of and behind other wrappers: caches, clients of a user's own, and budgets around budgets."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import AssistantMessage, CreateResult, LLMMessage, UserMessage
from autogen_ext.models.cache import ChatCompletionCache
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import (
    BudgetedAgent,
    BudgetedChatCompletionClient,
    CompactionContext,
    History,
    SpendPool,
    TiktokenCounter,
    TokenBudget,
)
from servers import OpenAIServer
from servers.clients import client_of

HELLO: list[LLMMessage] = [UserMessage(content="How many ships came in today?", source="user")]

BUDGET = TokenBudget(1_000, reply_reserve=50)


def talk(turns: int) -> list[LLMMessage]:
    """A conversation that outgrows the budget."""
    messages: list[LLMMessage] = [UserMessage(content="Count the ships.", source="user")]
    for i in range(turns):
        messages += [
            AssistantMessage(content=f"answer {i} " + "ship " * 40, source="a"),
            UserMessage(content=f"question {i} " + "sea " * 40, source="user"),
        ]
    return messages


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_cache_outside(streaming: bool) -> None:
    """A cache around the wrapper answers by itself the second time: nothing is sent, recorded or charged again."""
    pool = SpendPool(max_tokens=10_000)
    async with OpenAIServer() as server, client_of(server) as inner:
        budgeted = BudgetedChatCompletionClient(inner, BUDGET, pool=pool)
        cache = ChatCompletionCache(budgeted)
        for _ in range(2):
            if streaming:
                assert [item async for item in cache.create_stream(talk(30))]
            else:
                assert (await cache.create(talk(30))).content
        assert len(server.requests) == len(budgeted.records) == 1
        assert server.requests[0].prompt_tokens <= 1_000
    assert pool.spent.calls == 1
    assert cache.remaining_tokens(HELLO) == budgeted.remaining_tokens(HELLO)


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_cache_inside(streaming: bool) -> None:
    """A cache in the wrapper sees the request that fits; what it answers is recorded as such and costs nothing."""
    pool = SpendPool(max_tokens=10_000)
    async with OpenAIServer() as server, client_of(server) as inner:
        budgeted = BudgetedChatCompletionClient(ChatCompletionCache(inner), BUDGET, pool=pool)
        for _ in range(2):
            if streaming:
                assert [item async for item in budgeted.create_stream(talk(30))]
            else:
                assert (await budgeted.create(talk(30))).content
        assert len(server.requests) == 1
    assert [record.from_cache for record in budgeted.records] == [False, True]
    assert [record.model for record in budgeted.records] == ["gpt-4o"] * 2
    assert pool.spent.calls == 1
    assert pool.reserved.tokens == 0


class Tagged(OpenAIChatCompletionClient):
    """A client of a user's own, which tags what it is answered and can do a thing more."""

    tag = "harbour"

    def tags(self, text: str) -> str:
        """The text with its tag."""
        return f"{self.tag}: {text}"

    async def create(self, messages: Sequence[LLMMessage], **options: Any) -> CreateResult:
        """Tags the answer."""
        result = await super().create(messages, **options)
        return result.model_copy(update={"content": self.tags(str(result.content))})


async def test_a_client_of_a_users_own() -> None:
    """What a subclass changes is in force, what it adds is reached through `client`, and its model is known."""
    async with OpenAIServer() as server:
        server.script("Three.")
        own = Tagged(model="gpt-4o", base_url=server.base_url, api_key="x", max_retries=0)
        budgeted = BudgetedChatCompletionClient(own, BUDGET)
        assert (await budgeted.create(talk(30))).content == "harbour: Three."
        assert server.requests[0].prompt_tokens <= 1_000
        await budgeted.close()
    assert isinstance(budgeted.client, Tagged)
    assert budgeted.client.tags("x") == "harbour: x"
    assert budgeted.records[0].model == "gpt-4o"


class Gentle:
    """A strategy that is code and does nothing."""

    async def __call__(self, history: History, context: CompactionContext) -> History:
        """Does nothing."""
        return history


@pytest.mark.parametrize(("inner_cap", "outer_cap"), [(500, 1_000), (1_000, 500), (700, 700)])
async def test_the_tighter_of_two_budgets_wins(inner_cap: int, outer_cap: int) -> None:
    """A client under budget in an agent under budget: each request is within both caps, and each wrapper records it."""
    async with OpenAIServer() as server, client_of(server) as plain:
        client = BudgetedChatCompletionClient(plain, TokenBudget(inner_cap), strategies=[Gentle()])
        agent = BudgetedAgent(AssistantAgent("clerk", client), TokenBudget(outer_cap))
        for i in range(12):
            await agent.run(task=f"question {i} " + "sea " * 60)
        assert all(request.accepted for request in server.requests)
        assert max(request.prompt_tokens for request in server.requests) <= min(inner_cap, outer_cap)
        assert len(server.requests) == len(client.records) == len(agent.records)
        assert {record.model for record in agent.records} == {"gpt-4o"}, "known through a wrapper that cannot be dumped"


async def test_a_pool_is_charged_once() -> None:
    """Given to a client and to the agent around it, a pool pays once for each call, and calls at once do not block."""
    pool = SpendPool(max_tokens=2_000)
    async with OpenAIServer() as server, client_of(server) as plain:
        client = BudgetedChatCompletionClient(plain, TokenBudget(1_000, reply_reserve=200), name="model", pool=pool)
        agents = [
            BudgetedAgent(AssistantAgent(f"clerk{i}", client), TokenBudget(1_000, reply_reserve=200), pool=pool)
            for i in range(4)
        ]
        await asyncio.gather(*(agent.run(task="How many ships?") for agent in agents))
    assert pool.spent.calls == 4
    assert set(pool.report().by_agent) == {"model"}
    assert pool.reserved.tokens == 0


def wrapped(pool: SpendPool | None) -> BudgetedChatCompletionClient:
    """A client that a pool pays for."""
    return BudgetedChatCompletionClient(ReplayChatCompletionClient(["yes"]), BUDGET, pool=pool)


def test_who_pays() -> None:
    """The inner wrapper goes on to pay from its pool or a share of it; another pool is charged beside it."""
    pool, other = SpendPool(max_tokens=9_000, name="team"), SpendPool(max_tokens=9_000, name="other")
    share = pool.child("share")
    for inside, given, paying in (
        (None, pool, pool),
        (pool, pool, None),
        (share, pool, None),
        (pool, None, None),
        (other, pool, pool),
    ):
        outer = BudgetedChatCompletionClient(ChatCompletionCache(wrapped(inside)), BUDGET, pool=given)
        assert outer.pool is paying


def test_two_shares_of_one_pool_are_refused() -> None:
    """Both would charge the pool above them, once too often: the error names them."""
    pool = SpendPool(max_tokens=9_000, name="team")
    one, two = pool.child("one"), pool.child("two")
    for inside, given in ((one, two), (pool, one)):
        with pytest.raises(ValueError, match=rf"charges '{inside.name}' already, so that with '{given.name}'"):
            BudgetedAgent(AssistantAgent("clerk", wrapped(inside)), BUDGET, pool=given)


async def test_two_wrappers_count_in_two_ways() -> None:
    """Each has its own counter; neither disturbs the other's figures."""
    inner = BudgetedChatCompletionClient(
        ReplayChatCompletionClient(["yes"] * 9), BUDGET, counter=TiktokenCounter("gpt-4")
    )
    outer = BudgetedChatCompletionClient(inner, TokenBudget(2_000), counter=TiktokenCounter("gpt-4o"))
    await outer.create(talk(4))
    assert outer.records[0].tokens_sent == outer.count_tokens(talk(4))
    assert inner.records[0].tokens_before == inner.count_tokens(talk(4))
