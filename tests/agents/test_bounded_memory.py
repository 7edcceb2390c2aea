"""Bounded memory: the agent's own context is folded, and nothing but its size can be told from outside."""

import asyncio
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from autogen_agentchat.agents import (
    ApprovalRequest,
    ApprovalResponse,
    AssistantAgent,
    BaseChatAgent,
    CodeExecutorAgent,
    SocietyOfMindAgent,
)
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.messages import BaseChatMessage, TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat, Swarm
from autogen_core import CancellationToken, ComponentModel
from autogen_core.code_executor import CodeBlock, CodeExecutor, CodeResult
from autogen_core.memory import ListMemory, MemoryContent
from autogen_core.model_context import (
    BufferedChatCompletionContext,
    ChatCompletionContext,
    HeadAndTailChatCompletionContext,
    TokenLimitedChatCompletionContext,
    UnboundedChatCompletionContext,
)
from autogen_core.models import CreateResult, LLMMessage, SystemMessage
from hypothesis import given, settings
from hypothesis import strategies as st

from autogen_budget import ArtifactNotFoundError, ArtifactStore, BudgetedAgent, Limits, TokenBudget
from clerks import CAN_ALL, Clerk, clerk, look, through_json, usage, without_recalled
from profiles import examples

TURNS = 14


async def context_of(agent: BudgetedAgent) -> Sequence[LLMMessage]:
    """What the agent's own context holds."""
    inner = agent.inner
    assert isinstance(inner, AssistantAgent | CodeExecutorAgent)
    return list(await inner.model_context.get_messages())


async def work(agent: BaseChatAgent, turns: int = TURNS, *, stream: bool = False) -> None:
    """Let an agent answer questions."""
    for turn in range(turns):
        task = f"Question {turn}: where is the parcel?"
        if stream:
            async for _ in agent.run_stream(task=task):
                pass
        else:
            await agent.run(task=task)


@given(
    looks=st.integers(0, 5),
    cap=st.integers(700, 2_500),
    turns=st.integers(1, 14),
    ids=st.booleans(),
    stream=st.booleans(),
)
@settings(max_examples=examples(0.2))
async def test_requests_are_the_very_same(looks: int, cap: int, turns: int, ids: bool, stream: bool) -> None:
    """Whatever is folded, the model is sent byte for byte what it would have been, and all of it can be read back."""

    class Repeating(Clerk):
        """Gives every call the same id, as some servers do."""

        async def create(self, messages: Sequence[LLMMessage], **options: Any) -> CreateResult:
            """Rename the call."""
            result = await super().create(messages, **options)
            if ids and not isinstance(result.content, str):
                result.content[0].id = "0"
            return result

    clients = Repeating(looks=looks), Repeating(looks=looks)
    plain, folded = (
        clerk(client, cap=cap, bounded=i == 1, model_client_stream=stream) for i, client in enumerate(clients)
    )
    await work(plain, turns, stream=stream)
    await work(folded, turns, stream=stream)
    assert clients[1].requests == clients[0].requests
    if any(step.dropped for record in plain.records for step in record.steps):
        assert await folded.read_history() == await plain.read_history()
        assert len(await context_of(folded)) < len(await context_of(plain))


async def test_memory_and_states_stop_growing() -> None:
    """After the first compactions, neither the context nor the saved state grows with the turns."""
    agent = clerk(Clerk(), bounded=True)
    sizes: list[int] = []
    for _ in range(3):
        await work(agent, 20)
        state = await agent.save_state()
        sizes.append(len(json.dumps(state["llm_context"])))
    assert max(sizes) < 12_000
    assert len(await context_of(agent)) < 25


async def test_a_loaded_context_goes_on_folding() -> None:
    """A state saved with or without folding is folded from the next compaction on, and requests stay the same."""
    for before, after in ((True, False), (False, True)):
        client, straight = Clerk(), Clerk()
        store = ArtifactStore()
        agent = clerk(client, bounded=before, store=store)
        await work(agent, 8)
        state = through_json(await agent.save_state())
        again = clerk(client, bounded=after, store=store)
        await again.load_state(state)
        await work(again, 8)
        whole = clerk(straight)
        await work(whole, 8)
        await work(whole, 8)
        assert without_recalled(client.requests) == without_recalled(straight.requests)


async def test_notes_without_a_saved_past_are_carried_on() -> None:
    """A folded context that was loaded without its state: the note is nobody's words, and what it tells is not lost."""
    agent = clerk(Clerk(), bounded=True, cap=900)
    await work(agent, 10)
    state = {**await agent.save_state()}
    del state["autogen_budget"]
    (note,) = [message for message in await context_of(agent) if getattr(message, "source", "") == "autogen_budget"]
    value = str(note.content).rpartition("order_id=")[2][:8]
    assert value.startswith("#W")

    client = Clerk()
    again = clerk(client, bounded=True, cap=900)
    await again.load_state(through_json(state))
    await work(again, 10)
    folded = await context_of(again)
    assert folded[0].content == "Question 0: where is the parcel?"
    (note,) = [message for message in folded if getattr(message, "source", "") == "autogen_budget"]
    assert value in str(note.content)
    assert str(note.content) not in (await again.read_history())
    assert value in await again.read_history()


async def test_works_in_teams_with_hand_offs() -> None:
    """Agents that hand over to each other send the same requests, folded or not."""

    class Passing(Clerk):
        """Looks something up, then hands over."""

        async def create(self, messages: Sequence[LLMMessage], **options: Any) -> CreateResult:
            """Hand over where the other one would answer."""
            result = await super().create(messages, **options)
            if isinstance(result.content, str):
                name = next(tool.name for tool in options["tools"] if "transfer" in getattr(tool, "name", ""))
                call = {"id": f"h{len(self.requests)}", "name": name, "arguments": "{}"}
                return CreateResult.model_validate({**result.model_dump(), "content": [call]})
            return result

    async def run(*, bounded: bool) -> tuple[list[Passing], list[BudgetedAgent]]:
        clients = [Passing(looks=1), Passing(looks=1)]
        agents = [
            clerk(client, name=name, cap=1_000, bounded=bounded, handoffs=[other])
            for client, name, other in zip(clients, ("ann", "bob"), ("bob", "ann"), strict=True)
        ]
        team = Swarm(list(agents), termination_condition=MaxMessageTermination(60))
        await team.run(task="Find it.")
        return clients, agents

    plain, _ = await run(bounded=False)
    folded, agents = await run(bounded=True)
    assert [client.requests for client in folded] == [client.requests for client in plain]
    assert all(any(record.steps for record in agent.records) for agent in agents)
    assert max([len(await context_of(agent)) for agent in agents]) < 20


async def test_a_turn_that_was_broken_off_is_folded_before_the_next() -> None:
    """After errors and cancellations, in the midst of a tool loop, calls and results stay together."""

    class Failing(Clerk):
        """Fails now and then."""

        async def create(self, messages: Sequence[LLMMessage], **options: Any) -> CreateResult:
            """Fail with every seventh request."""
            result = await super().create(messages, **options)
            if len(self.requests) % 7 == 0:
                raise ConnectionError("gone")
            return result

    async def slow(order_id: str) -> str:
        """Look an order up, now and then without end."""
        if order_id.endswith("4"):
            hanging.set()
            await asyncio.sleep(3_600)
        return look(order_id)

    hanging = asyncio.Event()

    async def run(*, bounded: bool) -> tuple[Failing, BudgetedAgent]:
        client = Failing()
        slow.__name__ = "look"
        assistant = AssistantAgent("clerk", client, tools=[slow], max_tool_iterations=5)
        agent = BudgetedAgent(assistant, TokenBudget(1_200), bounded_memory=bounded, limits=Limits(retries=0))
        for turn in range(24):
            stream = agent.on_messages_stream(
                [TextMessage(content=f"Question {turn}: where?", source="user")], CancellationToken()
            )

            async def read(stream: Any = stream) -> None:
                async for _ in stream:
                    pass

            reading = asyncio.create_task(read())
            stuck = asyncio.create_task(hanging.wait())
            await asyncio.wait([reading, stuck], return_when=asyncio.FIRST_COMPLETED)
            hanging.clear()
            for task in (reading, stuck):
                task.cancel()
            await asyncio.gather(reading, stuck, return_exceptions=True)
        return client, agent

    plain, _ = await run(bounded=False)
    folded, agent = await run(bounded=True)
    assert folded.requests == plain.requests
    assert "interrupted" in json.dumps(plain.requests)
    assert len(await context_of(agent)) < 30


class Mine(UnboundedChatCompletionContext):
    """A context of a user's own, which may hide what it likes."""


@pytest.mark.parametrize(
    "context",
    [
        BufferedChatCompletionContext(9),
        HeadAndTailChatCompletionContext(2, 7),
        TokenLimitedChatCompletionContext(Clerk(), token_limit=100),
        Mine(),
    ],
)
async def test_other_contexts_are_left_alone(context: ChatCompletionContext, caplog: pytest.LogCaptureFixture) -> None:
    """A context that chooses what it shows keeps all it holds, and a line in the log says why."""
    with caplog.at_level(logging.WARNING, "autogen_budget"):
        agent = clerk(Clerk(), bounded=True, cap=700, model_context=context)
    assert "bounded_memory has no effect" in caplog.text
    await work(agent, 6)
    state = await agent.save_state()
    questions = [m["content"] for m in state["llm_context"]["messages"] if m["type"] == "UserMessage"]
    assert questions == [f"Question {turn}: where is the parcel?" for turn in range(6)]


async def test_a_context_that_was_changed_from_outside_is_left_alone() -> None:
    """What the conversation does not know is not folded away; from the next call on it is known."""
    agent = clerk(Clerk(), bounded=True)
    await work(agent, 6)
    inner = agent.inner
    assert isinstance(inner, AssistantAgent)
    messages = list(await inner.model_context.get_messages())
    await inner.model_context.clear()
    for message in (SystemMessage(content="Mine."), *messages):
        await inner.model_context.add_message(message)
    async with agent.contexts.turn():
        assert (await context_of(agent))[0] == SystemMessage(content="Mine.")
    assert (await context_of(agent))[1:] == messages


async def test_memory_blocks_are_folded_with_the_rest() -> None:
    """Blocks that AutoGen's memory adds with each turn go with the turns they belong to."""
    for mixed in (False, True):
        client = Clerk(model_info={**CAN_ALL, "multiple_system_messages": mixed})  # pyright: ignore[reportArgumentType]  # a dictionary with one key changed
        plain = Clerk(model_info={**CAN_ALL, "multiple_system_messages": mixed})  # pyright: ignore[reportArgumentType]  # a dictionary with one key changed
        for bounded, model in ((True, client), (False, plain)):
            agent = clerk(model, bounded=bounded, memory=[ListMemory(memory_contents=[FACT])])
            await work(agent)
        assert client.requests == plain.requests


FACT = MemoryContent(content="Parcels are blue.", mime_type="text/plain")


class Shell(CodeExecutor):
    """Says the same to any code."""

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        """Give thirty lines."""
        return CodeResult(exit_code=0, output="\n".join(f"{code_blocks[0].code} {i}" for i in range(30)))

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    async def restart(self) -> None:
        """Nothing to restart."""


def approve(_: ApprovalRequest) -> ApprovalResponse:
    """Let any code run."""
    return ApprovalResponse(approved=True, reason="it is no real code")


class Coder(Clerk):
    """Writes code whenever it was asked last, and words after its output."""

    async def create(self, messages: Sequence[LLMMessage], **_: Any) -> CreateResult:
        """Code or words."""
        self.requests.append([message.model_dump() for message in messages])
        asked = str(messages[-1].content).startswith("Question")
        text = f"```python\nprint({len(self.requests)})\n```" if asked else "It printed."
        return CreateResult(finish_reason="stop", content=text, usage=usage(), cached=False)


async def test_folds_the_context_of_an_agent_that_runs_code() -> None:
    """`CodeExecutorAgent` holds a default context too."""
    requests: list[Any] = []
    for bounded in (False, True):
        client = Coder()
        inner = CodeExecutorAgent("coder", Shell(), model_client=client, approval_func=approve)
        agent = BudgetedAgent(inner, TokenBudget(1_200), bounded_memory=bounded)
        await work(agent)
        requests.append(client.requests)
        assert (len(await context_of(agent)) < 20) is bounded
    assert requests[0] == requests[1]


async def test_a_society_keeps_what_its_model_never_sees() -> None:
    """`SocietyOfMindAgent` replays its context to its team: no request is made of it, so there is nothing to fold."""
    inner = clerk(Clerk(looks=0), cap=700)
    team = RoundRobinGroupChat([inner], termination_condition=MaxMessageTermination(2))
    society = BudgetedAgent(SocietyOfMindAgent("society", team, Clerk(looks=0)), TokenBudget(700), bounded_memory=True)
    await work(society, 5)
    held = society.inner.model_context  # type: ignore[attr-defined]  # pyright: ignore  # a base class has no context
    assert isinstance(held, ChatCompletionContext)
    assert len(await held.get_messages()) == 5


async def test_is_part_of_the_declarative_form() -> None:
    """A dumped agent is built with bounded memory again."""
    from autogen_ext.models.replay import ReplayChatCompletionClient

    assistant = AssistantAgent("a", ReplayChatCompletionClient(["x"]))
    dumped = BudgetedAgent(assistant, TokenBudget(800), bounded_memory=True).dump_component()
    assert dumped.config["bounded_memory"] is True
    loaded = BaseChatAgent.load_component(ComponentModel.model_validate_json(dumped.model_dump_json()))
    assert isinstance(loaded, BudgetedAgent)
    assert loaded.contexts.folding


async def test_the_model_reads_the_history_by_its_tool() -> None:
    """`read_artifact("history")` shows what left the conversation, by pages and by pattern."""

    class Curious(Clerk):
        """Asks for the history at the end."""

        async def create(self, messages: Sequence[LLMMessage], **options: Any) -> CreateResult:
            """Search for the first order when asked to recall."""
            if "recall" not in str(messages[-1].content):
                return await super().create(messages, **options)
            call = {"id": "r", "name": "read_artifact", "arguments": '{"ref": "history", "pattern": "Question 1:"}'}
            content = {"finish_reason": "function_calls", "content": [call], "usage": usage(), "cached": False}
            return CreateResult.model_validate(content)

    agent = clerk(Curious(), bounded=True)
    await work(agent, 8)
    messages: Sequence[Any] = (await agent.run(task="recall")).messages
    (said,) = [message.content[0].content for message in messages if message.type == "ToolCallExecutionEvent"][:1]
    assert said.startswith("[1 of 1 lines that match ")
    assert "[user] Question 1: where is the parcel?" in said
    assert isinstance(messages[-1], BaseChatMessage)


@pytest.mark.parametrize("bounded", [False, True])
async def test_a_failing_store_is_told_and_fails_nothing(bounded: bool, tmp_path: Path) -> None:
    """Turns that could not be stored are counted in the record of the call that dropped them."""
    (tmp_path / "file").write_text("no folder")
    client = Clerk()
    agent = clerk(client, bounded=bounded, store=ArtifactStore(tmp_path / "file"))
    await work(agent, 8)
    dropping = [step for record in agent.records for step in record.steps if step.dropped]
    assert dropping
    assert all(step.not_stored > 0 for step in dropping)
    assert all(record.error is None for record in agent.records)
    with pytest.raises(ArtifactNotFoundError, match="nothing was left out"):
        await agent.read_history()
