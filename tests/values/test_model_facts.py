"""Finding a model's window: by name, from the client, from its server."""

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from autogen_core import ComponentModel
from autogen_core.models import ChatCompletionClient
from autogen_ext.models.anthropic import AnthropicChatCompletionClient
from autogen_ext.models.cache import ChatCompletionCache
from autogen_ext.models.ollama import OllamaChatCompletionClient
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget import BudgetedChatCompletionClient, TokenBudget, _model_facts
from autogen_budget._model_facts import (
    OLLAMA_DEFAULT_WINDOW,
    ClientFacts,
    Window,
    describe_client,
    max_reply_tokens,
    window_by_name,
    window_of_server,
)

OPENAI = OpenAIChatCompletionClient(model="gpt-4o", api_key="x", max_tokens=300, base_url="http://127.0.0.1:1/v1")


class Undumpable(ReplayChatCompletionClient):
    """A client of a user's own that cannot be dumped."""

    def _to_config(self) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("client", "facts"),
    [
        (OPENAI, ClientFacts("gpt-4o", 300, "http://127.0.0.1:1/v1")),
        (ChatCompletionCache(OPENAI), ClientFacts("gpt-4o", 300, "http://127.0.0.1:1/v1")),
        (
            ChatCompletionCache(BudgetedChatCompletionClient(OPENAI, TokenBudget(100))),
            ClientFacts("gpt-4o", 300, "http://127.0.0.1:1/v1"),
        ),
        (
            AnthropicChatCompletionClient(model="claude-3-5-sonnet-latest", api_key="x"),
            ClientFacts("claude-3-5-sonnet-latest", 4_096),
        ),
        (
            OllamaChatCompletionClient(model="llama3.1", options={"num_ctx": 2_048}),
            ClientFacts("llama3.1", window=2_048),
        ),
        (OllamaChatCompletionClient(model="llama3.1"), ClientFacts("llama3.1", window=OLLAMA_DEFAULT_WINDOW)),
        (ReplayChatCompletionClient(["a"]), ClientFacts()),
        (Undumpable(["a"]), ClientFacts()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_clients_are_described(client: ChatCompletionClient, facts: ClientFacts) -> None:
    """Model, reply limit, address and window are read from public configuration, through wrappers."""
    assert describe_client(client) == facts


@pytest.mark.parametrize(
    ("arguments", "tokens"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 7, "max_tokens": 5}, 7),
        ({"max_tokens": None}, None),
        ({"max_tokens": "5"}, None),
    ],
)
def test_reply_limits(arguments: dict[str, object], tokens: int | None) -> None:
    """The larger of the two names counts; anything but a number does not."""
    assert max_reply_tokens(arguments) == tokens


@pytest.mark.parametrize(
    ("model", "window"),
    [
        ("gpt-4o", Window(128_000, "genai-prices")),
        ("gpt-4o-2024-08-06", Window(128_000, "genai-prices")),
        ("claude-3-5-sonnet-20241022", Window(200_000, "genai-prices")),
        ("Llama-4-Scout-17B-16E-Instruct-FP8", Window(128_000, "autogen")),
        ("claude-v1", None),  # known to `genai-prices`, but not how much it holds
        ("a-model-of-ones-own", None),
        ("", None),
    ],
)
@pytest.mark.usefixtures("no_network")
def test_windows_by_name(model: str, window: Window | None) -> None:
    """Known names are found without any network; unknown ones give nothing."""
    assert window_by_name(model) == window


@given(st.text())
def test_any_name_can_be_looked_up(model: str) -> None:
    """A name of any kind gives a positive window or none, and never an error."""
    window = window_by_name(model)
    assert window is None or window.tokens > 0


def test_without_the_openai_extra_the_table_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """AutoGen's own table needs the `openai` extra; without it the name is just not known."""
    import importlib

    def refuse(name: str, package: str | None = None) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    assert window_by_name("a-model-of-ones-own") is None


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket can connect anywhere."""

    def refuse(*_: object) -> None:
        raise AssertionError("there is no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@asynccontextmanager
async def raw_server(answer: bytes | None) -> AsyncGenerator[str, None]:
    """A server on 127.0.0.1 that sends these bytes to everyone, or nothing; yields the address of its API.

    It lives in the event loop of the caller, which has to go on while the server is asked.
    """

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n") if answer is not None else await reader.read()
            writer.write(answer or b"")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(reply, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


@contextmanager
def serving(answers: dict[str, tuple[int, str]]) -> Generator[str]:
    """A server on 127.0.0.1 that gives fixed answers; yields the address of its API."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, "{}"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("answers", "tokens"),
    [
        ({"/props": (200, '{"default_generation_settings": {"n_ctx": 2048}}')}, 2_048),
        ({"/v1/models": (200, '{"data": [{"max_model_len": 4096}]}')}, 4_096),
        ({"/props": (500, "oops"), "/v1/models": (200, '{"data": [{"max_model_len": 4096}]}')}, 4_096),
        ({"/props": (200, "no json"), "/v1/models": (200, '{"data": []}')}, None),
        ({"/props": (200, '{"default_generation_settings": {"n_ctx": 0}}')}, None),
        ({"/props": (200, "[]")}, None),
        ({}, None),
    ],
)
async def test_servers_tell_their_window(answers: dict[str, tuple[int, str]], tokens: int | None) -> None:
    """llama.cpp's and vLLM's properties are read; whatever else a server says tells nothing."""
    with serving(answers) as url:
        assert await window_of_server(url) == (None if tokens is None else Window(tokens, "server"))
        assert await window_of_server(url + "/") == (None if tokens is None else Window(tokens, "server"))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"I am no web server\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000,
        b"HTTP/1.1 200 OK\r\n\r\n\xff\xfe\xff",
        b"HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\n\r\n",
    ],
)
async def test_no_answer_of_a_server_fails_a_call(answer: bytes) -> None:
    """A server that breaks off, or speaks something else, tells no window."""
    async with raw_server(answer) as url:
        assert await window_of_server(url) is None


async def test_a_silent_server_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes the request and never answers tells no window, and the event loop goes on meanwhile."""
    monkeypatch.setattr(_model_facts, "SERVER_TIMEOUT", 0.1)
    async with raw_server(None) as url:
        assert await window_of_server(url) is None


async def test_only_web_addresses_are_asked() -> None:
    """Another scheme is never opened, and a server that is not there tells nothing."""
    assert await window_of_server("file:///etc") is None
    assert await window_of_server("http://127.0.0.1:9/v1") is None
    assert await window_of_server("http://127.0.0.1:port/v1") is None


async def test_a_budgeted_client_asks_once() -> None:
    """A window that no name tells is asked for with the first call."""
    with serving({"/props": (200, '{"default_generation_settings": {"n_ctx": 1000}}')}) as url:
        inner = OpenAIChatCompletionClient(
            model="a-model-of-ones-own",
            api_key="x",
            base_url=url,
            max_retries=0,
            model_info={
                "vision": False,
                "function_calling": True,
                "json_output": True,
                "family": "unknown",
                "structured_output": True,
            },
        )
        client = BudgetedChatCompletionClient(inner, TokenBudget())
        assert client.remaining_tokens([]) + client.count_tokens([]) == 8_192 - 2_048
        with pytest.raises(Exception, match=r"."):
            await client.create([])
        assert client.remaining_tokens([]) + client.count_tokens([]) == 750
        assert client.records[0].window_source == "server"
        again = BudgetedChatCompletionClient(inner, TokenBudget())
        again.load_state(client.save_state())
        assert again.remaining_tokens([]) + again.count_tokens([]) == 750
        await client.close()


def test_a_wrapper_is_seen_through_by_what_it_dumps() -> None:
    """A wrapper that hides its client and declares it under `client` tells the model's name all the same."""

    class Hiding(ReplayChatCompletionClient):
        """Holds a client under a name of its own."""

        def dump_component(self) -> ComponentModel:
            """Declare the client."""
            inner = OpenAIChatCompletionClient(model="gpt-4o", api_key="x").dump_component()
            return ComponentModel(provider="mine.Hiding", config={"client": inner.model_dump()})

    facts = describe_client(Hiding([]))
    assert (facts.model, facts.window) == ("gpt-4o", None)
