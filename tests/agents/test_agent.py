"""The wrapped agent: the same agent, whose model calls fit."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent, BaseChatAgent, UserProxyAgent
from autogen_agentchat.base import Response, TaskResult
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.messages import HandoffMessage, StopMessage, TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_agentchat.ui import Console
from autogen_core import CancellationToken, ComponentModel, FunctionCall
from autogen_core.models import ChatCompletionClient, CreateResult, RequestUsage
from autogen_core.tools import FunctionTool, StaticWorkbench, Workbench
from autogen_ext.agents.openai import OpenAIAgent  # pyright: ignore[reportMissingTypeStubs]  # AutoGen's extras ship no stubs
from autogen_ext.models.replay import ReplayChatCompletionClient
from openai import AsyncOpenAI

from autogen_budget import (
    ArtifactStore,
    BudgetedAgent,
    BudgetedChatCompletionClient,
    BudgetedWorkbench,
    ContextOverflowError,
    TokenBudget,
)
from builders import Recorder, held_by
from servers import OpenAIServer
from servers.clients import client_of


def replay(*replies: str | CreateResult) -> ReplayChatCompletionClient:
    """A client that answers from a list and can call functions."""
    return ReplayChatCompletionClient(
        replies or ["yes " * 30] * 100,
        model_info={
            "vision": False,
            "function_calling": True,
            "json_output": True,
            "family": "unknown",
            "structured_output": True,
        },
    )


def workbenches_of(agent: AssistantAgent) -> list[Workbench]:
    """What the agent calls its tools through."""
    return held_by(agent, Workbench)


def budgeted(*replies: str | CreateResult, cap: int = 500, **options: Any) -> tuple[BudgetedAgent, Any]:
    """An assistant under budget, and the client it really calls."""
    client = replay(*replies)
    return BudgetedAgent(AssistantAgent("assistant", client, **options), TokenBudget(cap)), client


async def test_survives_a_conversation_that_kills_the_unwrapped_agent() -> None:
    """At a server with a small window the unwrapped agent dies and stays dead; the wrapped one goes on."""
    async with OpenAIServer(window=1_000) as server, client_of(server, max_tokens=50) as client:
        tasks = [f"Excerpt {i}: " + "the pump lost pressure. " * 30 for i in range(12)]
        unwrapped = AssistantAgent("engineer", client)
        with pytest.raises(Exception, match="maximum context length"):
            for task in tasks:
                await unwrapped.run(task=task)
        with pytest.raises(Exception, match="maximum context length"):
            await unwrapped.run(task="hi")

        agent = BudgetedAgent(AssistantAgent("engineer", client), TokenBudget(context_window=1_000))
        for task in tasks:
            result = await agent.run(task=task)
            assert isinstance(result.messages[-1], TextMessage)
        assert len(agent.records) == 12
        assert all(record.error is None and record.tokens_sent <= record.cap for record in agent.records)
        assert agent.records[-1].tokens_before > 1_000


async def test_works_in_run_run_stream_and_console(capsys: pytest.CaptureFixture[str]) -> None:
    """The three ways to run an agent give the inner agent's messages."""
    agent, _ = budgeted("one", "two", "three")
    assert (await agent.run(task="first")).messages[-1].to_text() == "one"
    streamed = [item async for item in agent.run_stream(task="second")]
    assert isinstance(streamed[-1], TaskResult)
    assert [message.source for message in streamed[-1].messages] == ["user", "assistant"]
    result = await Console(agent.run_stream(task="third"))
    assert isinstance(result, TaskResult)
    assert "three" in capsys.readouterr().out


async def test_keeps_name_description_and_types() -> None:
    """Teams, graphs and hand-offs see the inner agent."""
    inner = Recorder(replay())
    agent = BudgetedAgent(inner, TokenBudget(500))
    assert (agent.name, agent.description) == ("recorder", "Notes what it is asked.")
    assert agent.produced_message_types == (StopMessage, HandoffMessage)
    assert agent.inner is inner
    assert agent.budget == TokenBudget(500)


async def test_delegates_everything() -> None:
    """Each call reaches the inner agent, and streams keep what is said on the way."""
    inner = Recorder(replay())
    agent = BudgetedAgent(inner, TokenBudget(500))
    token = CancellationToken()
    messages = [TextMessage(content="hello", source="user")]
    response = await agent.on_messages(messages, token)
    assert response.chat_message.to_model_text() == "noted"
    said = [item async for item in agent.on_messages_stream(messages, token)]
    assert isinstance(said[0], TextMessage)
    assert isinstance(said[1], Response)
    await agent.on_pause(token)
    await agent.on_resume(token)
    await agent.on_reset(token)
    await agent.close()
    assert inner.asked == ["on_messages", "on_messages_stream", "on_pause", "on_resume", "on_reset", "close"]
    messages.clear()
    assert len(inner.given) == 1, "teams clear the list they passed in"


async def test_wraps_every_client_an_agent_holds() -> None:
    """Two attributes with one client share a wrapper; a second client gets one of its own."""
    one, two = replay(), replay()
    inner = Recorder(one, two)
    BudgetedAgent(inner, TokenBudget(500))
    assert isinstance(inner.first, BudgetedChatCompletionClient)
    assert isinstance(inner.second, BudgetedChatCompletionClient)
    assert (inner.first.client, inner.second.client) == (one, two)
    shared = Recorder(one, one)
    BudgetedAgent(shared, TokenBudget(500))
    assert shared.first is shared.second


async def test_records_and_hooks_see_each_call() -> None:
    """The agent's records and the user's hooks get the same records, under the agent's name."""
    told: list[object] = []
    agent = BudgetedAgent(AssistantAgent("clerk", replay()), TokenBudget(500), hooks=[told.append])
    await agent.run(task="hello")
    assert list(agent.records) == told
    assert agent.records[0].name == "clerk"


async def test_tool_loops_stay_valid_and_within_the_cap() -> None:
    """A long tool loop in one task is compacted while it runs."""

    def look(place: str) -> str:
        """Look at a place."""
        return f"{place}: " + "water " * 60

    def call(i: int) -> CreateResult:
        calls = [FunctionCall(id=f"c{i}{n}", name="look", arguments=f'{{"place": "pier {i}"}}') for n in range(2)]
        return CreateResult(finish_reason="function_calls", content=calls, usage=RequestUsage(1, 1), cached=False)

    agent, _ = budgeted(
        *(call(i) for i in range(12)), "done", cap=900, tools=[look], max_tool_iterations=20, reflect_on_tool_use=True
    )
    result = await agent.run(task="Find the ship.")
    assert result.messages[-1].to_text() == "done"
    assert len(agent.records) == 13
    assert all(record.tokens_sent <= 900 for record in agent.records)
    assert any(record.steps for record in agent.records)


async def test_works_on_after_every_error() -> None:
    """A task that cannot fit raises; the next task works."""
    agent, _ = budgeted("fine", cap=200, system_message="Be brief.")
    picture_of_rules = AssistantAgent("assistant", replay(), system_message="rule " * 400)
    too_large = BudgetedAgent(picture_of_rules, TokenBudget(200))
    with pytest.raises(ContextOverflowError, match="system"):
        await too_large.run(task="hello")
    assert too_large.records[-1].error is not None
    result = await agent.run(task="paste " * 5_000)
    assert result.messages[-1].to_text() == "fine"


async def test_reset_forgets_the_conversation() -> None:
    """After a reset the agent begins anew, and nothing of the old conversation is sent."""
    agent, client = budgeted()
    for i in range(10):
        await agent.run(task=f"secret {i} " + "word " * 30)
    await agent.on_reset(CancellationToken())
    await agent.run(task="hello")
    assert "secret" not in str(client.create_calls[-1]["messages"])
    assert agent.records[-1].tokens_before < 100


async def test_state_loads_with_and_without_the_wrapper() -> None:
    """The wrapper adds one key beside the inner state; each side loads what the other saved."""
    agent, _ = budgeted()
    await agent.run(task="remember the lighthouse")
    state = json.loads(json.dumps(await agent.save_state()))
    assert "autogen_budget" in state

    plain = AssistantAgent("assistant", replay())
    await plain.load_state(state)
    assert "lighthouse" in str(await plain.model_context.get_messages())

    again, client = budgeted()
    await again.load_state(await plain.save_state())
    await again.load_state(state)
    await again.run(task="what was it?")
    assert "lighthouse" in str(client.create_calls[-1]["messages"])


async def test_foreign_keys_stay_out_of_the_inner_state() -> None:
    """The inner agent never sees the wrapper's key, and garbage under it is ignored."""
    agent = BudgetedAgent(Recorder(replay()), TokenBudget(500))
    state = dict(await agent.save_state())
    await agent.load_state(state)
    await agent.load_state({"asked": [], "autogen_budget": "garbage"})
    await agent.load_state({"asked": [], "autogen_budget": {"first": 7}})


async def test_conversations_are_recognised_after_loading_a_state() -> None:
    """Loaded messages are new objects with the same content: the compacted prefix stays as it was."""
    agent, client = budgeted(cap=400)
    for i in range(6):
        await agent.run(task=f"question {i} " + "word " * 30)
    assert any(record.steps for record in agent.records)
    await agent.load_state(json.loads(json.dumps(await agent.save_state())))
    before = client.create_calls[-1]["messages"]
    await agent.run(task="go on")
    after = client.create_calls[-1]["messages"]
    assert agent.records[-1].steps == ()
    assert after[: len(before)] == before


async def test_dumps_and_loads_as_a_component() -> None:
    """The declarative form holds the inner agent as it was; the loaded agent behaves the same."""
    agent, _ = budgeted("a", "b", cap=400)
    dumped = agent.dump_component()
    assert dumped.config["agent"]["config"]["model_client"]["provider"].endswith("ReplayChatCompletionClient")
    loaded = BaseChatAgent.load_component(ComponentModel.model_validate_json(dumped.model_dump_json()))
    assert isinstance(loaded, BudgetedAgent)
    assert (loaded.name, loaded.budget) == ("assistant", TokenBudget(400))
    assert (await loaded.run(task="hello")).messages[-1].to_text() == "a"
    await agent.run(task="hello")
    assert len(agent.records) == 1, "dumping leaves the wrapper in place"


async def test_dumping_gives_the_tools_as_they_were() -> None:
    """The declarative form holds the agent's own workbench, and a store that was given; the loaded agent has both."""
    store = ArtifactStore(max_bytes=1_000_000)
    assistant = AssistantAgent("assistant", replay("a"))
    agent = BudgetedAgent(assistant, TokenBudget(400), artifacts=store, read_back=False)
    dumped = agent.dump_component()
    assert [part["provider"] for part in dumped.config["agent"]["config"]["workbench"]] == [
        "autogen_core.tools.StaticStreamWorkbench"
    ]
    loaded = BaseChatAgent.load_component(ComponentModel.model_validate_json(dumped.model_dump_json()))
    assert isinstance(loaded, BudgetedAgent)
    assert loaded.artifacts.dump_component() == store.dump_component()
    assert loaded.dump_component() == dumped
    assert all(isinstance(part, BudgetedWorkbench) for part in workbenches_of(assistant)), "dumping leaves it in place"


def two_workbenches(*clients: ChatCompletionClient) -> AssistantAgent:
    """An assistant with a tool in each of two workbenches."""

    def one() -> str:
        """Does it."""
        return "done"

    tools = [FunctionTool(one, description="Does it.", name=name) for name in ("one", "two")]
    return AssistantAgent("a", *clients, workbench=[StaticWorkbench([tool]) for tool in tools])


@pytest.mark.parametrize(
    ("cap", "options", "offered"),
    [
        (600, {}, ["one", "two", "read_artifact"]),
        (600, {"read_back": False}, ["one", "two"]),
        (599, {"artifacts": ArtifactStore()}, ["one", "two"]),
    ],
)
async def test_the_tool_that_reads_back_is_offered_once(cap: int, options: Any, offered: list[str]) -> None:
    """It stands behind all tools, in however many workbenches, unless there is no room or no wish for it."""
    client = replay("fine")
    await BudgetedAgent(two_workbenches(client), TokenBudget(cap), **options).run(task="hello")
    assert [tool["name"] for tool in client.create_calls[0]["tools"]] == offered


@pytest.mark.parametrize(("store", "offered"), [(None, []), (ArtifactStore(), ["read_artifact"])])
async def test_an_agent_without_tools_reads_what_others_share(store: ArtifactStore | None, offered: list[str]) -> None:
    """With a store of its own it has nothing to read, and its requests stay as they were."""
    client = replay("fine")
    await BudgetedAgent(AssistantAgent("a", client), TokenBudget(2_000), artifacts=store).run(task="hello")
    assert [tool["name"] for tool in client.create_calls[0]["tools"]] == offered


async def test_a_model_without_functions_is_offered_nothing() -> None:
    """It could not call it, and many clients refuse tools then."""
    client = ReplayChatCompletionClient(["fine"])
    await BudgetedAgent(AssistantAgent("a", client), TokenBudget(500), artifacts=ArtifactStore()).run(task="hello")
    assert client.create_calls[0]["tools"] == []


async def test_a_workbench_under_budget_is_left_alone() -> None:
    """What the user wrapped is not wrapped again, and offers its tool once."""
    own = BudgetedWorkbench(StaticWorkbench([]), TokenBudget(700), read_back="always")
    client = replay("fine")
    inner = AssistantAgent("a", client, workbench=[own, StaticWorkbench([])])
    agent = BudgetedAgent(inner, TokenBudget(2_000), artifacts=ArtifactStore())
    assert workbenches_of(inner)[0] is own
    await agent.run(task="hello")
    assert [tool["name"] for tool in client.create_calls[0]["tools"]] == ["read_artifact"]


def test_wraps_every_workbench_an_agent_holds() -> None:
    """One by one or in a list; what is held twice gets one wrapper. The user's own list is not changed."""
    inner = Recorder(replay())
    bench = StaticWorkbench([])
    row = (bench, StaticWorkbench([]))
    inner.tools, inner.more = bench, row  # type: ignore[attr-defined]  # attributes of its own
    BudgetedAgent(inner, TokenBudget(500))
    held: Any = inner
    assert isinstance(held.tools, BudgetedWorkbench)
    assert held.tools.workbench is bench
    assert held.more[0] is held.tools
    assert held.more[1].workbench is row[1]
    assert row[0] is bench


async def test_works_in_a_team() -> None:
    """A team runs wrapped agents as it would run the agents themselves, and saves and loads their state."""
    one = BudgetedAgent(AssistantAgent("one", replay()), TokenBudget(300))
    two = BudgetedAgent(AssistantAgent("two", replay()), TokenBudget(300))
    team = RoundRobinGroupChat([one, two], termination_condition=MaxMessageTermination(12))
    result = await team.run(task="Talk about the sea. " * 20)
    assert [message.source for message in result.messages[:3]] == ["user", "one", "two"]
    assert len(result.messages) == 12
    assert all(record.tokens_sent <= 300 for agent in (one, two) for record in agent.records)
    await team.load_state(await team.save_state())


def raw_openai_agent() -> BaseChatAgent:
    """An agent that calls OpenAI's library itself, beside AutoGen's model clients."""
    client = AsyncOpenAI(api_key="not needed")
    return OpenAIAgent("raw", "Calls the service itself.", client, "gpt-4o", "Be brief.")


@pytest.mark.parametrize("agent", [UserProxyAgent("person"), Recorder(), raw_openai_agent()])
def test_an_agent_without_a_client_is_named(agent: BaseChatAgent) -> None:
    """The error says which agent holds no client and what to do."""
    with pytest.raises(ValueError, match=rf"'{agent.name}' \({type(agent).__name__}\) holds no ChatCompletionClient"):
        BudgetedAgent(agent, TokenBudget(500))


class Silent(AssistantAgent):
    """Ends its turn without a response, or cancels itself."""

    cancels = False

    async def on_messages_stream(self, *_: Any, **__: Any) -> AsyncGenerator[Response, None]:
        """Say nothing."""
        if self.cancels:
            raise asyncio.CancelledError
        for nothing in list[Response]():
            yield nothing


async def test_a_turn_without_a_response_is_an_error() -> None:
    """The agent is named; one that cancels itself ends as it would unwrapped, and can be asked again."""
    inner = Silent("mute", replay())
    agent, question = BudgetedAgent(inner, TokenBudget(500)), [TextMessage(content="Hello?", source="user")]
    with pytest.raises(RuntimeError, match="agent 'mute' ended its turn without a response"):
        await agent.on_messages(question, CancellationToken())
    inner.cancels = True
    with pytest.raises(asyncio.CancelledError):
        await agent.on_messages(question, CancellationToken())
    with pytest.raises(asyncio.CancelledError):
        await agent.run(task="Hello?")


def test_refuses_to_wrap_twice() -> None:
    """A wrapped agent is not wrapped again."""
    agent, _ = budgeted()
    with pytest.raises(ValueError, match="BudgetedAgent already"):
        BudgetedAgent(agent, TokenBudget(500))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("assistant", TokenBudget(500)), "agent must be a BaseChatAgent, got str 'assistant'"),
        ((replay(), TokenBudget(500)), r"use BudgetedChatCompletionClient\(client, budget\)"),
        ((AssistantAgent("a", replay()), 500), "budget must be a TokenBudget"),
    ],
)
def test_refuses_arguments_of_the_wrong_kind(arguments: Any, message: str) -> None:
    """A client where an agent belongs, or a number where a budget belongs, is named in the error."""
    with pytest.raises(TypeError, match=message):
        BudgetedAgent(*arguments)


def test_refuses_a_store_of_the_wrong_kind() -> None:
    """A path where a store belongs is named in the error."""
    folder: Any = "./artifacts"
    with pytest.raises(TypeError, match=r"artifacts must be an ArtifactStore, for example .*, got str '\./artifacts'"):
        BudgetedAgent(AssistantAgent("a", replay()), TokenBudget(500), artifacts=folder)


async def test_cancelling_reaches_the_model_call() -> None:
    """Cancelling a run ends it, and the agent takes the next task."""
    async with OpenAIServer() as server, client_of(server) as client:
        from servers import Stall

        server.script(Stall(), "fine")
        agent = BudgetedAgent(AssistantAgent("a", client), TokenBudget(500))
        token = CancellationToken()
        run = asyncio.ensure_future(agent.run(task="hello", cancellation_token=token))
        while not server.requests:
            await asyncio.sleep(0.01)
        token.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        result = await agent.run(task="again")
        assert result.messages[-1].to_text() == "fine"
