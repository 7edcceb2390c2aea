"""A larger model for single calls that do not fit: asked when nothing else helps, and never silently."""

import logging
from collections.abc import AsyncGenerator

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core.models import CreateResult, LLMMessage, SystemMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import (
    BudgetedAgent,
    BudgetedChatCompletionClient,
    ContextOverflowError,
    SpendPool,
    TokenBudget,
    budget_team,
)
from builders import said, user
from servers import Failure, OpenAIServer
from servers.clients import client_of

LONG = SystemMessage(content="The quay has a crane and a slipway. " * 300)
SHORT = SystemMessage(content="Be brief.")


def replay(*replies: str) -> ReplayChatCompletionClient:
    """A client that answers from a list."""
    return ReplayChatCompletionClient([*replies] or ["yes"] * 20)


async def test_a_call_that_cannot_fit_is_answered_by_the_larger_model(caplog: pytest.LogCaptureFixture) -> None:
    """That call and no other, whole, and recorded as what it was; a warning the first time."""
    small, large = replay("from the small one"), replay("from the large one", "again")
    client = BudgetedChatCompletionClient(small, TokenBudget(500), name="clerk", larger=large)
    with caplog.at_level(logging.WARNING):
        assert (await client.create([LONG, user("Where?")])).content == "from the large one"
        assert (await client.create([SHORT, user("Where?")])).content == "from the small one"
        assert (await client.create([LONG, user("Where else?")])).content == "again"
    assert large.create_calls[0]["messages"][0] == LONG
    assert [record.larger for record in client.records] == [True, False, True]
    assert [record.name for record in client.records] == ["clerk"] * 3
    assert client.records[0].cap > 2_000 > client.records[1].cap
    assert client.records[0].error is None
    warnings = [record.getMessage() for record in caplog.records if "larger model" in record.getMessage()]
    assert len(warnings) == 1
    assert "max_instruction_tokens" in warnings[0]


async def test_the_pool_is_charged_under_the_larger_models_name() -> None:
    """What it costs depends on who answered; it is still the caller's."""
    pool = SpendPool(max_tokens=1_000_000)
    async with OpenAIServer() as server, client_of(server) as large:
        client = BudgetedChatCompletionClient(replay(), TokenBudget(500), name="clerk", pool=pool, larger=large)
        await client.create([LONG, user("Where?")])
    report = pool.report()
    assert report.by_model["gpt-4o"].tokens == report.by_agent["clerk"].tokens == pool.spent.tokens > 2_000
    assert client.records[0].model == "gpt-4o"


async def test_without_one_the_error_names_layers_and_what_to_paste() -> None:
    """The sizes, what a cap by layer would free, and code that runs and helps."""
    client = BudgetedChatCompletionClient(replay(), TokenBudget(500))
    with pytest.raises(ContextOverflowError) as caught:
        await client.create([LONG, user("Where?")])
    text = str(caught.value)
    system = caught.value.parts["system"]
    assert f"Largest parts in tokens: system {system:,}" in text
    assert f"max_instruction_tokens=125 would free {system - 125:,}" in text
    assert "larger=client" in text
    assert "Paste TokenBudget(500, max_instruction_tokens=125)" in text
    client = BudgetedChatCompletionClient(replay(), TokenBudget(500, max_instruction_tokens=125))
    await client.create([LONG, user("Where?")])
    assert client.records[0].tokens_sent <= 500


async def test_streams_go_to_the_larger_model_too() -> None:
    """Chunk by chunk."""
    client = BudgetedChatCompletionClient(replay(), TokenBudget(500), larger=replay("one two three"))
    stream: AsyncGenerator[str | CreateResult, None] = client.create_stream([LONG, user("Where?")])
    items = [item async for item in stream]
    assert "".join(item for item in items if isinstance(item, str)) == "one two three"
    assert isinstance(items[-1], CreateResult)
    assert [record.larger for record in client.records] == [True]


async def test_a_task_that_would_have_to_be_cut_goes_there_whole() -> None:
    """What compaction can fit stays with the small model; what it would have to cut of the newest words does not."""
    small, large = replay(), replay()
    client = BudgetedChatCompletionClient(small, TokenBudget(500), larger=large)
    chat: list[LLMMessage] = [SHORT, user("Count the ships.")]
    for number in range(40):
        chat += [said(f"Ship {number} is in. " * 5), user(f"And ship {number + 1}?")]
    await client.create(chat)
    assert len(large.create_calls) == 0
    letter = user("The harbour master writes: " + "the tide was late again. " * 200)
    await client.create([*chat, said("In."), letter])
    assert large.create_calls[0]["messages"][-1] == letter
    await client.create([*chat, said("In."), user("Thanks. And ship 50?")])
    assert len(large.create_calls) == 1


async def test_one_with_a_budget_of_its_own_keeps_to_it() -> None:
    """Its cap, its pool, its records as well as the caller's."""
    large = BudgetedChatCompletionClient(replay(), TokenBudget(4_000))
    client = BudgetedChatCompletionClient(replay(), TokenBudget(500), name="clerk", larger=large)
    await client.create([LONG, user("Where?")])
    assert [record.cap for record in client.records] == [4_000]
    assert large.records == client.records
    with pytest.raises(ContextOverflowError, match="the cap is 4,000"):
        await client.create([SystemMessage(content=LONG.content * 2), user("Where?")])
    assert client.records[-1].error is not None


async def test_one_takes_over_what_was_refused_again_and_again() -> None:
    """A server that knows better than its client: after the last refusal, the larger one is asked."""
    too_long = {"error": {"message": "maximum context length exceeded", "code": "context_length_exceeded"}}
    async with OpenAIServer() as server, client_of(server) as small:
        server.script(*[Failure(400, too_long)] * 3)
        client = BudgetedChatCompletionClient(small, TokenBudget(2_000), larger=replay("at last"))
        result = await client.create([SHORT, *(user(f"Word {number}. " * 40) for number in range(8))])
        assert len(server.requests) == 3
    assert result.content == "at last"
    assert [record.larger for record in client.records] == [True]


async def test_agents_and_teams_have_one_each() -> None:
    """By name in a team; one for all; nobody else."""
    answers = replay("from the large one", "and again")
    writer = AssistantAgent("writer", replay(), system_message=LONG.content)
    critic = AssistantAgent("critic", replay(), system_message=LONG.content)
    team = RoundRobinGroupChat([writer, critic], termination_condition=MaxMessageTermination(2))
    budget_team(team, TokenBudget(500), larger={"writer": answers})
    result = await team.run(task="Write.")
    assert [message.to_text() for message in result.messages] == ["Write.", "from the large one"]
    with pytest.raises(RuntimeError, match="ContextOverflowError"):
        await team.run(task="Criticise.")
    alone = BudgetedAgent(
        AssistantAgent("alone", replay(), system_message=LONG.content), TokenBudget(500), larger=answers
    )
    assert (await alone.run(task="Go.")).messages[-1].to_text() == "and again"
    assert alone.records[0].larger
    with pytest.raises(ValueError, match="larger names 'nobody'"):
        budget_team(RoundRobinGroupChat([replay_agent()]), TokenBudget(500), larger={"nobody": answers})


def replay_agent() -> AssistantAgent:
    """Any agent."""
    return AssistantAgent("any", replay())


def test_it_survives_being_dumped() -> None:
    """As part of the client's and the agent's declarative form."""
    large = OpenAIChatCompletionClient(model="gpt-4.1", api_key="k")
    small = OpenAIChatCompletionClient(model="gpt-4o", api_key="k")
    client = BudgetedChatCompletionClient(small, TokenBudget(500), larger=large)
    dumped = client.dump_component()
    assert dumped.config["larger"]["config"]["model"] == "gpt-4.1"
    assert BudgetedChatCompletionClient.load_component(dumped).dump_component() == dumped
    agent = BudgetedAgent(AssistantAgent("any", small), TokenBudget(500), larger=large)
    assert BudgetedAgent.load_component(agent.dump_component()).dump_component() == agent.dump_component()


def test_it_must_be_a_client() -> None:
    """A name is none."""
    with pytest.raises(TypeError, match="larger must be a ChatCompletionClient"):
        BudgetedChatCompletionClient(replay(), TokenBudget(500), larger="gpt-4.1")  # type: ignore[arg-type]  # wrong
