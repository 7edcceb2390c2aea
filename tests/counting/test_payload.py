"""What goes over the wire: as this library writes it to count it, and as a server counts it."""

import enum
import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import pytest
from autogen_core import CancellationToken, FunctionCall, Image
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from autogen_core.tools import BaseTool, FunctionTool, Tool, ToolSchema
from autogen_ext.models.openai._openai_client import calculate_vision_tokens, convert_tools
from hypothesis import given
from hypothesis import strategies as st
from openai.lib._parsing import type_to_response_format_param
from PIL import Image as Picture
from pydantic import BaseModel, Field

from autogen_budget import TiktokenCounter, TokenSource
from autogen_budget._counting import CountAsker, ServerTokenSource, wire_of
from autogen_budget._counting._payload import (
    LARGEST_IMAGE,
    argument_texts,
    calls_text,
    image_tokens,
    json_text,
    output_text,
    tool_text,
)
from builders import call, result, said, user
from servers.counting_server import serving


class Color(enum.Enum):
    """An enumeration in a schema."""

    RED = "red"


class Leaf(BaseModel):
    """A nested model."""

    color: Color
    size: int | None = None


class Tree(BaseModel):
    """A model with references, lists, unions and itself."""

    name: str = Field(description="What it is called.")
    leaf: Annotated[Leaf, Field(description="A reference beside a description.")]
    leaves: list[Leaf]
    kind: Literal[1, 2] = 1
    branches: list["Tree"] = []
    parent: Annotated["Tree | None", Field(description="Where it grows.")] = None


class Loop(BaseModel):
    """A model whose reference to itself stands beside a description."""

    inner: Annotated["Loop", Field(description="The same again.")]


def look_up(leaf: Leaf, others: list[Leaf | Color], exact: bool = True) -> str:
    """Look up a leaf."""
    return f"{leaf}{others}{exact}"


class Broken(BaseTool[Leaf, Leaf]):
    """A tool that cannot say what it takes."""

    def __init__(self) -> None:
        super().__init__(Leaf, Leaf, "broken", "It breaks.")

    @property
    def schema(self) -> ToolSchema:
        """Fails."""
        raise RuntimeError("no schema today")

    async def run(self, args: Leaf, cancellation_token: CancellationToken) -> Leaf:
        """Gives back what it gets."""
        del cancellation_token
        return args


class Faceless:
    """A value whose text fails."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")


def keys(value: object) -> set[str]:
    """All keys anywhere in a JSON value."""
    return set(re.findall(r'"([^"]*)": ', json.dumps(value)))


@pytest.mark.parametrize(
    "tool",
    [
        FunctionTool(look_up, "Finds leaves."),
        FunctionTool(look_up, "Finds leaves.").schema,
        ToolSchema(name="bare"),
    ],
    ids=["tool", "schema", "bare"],
)
def test_tools_are_written_as_they_are_sent(tool: FunctionTool | ToolSchema) -> None:
    """The text is the JSON of AutoGen's OpenAI client, enumerations, unions and nested objects included."""
    assert json.loads(tool_text(tool)) == convert_tools([tool])[0]


def test_a_tool_without_a_schema_keeps_its_name() -> None:
    """Where the schema fails, name and description are counted."""
    assert json.loads(tool_text(Broken()))["function"]["name"] == "broken"
    assert "It breaks." in tool_text(Broken())
    assert json.loads(tool_text(Faceless()))["function"]["name"] == ""  # type: ignore[arg-type]  # the wrong kind on purpose


def test_calls_are_written_with_their_arguments() -> None:
    """All calls of a message stand in one list, in ASCII, even if an argument is no text."""
    calls = [
        FunctionCall(id="1", name="weather", arguments='{"city": "東京"}'),
        FunctionCall(id="2", name="odd", arguments={"a": {1}}),  # type: ignore[arg-type]  # the wrong kind on purpose
    ]
    written = calls_text(calls)
    assert written.isascii()
    first, second = json.loads(written)
    assert first == {
        "id": "1",
        "function": {"arguments": '{"city": "東京"}', "name": "weather"},
        "type": "function",
    }
    assert second["function"]["arguments"] == {"a": "{1}"}


@pytest.mark.parametrize("model", [Leaf, Tree])
def test_json_schemas_hold_what_the_sdk_sends(model: type[BaseModel]) -> None:
    """The schema of a structured reply is at least as long as the OpenAI SDK's, with the same keys."""
    sent = type_to_response_format_param(model)
    written = output_text(model)
    assert len(written) >= len(json.dumps(sent))
    assert keys(json.loads(written)) >= keys(sent)
    for text in argument_texts({"response_format": model}):
        assert json.loads(text) == {"response_format": json.loads(written)}


def test_a_schema_that_holds_itself_is_written_once() -> None:
    """A recursive reference beside a description comes to an end."""
    assert "The same again." in output_text(Loop)


def test_other_replies() -> None:
    """JSON mode costs a few tokens, none nothing."""
    assert output_text(True) == '{"type": "json_object"}'
    assert output_text(False) == output_text(None) == ""


def test_arguments_that_steer_are_left_out() -> None:
    """Only what the model reads is written: no numbers, no routing."""
    arguments: Mapping[str, object] = {
        "temperature": 0.2,
        "seed": None,
        "logit_bias": {"1": 2},
        "metadata": {"a": "b"},
        "functions": [{"name": "f"}],
        "prediction": {"type": "content", "content": "x"},
    }
    assert [json.loads(text) for text in argument_texts(arguments)] == [
        {"functions": [{"name": "f"}]},
        {"prediction": {"type": "content", "content": "x"}},
    ]


def test_any_value_is_written() -> None:
    """Sets, bytes, models, circles, unusual keys and values without a text: something is written for each."""
    circle: list[object] = []
    circle.append(circle)
    assert json_text({"a": b"b"}) == '{"a": "b\'b\'"}'
    assert json.loads(json_text([Leaf(color=Color.RED)])) == [{"color": "red", "size": None}]
    assert json_text(float("nan")) == "NaN"
    assert json_text({1, 2}) == '"{1, 2}"'
    assert json_text(circle) == "[[...]]"
    assert json_text({(1, 2): "x"}) == "{(1, 2): 'x'}"
    assert json_text([Faceless()]) == '["Faceless"]'
    assert json_text({(1, 2): Faceless()}) == "dict"
    assert json_text("\ud800") == '"\ud800"'


@given(width=st.integers(1, 9_000), height=st.integers(1, 9_000))
def test_images_are_counted_as_autogen_counts_them(width: int, height: int) -> None:
    """The tile formula gives AutoGen's number, but for images so thin that one side is scaled to nothing."""

    class Picture:
        size = (width, height)

    class Sized(Image):
        def __init__(self) -> None:
            self.image = Picture()  # type: ignore[assignment]  # the wrong kind on purpose

    counted = image_tokens(Sized())
    assert 255 <= counted <= LARGEST_IMAGE
    if max(width, height) < 2_048 * min(width, height):
        assert counted == calculate_vision_tokens(Sized())


def test_images_of_any_kind_are_counted() -> None:
    """A real image counts by its pixels, and one that cannot say its size counts as the largest."""
    assert image_tokens(Image(Picture.new("RGB", (8, 8)))) == 255
    broken = Image(Picture.new("RGB", (8, 8)))
    del broken.image
    assert image_tokens(broken) == LARGEST_IMAGE


TALK: list[LLMMessage] = [SystemMessage(content="Be brief."), user("hi"), call("1"), result("1"), said("done")]
TOOL = ToolSchema(name="look", description="Looks.")


async def test_llama_cpp_counts_whole_requests() -> None:
    """It is asked what it is once, and then gets the messages and tools as OpenAI's API takes them."""
    async with serving("llamacpp", {"input_tokens": 42}) as (server, url):
        source = ServerTokenSource(url + "/")
        assert isinstance(source, TokenSource)
        assert await source.count_request(TALK, [TOOL]) == 42
        assert await source.count_request(TALK, ()) == 42
    paths = [path for path, _ in server.asked]
    assert paths == ["/v1/models", *["/v1/chat/completions/input_tokens"] * 2]
    body = server.asked[1][1]
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "tool", "assistant"]
    assert body["tools"][0]["function"]["name"] == "look"
    assert "tools" not in server.asked[2][1]


async def test_vllm_counts_whole_requests() -> None:
    """Its counting call stands beside the API and takes the model's name."""
    async with serving("vllm", {"count": 17, "max_model_len": 4_096}) as (server, url):
        assert await ServerTokenSource(url, "mine").count_request(TALK, ()) == 17
        assert await ServerTokenSource(url).count_request(TALK, ()) == 17
    assert server.asked[1][0] == "/tokenize"
    assert server.asked[1][1]["model"] == "mine"
    assert "model" not in server.asked[3][1]


@pytest.mark.parametrize("owner", ["somebody", ""])
async def test_other_servers_are_sent_nothing(owner: str) -> None:
    """A server that is neither, or does not say, is asked what it is, once, and never sent a message."""
    async with serving(owner, {"input_tokens": 42}) as (server, url):
        source = ServerTokenSource(url)
        assert [await source.count_request(TALK, ()) for _ in range(3)] == [None] * 3
    assert server.asked == [("/v1/models", None)]


@pytest.mark.parametrize("answer", [404, 500, {"input_tokens": "many"}, {"input_tokens": 0}, [1], None])
async def test_a_server_that_cannot_count_is_left_alone(answer: object) -> None:
    """An error, an odd answer or none at all costs one question; the next ones are not asked for a while."""
    async with serving("llamacpp", answer) as (server, url):
        source = ServerTokenSource(url, timeout=0.2)
        assert [await source.count_request(TALK, ()) for _ in range(3)] == [None] * 3
    assert len(server.asked) == 2


async def test_nobody_is_asked_where_that_is_of_no_use() -> None:
    """No server, no address of a server, a request that is too large, an image: nothing is told, nothing raised."""
    assert await ServerTokenSource("http://127.0.0.1:9/v1").count_request(TALK, ()) is None
    assert await ServerTokenSource("file:///etc").count_request(TALK, ()) is None
    picture = UserMessage(content=["What is it?", Image(Picture.new("RGB", (8, 8)))], source="user")
    async with serving("llamacpp", {"input_tokens": 42}) as (server, url):
        assert await ServerTokenSource(url).count_request([picture], ()) is None
        assert await ServerTokenSource(url).count_request([user("x" * 5_000_000)], ()) is None
    assert [path for path, _ in server.asked] == ["/v1/models"]


def test_messages_are_written_as_they_are_sent() -> None:
    """Parts of text, thoughts, calls and parallel results keep their place; what cannot be encoded is escaped."""
    messages: list[LLMMessage] = [
        UserMessage(content=["one", "two"], source="user"),
        AssistantMessage(content=[FunctionCall(id="1", arguments="{}", name="f")], source="a", thought="hm"),
        FunctionExecutionResultMessage(
            content=[FunctionExecutionResult(content=c, call_id=c, name="f", is_error=False) for c in ("a", "\ud83d")]
        ),
    ]
    wire = wire_of(messages)
    assert wire is not None
    assert json.loads(json.dumps(wire))["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
        {
            "role": "assistant",
            "content": "hm",
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "a", "content": "a"},
        {"role": "tool", "tool_call_id": "\ud83d", "content": "\ud83d"},
    ]


class Told:
    """A source with an answer."""

    def __init__(self, answer: float | None) -> None:
        self.answer = answer
        self.times = 0

    async def count_request(self, messages: Sequence[LLMMessage], tools: Sequence[Tool | ToolSchema]) -> int | None:
        """Tell the answer, as a multiple of 1,000 tokens; below 0 fail."""
        self.times += 1
        if self.answer is not None and self.answer < 0:
            raise RuntimeError("no count today")
        return None if self.answer is None else int(self.answer * 1_000)


async def ask(source: Told | None, times: int) -> tuple[TiktokenCounter, list[bool]]:
    """Ask a source about the same request again and again, as long as it should be asked."""
    counter = TiktokenCounter("mine")
    asker = CountAsker(source, counter)
    tally = counter.measure_extras() + counter.measure_text("word " * 1_000)
    cap = counter.tokens(tally)
    return counter, [await asker.learn(TALK, (), tally) for _ in range(times) if asker.should_ask(tally, cap)]


async def test_a_count_teaches_until_it_is_right() -> None:
    """The first answers bring the count down; when it agrees three times in a row nobody is asked any more."""
    source = Told(0.9)
    counter, learned = await ask(source, 20)
    assert learned[0]
    assert not any(learned[-3:])
    assert source.times == len(learned) < 10
    request = counter.measure_extras() + counter.measure_text("word " * 1_000)
    assert 900 <= counter.tokens(request) <= 972


@pytest.mark.parametrize("answer", [None, -1.0])
async def test_who_cannot_tell_is_no_error(answer: float | None) -> None:
    """A source that fails or does not know teaches nothing, and is not asked for ever."""
    source = Told(answer)
    counter, learned = await ask(source, 100)
    assert not any(learned)
    assert source.times == 24
    assert counter.save_state() == TiktokenCounter("mine").save_state()


async def test_requests_far_from_their_cap_are_not_asked_about() -> None:
    """Only where an error of the count could do harm is anybody asked; where there is nobody, nothing is."""
    counter = TiktokenCounter("mine")
    tally = counter.measure_text("word " * 100)
    assert not CountAsker(Told(1), counter).should_ask(tally, 10_000)
    assert not CountAsker(None, counter).should_ask(tally, 10)
    assert not await CountAsker(None, counter).learn(TALK, (), tally)
