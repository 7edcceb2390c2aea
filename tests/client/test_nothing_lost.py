"""Turns that leave a conversation are stored before they go, whatever is cancelled or fails in between."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import LLMMessage
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import ArtifactStore, BudgetedAgent, BudgetedChatCompletionClient, TokenBudget
from builders import SYSTEM, said, user


def chat(turns: int, task: str = "the task") -> list[LLMMessage]:
    """Instructions, a task and as many questions and answers, each with a number."""
    messages: list[LLMMessage] = [SYSTEM, user(task)]
    for i in range(turns):
        messages += [said(f"answer {i}: " + "ship " * 20), user(f"question {i}: " + "sea " * 20)]
    return messages


class Store(ArtifactStore):
    """A store that can hang or fail."""

    hanging: asyncio.Event | None = None
    failing = False

    async def put(self, text: str, *, owner: object | None = None) -> str:
        """Store a text, unless it hangs or fails."""
        if self.hanging is not None:
            self.hanging.set()
            await asyncio.sleep(3_600)
        if self.failing:
            raise OSError("no space left")
        return await super().put(text, owner=owner)


def client_with(store: ArtifactStore, cap: int = 400) -> BudgetedChatCompletionClient:
    """A client that stores what goes."""
    return BudgetedChatCompletionClient(ReplayChatCompletionClient(["yes"] * 200), TokenBudget(cap), artifacts=store)


async def test_cancelling_while_turns_are_stored_loses_none() -> None:
    """The next call stores them."""
    store = Store()
    client = client_with(store)
    store.hanging = asyncio.Event()
    call = asyncio.ensure_future(client.create(chat(20)))
    await store.hanging.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    store.hanging = None
    assert await client.archive.read() == ""
    await client.create(chat(21))
    history = await client.archive.read()
    assert all(f"question {i}:" in history for i in range(10))


async def test_what_could_not_be_stored_is_stored_later() -> None:
    """A store that fails for a while costs nothing but a note in the record."""
    store = Store()
    client = client_with(store)
    store.failing = True
    await client.create(chat(20))
    assert sum(step.not_stored for step in client.records[0].steps) > 0
    store.failing = False
    await client.create(chat(60))
    history = await client.archive.read()
    assert [history.count(f"question {i}:") for i in range(30)] == [1] * 30


class Chatty(ReplayChatCompletionClient):
    """Answers at some length."""

    async def create(self, messages: Sequence[LLMMessage], **options: Any) -> Any:
        """A long answer."""
        self._current_index = 0
        return await super().create(messages, **options)


async def test_bounded_memory_folds_nothing_away_that_is_stored_nowhere() -> None:
    """While the store fails the agent's context keeps everything; once it works again, it is folded."""
    store = Store()
    store.failing = True
    assistant = AssistantAgent("clerk", Chatty(["aye " * 60]))
    agent = BudgetedAgent(assistant, TokenBudget(500), artifacts=store, bounded_memory=True)
    for day in range(10):
        await agent.run(task=f"Day {day}: where is the parcel?")
    held = str(list(await assistant.model_context.get_messages()))
    assert all(f"Day {day}:" in held for day in range(10))
    store.failing = False
    for day in range(10, 20):
        await agent.run(task=f"Day {day}: where is the parcel?")
    messages = list(await assistant.model_context.get_messages())
    assert len(messages) < 15
    known = str(messages) + await agent.read_history()
    assert all(f"Day {day}:" in known for day in range(20))


async def test_any_number_of_agents_share_a_client() -> None:
    """Each conversation keeps its compacted form: compaction is as rare as for one alone."""
    client = BudgetedChatCompletionClient(
        ReplayChatCompletionClient(["yes"] * 2_000), TokenBudget(600), artifacts=ArtifactStore()
    )
    for turns in range(4, 14):
        for agent in range(60):
            await client.create(chat(turns, f"task of agent {agent}"))
    compactions = sum(bool(record.steps) for record in client.records)
    assert compactions <= 60 * 3
    assert len(client.conversations.save()) == 60
    assert len({record.conversation for record in client.records}) == 60


@pytest.mark.parametrize("folder", [False, True])
async def test_a_bounded_store_keeps_what_the_latest_conversation_let_go(
    folder: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Conversations that ended give way to it, also with a client that lives on; what is gone is told in one line."""
    store = ArtifactStore(tmp_path if folder else "memory://", max_bytes=30_000)
    client = BudgetedChatCompletionClient(Chatty(["Well."]), TokenBudget(600), artifacts=store)
    messages: list[LLMMessage] = []
    for number in range(12):
        messages = [user(f"Task {number}")]
        for turn in range(8):
            messages += [said(f"Well, {turn}."), user(f"words of {number} and {turn} " * 40)]
            await client.create(messages)
    kept = [text for reference in client.archive.references if (text := await client.archive.text(reference))]
    assert sum(len(text.encode()) for text in kept) <= 30_000
    history = await client.archive.read()
    assert "words of 11 and 2 " in history
    assert "words of 0 and 2 " not in history
    assert history.count("[some turns cannot be read") == 1
    assert not [record for record in caplog.records if "max_bytes" in record.message]
    if folder:
        again = BudgetedChatCompletionClient(Chatty(["Well."]), TokenBudget(600), artifacts=ArtifactStore(tmp_path))
        again.load_state(client.save_state())
        await again.create([*messages, said("Yes."), user("And now?")])
        assert "words of 11 and 2 " in await again.archive.read()


async def test_a_state_without_its_store_says_which_one_it_needs(caplog: pytest.LogCaptureFixture) -> None:
    """One warning names the place that was looked in and a store that outlives the process."""
    client = BudgetedChatCompletionClient(Chatty(["Well."]), TokenBudget(600), artifacts=ArtifactStore())
    messages: list[LLMMessage] = [user("Task")]
    for turn in range(8):
        messages += [said(f"Well, {turn}."), user(f"words of {turn} " * 40)]
        await client.create(messages)
    again = BudgetedChatCompletionClient(Chatty(["Well."]), TokenBudget(600), artifacts=ArtifactStore())
    again.load_state(client.save_state())
    for _ in range(2):
        await again.create([*messages, said("Yes."), user("And now?")])
    (told,) = [record.getMessage() for record in caplog.records if "not in the store" in record.getMessage()]
    assert "memory://" in told
    assert "artifacts=ArtifactStore('./folder')" in told
