"""Saved states: what was compacted stays compacted, byte for byte, with this library's key and without it."""

import json
import logging
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core.models import CreateResult, LLMMessage, SystemMessage
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from autogen_budget import (
    ArtifactStore,
    BudgetedAgent,
    BudgetedChatCompletionClient,
    BudgetError,
    CallRecord,
    TokenBudget,
)
from clerks import CAN_ALL, Clerk, clerk, look, through_json, usage, without_recalled
from histories import messages

MESSAGES = TypeAdapter(list[LLMMessage])


class Silent(Clerk):
    """A model that says nothing of interest to whatever it is sent."""

    async def create(self, messages: Sequence[LLMMessage], **_: Any) -> CreateResult:
        """Note the request."""
        self.requests.append([message.model_dump() for message in messages])
        return CreateResult(finish_reason="stop", content="yes", usage=usage(), cached=False)


@given(messages(), st.lists(st.integers(0, 40), min_size=1, max_size=5), st.integers(200, 1_500), st.booleans())
async def test_a_saved_conversation_goes_on_as_if_it_had_not_been_saved(
    came: list[LLMMessage], ends: list[int], cap: int, mixed: bool
) -> None:
    """Whatever came, in any state: with a way through a file after each call, the very same requests are sent."""
    info = {**CAN_ALL, "multiple_system_messages": mixed}
    staying, moving = (Silent(model_info=info) for _ in range(2))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # one key changed
    stays = BudgetedChatCompletionClient(staying, TokenBudget(cap), artifacts=ArtifactStore())
    store = ArtifactStore()
    moves = BudgetedChatCompletionClient(moving, TokenBudget(cap), artifacts=store)
    records: list[list[str]] = [[], []]
    instructions = [*takewhile(lambda message: isinstance(message, SystemMessage), came)]
    begun = len(instructions) + 1  # instructions by themselves are no conversation that goes on
    assume(begun <= len(came))
    for end in sorted(max(begun, end) for end in ends):
        for client, given_, done in ((stays, came, records[0]), (moves, _dumped(came), records[1])):
            try:
                await client.create(given_[:end])
                steps = [step for step in client.records[-1].steps if step.strategy != "repair"]
                done.append(str([(step.strategy, step.detail) for step in steps]))
            except BudgetError as error:
                done.append(str(error))
        state = through_json(moves.save_state())
        moves = BudgetedChatCompletionClient(moving, TokenBudget(cap), artifacts=store)
        moves.load_state(state)
    assert moving.requests == staying.requests
    assert records[0] == records[1]


def _dumped(came: Sequence[LLMMessage]) -> list[LLMMessage]:
    """Messages as they come out of an agent's own state."""
    return MESSAGES.validate_python(through_json([message.model_dump() for message in came]))


def freeing(record: CallRecord) -> list[str]:
    """The steps that made a request smaller."""
    return [step.strategy for step in record.steps if step.freed > 0]


async def work(turns: int, *, saved_after: frozenset[int] = frozenset(), **options: Any) -> tuple[Clerk, BudgetedAgent]:
    """An agent that worked for so many turns, and was saved and built anew after some of them."""
    client, store = Clerk(), ArtifactStore()
    agent = clerk(client, store=store, **options)
    for turn in range(turns):
        await agent.run(task=f"Question {turn}: where is the parcel?")
        if turn in saved_after:
            state = through_json(await agent.save_state())
            agent = clerk(client, store=store, **options)
            await agent.load_state(state)
    return client, agent


@pytest.mark.parametrize("bounded", [False, True])
async def test_an_agent_goes_on_as_if_it_had_not_been_saved(bounded: bool) -> None:
    """The requests after a load are those without it, nothing is compacted again, and history can be read on."""
    staying, stayed = await work(14, bounded=bounded)
    moving, moved = await work(14, bounded=bounded, saved_after=frozenset({1, 4, 5, 11}))
    if bounded:  # what left the context is found again by line, not by turn
        assert without_recalled(moving.requests) == without_recalled(staying.requests)
    else:
        assert moving.requests == staying.requests
    assert sum(bool(record.steps) for record in stayed.records) > 3
    late = stayed.records[-len(moved.records) :]
    assert [freeing(record) for record in moved.records] == [freeing(record) for record in late]
    assert [record.tokens_before for record in moved.records] == [record.tokens_before for record in late]
    assert await moved.read_history() == await stayed.read_history()


async def test_another_system_message_is_no_other_conversation() -> None:
    """Instructions with another date in them do not make what was compacted useless."""
    client, agent = await work(7, system_message="Today is Monday.")
    state = through_json(await agent.save_state())
    later = clerk(client, system_message="Today is Tuesday.")
    await later.load_state(state)
    made = len(client.requests)
    await later.run(task="And now?")
    before, after = without_recalled(client.requests)[made - 1 : made + 1]
    assert after[0]["content"] == "Today is Tuesday."
    assert after[1 : len(before)] == before[1:]
    assert freeing(later.records[0]) == []


async def test_a_team_goes_on_as_if_it_had_not_been_saved() -> None:
    """A team's state holds what each of its agents needs."""

    async def run(*, saved: bool) -> list[Clerk]:
        clients = [Clerk(looks=1), Clerk(looks=1)]
        agents = [clerk(client, cap=900, name=f"clerk{i}") for i, client in enumerate(clients)]
        team = RoundRobinGroupChat(list(agents), termination_condition=MaxMessageTermination(5))
        for turn in range(8):
            await team.run(task=f"Question {turn}: where is it?")
            if saved:
                state = through_json(await team.save_state())
                agents = [clerk(client, cap=900, name=f"clerk{i}") for i, client in enumerate(clients)]
                team = RoundRobinGroupChat(list(agents), termination_condition=MaxMessageTermination(5))
                await team.load_state(state)
        return clients

    staying, moving = await run(saved=False), await run(saved=True)
    for stays, moves in zip(staying, moving, strict=True):
        assert any("earlier turns" in json.dumps(request) for request in stays.requests)
        assert moves.requests == stays.requests


async def test_references_are_held_again(tmp_path: Any) -> None:
    """After a load nothing goes from a full store that a compacted conversation refers to."""

    def page(number: int) -> str:
        """Open a page."""
        return "\n".join(f"page {number}, line {i}" for i in range(400))

    def reader() -> BudgetedAgent:
        assistant = AssistantAgent("reader", Clerk(), tools=[look, page], max_tool_iterations=3)
        return BudgetedAgent(assistant, TokenBudget(1_500), artifacts=store, bounded_memory=True)

    store = ArtifactStore(max_bytes=40_000)
    agent = reader()
    for turn in range(12):
        await agent.run(task=f"Question {turn} " + "word " * 40)
    state = through_json(await agent.save_state())
    history = await agent.read_history()
    del agent
    again = reader()
    await again.load_state(state)
    await again.run(task="Go on.")
    for i in range(60):
        await store.put(f"filler {i} " + "word " * 300)
    assert (await again.read_history()).startswith(history)


async def test_states_load_with_and_without_the_wrapper() -> None:
    """A state from before loads, one saved with the wrapper loads without it, and what is compacted is not lost."""
    client, agent = await work(10, bounded=True)
    state = through_json(await agent.save_state())
    plain = AssistantAgent("clerk", client, tools=[look])
    await plain.load_state(state)
    assert "earlier turns" in str(await plain.model_context.get_messages())

    again = clerk(client)
    await again.load_state(await plain.save_state())
    made = len(client.requests)
    await again.run(task="Question 9: where is the parcel?")
    before, after = without_recalled(client.requests)[made - 1 : made + 1]
    assert after[: len(before)][1:] == before[1:]


@pytest.mark.parametrize(
    "garbage",
    [
        7,
        {"_model_client": 7},
        {"_model_client": {"conversations": 7, "history": 7}},
        {"_model_client": {"conversations": [7, {}, {"count": 1}], "history": [7, "aaaaaaaaaa"]}},
    ],
)
async def test_garbage_is_ignored(garbage: Any, caplog: pytest.LogCaptureFixture) -> None:
    """What is under this library's key and makes no sense is no error; a conversation is one line in the log."""
    client, agent = await work(6)
    state = through_json(await agent.save_state())
    again = clerk(client)
    with caplog.at_level(logging.WARNING, "autogen_budget"):
        await again.load_state({**state, "autogen_budget": garbage})
        await again.run(task="hello")
    assert again.records[-1].error is None
    spoiled = [record for record in caplog.records if "saved conversation" in record.message]
    assert len(spoiled) == (3 if "count" in str(garbage) else 0)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("turns", 1), 999),
        (("turns", 0), {"messages": []}),
        (("turns", 0), {"messages": [0, 0, 0]}),
        (("turns", 0), {"messages": [0, 0]}),
        (("turns", 2), -1),
        (("past",), {"turns": 1}),
        (("past", "rendered"), 7),
        (("past", "digest", "facts"), "?"),
        (("came", "task"), [1] * 12),
    ],
)
async def test_a_spoiled_conversation_is_compacted_anew(
    place: tuple[Any, ...], value: object, caplog: pytest.LogCaptureFixture
) -> None:
    """What does not go with the messages that came again is one line in the log; the call succeeds."""
    client, agent = await work(8)
    state = through_json(await agent.save_state())
    part = state["autogen_budget"]["_model_client"]["conversations"][0]
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    again = clerk(client)
    with caplog.at_level(logging.WARNING, "autogen_budget"):
        await again.load_state(state)
        await again.run(task="hello")
    assert "is compacted anew" in caplog.text
    assert [step.strategy for step in again.records[0].steps]
