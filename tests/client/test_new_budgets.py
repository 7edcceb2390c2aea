"""A budget that is changed between calls holds from the next one on, for requests and for outputs of tools."""

from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent, CodeExecutorAgent
from autogen_core.models import CreateResult, LLMMessage, RequestUsage, UserMessage
from autogen_core.tools import StaticWorkbench
from autogen_ext.code_executors.local import LocalCommandLineCodeExecutor
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import (
    BudgetedAgent,
    BudgetedChatCompletionClient,
    BudgetedWorkbench,
    RecordLog,
    SpendPool,
    TokenBudget,
)
from servers import Answer, Call, OpenAIServer, Overflow
from servers.clients import client_of


def talk(turns: int) -> list[LLMMessage]:
    """Users' words, one after the other, with a number each."""
    return [UserMessage(content=f"question {i}: " + "word " * 40, source="user") for i in range(turns)]


def replay() -> ReplayChatCompletionClient:
    """A client that says yes."""
    return ReplayChatCompletionClient(["yes"] * 50)


async def test_a_new_cap_holds_from_the_next_call_on() -> None:
    """A smaller one compacts more, a larger one leaves what comes then alone."""
    client = BudgetedChatCompletionClient(replay(), TokenBudget(1_000))
    await client.create(talk(15))
    client.budget = TokenBudget(400)
    assert (client.budget.max_prompt_tokens, client.cap) == (400, 400)
    await client.create(talk(15))
    client.budget = TokenBudget(5_000)
    await client.create(talk(50))
    sent = [record.tokens_sent for record in client.records]
    assert 400 < sent[0] <= 1_000
    assert sent[1] <= 400
    assert 1_000 < sent[2] <= 5_000


async def test_what_stays_follows_the_budget() -> None:
    """More of the newest turns are kept, in conversations that go on as well as in new ones."""
    inner = replay()
    client = BudgetedChatCompletionClient(inner, TokenBudget(600, compact_to=0.3))
    await client.create(talk(20))
    client.budget = TokenBudget(600, compact_to=0.3, keep_last_turns=6)
    await client.create(talk(40))
    kept = str(inner.create_calls[-1]["messages"])
    assert all(f"question {i}:" in kept for i in range(34, 40))


async def test_what_the_model_taught_outlives_the_budget() -> None:
    """A window that an error told stays known, unless the new budget names a smaller one."""
    async with OpenAIServer() as server, client_of(server) as inner:
        server.script(Overflow(limit=500))
        client = BudgetedChatCompletionClient(inner, TokenBudget(5_000, reply_reserve=0))
        await client.create(talk(15))
        assert client.cap == 500
        for budget, cap in (
            (TokenBudget(9_000, reply_reserve=0), 500),
            (TokenBudget(context_window=800, reply_reserve=0), 500),
            (TokenBudget(context_window=300, reply_reserve=0), 300),
            (TokenBudget(100), 100),
        ):
            client.budget = budget
            assert client.cap == cap


async def test_a_window_that_a_budget_named_goes_with_it() -> None:
    """Without it the model's own is looked up again."""
    inner = OpenAIChatCompletionClient(model="gpt-4o", api_key="x")
    client = BudgetedChatCompletionClient(inner, TokenBudget(context_window=900))
    client.budget = TokenBudget(context_window=1_200, reply_reserve=200)
    assert client.cap == 1_000
    client.budget = TokenBudget(reply_reserve=8_000)
    assert client.cap == 120_000
    await client.close()


async def test_summaries_are_written_under_the_new_budget() -> None:
    """The calls that write them are calls like any other, and another pool pays for them as for the rest."""
    told = RecordLog()
    pool = SpendPool()
    writer = ReplayChatCompletionClient(
        [CreateResult(finish_reason="stop", content="They talked.", usage=RequestUsage(9, 3), cached=False)] * 9
    )
    client = BudgetedChatCompletionClient(replay(), TokenBudget(900), summarizer=writer, hooks=[told.add])
    await client.create(talk(30))
    client.budget = TokenBudget(500)
    client.pool = pool
    await client.create(talk(60))
    await client.stop()
    caps = [record.cap for record in told.calls if record.purpose == "summary"]
    assert (caps[0], caps[-1]) == (900, 500)
    assert pool.report().by_purpose["summary"].calls > 0


def look() -> str:
    """Look."""
    return "\n".join(f"ship {i}: {i * 7919 % 1000} tons" for i in range(600))


async def test_an_agents_tools_follow_its_budget() -> None:
    """Outputs are cut to the new limit, and below 600 tokens the tool that reads them is offered no more."""
    async with OpenAIServer() as server, client_of(server) as client:
        server.reply_with(lambda _: Answer(calls=(Call("look"),)))
        agent = BudgetedAgent(AssistantAgent("scout", client, tools=[look]), TokenBudget(4_000))
        await agent.run(task="Look.")
        agent.budget = TokenBudget(500)
        await agent.run(task="Look again.")
        agent.budget = TokenBudget(2_000, tool_output_tokens={"look": 90})
        await agent.run(task="Look again.")
        offered = [[tool["function"]["name"] for tool in request.tools] for request in server.requests]  # type: ignore[index]  # a tool as it is on the wire
    assert [cut.limit for cut in agent.cuts] == [1_000, 125, 90]
    assert offered == [["look", "read_artifact"], ["look"], ["look", "read_artifact"]]
    assert agent.budget == TokenBudget(2_000, tool_output_tokens={"look": 90})


@pytest.mark.filterwarnings("ignore:Using LocalCommandLineCodeExecutor", "ignore:No approval function set")
async def test_the_code_an_agent_runs_follows_its_budget(tmp_path: Any) -> None:
    """What it puts out is cut to the new limit."""
    executor = LocalCommandLineCodeExecutor(work_dir=tmp_path)
    code = "```sh\nfor i in 1 2 3 4 5 6 7 8 9; do echo $i many words are said here, one after the other; done\n```"
    agent = BudgetedAgent(CodeExecutorAgent("runner", executor), TokenBudget(400))
    await agent.run(task=code)
    agent.budget = TokenBudget(200)
    await agent.run(task=code)
    agent.budget = TokenBudget(400, tool_output_tokens={"code_executor": 60})
    await agent.run(task=code)
    assert [cut.limit for cut in agent.cuts] == [100, 50, 60]


async def test_another_pool_pays_from_the_next_call_on() -> None:
    """For all of an agent's calls; with none, nothing is paid for."""
    first, second = SpendPool(), SpendPool()
    async with OpenAIServer() as server, client_of(server) as client:
        agent = BudgetedAgent(AssistantAgent("one", client), TokenBudget(900), pool=first)
        await agent.run(task="Go.")
        agent.pool = second
        await agent.run(task="Go on.")
        await agent.run(task="Go on.")
        agent.pool = None
        await agent.run(task="Go on.")
    assert (first.spent.calls, second.spent.calls) == (1, 2)
    assert agent.pool is None


@pytest.mark.parametrize("owner", ["client", "agent", "workbench"])
def test_refuses_what_is_no_budget(owner: str) -> None:
    """And keeps the one it had."""
    agent = BudgetedAgent(AssistantAgent("one", replay()), TokenBudget(900))
    owners: dict[str, Any] = {
        "agent": agent,
        "client": BudgetedChatCompletionClient(replay(), TokenBudget(900)),
        "workbench": BudgetedWorkbench(StaticWorkbench([]), TokenBudget(900)),
    }
    with pytest.raises(TypeError, match="budget must be a TokenBudget"):
        owners[owner].budget = 900
    assert owners[owner].budget == TokenBudget(900)
