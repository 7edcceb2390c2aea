"""What all fake services have in common, seen through AutoGen's own clients."""

import asyncio

import anthropic
import ollama
import openai
import pytest
from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    CreateResult,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    RequestUsage,
    SystemMessage,
)
from autogen_core.tools import ToolSchema
from pydantic import TypeAdapter

from builders import user
from servers import (
    Answer,
    AnthropicServer,
    Call,
    Drop,
    Failure,
    OllamaServer,
    OpenAIServer,
    Overflow,
    Received,
    Reply,
    Stall,
)
from servers.clients import Server, client_of, post, streamed

SEARCH: ToolSchema = {
    "name": "search",
    "description": "Finds documents.",
    "parameters": {
        "type": "object",
        "properties": {"query": {"type": "string", "description": "What to look for."}},
        "required": ["query"],
    },
}
TWO_CALLS = Answer(calls=(Call("search", {"query": "green tea"}), Call("search", {"query": "black tea"})))
BAD_REQUEST = (openai.BadRequestError, anthropic.BadRequestError, ollama.ResponseError)
EVERY_SERVICE = pytest.mark.parametrize("service", [OpenAIServer, AnthropicServer, OllamaServer])


def trip(result: CreateResult, *outputs: str) -> list[LLMMessage]:
    """The calls of a result with their results."""
    calls = TypeAdapter(list[FunctionCall]).validate_python(result.content)
    results = [
        FunctionExecutionResult(content=output, name=call.name, call_id=call.id, is_error=False)
        for call, output in zip(calls, outputs, strict=True)
    ]
    return [AssistantMessage(content=calls, source="agent"), FunctionExecutionResultMessage(content=results)]


@EVERY_SERVICE
async def test_answers_in_the_order_of_the_script_and_then_echoes(service: type[Server]) -> None:
    """Each call takes the next scripted reply; without one, the server repeats what it heard."""
    async with service() as server, client_of(server) as client:
        server.script("first", Answer("second"))
        answers = [await client.create([user("good morning")]) for _ in range(3)]
    assert [answer.content for answer in answers[:2]] == ["first", "second"]
    assert "good morning" in str(answers[2].content)


@EVERY_SERVICE
async def test_a_tool_loop_with_parallel_calls_is_served(service: type[Server]) -> None:
    """Parallel calls reach the client, and their results are accepted back."""
    async with service() as server, client_of(server) as client:
        server.script(TWO_CALLS, "Both are tea.")
        history: list[LLMMessage] = [SystemMessage(content="You know tea."), user("compare")]
        asked = await client.create(history, tools=[SEARCH])
        answer = await client.create([*history, *trip(asked, "leaf", "leaf, oxidised")], tools=[SEARCH])
    calls = TypeAdapter(list[FunctionCall]).validate_python(asked.content)
    assert [(call.name, call.arguments.replace(" ", "")) for call in calls] == [
        ("search", '{"query":"greentea"}'),
        ("search", '{"query":"blacktea"}'),
    ]
    assert answer.content == "Both are tea."
    assert [request.accepted for request in server.requests] == [True, True]
    assert server.requests[1].prompt_tokens > server.requests[0].prompt_tokens > 10
    assert "search" in str(server.requests[0].tools)


@EVERY_SERVICE
async def test_a_stream_carries_the_text_its_calls_and_the_usage(service: type[Server]) -> None:
    """Streamed and whole answers are the same, and cost the same."""
    text = "Tea  is\nan infusion."
    async with service() as server, client_of(server) as client:
        server.script(text, text, TWO_CALLS)
        whole = await client.create([user("what is tea?")], tools=[SEARCH])
        pieces, spoken = await streamed(client, [user("what is tea?")], tools=[SEARCH])
        _, called = await streamed(client, [user("look it up")], tools=[SEARCH])
    assert len(pieces) > 1
    assert "".join(pieces) == spoken.content == whole.content == text
    assert spoken.usage == whole.usage == RequestUsage(server.requests[0].prompt_tokens, server.count_text(text))
    assert called.finish_reason == "function_calls" or isinstance(server, OllamaServer)
    assert len(called.content) == 2


@EVERY_SERVICE
async def test_usage_is_scaled_to_another_tokenizer(service: type[Server]) -> None:
    """`token_ratio` scales what is reported, rounded up."""
    async with service(token_ratio=1.5) as server, client_of(server) as client:
        result = await client.create([user("hello")])
        async with service() as plain, client_of(plain) as plain_client:
            reference = await plain_client.create([user("hello")])
    assert result.usage.prompt_tokens == -(-reference.usage.prompt_tokens * 3 // 2)


@EVERY_SERVICE
async def test_scripted_errors_reach_the_client_as_its_own_exceptions(service: type[Server]) -> None:
    """A failure is sent with its status and body."""
    async with service() as server, client_of(server) as client:
        server.script(Failure(429, {"error": {"message": "slow down"}}, headers={"retry-after": "1"}))
        with pytest.raises((openai.RateLimitError, anthropic.RateLimitError, ollama.ResponseError)) as raised:
            await client.create([user("hello")])
    assert getattr(raised.value, "status_code", None) == 429
    assert server.requests[0].accepted


@EVERY_SERVICE
async def test_an_overflow_can_be_ordered(service: type[Server]) -> None:
    """The service's overflow error can be had for a prompt that would fit."""
    async with service() as server, client_of(server) as client:
        server.script(Overflow(), Overflow(limit=5), "fine")
        with pytest.raises(BAD_REQUEST) as by_default:
            await client.create([user("hello")])
        with pytest.raises(BAD_REQUEST) as limited:
            await client.create([user("hello")])
        answer = await client.create([user("hello")])
    assert answer.content == "fine"
    if not isinstance(server, OllamaServer):  # it names no sizes
        assert f" {server.requests[0].prompt_tokens - 1} " in str(by_default.value)
        assert " 5 " in str(limited.value)


@EVERY_SERVICE
async def test_a_delayed_answer_is_overtaken(service: type[Server]) -> None:
    """A delay holds up one reply and no other."""
    finished: list[str] = []

    async def ask() -> None:
        finished.append(str((await client.create([user("hello")])).content))

    async with service() as server, client_of(server) as client:
        server.script(Answer("slow", delay=0.3), "quick")
        slow = asyncio.create_task(ask())
        await server.wait_for_requests(1)
        await ask()
        await slow
    assert finished == ["quick", "slow"]


@EVERY_SERVICE
@pytest.mark.parametrize("chunks", [0, 1])
async def test_a_dropped_connection_fails_the_call(service: type[Server], chunks: int) -> None:
    """The connection breaks before or in the middle of a reply, and the client notices."""
    async with service() as server, client_of(server) as client:
        server.script(Drop(chunks), Drop(chunks), "fine")
        with pytest.raises(Exception, match=r"(?i)connect|closed|incomplete|protocol|JSON"):
            await client.create([user("hello")])
        with pytest.raises(Exception, match=r"(?i)connect|closed|incomplete|protocol"):
            await streamed(client, [user("hello")])
        answer = await client.create([user("hello")])
    assert answer.content == "fine"


@EVERY_SERVICE
@pytest.mark.parametrize("chunks", [0, 1])
async def test_a_stalled_reply_ends_with_its_client(service: type[Server], chunks: int) -> None:
    """A reply that never ends leaves the server usable once its client has given up."""
    async with service() as server, client_of(server) as client:
        server.script(Stall(chunks), Stall(chunks), "fine")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.create([user("hello")]), 0.2)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(streamed(client, [user("hello")]), 0.2)
        answer = await client.create([user("hello")])
    assert answer.content == "fine"


@EVERY_SERVICE
async def test_a_client_may_stop_reading(service: type[Server]) -> None:
    """A stream that its client leaves early is no failure of the server."""
    async with service() as server, client_of(server) as client:
        server.script("tea " * 50_000, "fine")
        stream = client.create_stream([user("hello")])
        async for _ in stream:
            break
        await stream.aclose()
        answer = await client.create([user("hello")])
    assert answer.content == "fine"


@EVERY_SERVICE
async def test_a_stalled_reply_ends_with_the_server(service: type[Server]) -> None:
    """A call that is waiting when the server stops fails instead of hanging."""
    async with service() as server, client_of(server) as client:
        server.script(Stall())
        waiting = asyncio.create_task(client.create([user("hello")]))
        await server.wait_for_requests(1)
        await server.__aexit__(None, None, None)
        with pytest.raises(Exception, match=r"(?i)connect"):
            await waiting


@EVERY_SERVICE
async def test_replies_can_be_computed_from_the_request(service: type[Server]) -> None:
    """The reply function sees each request with its count, and comes after the script."""

    def reply(received: Received) -> Reply:
        return f"{len(received.messages)} messages, {received.prompt_tokens} tokens"

    async with service() as server, client_of(server) as client:
        server.reply_with(reply)
        server.script("scripted")
        await client.create([user("one")])
        answer = await client.create([user("one"), user("two")])
    assert answer.content == f"2 messages, {server.requests[1].prompt_tokens} tokens"


@EVERY_SERVICE
async def test_a_failing_reply_function_is_not_swallowed(service: type[Server]) -> None:
    """Its exception is a status 500 to the client, and comes out when the server stops."""

    def reply(received: Received) -> Reply:
        raise LookupError(f"no reply for {received.messages}")

    server = await service().__aenter__()
    server.reply_with(reply)
    status, _ = await post(server, {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "a"}]})
    assert status == 500
    with pytest.raises(LookupError, match="no reply for"):
        await server.__aexit__(None, None, None)


@EVERY_SERVICE
async def test_a_body_that_is_no_json_object_is_refused(service: type[Server]) -> None:
    """Refused requests are recorded too."""
    async with service() as server:
        status, _ = await post(server, b"[1")
    assert status == 400
    assert [request.accepted for request in server.requests] == [False]


@EVERY_SERVICE
async def test_misuse_is_an_error(service: type[Server]) -> None:
    """There is no address before the start, and no window without tokens."""
    with pytest.raises(RuntimeError, match="is not running"):
        _ = service().base_url
    with pytest.raises(ValueError, match="must be positive, got 0 and"):
        service(window=0)
