"""Finding a model's window: by name, from the client, from its server."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from autogen_core.models import ChatCompletionClient
from autogen_ext.models.anthropic import AnthropicChatCompletionClient
from autogen_ext.models.cache import ChatCompletionCache
from autogen_ext.models.ollama import OllamaChatCompletionClient
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import BudgetedChatCompletionClient, TokenBudget
from autogen_budget._windows import (
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
        ("a-model-of-ones-own", None),
        ("", None),
    ],
)
def test_windows_by_name(model: str, window: Window | None) -> None:
    """Known names are found without any network; unknown ones give nothing."""
    assert window_by_name(model) == window


def test_without_the_openai_extra_the_table_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """AutoGen's own table needs the `openai` extra; without it the name is just not known."""
    import importlib

    def refuse(name: str, package: str | None = None) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    assert window_by_name("a-model-of-ones-own") is None


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


async def test_only_web_addresses_are_asked() -> None:
    """Another scheme is never opened, and a server that is not there tells nothing."""
    assert await window_of_server("file:///etc") is None
    assert await window_of_server("http://127.0.0.1:9/v1") is None


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
