"""Between phases: what an agent knows, as a text; and the next job begun with that, with nothing, or with all."""

import re
from dataclasses import replace
from typing import Any, cast

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_core import CancellationToken
from autogen_core.model_context import BufferedChatCompletionContext
from autogen_core.models import UserMessage

from autogen_budget import (
    ArtifactNotFoundError,
    ArtifactStore,
    BudgetedAgent,
    BudgetedChatCompletionClient,
    TiktokenCounter,
    TokenBudget,
    handoff_summary,
)
from builders import Recorder, held_by
from clerks import Clerk, clerk, look, through_json

COUNTER = TiktokenCounter()


async def worked(turns: int = 6, **options: Any) -> tuple[Clerk, BudgetedAgent]:
    """An agent that answered questions."""
    client = Clerk()
    agent = clerk(client, **options)
    for turn in range(turns):
        await agent.run(task=f"Question {turn}: where is parcel P-{turn:03d}?")
    return client, agent


@pytest.mark.parametrize("bounded", [False, True])
async def test_tells_of_dropped_and_present_turns(bounded: bool) -> None:
    """One text, within its limit, with facts from the first turn and the newest reply, compacted or not."""
    _, agent = await worked(bounded=bounded)
    assert agent.records[-1].compacted
    text = await handoff_summary(agent, max_tokens=900)
    assert re.match(r"\[What clerk knows of 2\d earlier turns\]\n", text)
    assert "P-000" in text
    assert "P-005" in text
    assert 400 < COUNTER.measure_text(text).total <= 900
    short = await handoff_summary(agent, max_tokens=64)
    assert COUNTER.measure_text(short).total <= 64
    assert "P-000" in await handoff_summary((await worked(1, cap=50_000))[1])


async def test_a_summary_stands_before_the_facts() -> None:
    """What a model wrote about the past goes first, in half of the room at most."""
    _, agent = await worked()
    (client,) = held_by(agent.inner, BudgetedChatCompletionClient)
    conversation = client.conversations.latest
    assert conversation is not None
    assert conversation.history.past is not None
    past = replace(conversation.history.past, summary="Goal: parcels. " * 200)
    recalled = client.conversations.recall(conversation.known.messages)
    history = replace(conversation.history, past=past)
    client.conversations.commit(
        recalled, conversation.compacted(history, COUNTER, multiple_system_messages=False).stored()
    )
    text = await handoff_summary(agent, max_tokens=300)
    heading, prose, facts = text.split("\n\n", 2)
    assert re.fullmatch(r"\[What clerk knows of 2\d earlier turns\]", heading)
    assert prose.startswith("Goal: parcels.")
    assert facts
    assert COUNTER.measure_text(text).total <= 300


async def test_tells_the_same_after_a_load() -> None:
    """A loaded agent knows what it knew, before it made its first request."""
    _, agent = await worked(bounded=True)
    before = await handoff_summary(agent, max_tokens=300)
    again = clerk(Clerk(), bounded=True)
    assert await handoff_summary(again) == ""
    await again.load_state(through_json(await agent.save_state()))
    assert await handoff_summary(again, max_tokens=300) == before
    await again.start_task()
    assert before in str(await cast(Any, again.inner).model_context.get_messages()).replace("\\n", "\n")


async def test_an_agent_without_a_context_tells_what_it_asked() -> None:
    """Where messages are kept in another way, the latest request is what is known."""
    client = Clerk(looks=0)
    agent = BudgetedAgent(Recorder(client), TokenBudget(700))
    assert await handoff_summary(agent) == ""
    await cast(Any, agent.inner).first.create([UserMessage(content="Find parcel P-123.", source="user")])
    assert "P-123" in await handoff_summary(agent)
    with pytest.raises(ValueError, match=r"recorder.*holds no model context.*keep='nothing'"):
        await agent.start_task(keep="summary")
    await agent.start_task(keep="nothing")
    assert cast(Any, agent.inner).asked == ["on_reset"]
    assert await handoff_summary(agent) == ""


async def test_wrong_arguments_are_refused() -> None:
    """Errors say what would work."""
    _, agent = await worked(1)
    with pytest.raises(ValueError, match="max_tokens must be at least 64, got 63"):
        await handoff_summary(agent, max_tokens=63)
    with pytest.raises(TypeError, match="must be a BudgetedAgent, got AssistantAgent"):
        await handoff_summary(agent.inner)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong on purpose
    with pytest.raises(ValueError, match="keep must be 'summary', 'nothing' or 'all', got 'some'"):
        await agent.start_task(keep="some")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong on purpose


async def test_a_task_begins_with_a_summary() -> None:
    """The next request holds the summary and the new task; what was said can be read, and what it tells stays."""
    client, agent = await worked()
    summary = await handoff_summary(agent, max_tokens=300)
    await agent.start_task(keep="summary")
    await agent.run(task="Now write to parcel P-900's owner.")
    texts = [message["content"] for message in client.requests[-3]]
    assert texts[1:] == [summary, "Now write to parcel P-900's owner."]
    history = await agent.read_history()
    for turn in range(6):
        assert history.count(f"[user] Question {turn}:") == 1
    for turn in range(8):
        await agent.run(task=f"Letter {turn}: to whom?")
    assert agent.records[-1].compacted
    first = client.requests[-1][1]["content"]
    assert first == "Now write to parcel P-900's owner.", "the summary is not the task"
    assert re.search(r"What clerk knows of 2\d earlier turns", client.requests[-1][2]["content"])


async def test_a_task_begins_with_nothing_or_all() -> None:
    """`nothing` is a reset, whatever the agent itself keeps over one; `all` changes nothing."""
    client, agent = await worked(2, cap=50_000)
    await agent.start_task(keep="all")
    await agent.run(task="And?")
    assert len(client.requests[-3]) == 14
    await agent.start_task(keep="nothing")
    with pytest.raises(ArtifactNotFoundError):
        await agent.read_history()
    await agent.run(task="And?")
    assert len(client.requests[-3]) == 2
    await agent.on_reset(CancellationToken())
    await agent.start_task(keep="summary")
    await agent.run(task="And?")
    assert len(client.requests[-3]) == 2, "where nothing was said there is nothing to tell"


async def test_a_context_that_shows_a_part_begins_anew_as_well() -> None:
    """Any kind of context can begin with a summary: what it shows is what is known."""
    client = Clerk(looks=0)
    agent = clerk(client, model_context=BufferedChatCompletionContext(6))
    for turn in range(6):
        await agent.run(task=f"Parcel P-{turn:03d}?")
    await agent.start_task()
    await agent.run(task="Go on.")
    told = client.requests[-1][1]["content"]
    assert "P-005" in told
    assert "P-000" not in told
    assert "P-005" in await agent.read_history()


async def test_works_without_a_store_of_the_model() -> None:
    """An agent that has tools and no model keeps nothing to tell."""
    tools = AssistantAgent("tools", Clerk(), tools=[look])
    agent = BudgetedAgent(tools, TokenBudget(900), artifacts=ArtifactStore())
    assert await handoff_summary(agent) == ""
