"""The counting calls of Anthropic and Gemini: what they are sent, and what comes of an answer or of none."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from autogen_core import FunctionCall, Image
from autogen_core.models import AssistantMessage, LLMMessage, SystemMessage, UserMessage
from autogen_core.tools import ToolSchema
from autogen_ext.models.anthropic import AnthropicChatCompletionClient
from PIL import Image as Picture

import mixed_text
from autogen_budget import (
    AnthropicTokenSource,
    BudgetedChatCompletionClient,
    GeminiTokenSource,
    TokenBudget,
    TokenSource,
)
from builders import call, result, said, user
from servers import AnthropicServer
from servers._anthropic_wire import read_request

TALK: list[LLMMessage] = [
    SystemMessage(content="Be brief."),
    SystemMessage(content="Be kind."),
    UserMessage(content=["hi", "there"], source="user"),
    call("1"),
    result("1"),
    AssistantMessage(content=[FunctionCall(id="2", arguments="[1", name="look")], source="a", thought="hm"),
    result("2"),
    said("done"),
    user("again \ud83d"),
]
PARAMETERS: Any = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
TOOLS = [
    ToolSchema(name="look", description="Looks.", parameters=PARAMETERS),
    ToolSchema(name="stop", description="Stops."),
]
SOURCES = [AnthropicTokenSource, GeminiTokenSource]


class Provider:
    """A service that answers every request to count in the same way.

    Args:
        answer (object): The answer; an `int` is a status, `None` never answers.
    """

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Any, Mapping[str, str]]] = []

    async def handle(self, request: web.Request) -> web.Response:
        """Answer any request."""
        self.asked.append((request.path, await request.json(), request.headers))
        if self.answer is None:
            await asyncio.sleep(5)
        return web.Response(status=self.answer) if isinstance(self.answer, int) else web.json_response(self.answer)


@asynccontextmanager
async def serving(answer: object) -> AsyncGenerator[tuple[Provider, str]]:
    """Run a service on a free port of 127.0.0.1."""
    provider = Provider(answer)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", provider.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield provider, f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def test_anthropic_is_asked_in_its_own_words() -> None:
    """The body is one that its messages service would take, but for the reply's room; the key stands in a header."""
    async with serving({"input_tokens": 42}) as (provider, url):
        source = AnthropicTokenSource("claude-x", "secret", base_url=url)
        assert isinstance(source, TokenSource)
        assert await source.count_request(TALK, TOOLS) == 42
    path, body, headers = provider.asked[0]
    assert path == "/v1/messages/count_tokens"
    assert headers["x-api-key"] == "secret"
    wire = read_request({**body, "max_tokens": 1})
    assert wire.system == "Be brief.\nBe kind."
    assert [message.role for message in wire.messages] == ["user", "assistant"] * 3 + ["user"]
    assert [tool.name for tool in wire.tools or []] == ["look", "stop"]
    assert body["tools"][0]["input_schema"] == PARAMETERS
    assert body["messages"][3]["content"][0] == {"type": "text", "text": "hm"}
    assert body["messages"][3]["content"][1]["input"] == {"arguments": "[1"}


async def test_gemini_is_asked_in_its_own_words() -> None:
    """Roles, parts, declarations and instructions stand where its service reads them."""
    async with serving({"totalTokens": 17}) as (provider, url):
        source = GeminiTokenSource("gemini-x", "secret", base_url=url)
        assert await source.count_request(TALK, TOOLS) == 17
        assert await source.count_request([user("hi")], ()) == 17
    path, body, headers = provider.asked[0]
    assert path == "/models/gemini-x:countTokens"
    assert headers["x-goog-api-key"] == "secret"
    request = body["generateContentRequest"]
    assert request["model"] == "models/gemini-x"
    assert request["systemInstruction"]["parts"] == [{"text": "Be brief."}, {"text": "Be kind."}]
    assert [content["role"] for content in request["contents"]] == ["user", "model"] * 3 + ["user"]
    assert request["contents"][3]["parts"][1] == {"functionCall": {"name": "look", "args": {"arguments": "[1"}}}
    assert set(request["contents"][2]["parts"][0]) == {"functionResponse"}
    look, stop = request["tools"][0]["functionDeclarations"]
    assert look["parametersJsonSchema"] == PARAMETERS
    assert "parametersJsonSchema" not in stop
    assert set(provider.asked[1][1]["generateContentRequest"]) == {"model", "contents"}


@pytest.mark.parametrize("kind", SOURCES)
async def test_the_same_request_is_asked_about_once(kind: type[AnthropicTokenSource | GeminiTokenSource]) -> None:
    """Counts are remembered by what the request says, for the newest requests."""
    async with serving({"input_tokens": 42, "totalTokens": 42}) as (provider, url):
        source = kind("m", "secret", base_url=url)
        for _ in range(3):
            assert await source.count_request(TALK, ()) == 42
        assert await source.count_request(TALK, TOOLS) == 42
        assert len(provider.asked) == 2
        for number in range(70):
            await source.count_request([user(f"request {number}")], ())
        await source.count_request(TALK, ())
    assert len(provider.asked) == 2 + 70 + 1


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("answer", [401, 500, {"input_tokens": "many", "totalTokens": -1}, [1], None])
async def test_who_cannot_count_is_left_alone(
    kind: type[AnthropicTokenSource | GeminiTokenSource], answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    """An error, an odd answer or none within the time costs one question; a refusal is told once, without the key."""
    async with serving(answer) as (provider, url):
        source = kind("m", "secret", base_url=url, timeout=0.2)
        with caplog.at_level(logging.DEBUG, "autogen_budget"):
            assert [await source.count_request(TALK, ()) for _ in range(3)] == [None] * 3
    assert len(provider.asked) == 1
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == (1 if isinstance(answer, int) else 0)
    assert all(f"HTTP {answer}" in warning and "the key" in warning for warning in warnings)
    assert "secret" not in caplog.text


@pytest.mark.parametrize("kind", SOURCES)
async def test_images_and_huge_requests_are_not_asked_about(
    kind: type[AnthropicTokenSource | GeminiTokenSource],
) -> None:
    """Providers count images each in its own way, and nobody waits for megabytes to be counted."""
    picture = UserMessage(content=["What is it?", Image(Picture.new("RGB", (8, 8)))], source="user")
    async with serving({"input_tokens": 42, "totalTokens": 42}) as (provider, url):
        source = kind("m", "secret", base_url=url)
        assert await source.count_request([picture], ()) is None
        assert await source.count_request([user("x" * 5_000_000)], ()) is None
    assert provider.asked == []


async def test_a_first_call_fills_its_cap_better_by_the_providers_own_count() -> None:
    """A text that is cut to fit is cut less once the provider has counted it, and never too little."""
    fills: list[float] = []
    for ask in (False, True):
        async with AnthropicServer(token_ratio=1.1) as server:
            name, url = "claude-3-5-sonnet-latest", server.base_url
            inner = AnthropicChatCompletionClient(model=name, base_url=url, api_key="x", max_retries=0, max_tokens=10)
            source = AnthropicTokenSource(name, "x", base_url=url) if ask else None
            client = BudgetedChatCompletionClient(inner, TokenBudget(1_000), token_source=source)
            await client.create([user(mixed_text.prose(random.Random(1), 24_000))])
            await client.close()
        (request,) = server.requests
        fills.append(request.prompt_tokens / 1_000)
    assert 0.7 <= fills[0] < fills[1] <= 1
    assert fills[1] >= 0.8
