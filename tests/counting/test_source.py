"""Servers that are asked for their own count: which ones, for what, and what comes of an answer."""

import json
from collections.abc import Sequence

import pytest
from autogen_core import FunctionCall, Image
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from autogen_core.tools import Tool, ToolSchema
from PIL import Image as Picture

from autogen_budget import TiktokenCounter, TokenSource
from autogen_budget._counting import CountAsker, ServerTokenSource, wire_of
from builders import call, result, said, user
from servers.counting_server import serving

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
