"""Tool output through whole agents: a team that shares it, a real MCP server, code, and older results in a history."""

import json
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from autogen_agentchat.agents import AssistantAgent, CodeExecutorAgent
from autogen_agentchat.base import TaskResult
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.messages import HandoffMessage, TextMessage, ToolCallExecutionEvent, ToolCallSummaryMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken, FunctionCall
from autogen_core.code_executor import CodeBlock, CodeExecutor, CodeResult
from autogen_core.models import (
    AssistantMessage,
    ChatCompletionClient,
    CreateResult,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    RequestUsage,
    UserMessage,
)
from autogen_ext.models.replay import ReplayChatCompletionClient
from autogen_ext.tools.mcp import McpWorkbench, StdioServerParams  # pyright: ignore[reportMissingTypeStubs]  # AutoGen's extras ship no stubs
from pydantic import BaseModel

from autogen_budget import ArtifactStore, BudgetedAgent, RecordLog, TiktokenCounter, TokenBudget
from builders import reference_in

CAP = 4_000
COUNTER = TiktokenCounter()
LOG = "\n".join(
    f"2026-03-{i % 28 + 1:02d} pump {i % 7} pressure {i * 37 % 1009} bar, reading {i}" for i in range(22_000)
)

CAN_CALL: Any = {
    "vision": False,
    "function_calling": True,
    "json_output": True,
    "family": "unknown",
    "structured_output": True,
}

Reply = str | CreateResult | Callable[[str], CreateResult]


def call(name: str, **arguments: object) -> CreateResult:
    """A model's reply that calls a tool."""
    calls = [FunctionCall(id="c1", name=name, arguments=json.dumps(arguments))]
    return CreateResult(finish_reason="function_calls", content=calls, usage=RequestUsage(1, 1), cached=False)


def read_back(**arguments: object) -> Callable[[str], CreateResult]:
    """A model's reply that reads the artifact which the conversation refers to."""
    return lambda conversation: call("read_artifact", ref=reference_in(conversation), **arguments)


class Model(ReplayChatCompletionClient):
    """Answers from a list; an answer may depend on what was sent."""

    def __init__(self, *replies: Reply) -> None:
        super().__init__([""] * len(replies), model_info=CAN_CALL)
        self.replies = list(replies)

    async def create(self, messages: Sequence[LLMMessage], **options: Any) -> CreateResult:
        """The next answer."""
        result = await super().create(messages, **options)
        reply = self.replies.pop(0)
        if isinstance(reply, CreateResult):
            return reply
        if isinstance(reply, str):
            return result.model_copy(update={"content": reply})
        return reply("\n".join(str(part) for message in messages for part in texts_of(message.content)))


def read_log() -> str:
    """Reads the pumps' log."""
    return LOG


def texts_of(value: Any) -> list[str]:
    """All texts anywhere inside a value of plain data, messages or models."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, BaseModel):
        return texts_of(value.model_dump())
    if isinstance(value, Mapping):
        return texts_of(list(cast("Mapping[str, Any]", value).values()))
    if isinstance(value, (list, tuple)):
        return [text for item in cast("Sequence[Any]", value) for text in texts_of(item)]
    return []


def tokens(text: str) -> int:
    """Tokens of a text."""
    return COUNTER.measure_text(text).total


def assert_small(value: object) -> None:
    """No text in there holds more than a tool may put out, and all of them less than a request."""
    assert max(map(tokens, texts_of(value))) <= CAP // 4


# A team ---------------------------------------------------------------------------------------------------------------


async def test_a_megabyte_in_a_team_is_a_notice_for_everybody() -> None:
    """No context, message, event, request or saved state holds more of it, and the peer reads the line it wants."""
    assert len(LOG) > 1_000_000
    store = ArtifactStore()
    models = Model(call("read_log")), Model(read_back(start_line=5_000, max_lines=1))
    one = BudgetedAgent(AssistantAgent("one", models[0], tools=[read_log]), TokenBudget(CAP), artifacts=store)
    two = BudgetedAgent(AssistantAgent("two", models[1]), TokenBudget(CAP), artifacts=store)
    team = RoundRobinGroupChat([one, two], termination_condition=MaxMessageTermination(3))
    said = [item async for item in team.run_stream(task="What does the log say?")]

    result = said.pop()
    assert isinstance(result, TaskResult)
    assert [type(item).__name__ for item in said] == [
        "TextMessage",
        *("ToolCallRequestEvent", "ToolCallExecutionEvent", "ToolCallSummaryMessage") * 2,
    ]
    assert "5000: " + LOG.splitlines()[4_999] in result.messages[-1].to_text()
    for value in (said, result.messages, await team.save_state(), *(model.create_calls for model in models)):
        assert_small(value)
    assert len(json.dumps(await team.save_state())) < 60_000
    assert [cut.characters for cut in one.cuts] == [len(LOG)]
    assert await store.get(str(one.cuts[0].reference)) == LOG
    assert all(record.tokens_sent <= CAP for agent in (one, two) for record in agent.records)


async def test_a_handoff_carries_what_was_cut() -> None:
    """The results that go along with a hand-off are the short ones."""
    reply = call("read_log")
    calls = [*reply.content, FunctionCall(id="c2", name="transfer_to_two", arguments="{}")]
    model = Model(reply.model_copy(update={"content": calls}))
    agent = BudgetedAgent(AssistantAgent("one", model, tools=[read_log], handoffs=["two"]), TokenBudget(CAP))
    message = (await agent.run(task="Read it.")).messages[-1]
    assert isinstance(message, HandoffMessage)
    assert_small(message.context)
    assert agent.cuts


# MCP ------------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def exports() -> AsyncGenerator[McpWorkbench]:
    """A real MCP server in a process of its own."""
    server = StdioServerParams(
        command=sys.executable, args=[str(Path(__file__).parents[1] / "mcp_server.py")], read_timeout_seconds=60
    )
    async with McpWorkbench(server) as workbench:
        yield workbench


async def test_megabytes_of_json_from_an_mcp_server(exports: McpWorkbench) -> None:
    """What is left of them is JSON, any record can be found again, and every request fits."""
    model = Model(call("export_orders", count=33_000), read_back(pattern="ORD-023456"), "There it is.")
    inner = AssistantAgent("clerk", model, workbench=exports, max_tool_iterations=3)
    agent = BudgetedAgent(inner, TokenBudget(CAP))
    result = await agent.run(task="What is the state of ORD-023456?")
    (cut,) = agent.cuts
    assert cut.characters > 5_000_000
    shown, read = (message.content[0] for message in result.messages if isinstance(message, ToolCallExecutionEvent))
    assert json.loads(shown.content)
    whole = json.loads(await agent.artifacts.get(str(cut.reference)))
    assert len(whole) == 33_000
    assert json.dumps(whole[23_456]["customer"]) in read.content
    assert_small(result.messages)
    assert_small(await agent.save_state())
    assert all(record.tokens_sent <= CAP for record in agent.records)


async def test_pictures_and_errors_of_an_mcp_server(exports: McpWorkbench) -> None:
    """A picture is named instead of spelled out, an error is told, and the agent goes on."""
    model = Model(call("photo", width=100), call("fail"), "So it is.")
    agent = BudgetedAgent(AssistantAgent("clerk", model, workbench=exports, max_tool_iterations=3), TokenBudget(CAP))
    result = await agent.run(task="Show me.")
    picture, error = (message.content[0] for message in result.messages if isinstance(message, ToolCallExecutionEvent))
    assert "100 x 100 pixels" in picture.content
    assert "the disk is on fire" in error.content
    assert result.messages[-1].to_text() == "So it is."
    assert_small(result.messages)


# Code -----------------------------------------------------------------------------------------------------------------


class Machine(CodeExecutor):
    """Prints the log, whatever the code."""

    async def execute_code_blocks(
        self, code_blocks: list[CodeBlock], cancellation_token: CancellationToken
    ) -> CodeResult:
        """Prints it."""
        return CodeResult(exit_code=0, output=LOG)

    async def start(self) -> None:
        """Needs nothing."""

    async def stop(self) -> None:
        """Needs nothing."""

    async def restart(self) -> None:
        """Needs nothing."""


@pytest.mark.filterwarnings("ignore:No approval function set")
@pytest.mark.parametrize("model", [None, Model("```python\nread()\n```", "It says much.")])
async def test_what_code_prints_is_cut(model: ChatCompletionClient | None) -> None:
    """With a model of its own or without, a code executor's output is cut before anybody gets it."""
    told = RecordLog()
    runner = CodeExecutorAgent("runner", Machine(), model_client=model)
    agent = BudgetedAgent(runner, TokenBudget(CAP), hooks=[told.add])
    said = [item async for item in agent.run_stream(task="```python\nread()\n```")]
    assert_small(said)
    (cut,) = agent.cuts
    assert (cut.name, cut.tool) == ("runner", "code_executor")
    assert told.cuts == agent.cuts
    assert agent.report().output_cuts == 1
    assert await agent.artifacts.get(str(cut.reference)) == LOG
    await agent.on_reset(CancellationToken())
    assert len(agent.cuts) == 1, "what was cut is still on record"


# Histories ------------------------------------------------------------------------------------------------------------


def old_history() -> list[LLMMessage]:
    """A conversation of another day, in which a tool put out everything."""
    result = FunctionExecutionResult(content=LOG[:60_000], name="read_log", call_id="c1", is_error=False)
    return [
        UserMessage(content="What does the log say?", source="user"),
        AssistantMessage(content=[FunctionCall(id="c1", name="read_log", arguments="{}")], source="one"),
        FunctionExecutionResultMessage(content=[result]),
        AssistantMessage(content="A lot.", source="one"),
    ]


async def saved_by_a_plain_agent() -> Mapping[str, Any]:
    """Its state."""
    plain = AssistantAgent("one", Model())
    for message in old_history():
        await plain.model_context.add_message(message)
    return await plain.save_state()


async def test_old_results_are_cut_and_kept() -> None:
    """A state that was saved without a budget is cut for the request, and readable by its reference."""
    model = Model(read_back(start_line=900, max_lines=1), "That.")
    agent = BudgetedAgent(AssistantAgent("one", model, tools=[read_log], max_tool_iterations=2), TokenBudget(CAP))
    await agent.load_state(await saved_by_a_plain_agent())
    result = await agent.run(task="And line 900?")
    assert "900: " + LOG.splitlines()[899] in str(model.create_calls[-1])
    assert result.messages[-1].to_text() == "That."
    assert [(step.cut, step.not_stored) for step in agent.records[0].steps] == [(1, 0)]


async def test_what_the_last_resort_cuts_is_kept_as_well() -> None:
    """A result within its limit that still does not fit into the request can be read by the reference in its notice."""
    model = Model(call("read_log"), read_back(start_line=20_000, max_lines=1), "That.")
    inner = AssistantAgent("one", model, tools=[read_log], max_tool_iterations=3)
    agent = BudgetedAgent(inner, TokenBudget(700, tool_output_tokens={"read_log": 10**6}), strategies=[])
    result = await agent.run(task="And line 20,000?")
    read = result.messages[-2]
    assert agent.cuts == ()
    assert isinstance(read, ToolCallExecutionEvent)
    assert "20000: " + LOG.splitlines()[19_999] in read.content[0].content
    assert [step.strategy for step in agent.records[1].steps] == ["force fit"]
    assert all(record.tokens_sent <= 700 for record in agent.records)


async def test_the_record_says_what_could_not_be_kept(tmp_path: Path) -> None:
    """With a store that fails the request is cut all the same."""
    (tmp_path / "file").write_text("no folder")
    store = ArtifactStore(tmp_path / "file")
    agent = BudgetedAgent(AssistantAgent("one", Model("Right.")), TokenBudget(CAP), artifacts=store)
    await agent.load_state(await saved_by_a_plain_agent())
    await agent.run(task="Go on.")
    assert [(step.cut, step.not_stored) for step in agent.records[0].steps] == [(1, 1)]
    assert agent.records[0].error is None


async def test_what_a_conversation_refers_to_stays(tmp_path: Path) -> None:
    """A saved conversation goes on in a new process: what it refers to stays, though the store is full."""
    folder = tmp_path / "kept"
    inner = AssistantAgent("one", Model(call("read_log")), tools=[read_log])
    first = BudgetedAgent(inner, TokenBudget(CAP), artifacts=ArtifactStore(folder))
    await first.run(task="Read it.")
    reference = str(first.cuts[0].reference)
    state = json.loads(json.dumps(await first.save_state()))

    store = ArtifactStore(folder, max_bytes=len(LOG) + 100_000, grace=0.001)
    model = Model("Yes.", read_back(start_line=1))
    again = BudgetedAgent(AssistantAgent("one", model, tools=[read_log]), TokenBudget(CAP), artifacts=store)
    await again.load_state(state)
    await again.run(task="Do you have it?")
    for i in range(5):
        await store.put(f"{i} {LOG}"[:400_000])
    assert await store.exists(reference)
    result = await again.run(task="Read it.")
    assert isinstance(result.messages[-1], ToolCallSummaryMessage)
    assert "1: " + LOG.splitlines()[0] in result.messages[-1].content
    await again.on_reset(CancellationToken())
    for i in range(5, 10):
        await store.put(f"{i} {LOG}"[:400_000])
    assert not await store.exists(reference)


async def test_words_of_the_task_tell_what_to_keep() -> None:
    """A line that shares a rare word with what the user asked for is shown at once."""
    lines = LOG.splitlines()
    lines[17_000] = "valve opened by the night watchman"

    def read() -> str:
        """Reads it."""
        return "\n".join(lines)

    agent = BudgetedAgent(AssistantAgent("one", Model(call("read")), tools=[read]), TokenBudget(CAP))
    result = await agent.run(task="What did the watchman do?")
    assert lines[17_000] in result.messages[-1].to_text()
    assert isinstance(result.messages[0], TextMessage)
