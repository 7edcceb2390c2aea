"""The wrapped client: every request fits, a refusal teaches, and the rest of the interface is the wrapped client's."""

import asyncio
import logging
import sys
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
from autogen_core import CancellationToken, ComponentModel, FunctionCall
from autogen_core.models import (
    AssistantMessage,
    ChatCompletionClient,
    CreateResult,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    RequestUsage,
    SystemMessage,
)
from autogen_ext.models.cache import ChatCompletionCache
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import (
    ArtifactStore,
    BudgetedChatCompletionClient,
    CallRecord,
    CompactionContext,
    ContextOverflowError,
    History,
    Limits,
    Record,
    SpendPool,
    TiktokenCounter,
    TokenBudget,
    TrimOldest,
    pin,
)
from builders import before_recalled, user
from servers import Answer, AnthropicServer, Drop, Failure, OllamaServer, OpenAIServer, Overflow, Stall
from servers.clients import client_of, streamed

SYSTEM = SystemMessage(content="You are a helpful assistant.")


def chat(turns: int, words: int = 40) -> list[LLMMessage]:
    """Instructions and a conversation of as many questions and answers, the last a question."""
    messages: list[LLMMessage] = [SYSTEM, user("The task: count the ships in the harbour.")]
    for i in range(turns):
        messages += [
            AssistantMessage(content=f"answer {i} " + "ship " * words, source="a"),
            user(f"question {i} " + "sea " * words),
        ]
    return messages


def replay(*replies: str | CreateResult) -> ReplayChatCompletionClient:
    """A client that answers from a list."""
    return ReplayChatCompletionClient(replies or ["yes"] * 100)


async def drain(stream: AsyncGenerator[str | CreateResult, None]) -> list[str | CreateResult]:
    """All items of a stream."""
    return [item async for item in stream]


async def test_passes_on_the_very_same_messages_under_the_cap() -> None:
    """Under the cap the request goes out as it came, object for object."""
    inner = replay()
    client = BudgetedChatCompletionClient(inner, TokenBudget(10_000))
    messages = chat(5)
    await client.create(messages)
    sent = inner.create_calls[0]["messages"]
    assert all(a is b for a, b in zip(sent, messages, strict=True))
    assert client.records[0].compacted is False
    assert client.records[0].steps == ()


@pytest.mark.parametrize("cap", [4_000, 1_000_000])
async def test_work_per_call_grows_with_what_is_new(cap: int) -> None:
    """A message more costs as many function calls after 3,000 messages as after 100, compacted before or not."""
    work: list[int] = []
    for turns in (50, 1_500):
        client = BudgetedChatCompletionClient(replay(), TokenBudget(cap))
        messages = [*chat(turns, words=10), user("one question more")]
        await client.create(messages)
        messages.append(user("and another one"))
        work.append(0)

        def count(_frame: object, event: str, _argument: object) -> None:
            work[-1] += event == "call"

        sys.setprofile(count)
        await client.create(messages)
        sys.setprofile(None)
        assert client.records[-1].steps == ()
    assert work[1] < work[0] * 1.5


async def test_messages_may_be_passed_by_keyword() -> None:
    """AutoGen's callers pass the messages by position and by name."""
    client = BudgetedChatCompletionClient(replay(), TokenBudget(10_000))
    assert (await client.create(messages=chat(1))).content == "yes"
    assert (await drain(client.create_stream(messages=chat(1))))[-1] is not None


async def test_the_request_at_the_server_is_within_the_cap() -> None:
    """The whole request, schemas included, is within the cap as another counter counts it."""
    tools: Sequence[Any] = [
        {
            "name": "search",
            "description": "Searches the harbour's books. " * 10,
            "parameters": {"type": "object", "properties": {"query": {"type": "string", "description": "what"}}},
        }
    ]
    async with OpenAIServer(window=1_000) as server, client_of(server, max_tokens=100) as inner:
        client = BudgetedChatCompletionClient(inner, TokenBudget(900))
        messages = chat(0)
        for i in range(40):
            messages += [
                AssistantMessage(
                    content=[FunctionCall(id=f"c{i}", name="search", arguments=f'{{"query": "{i}"}}')],
                    source="a",
                ),
                FunctionExecutionResultMessage(
                    content=[
                        FunctionExecutionResult(
                            content=f"row {i}: ship\n" * (10 + i), name="search", call_id=f"c{i}", is_error=False
                        )
                    ]
                ),
            ]
            await client.create(messages, tools=tools)
        assert [request.accepted for request in server.requests] == [True] * 40
        assert max(request.prompt_tokens for request in server.requests) <= 900
        assert all(record.tokens_sent <= record.cap for record in client.records)
        assert any(record.steps for record in client.records)


async def test_streams_under_the_cap_too() -> None:
    """Streaming sends the same fitting requests and passes on every chunk."""
    async with OpenAIServer(window=700) as server, client_of(server, max_tokens=50) as inner:
        server.script("one two three", "four")
        client = BudgetedChatCompletionClient(inner, TokenBudget(600))
        chunks, result = await streamed(client, chat(30))
        assert "".join(chunks) == "one two three" == result.content
        assert server.requests[0].accepted
        assert client.records[0].tokens_before > 600 >= client.records[0].tokens_sent


@pytest.mark.parametrize("server_type", [AnthropicServer, OllamaServer])
async def test_works_over_other_providers(server_type: type[AnthropicServer] | type[OllamaServer]) -> None:
    """Anthropic's and Ollama's clients send fitting requests that their services accept."""
    async with server_type(window=2_000) as server, client_of(server, max_tokens=100) as inner:
        client = BudgetedChatCompletionClient(inner, TokenBudget(800))
        for turns in range(0, 40, 5):
            await client.create(chat(turns))
            await drain(client.create_stream(chat(turns)))
        assert all(request.accepted for request in server.requests)
        assert max(request.prompt_tokens for request in server.requests) <= 800


@pytest.mark.parametrize("style", ["openai", "openai_input", "no_code", "vllm", "llama.cpp", "gemini"])
@pytest.mark.parametrize("streaming", [False, True])
async def test_a_refusal_teaches_the_true_window(style: Any, streaming: bool) -> None:
    """A refused request is made strictly smaller and sent once more; later requests fit at once."""
    async with (
        OpenAIServer(window=1_000, overflow_style=style) as server,
        client_of(server, max_tokens=50) as inner,
    ):
        client = BudgetedChatCompletionClient(inner, TokenBudget(5_000))
        for messages in (chat(30), [*chat(30), user("and now?")]):
            if streaming:
                await drain(client.create_stream(messages))
            else:
                await client.create(messages)
        refused, accepted, later = server.requests
        assert (refused.accepted, accepted.accepted, later.accepted) == (False, True, True)
        assert accepted.prompt_tokens < refused.prompt_tokens
        first, second = client.records
        assert (first.retries, second.retries) == (1, 0)
        assert (first.window, first.window_source) == (1_000, "overflow error")


async def test_a_refusal_teaches_how_the_model_counts() -> None:
    """A model that needs more tokens for the same text is counted from above after one refusal."""
    async with OpenAIServer(window=1_000, token_ratio=1.7) as server, client_of(server, max_tokens=50) as inner:
        client = BudgetedChatCompletionClient(inner, TokenBudget(context_window=1_000, compact_to=1.0))
        await client.create(chat(30))
        await client.create(chat(31))
        assert [request.accepted for request in server.requests] == [False, True, True]


async def test_a_third_refusal_ends_the_call_but_not_the_agent() -> None:
    """Three refusals raise with the provider's error as the cause; the next call works, with a lower cap."""
    async with OpenAIServer() as server, client_of(server) as inner:
        server.script(Overflow(), Overflow(), Overflow(), "well")
        client = BudgetedChatCompletionClient(inner, TokenBudget(5_000))
        with pytest.raises(ContextOverflowError, match="3 times") as caught:
            await client.create(chat(30))
        assert type(caught.value.__cause__).__name__ == "BadRequestError"
        sizes = [request.prompt_tokens for request in server.requests]
        assert len(sizes) == 3
        assert sizes == sorted(set(sizes), reverse=True)
        assert (await client.create(chat(30))).content == "well"
        assert client.records[0].error is not None
        assert client.records[0].error.startswith("ContextOverflowError")
        assert client.records[1].cap < 5_000


async def test_a_refusal_that_leaves_no_room_says_so() -> None:
    """If the true window cannot even hold the instructions, the error has the provider's as its cause."""
    long = SystemMessage(content="Rule: be exact. " * 200)
    async with OpenAIServer(window=300) as server, client_of(server) as inner:
        client = BudgetedChatCompletionClient(inner, TokenBudget(5_000))
        with pytest.raises(ContextOverflowError, match="cannot be made to fit") as caught:
            await client.create([long, user("hello")])
        assert caught.value.__cause__ is not None
        assert len(server.requests) == 1


@pytest.mark.parametrize("streaming", [False, True])
async def test_other_errors_pass_unchanged(streaming: bool) -> None:
    """An error about anything that does not pass is the caller's, at once and as it is."""
    body = {"error": {"message": "Quota exceeded", "type": "requests", "code": "insufficient_quota"}}
    async with OpenAIServer() as server, client_of(server) as inner:
        server.script(Failure(429, body), "fine")
        client = BudgetedChatCompletionClient(inner, TokenBudget(5_000))
        with pytest.raises(Exception, match="Quota") as caught:
            if streaming:
                await drain(client.create_stream(chat(1)))
            else:
                await client.create(chat(1))
        assert type(caught.value).__name__ == "RateLimitError"
        assert (await client.create(chat(1))).content == "fine"
        assert len(server.requests) == 2
        assert client.records[0].error is not None
        assert client.records[1].error is None


async def test_never_sends_again_after_the_first_chunk() -> None:
    """A stream that breaks after something was passed on is not begun again."""
    async with OpenAIServer() as server, client_of(server) as inner:
        server.script(Drop(after_chunks=2, answer=Answer("one two three four five six")))
        client = BudgetedChatCompletionClient(inner, TokenBudget(5_000))
        seen: list[object] = []
        with pytest.raises(Exception, match=r"."):
            async for item in client.create_stream(chat(1)):
                seen.append(item)
        assert seen
        assert len(server.requests) == 1


async def test_an_overflow_error_after_the_first_chunk_is_passed_on() -> None:
    """Even an error about size is the caller's once something was passed on."""

    class Breaks(ReplayChatCompletionClient):
        async def create_stream(
            self, messages: Sequence[LLMMessage], **_: Any
        ) -> AsyncGenerator[str | CreateResult, None]:
            yield "so "
            raise ValueError("Requested tokens (516) exceed context window of 512")

    client = BudgetedChatCompletionClient(Breaks(["never"]), TokenBudget(5_000))
    seen: list[object] = []
    with pytest.raises(ValueError, match="exceed context window"):
        async for item in client.create_stream(chat(1)):
            seen.append(item)
    assert seen == ["so "]


async def test_the_reason_for_an_error_names_numbers_and_parts() -> None:
    """What cannot fit raises before the call, with the cap, the size and the largest parts."""
    inner = replay()
    client = BudgetedChatCompletionClient(inner, TokenBudget(100))
    with pytest.raises(ContextOverflowError, match=r"the request cannot be made to fit.* cap is 100") as caught:
        await client.create([SystemMessage(content="word " * 500), user("hello")])
    assert inner.create_calls == []
    assert caught.value.cap == 100
    assert caught.value.size > 500
    assert next(iter(caught.value.parts)) == "system"
    assert caught.value.parts["system"] > 500
    (record,) = client.records
    assert record.tokens_before == sum(record.layers_before.values()) > caught.value.size - 10 > 500
    assert (record.tokens_sent, record.layers_sent) == (0, {})
    assert (await client.create([SYSTEM, user("hello")])).content == "yes"


async def test_records_tell_what_was_done() -> None:
    """One record a call, with sizes by layer that add up to what was sent."""
    told: list[Record] = []
    client = BudgetedChatCompletionClient(replay(), TokenBudget(500), name="clerk", hooks=[told.append])
    await client.create(chat(30))
    (record,) = client.records
    assert told == [record]
    assert record.name == "clerk"
    assert record.cap == 500
    assert record.tokens_before > 500 >= record.tokens_sent
    assert record.tokens_sent == sum(record.layers_sent.values())
    assert record.tokens_before == sum(record.layers_before.values())
    assert record.steps[-1].strategy == "TrimOldest"
    assert record.steps[-1].tokens_after == record.tokens_sent
    assert "turns dropped" in record.steps[-1].detail
    assert record.compacted
    assert record.seconds >= 0
    assert (record.window, record.window_source) == (None, None)


async def test_a_failing_hook_or_strategy_never_fails_the_call(caplog: pytest.LogCaptureFixture) -> None:
    """What the user plugs in may raise, or never return: it is logged, and the request still fits."""

    class Broken:
        async def __call__(self, history: History, context: CompactionContext) -> History:
            raise RuntimeError("no idea")

    class Endless:
        async def __call__(self, history: History, context: CompactionContext) -> History:
            await asyncio.Event().wait()
            return history

    def hook(record: Record) -> object:
        if record is client.records[0]:
            raise RuntimeError("no pager")
        return asyncio.sleep(0)

    client = BudgetedChatCompletionClient(
        replay(),
        TokenBudget(500),
        strategies=[Broken(), Endless()],
        hooks=[hook],
        limits=Limits(model_timeout=0.2),
    )
    with caplog.at_level(logging.WARNING, "autogen_budget"):
        await client.create(chat(30))
    assert "Broken failed" in caplog.text
    assert "hook" in caplog.text
    record = client.records[0]
    assert [step.strategy for step in record.steps] == ["Broken", "Endless", "TrimOldest"]
    assert [step.failed for step in record.steps] == [True, True, False]
    assert "no idea" in record.steps[0].detail
    assert "it took longer than 0.2 s" in record.steps[1].detail
    assert record.tokens_sent <= 500
    with caplog.at_level(logging.WARNING, "autogen_budget"):
        await client.create(chat(1))
    assert "this one returned a coroutine" in caplog.text


async def test_prefix_stays_the_same_between_compactions() -> None:
    """Between two compactions each request begins with the one before it, byte for byte, up to what was recalled."""
    inner = replay()
    client = BudgetedChatCompletionClient(inner, TokenBudget(1_000))
    messages = chat(0)
    for i in range(60):
        messages += [AssistantMessage(content="aye " * 20, source="a"), user(f"question {i} " + "sea " * 20)]
        await client.create(messages)
    sent = [before_recalled(call["messages"]) for call in inner.create_calls]
    compactions = 0
    for record, before, after in zip(client.records[1:], sent, sent[1:], strict=False):
        if any(step.freed for step in record.steps):
            compactions += 1
        else:
            assert after[: len(before)] == before
    assert 3 <= compactions <= 12


async def test_tells_conversations_apart() -> None:
    """Two agents that share one client each keep their own compacted form."""
    inner = replay()
    client = BudgetedChatCompletionClient(inner, TokenBudget(1_000))
    one: list[LLMMessage] = [SYSTEM, user("First task.")]
    two: list[LLMMessage] = [SYSTEM, user("Second task.")]
    for i in range(40):
        for name, messages in (("one", one), ("two", two)):
            messages += [AssistantMessage(content=f"{name} {i} " + "aye " * 30, source="a"), user(f"{name} {i}?")]
            await client.create(messages)
            sent = inner.create_calls[-1]["messages"]
            other = "two" if name == "one" else "one"
            assert all(other not in str(message.content) for message in sent)
    assert sum(bool(record.steps) for record in client.records) < 20


async def test_forgets_on_request() -> None:
    """After `forget` a conversation is new again."""
    inner = replay()
    client = BudgetedChatCompletionClient(inner, TokenBudget(500))
    messages = chat(30)
    await client.create(messages)
    await client.create(messages)
    client.forget()
    await client.create(messages)
    assert [bool(record.steps) for record in client.records] == [True, False, True]


async def test_warns_once_when_the_window_is_not_known(caplog: pytest.LogCaptureFixture) -> None:
    """With neither cap nor window the documented default holds, with one warning."""
    client = BudgetedChatCompletionClient(replay(), TokenBudget())
    with caplog.at_level(logging.WARNING, "autogen_budget"):
        await client.create(chat(1))
        await client.create(chat(1))
    assert len(caplog.records) == 1
    assert "8192" in caplog.text
    assert client.records[0].window == 8_192
    assert client.records[0].window_source == "default"
    assert client.records[0].cap == 8_192 - 2_048


async def test_asks_the_server_for_its_window() -> None:
    """A window that no name tells comes from the server's own properties or, here, from its refusal."""
    async with OpenAIServer(window=600) as server:
        inner = OpenAIChatCompletionClient(
            model="my-own-model",
            base_url=server.base_url,
            api_key="x",
            max_retries=0,
            model_info={
                "vision": False,
                "function_calling": True,
                "json_output": True,
                "family": "unknown",
                "structured_output": True,
            },
        )
        client = BudgetedChatCompletionClient(inner, TokenBudget(context_window=600, reply_reserve=100))
        await client.create(chat(20))
        await client.close()
        assert client.records[0].cap == 500
        assert server.requests[-1].accepted


def test_reply_reserve_follows_the_client() -> None:
    """`max_tokens` of the client, or of the call, raises the room kept for the reply."""
    inner = OpenAIChatCompletionClient(model="gpt-4o", api_key="x", max_tokens=20_000)
    client = BudgetedChatCompletionClient(inner, TokenBudget(context_window=128_000))
    assert client.remaining_tokens([]) == 108_000 - client.count_tokens([])


async def test_the_call_may_ask_for_a_longer_reply() -> None:
    """`max_tokens` in the call's extra arguments lowers the cap of that call."""
    client = BudgetedChatCompletionClient(replay(), TokenBudget(context_window=10_000, reply_reserve=1_000))
    await client.create(chat(1), extra_create_args={"max_completion_tokens": 4_000})
    await client.create(chat(1))
    assert [record.cap for record in client.records] == [6_000, 9_000]


async def test_is_a_model_client_like_any_other() -> None:
    """Usage, model information and closing are the wrapped client's."""
    inner = replay()
    client = BudgetedChatCompletionClient(inner, TokenBudget(10_000))
    assert isinstance(client, ChatCompletionClient)
    await client.create(chat(1))
    assert client.model_info is inner.model_info
    assert client.total_usage() == inner.total_usage()
    assert client.actual_usage() == inner.actual_usage()
    with pytest.warns(DeprecationWarning, match="model_info"):
        assert client.capabilities["vision"] is False
    assert client.client is inner


async def test_counts_without_ever_raising() -> None:
    """`count_tokens` takes what AutoGen's own counting fails on, and agrees with the cap."""
    client = BudgetedChatCompletionClient(replay(), TokenBudget(1_000))
    schema: Any = {"name": "f", "parameters": {"type": "object", "properties": {"x": {"enum": [1, None]}, "y": True}}}
    messages = [user("<|endoftext|> \ud800")]
    assert client.count_tokens(messages, tools=[schema]) == TiktokenCounter().count(messages, tools=[schema])
    assert client.remaining_tokens(messages) == 1_000 - client.count_tokens(messages)
    assert client.remaining_tokens(chat(100)) < 0


async def test_works_over_and_under_a_cache() -> None:
    """A cache under the budget serves fitted requests again; a cache over it keeps them from being made."""
    async with OpenAIServer() as server, client_of(server) as inner:
        under = BudgetedChatCompletionClient(ChatCompletionCache(inner), TokenBudget(500))
        await under.create(chat(30))
        await under.create(chat(30))
        assert [record.from_cache for record in under.records] == [False, True]
        assert under.records[1].model == "gpt-4o"
        budgeted = BudgetedChatCompletionClient(inner, TokenBudget(500))
        over = ChatCompletionCache(budgeted)
        await over.create(chat(30))
        await over.create(chat(30))
        assert len(budgeted.records) == 1
        assert len(server.requests) == 2


async def test_replies_from_a_cache_teach_nothing() -> None:
    """Usage that a cache repeats is not taken for a new report."""
    inner = replay(CreateResult(finish_reason="stop", content="x", usage=RequestUsage(900, 1), cached=True))
    client = BudgetedChatCompletionClient(inner, TokenBudget(5_000))
    before = client.count_tokens(chat(3))
    await client.create(chat(3))
    assert client.count_tokens(chat(3)) == before


async def test_dumps_and_loads_as_a_component() -> None:
    """The declarative form goes through JSON and behaves the same."""
    client = BudgetedChatCompletionClient(replay("a", "b"), TokenBudget(500, compact_to=0.5), name="clerk")
    text = client.dump_component().model_dump_json()
    loaded = ChatCompletionClient.load_component(ComponentModel.model_validate_json(text))
    assert isinstance(loaded, BudgetedChatCompletionClient)
    assert loaded.budget == client.budget
    assert loaded.name == "clerk"
    assert loaded.component_type == "model"
    await client.create(chat(30))
    await loaded.create(chat(30))
    assert loaded.records[0].layers_sent == client.records[0].layers_sent


async def test_a_store_is_part_of_the_component() -> None:
    """A client that keeps what it cuts does so again when it is loaded."""
    store = ArtifactStore(max_bytes=1_000_000)
    client = BudgetedChatCompletionClient(replay("a"), TokenBudget(500), artifacts=store)
    loaded = BudgetedChatCompletionClient.load_component(client.dump_component())
    assert client.artifacts is store
    assert loaded.artifacts is not None
    assert loaded.artifacts.dump_component() == store.dump_component()


async def test_the_cap_is_what_is_known_now() -> None:
    """It follows the budget, and what a provider teaches."""
    client = BudgetedChatCompletionClient(replay("a"), TokenBudget(500))
    assert client.cap == 500
    client.load_state({"window": 200})
    assert client.cap == 150


async def test_forgetting_needs_no_store() -> None:
    """A client without a store forgets its conversations only."""
    client = BudgetedChatCompletionClient(replay("a", "b"), TokenBudget(500))
    await client.create(chat(30))
    client.forget()
    await client.create(chat(1))
    assert client.records[-1].steps == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gpt-4o", TokenBudget(100)), r"client must be a ChatCompletionClient, got str 'gpt-4o'"),
        ((replay(), 8_000), r"budget must be a TokenBudget, for example .*, got int 8000"),
    ],
)
def test_refuses_arguments_of_the_wrong_kind(arguments: Any, message: str) -> None:
    """A string where a client belongs, or a number where a budget belongs, is named in the error."""
    with pytest.raises(TypeError, match=message):
        BudgetedChatCompletionClient(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strategies": [TrimOldest]}, "got the class TrimOldest"),
        ({"strategies": ["trim"]}, "got str 'trim'"),
        ({"counter": "tiktoken"}, "counter must be a TokenCounter"),
        ({"hooks": ["print"]}, "hooks must be functions"),
        ({"hooks": print}, "hooks must be a list or tuple, for example"),
        ({"hooks": [asyncio.sleep]}, "hooks are called, not awaited, and function <function sleep"),
        ({"strategies": TrimOldest()}, "strategies must be a list or tuple"),
        ({"pins": pin(source="lawyer")}, "pins must be a list or tuple"),
        ({"pool": 1_000}, "pool must be a SpendPool"),
        ({"summarizer": "gpt-4o"}, "summarizer must be a ChatCompletionClient, 'own'"),
        ({"hooks": "print"}, "hooks must be a list or tuple"),
        ({"limits": 60}, "limits must be a Limits, for example"),
        ({"fallback": "gpt-4o"}, "fallback must be a ChatCompletionClient, got str"),
        ({"token_source": "server"}, "token_source must be a TokenSource, for example"),
        (
            {"pin_tools": "search"},
            r"pin_tools must be names of tools, for example pin_tools=\('search',\), got 'search'",
        ),
        ({"pin_tools": [print]}, "pin_tools must be names of tools"),
    ],
)
def test_refuses_options_of_the_wrong_kind(options: Any, message: str) -> None:
    """Each option says what it expects."""
    with pytest.raises(TypeError, match=message):
        BudgetedChatCompletionClient(replay(), TokenBudget(100), **options)


async def test_a_message_of_no_known_kind_is_named() -> None:
    """A dictionary among the messages is an error that says what was expected."""
    client = BudgetedChatCompletionClient(replay(), TokenBudget(100))
    wrong: Any = {"role": "user", "content": "hi"}
    with pytest.raises(TypeError, match="got dict"):
        await client.create([wrong])


async def test_cancelling_ends_the_call_and_is_recorded() -> None:
    """A cancelled call ends at once and leaves a record; the client works on."""
    async with OpenAIServer() as server, client_of(server) as inner:
        server.script(Stall(), "fine")
        client = BudgetedChatCompletionClient(inner, TokenBudget(5_000))
        token = CancellationToken()
        call = asyncio.ensure_future(client.create(chat(1), cancellation_token=token))
        while not server.requests:
            await asyncio.sleep(0.01)
        token.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert client.records[0].error is not None
        assert "CancelledError" in client.records[0].error
        assert (await client.create(chat(1))).content == "fine"


async def test_a_stream_that_is_closed_early_is_recorded() -> None:
    """A caller that stops listening leaves a record that says so."""
    client = BudgetedChatCompletionClient(replay("one two three"), TokenBudget(5_000))
    stream = client.create_stream(chat(1))
    await anext(stream)
    await stream.aclose()
    (record,) = client.records
    assert record.error is not None
    assert record.error.startswith("GeneratorExit")


async def test_what_was_learned_can_be_saved() -> None:
    """The true window and the model's way of counting survive in another client."""
    async with OpenAIServer(window=1_000, token_ratio=1.5) as server, client_of(server, max_tokens=50) as inner:
        first = BudgetedChatCompletionClient(inner, TokenBudget(5_000))
        await first.create(chat(30))
        second = BudgetedChatCompletionClient(inner, TokenBudget(5_000))
        second.load_state(first.save_state())
        await second.create(chat(30))
        assert second.records[0].retries == 0
        assert second.records[0].window == 1_000
        third = BudgetedChatCompletionClient(inner, TokenBudget(5_000))
        third.load_state({"counter": 3, "window": "wide", "ceiling": -1})
        assert third.remaining_tokens([]) == 5_000 - third.count_tokens([])


class UnreadableError(Exception):
    """An error that cannot even be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(f"no {name}")


class OddClient(ReplayChatCompletionClient):
    """Brings what clients do not bring, or raises it."""

    def __init__(self, odd: Any) -> None:
        super().__init__([])
        self._odd = odd

    async def create(self, *_: object, **__: object) -> CreateResult:
        """Bring it as a reply."""
        if isinstance(self._odd, Exception):
            raise self._odd
        return self._odd  # type: ignore[no-any-return]  # it may be anything

    async def create_stream(self, *_: object, **__: object) -> AsyncGenerator[str | CreateResult, None]:
        """Bring it in a stream."""
        yield await self.create()


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("odd", [None, {"choices": []}, b"bytes", ["a"], 7])
async def test_a_reply_that_is_none_is_named(odd: object, streaming: bool) -> None:
    """With the client that brought it; nothing stays reserved."""
    pool = SpendPool(max_tokens=10_000)
    client = BudgetedChatCompletionClient(OddClient(odd), TokenBudget(900), pool=pool)
    with pytest.raises(TypeError, match=r"OddClient returned .* in place of a CreateResult"):
        await (drain(client.create_stream([SYSTEM])) if streaming else client.create([SYSTEM]))
    assert pool.reserved.tokens == 0


async def test_an_error_is_passed_on_however_odd_it_is() -> None:
    """One that cannot be read, and one as long as a book, of which the record holds the beginning."""
    records: list[Record] = []

    def failing(error: Exception) -> BudgetedChatCompletionClient:
        return BudgetedChatCompletionClient(OddClient(error), TokenBudget(900), hooks=[records.append])

    with pytest.raises(UnreadableError):
        await failing(UnreadableError()).create([SYSTEM])
    with pytest.raises(ContextOverflowError, match="It said: ValueError: maximum context"):
        await failing(ValueError("maximum context length " * 10**5)).create([SYSTEM])
    unreadable, long = [record.error or "" for record in records if isinstance(record, CallRecord)]
    assert unreadable == "UnreadableError: it has no readable text"
    assert len(long) < 3_000
