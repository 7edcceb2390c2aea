"""A workbench under budget: output within its limit, the whole readable again, errors as results."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.tools import AgentTool
from autogen_core import CancellationToken, ComponentModel, FunctionCall, Image
from autogen_core.models import CreateResult, RequestUsage
from autogen_core.tools import (
    FunctionTool,
    ImageResultContent,
    StaticStreamWorkbench,
    StaticWorkbench,
    TextResultContent,
    ToolResult,
    ToolSchema,
    Workbench,
)
from autogen_ext.models.replay import ReplayChatCompletionClient
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Picture

from autogen_budget import ArtifactStore, BudgetedWorkbench, TiktokenCounter, TokenBudget
from builders import reference_in
from histories import texts

COUNTER = TiktokenCounter()
REPORT = "\n".join(f"line {i} of the report" for i in range(3_000))
SMALL = TokenBudget(8_000, max_tool_output_tokens=150)
PHOTO = Image(Picture.effect_noise((200, 100), 90).convert("RGB"))


def report(about: str = "") -> str:
    """Reports on something at length."""
    return REPORT


def echo(text: str) -> str:
    """Says the same."""
    return text


def fail() -> str:
    """Fails."""
    raise ValueError("the well is dry")


def tools(*functions: Any) -> StaticStreamWorkbench:
    """A workbench of functions."""
    return StaticStreamWorkbench([FunctionTool(function, description="A tool.") for function in functions])


class Custom(Workbench):
    """A workbench of a user's own: it answers what it was made with, raises what is an error, and notes its calls."""

    component_provider_override = "test_workbench.Custom"

    def __init__(self, *answers: ToolResult | BaseException, listed: bool = True) -> None:
        self.answers = list(answers)
        self.listed = listed
        self.asked: list[object] = []

    async def list_tools(self) -> list[ToolSchema]:
        """One tool, while it can tell."""
        if not self.listed:
            raise ConnectionError("the server is gone")
        return [ToolSchema(name="ask", description="Asks.")]

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> ToolResult:
        """The next answer."""
        self.asked.append((name, arguments, cancellation_token, call_id))
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def start(self) -> None:
        """Notes the call."""
        self.asked.append("start")

    async def stop(self) -> None:
        """Notes the call."""
        self.asked.append("stop")

    async def reset(self) -> None:
        """Notes the call."""
        self.asked.append("reset")

    async def save_state(self) -> Mapping[str, Any]:
        """A state of its own form."""
        return {"mine": 1}

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Notes the state."""
        self.asked.append(dict(state))


class Streaming(StaticStreamWorkbench):
    """Says things on the way, and ends as it was told to."""

    def __init__(self, *items: object) -> None:
        super().__init__([FunctionTool(echo, description="Says the same.")])
        self.items = items
        self.closed = False

    async def call_tool_stream(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
        call_id: str | None = None,
    ) -> AsyncGenerator[Any, None]:
        """The items, one by one; what is an error is raised."""
        try:
            for item in self.items:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self.closed = True


def answer(*parts: str | Image, is_error: bool = False) -> ToolResult:
    """A tool's result."""
    content = [TextResultContent(content=p) if isinstance(p, str) else ImageResultContent(content=p) for p in parts]
    return ToolResult(name="ask", result=list(content), is_error=is_error)


async def streamed(workbench: BudgetedWorkbench, name: str, **arguments: Any) -> list[Any]:
    """All that a call says."""
    return [item async for item in workbench.call_tool_stream(name, arguments, CancellationToken(), "c1")]


def size(result: ToolResult) -> int:
    """Tokens of what an agent makes of a result."""
    return COUNTER.measure_text(result.to_text()).total


# Cutting --------------------------------------------------------------------------------------------------------------


async def test_long_output_is_cut_and_can_be_read_again() -> None:
    """The result is within its limit; the reference in it leads to any line of the whole."""
    workbench = BudgetedWorkbench(tools(report), SMALL)
    for result in (await workbench.call_tool("report"), (await streamed(workbench, "report"))[0]):
        assert size(result) <= 150
        assert not result.is_error
        reference = reference_in(result.to_text())
        read = await workbench.call_tool("read_artifact", {"ref": reference, "start_line": 2_001, "max_lines": 1})
        assert "2001: line 2000 of the report" in read.to_text()
        assert size(read) <= 150
    assert [(cut.tool, cut.characters) for cut in workbench.cuts] == [("report", len(REPORT))] * 2
    assert await workbench.artifacts.get(str(workbench.cuts[0].reference)) == REPORT


async def test_short_output_is_as_it_was() -> None:
    """The very same result comes back, and nothing is stored."""
    original = answer("fine", PHOTO)
    workbench = BudgetedWorkbench(Custom(original), TokenBudget(10**6))
    assert await workbench.call_tool("ask") is original
    assert workbench.cuts == ()


async def test_each_tool_may_have_a_limit_of_its_own() -> None:
    """A limit by name takes the place of the general one."""
    budget = TokenBudget(8_000, max_tool_output_tokens=150, tool_output_tokens={"report": 900})
    workbench = BudgetedWorkbench(tools(report, echo), budget)
    assert 600 < size(await workbench.call_tool("report")) <= 900
    assert size(await workbench.call_tool("echo", {"text": REPORT})) <= 150
    workbench.budget = TokenBudget(8_000, max_tool_output_tokens=70)
    assert size(await workbench.call_tool("report")) <= 70


async def test_what_the_call_asks_for_is_kept() -> None:
    """Lines with rare words of the arguments outlive others."""
    lines = REPORT.splitlines()
    lines[1_313] = "here the ferryman sleeps"
    workbench = BudgetedWorkbench(Custom(answer("\n".join(lines))), TokenBudget(2_000))
    text = (await workbench.call_tool("ask", {"about": "ferryman"})).to_text()
    assert "here the ferryman sleeps" in text


async def test_errors_of_tools_are_cut_as_well() -> None:
    """A long error stays an error."""
    workbench = BudgetedWorkbench(Custom(answer(REPORT, is_error=True)), SMALL)
    result = await workbench.call_tool("ask")
    assert result.is_error
    assert size(result) <= 150


async def test_several_texts_are_one_output() -> None:
    """The parts of a result share its limit and its reference."""
    workbench = BudgetedWorkbench(Custom(answer(REPORT, "the middle", REPORT)), SMALL)
    result = await workbench.call_tool("ask")
    assert size(result) <= 150
    assert await workbench.artifacts.get(str(workbench.cuts[0].reference)) == f"{REPORT}\nthe middle\n{REPORT}"


@given(parts=st.lists(texts, min_size=1, max_size=3), limit=st.integers(1, 400))
async def test_any_output_is_within_its_limit_and_kept(parts: list[str], limit: int) -> None:
    """Whatever a tool puts out, what leaves the workbench fits, and the whole can be read."""
    workbench = BudgetedWorkbench(Custom(answer(*parts)), TokenBudget(8_000, max_tool_output_tokens=limit))
    result = await workbench.call_tool("ask")
    assert size(result) <= limit
    if workbench.cuts:
        assert await workbench.artifacts.get(str(workbench.cuts[0].reference)) == "\n".join(parts)
    else:
        assert result.to_text() == "\n".join(parts)


# Images ---------------------------------------------------------------------------------------------------------------


async def test_images_stay_images() -> None:
    """They are kept as they are, in order; the text names them, where base64 would have made it too long."""
    workbench = BudgetedWorkbench(Custom(answer("a photo", PHOTO, REPORT, PHOTO)), SMALL)
    result = await workbench.call_tool("ask")
    images = [part.content for part in result.result if isinstance(part, ImageResultContent)]
    assert images == [PHOTO, PHOTO]
    assert size(result) <= 150
    assert "a photo\n[image, 200 x 100 pixels, kept in base64 as " in result.to_text()
    assert result.to_text("[here]").endswith("[here]\n[here]")


async def test_an_image_can_be_had_again() -> None:
    """The reference in its place leads to the image itself."""
    workbench = BudgetedWorkbench(Custom(answer(PHOTO)), SMALL)
    text = (await workbench.call_tool("ask")).to_text()
    assert workbench.cuts == (), "the text itself was short"
    assert await workbench.artifacts.get(text.rpartition(" ")[2].strip("]")) == PHOTO.to_base64()


async def test_an_image_that_could_not_be_kept_is_named_all_the_same(tmp_path: Any) -> None:
    """A failing store costs the reference only."""
    (tmp_path / "file").write_text("no folder")
    workbench = BudgetedWorkbench(Custom(answer(PHOTO)), SMALL, artifacts=ArtifactStore(tmp_path / "file"))
    assert (await workbench.call_tool("ask")).to_text() == "[image, 200 x 100 pixels]"


# Errors and cancellation ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [RuntimeError("the server is gone"), RuntimeError()])
async def test_a_workbench_that_raises_gives_an_error_result(error: Exception) -> None:
    """AutoGen would wait forever; the model is told instead."""
    for wrapped in (Custom(error), Streaming("on the way", error)):
        workbench = BudgetedWorkbench(wrapped, SMALL)
        *_, result = await streamed(workbench, "ask")
        assert isinstance(result, ToolResult)
        assert result.is_error
        assert result.to_text() == (str(error) or "RuntimeError")


async def test_an_agent_outlives_a_workbench_that_raises() -> None:
    """Unwrapped, the agent would hang; wrapped, it answers with the error."""
    client = ReplayChatCompletionClient([call("ask"), "done"], model_info=CAN_CALL)
    workbench = BudgetedWorkbench(Custom(RuntimeError("the server is gone")), SMALL)
    result = await AssistantAgent("a", client, workbench=workbench).run(task="ask")
    assert "the server is gone" in result.messages[-1].to_text()


async def test_a_tool_that_fails_is_an_error_result() -> None:
    """As in the wrapped workbench."""
    result = await BudgetedWorkbench(tools(fail), SMALL).call_tool("fail")
    assert (result.is_error, result.to_text()) == (True, "the well is dry")


async def test_a_stream_without_a_result_is_an_error_result() -> None:
    """An agent is not left without an answer."""
    *said, result = await streamed(BudgetedWorkbench(Streaming("on the way"), SMALL), "echo")
    assert said == ["on the way"]
    assert (result.is_error, result.to_text()) == (True, "the tool ended without a result")


async def test_an_error_behind_a_result_changes_nothing() -> None:
    """The tool has answered."""
    said = await streamed(BudgetedWorkbench(Streaming(answer("fine"), RuntimeError("late")), SMALL), "echo")
    assert [item.to_text() for item in said] == ["fine"]


async def test_a_cancelled_token_gives_a_result() -> None:
    """AutoGen waits forever for a result that never comes; its next step ends with the token."""

    async def wait() -> str:
        """Waits forever."""
        await asyncio.Event().wait()
        return "never"

    for wrapped in (tools(wait), StaticWorkbench([FunctionTool(wait, description="Waits.")])):
        token = CancellationToken()
        workbench = BudgetedWorkbench(wrapped, SMALL)
        running = asyncio.ensure_future(workbench.call_tool("wait", {}, token))
        await asyncio.sleep(0.05)
        token.cancel()
        result = await running
        assert (result.is_error, result.to_text()) == (True, "the call was cancelled")


class Ends(StaticStreamWorkbench):
    """Raises what it is given, in every way it can be called."""

    def __init__(self, error: BaseException) -> None:
        super().__init__([])
        self.error = error

    async def list_tools(self) -> list[ToolSchema]:
        """Raises."""
        raise self.error

    async def call_tool(self, *args: Any, **options: Any) -> ToolResult:
        """Raises."""
        raise self.error

    async def call_tool_stream(self, *args: Any, **options: Any) -> AsyncGenerator[Any | ToolResult, None]:
        """Raises."""
        yield "on the way"
        raise self.error


@pytest.mark.parametrize("name", ["report", "read_artifact"])
@pytest.mark.parametrize("error", [RuntimeError("no luck"), ValueError("")], ids=str)
async def test_whatever_a_workbench_raises_is_a_result(error: Exception, name: str) -> None:
    """Listing, calling and streaming: there is one error result, and it says what was wrong."""
    workbench = BudgetedWorkbench(Ends(error), SMALL)
    for result in (await workbench.call_tool(name), [item async for item in workbench.call_tool_stream(name)][-1]):
        assert isinstance(result, ToolResult)
        assert result.is_error
        assert result.to_text() == (str(error) or "ValueError")


async def test_a_task_that_is_cancelled_ends() -> None:
    """Its cancellation is not swallowed, and no more are errors that end the program."""

    async def wait() -> str:
        """Waits forever."""
        await asyncio.Event().wait()
        return "never"

    async def read(workbench: BudgetedWorkbench) -> None:
        async for _ in workbench.call_tool_stream("wait", {}):
            pass

    workbench = BudgetedWorkbench(tools(wait), SMALL)
    for call in (workbench.call_tool("wait", {}), read(workbench)):
        running = asyncio.ensure_future(call)
        await asyncio.sleep(0.05)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    with pytest.raises(GeneratorExit):
        await BudgetedWorkbench(Ends(GeneratorExit()), SMALL).call_tool("report")


async def test_a_tool_that_cancels_itself_has_failed() -> None:
    """AutoGen would wait for its answer forever; so it would with errors that nobody catches."""

    class StrangeError(BaseException):
        """No `Exception`."""

    for error in (asyncio.CancelledError(), StrangeError()):
        (result,) = await streamed(BudgetedWorkbench(Custom(error), SMALL), "ask")
        assert isinstance(result, ToolResult)
        assert result.is_error


async def test_leaving_a_stream_closes_the_wrapped_one() -> None:
    """What the wrapped workbench has to clean up is cleaned up at once."""
    wrapped = Streaming("one", "two")
    stream = BudgetedWorkbench(wrapped, SMALL).call_tool_stream("echo")
    assert await anext(stream) == "one"
    await stream.aclose()
    assert wrapped.closed


# The tool that reads back ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("functions", "read_back", "names"),
    [
        ([report, echo], "with tools", ["report", "echo", "read_artifact"]),
        ([], "with tools", []),
        ([], "always", ["read_artifact"]),
        ([report], "never", ["report"]),
    ],
)
async def test_offers_to_read_back(functions: list[Any], read_back: Any, names: list[str]) -> None:
    """It stands behind the others, in every call, the same each time."""
    workbench = BudgetedWorkbench(tools(*functions), SMALL, read_back=read_back)
    listed = await workbench.list_tools()
    assert [tool["name"] for tool in listed] == names
    await workbench.call_tool("report")
    assert json.dumps(await workbench.list_tools()) == json.dumps(listed)


async def test_what_is_not_offered_is_not_there() -> None:
    """A call of it goes to the wrapped workbench, which knows no such tool."""
    workbench = BudgetedWorkbench(tools(report), SMALL, read_back="never")
    assert "not found" in (await workbench.call_tool("read_artifact", {"ref": "aaaaaaaaaa"})).to_text()


async def test_a_tool_of_the_same_name_is_the_users() -> None:
    """The wrapped workbench's own tool is listed once, and called."""

    def read_artifact(ref: str) -> str:
        """Reads elsewhere."""
        return f"mine: {ref}"

    workbench = BudgetedWorkbench(tools(read_artifact), SMALL, read_back="always")
    assert len(await workbench.list_tools()) == 1
    assert (await workbench.call_tool("read_artifact", {"ref": "x"})).to_text() == "mine: x"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"ref": "aaaaaaaaaa"}, "no text is stored as 'aaaaaaaaaa'"),
        ({}, "no text is stored as 'history'"),
        (None, "no text is stored as 'history'"),
        ({"ref": "REFERENCE", "start_line": 9_999}, "outside the text, which has lines 1 to 3000"),
        ({"ref": "REFERENCE", "pattern": "("}, "bad pattern"),
        ({"ref": "REFERENCE", "start_line": "many"}, "start_line: Input should be a valid integer"),
        ({"ref": "x" * 10_000}, "no text is stored as"),
    ],
)
async def test_what_cannot_be_read_says_what_would_work(arguments: dict[str, Any] | None, said: str) -> None:
    """A wrong reference, place or pattern is a short error result."""
    workbench = BudgetedWorkbench(tools(report), SMALL)
    reference = reference_in((await workbench.call_tool("report")).to_text())
    if arguments and arguments.get("ref") == "REFERENCE":
        arguments = {**arguments, "ref": reference}
    result = await workbench.call_tool("read_artifact", arguments)
    assert result.is_error
    assert said in result.to_text()
    assert size(result) <= 150


async def test_answers_are_neither_stored_nor_cut_again() -> None:
    """However much is read, the store holds the one text, and no cut is told."""
    workbench = BudgetedWorkbench(tools(report), SMALL)
    reference = reference_in((await workbench.call_tool("report")).to_text())
    for line in (1, 500, 2_900):
        result = await streamed(workbench, "read_artifact", ref=reference, start_line=line)
        assert len(result) == 1
        assert "[cut" not in result[0].to_text()
    assert len(workbench.cuts) == 1


async def test_reads_under_the_smallest_caps() -> None:
    """An answer has room for some text, however small the limit of others."""
    workbench = BudgetedWorkbench(tools(report), TokenBudget(600, max_tool_output_tokens=40))
    reference = reference_in((await workbench.call_tool("report")).to_text())
    result = await workbench.call_tool("read_artifact", {"ref": reference, "start_line": 77})
    assert "77: line 76" in result.to_text()


async def test_reads_what_another_workbench_kept() -> None:
    """Two that share a store read each other's references."""
    store = ArtifactStore()
    one, other = (BudgetedWorkbench(wrapped, SMALL, artifacts=store) for wrapped in (tools(report), tools(echo)))
    reference = reference_in((await one.call_tool("report")).to_text())
    read = await other.call_tool("read_artifact", {"ref": reference, "pattern": "line 2222 "})
    assert "2223: line 2222 of the report" in read.to_text()


async def test_lists_what_it_knows_when_the_wrapped_one_cannot(caplog: pytest.LogCaptureFixture) -> None:
    """A server that goes away between two calls does not leave the agent waiting; one that never was is an error."""
    wrapped = Custom(listed=False)
    workbench = BudgetedWorkbench(wrapped, SMALL)
    with pytest.raises(ConnectionError):
        await workbench.list_tools()
    wrapped.listed = True
    listed = await workbench.list_tools()
    wrapped.listed = False
    with caplog.at_level(logging.WARNING, "autogen_budget"):
        assert await workbench.list_tools() == listed
    assert "Custom did not list its tools" in caplog.text


async def test_forgetting_lets_the_store_make_room() -> None:
    """What the conversation referred to stays until the conversation is forgotten."""
    store = ArtifactStore(max_bytes=120_000)
    workbench = BudgetedWorkbench(tools(report), SMALL, artifacts=store)
    reference = str(reference_in((await workbench.call_tool("report")).to_text()))

    async def fill() -> None:
        for i in range(5):
            await store.put(f"{i} {REPORT}")

    await fill()
    assert await store.exists(reference)
    workbench.forget()
    await fill()
    assert not await store.exists(reference)


# A workbench like any other -------------------------------------------------------------------------------------------

CAN_CALL: Any = {
    "vision": False,
    "function_calling": True,
    "json_output": False,
    "family": "unknown",
    "structured_output": False,
}


def call(name: str, **arguments: Any) -> CreateResult:
    """A model's reply that calls a tool."""
    calls = [FunctionCall(id="c1", name=name, arguments=json.dumps(arguments))]
    return CreateResult(finish_reason="function_calls", content=calls, usage=RequestUsage(1, 1), cached=False)


async def test_inner_events_of_an_agent_tool_are_kept() -> None:
    """What an agent says that is used as a tool is streamed as without the wrapper."""
    inner = AssistantAgent("scout", ReplayChatCompletionClient(["all quiet " * 400]), description="Scouts.")
    client = ReplayChatCompletionClient([call("scout", task="look")], model_info=CAN_CALL)
    workbench = BudgetedWorkbench(StaticStreamWorkbench([AgentTool(inner)]), SMALL)
    outer = AssistantAgent("chief", client, workbench=workbench)
    result = await outer.run(task="What do you see?")
    said = [message.source for message in result.messages if isinstance(message, TextMessage)]
    assert said == ["user", "user", "scout"]
    assert COUNTER.measure_text(result.messages[-1].to_text()).total <= 150


async def test_delegates_everything_else() -> None:
    """Starting, stopping, resetting, state and arguments reach the wrapped workbench."""
    wrapped = Custom(answer("fine"))
    workbench = BudgetedWorkbench(wrapped, SMALL)
    token = CancellationToken()
    async with workbench:
        await workbench.call_tool("ask", {"a": 1}, token, "c7")
        await workbench.reset()
        await workbench.load_state(await workbench.save_state())
    call = wrapped.asked.pop(1)
    assert wrapped.asked == ["start", "reset", {"mine": 1}, "stop"]
    assert isinstance(call, tuple)
    assert (call[0], call[1], call[3]) == ("ask", {"a": 1}, "c7")
    assert isinstance(call[2], CancellationToken)
    assert not token.is_cancelled()  # the tool has one of its own
    assert workbench.workbench is wrapped
    assert workbench.budget is SMALL


@pytest.mark.filterwarnings("ignore:(?s).*Loading a FunctionTool from config")
@pytest.mark.parametrize("store", [None, ArtifactStore(max_bytes=1_000_000)])
async def test_dumps_and_loads_as_a_component(store: ArtifactStore | None) -> None:
    """The declarative form holds the wrapped workbench, the budget, and a store that was given."""
    tool = FunctionTool(echo, description="Says the same.", global_imports=[])
    workbench = BudgetedWorkbench(StaticWorkbench([tool]), SMALL, artifacts=store, read_back="always")
    dumped = ComponentModel.model_validate_json(workbench.dump_component().model_dump_json())
    assert ("artifacts" in dumped.config) is (store is not None)
    loaded = Workbench.load_component(dumped)
    assert isinstance(loaded, BudgetedWorkbench)
    assert loaded.budget == SMALL
    assert json.dumps(await loaded.list_tools()) == json.dumps(await workbench.list_tools())
    assert (await loaded.call_tool("echo", {"text": "hello"})).to_text() == "hello"


def test_refuses_what_is_no_workbench() -> None:
    """A list of functions is named in the error."""
    functions: Any = [report]
    with pytest.raises(TypeError, match="workbench must be a Workbench, got list"):
        BudgetedWorkbench(functions, SMALL)
