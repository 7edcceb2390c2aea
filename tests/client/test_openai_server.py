"""The fake of OpenAI's chat completions: what it counts, what it refuses, and in which words."""

import openai
import pytest
from autogen_core import Image
from autogen_core.models import (
    CreateResult,
    LLMMessage,
    RequestUsage,
    SystemMessage,
)
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Picture
from pydantic import BaseModel, TypeAdapter

from builders import user
from servers import (
    Answer,
    JsonObject,
    OpenAIServer,
    OverflowStyle,
)
from servers._openai_wire import read_request
from servers._wire import RejectionError
from servers.clients import client_of, post, streamed

USER: JsonObject = {"role": "user", "content": "hi"}


def calling(*ids: str) -> JsonObject:
    """An assistant message that calls a tool once per id."""
    calls = [{"id": i, "type": "function", "function": {"name": "f", "arguments": "{}"}} for i in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result_of(call_id: str) -> JsonObject:
    """The result of a call."""
    return {"role": "tool", "content": "done", "tool_call_id": call_id}


class City(BaseModel):
    """A structured answer."""

    name: str
    people: int


def tool(**function: object) -> JsonObject:
    """A tool definition."""
    return {"type": "function", "function": {"name": "f", **function}}


async def test_counts_by_the_published_rules() -> None:
    """Three tokens a message and three for the reply, plus role, name and content."""
    async with OpenAIServer() as server:
        _, body = await post(server, {"model": "m", "messages": [{**USER, "name": "bob"}]})
        await post(server, {"model": "m", "messages": [USER, calling("a"), result_of("a")], "tools": [tool()]})
    assert server.count_text("hello world") == 2
    assert server.requests[0].prompt_tokens == 3 + 1 + 1 + (1 + 1) + 3
    assert body["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": server.count_text("Echo: hi"),
        "total_tokens": 10 + server.count_text("Echo: hi"),
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
    schema = server.count_text('{"type":"function","function":{"name":"f"}}')
    assert server.requests[1].prompt_tokens == schema + (3 + 1 + 1) + (3 + 1 + 1 + 1) + (3 + 1 + 1) + 3


@pytest.mark.parametrize(
    ("size", "detail", "tokens"),
    [((512, 512), "auto", 255), ((1024, 1024), "high", 765), ((2048, 4096), "high", 1105), ((4096, 8192), "low", 85)],
)
async def test_images_cost_what_is_published(size: tuple[int, int], detail: str, tokens: int) -> None:
    """The examples of OpenAI's guide to vision come out as printed there."""
    url = Image.from_pil(Picture.new("RGB", size)).data_uri
    content = [{"type": "image_url", "image_url": {"url": url, "detail": detail}}, {"type": "text", "text": "hi"}]
    async with OpenAIServer() as server:
        await post(server, {"model": "m", "messages": [{"role": "user", "content": content}]})
    assert server.requests[0].prompt_tokens == 3 + 1 + 1 + 3 + tokens


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # AutoGen logs a parsed reply by its base type
async def test_json_modes_are_served_and_their_schema_counts() -> None:
    """JSON mode and structured output work, whole and streamed."""
    oslo = City(name="Oslo", people=700_000)
    async with OpenAIServer() as server, client_of(server) as client:
        server.reply_with(lambda _: Answer.json(oslo.model_dump()))
        free = await client.create([user("in json please")], json_output=True)
        typed = await client.create([user("in json please")], json_output=City)
        *_, last = [item async for item in client.create_stream([user("in json please")], json_output=City)]
    assert isinstance(last, CreateResult)
    for result in (free, typed, last):
        assert City.model_validate_json(str(result.content)) == oslo
    assert server.requests[1].prompt_tokens > server.requests[0].prompt_tokens + 10


@pytest.mark.parametrize(
    ("style", "code", "words"),
    [
        (
            "openai",
            "context_length_exceeded",
            "maximum context length is 100 tokens. However, your messages resulted in 510",
        ),
        (
            "openai_input",
            "context_length_exceeded",
            "configured limit of 100 tokens. Your messages resulted in 510 tokens",
        ),
        ("no_code", None, "maximum context length is 100 tokens"),
        ("vllm", "400", "you requested 510 tokens (510 in the messages, 0 in the completion)"),
        ("llama.cpp", "400", "request (510 tokens) exceeds the available context size (100 tokens)"),
        ("gemini", None, "token count (510) exceeds the maximum number of tokens allowed (100)"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_an_overflow_is_worded_as_asked(style: OverflowStyle, code: object, words: str, *, stream: bool) -> None:
    """A prompt over the window is refused in the style of the service, and takes no scripted reply."""
    long = [user("hi " * 500)]
    async with OpenAIServer(window=100, overflow_style=style) as server, client_of(server) as client:
        server.script("fits")
        with pytest.raises(openai.BadRequestError) as raised:
            await (streamed(client, long) if stream else client.create(long))
        answer = await client.create([user("hi")])
    assert raised.value.code == code
    assert words in str(raised.value.body)
    assert answer.content == "fits"
    assert [request.accepted for request in server.requests] == [False, True]


async def test_the_room_for_the_reply_counts() -> None:
    """Prompt and `max_tokens` together must fit."""
    async with OpenAIServer(window=100) as server, client_of(server, max_tokens=95) as client:
        with pytest.raises(openai.BadRequestError, match=r"requested 105 tokens \(10 in the messages, 95 in the compl"):
            await client.create([user("hi")])


async def test_the_prompt_cache_shows_what_is_kept() -> None:
    """A history that grows is read from the cache; one whose beginning changed is not."""
    history: list[LLMMessage] = [SystemMessage(content="Be brief."), user("one")]
    async with OpenAIServer() as server, client_of(server) as client:
        for messages in (history, [*history, user("two")], [SystemMessage(content="Be long."), *history[1:]]):
            await client.create(messages)
    first, grown, changed = server.requests
    assert (first.cached_tokens, changed.cached_tokens) == (0, 0)
    assert grown.cached_tokens == first.prompt_tokens - 3


async def test_a_stream_reports_usage_only_when_asked() -> None:
    """The service's default is no usage in streams; asking for it without a stream is an error."""
    async with OpenAIServer() as server, client_of(server) as client:
        *_, last = [item async for item in client.create_stream([user("hi")])]
        assert isinstance(last, CreateResult)
        assert last.usage == RequestUsage(0, 0)
        with pytest.raises(openai.BadRequestError, match="only allowed when 'stream' is enabled"):
            await client.create([user("hi")], extra_create_args={"stream_options": {"include_usage": True}})


async def test_models_are_listed() -> None:
    """The list holds the models the server was given."""
    server = OpenAIServer(models=["a", "b"])
    async with server, openai.AsyncOpenAI(base_url=server.base_url, api_key="x") as client:
        assert [model.id async for model in client.models.list()] == ["a", "b"]


REFUSED: list[tuple[JsonObject, str, str]] = [
    ({"messages": []}, "messages", "empty array"),
    ({"messages": None}, "messages", "Invalid type for 'messages'"),
    ({"frobnicate": 1}, "frobnicate", "Unknown parameter: 'frobnicate'"),
    ({"messages": [{"role": "boss", "content": "x"}]}, "messages[0].role", "Invalid value: 'boss'"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "Missing required parameter: 'messages[0].content'"),
    ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content", "Invalid type"),
    ({"messages": [{"role": "user", "content": []}]}, "messages[0].content", "empty array"),
    ({"messages": [{**USER, "name": "a b"}]}, "messages[0].name", "does not match pattern"),
    ({"messages": [{"role": "assistant", "content": None}]}, "messages.[0].content", "expected a string, got null"),
    (
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
        "messages[0].content[0].text",
        "Missing required parameter",
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x/y.png"}}]}]},
        "messages.[0].content",
        "Invalid base64 image_url",
    ),
    ({"tools": []}, "tools", "empty array"),
    ({"tools": [tool(name="a b")]}, "tools[0].function.name", "does not match pattern"),
    ({"tools": [tool(parameters="x")]}, "tools[0].function.parameters", "Invalid type"),
    ({"tools": [tool(parameters={"type": "string"})]}, "tools[0].function.parameters", "must be a JSON Schema"),
    ({"tool_choice": "auto"}, "tool_choice", "only allowed when 'tools' are specified"),
    ({"parallel_tool_calls": False}, "parallel_tool_calls", "only allowed when 'tools' are specified"),
    ({"response_format": {"type": "json_object"}}, "messages", "must contain the word 'json'"),
    ({"response_format": {"type": "xml"}}, "response_format.type", "Invalid value: 'xml'"),
    ({"messages": [USER, result_of("a")]}, "messages.[1].role", "must be a response to a preceeding message"),
    ({"messages": [calling("a"), USER, result_of("a")]}, "messages.[1].role", "did not have response messages: a"),
    ({"messages": [calling("a", "b"), result_of("b")]}, "messages.[1].role", "did not have response messages: a"),
    ({"messages": [calling("a"), result_of("b")]}, "messages.[1].tool_call_id", "'b' not found in 'tool_calls'"),
    (
        {"messages": [calling("a", "b"), result_of("a"), result_of("a")]},
        "messages.[2].tool_call_id",
        "in messages[1] and messages[2]",
    ),
    ({"messages": [calling("a", "a"), result_of("a")]}, "messages.[0].tool_calls", "Duplicate value"),
]
"""What is wrong with a request, where, and what the service says about it."""


@pytest.mark.parametrize(("change", "param", "words"), REFUSED)
async def test_openai_refuses_what_breaks_the_format(change: JsonObject, param: str, words: str) -> None:
    """An invalid request is an `invalid_request_error` that says what is wrong and where."""
    async with OpenAIServer() as server:
        status, body = await post(server, {"model": "m", "messages": [USER], **change})
    error = TypeAdapter(dict[str, str | None]).validate_python(body["error"])
    assert (status, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert words in str(error["message"])
    assert not server.requests[0].accepted


turns = st.lists(
    st.one_of(
        st.just([USER]),
        st.permutations(range(3)).map(lambda order: [calling("0", "1", "2"), *(result_of(str(i)) for i in order)]),
    ),
    min_size=1,
)


@given(turns=turns, data=st.data())
def test_pairs_must_be_complete(turns: list[list[JsonObject]], data: st.DataObject) -> None:
    """Whole turns are valid in any order of results; take one message of a pair away and the request is not."""
    messages = [message for turn in turns for message in turn]
    read_request({"model": "m", "messages": messages})
    paired = [index for index, message in enumerate(messages) if message is not USER]
    if paired:
        del messages[data.draw(st.sampled_from(paired))]
        with pytest.raises(RejectionError):
            read_request({"model": "m", "messages": messages})
