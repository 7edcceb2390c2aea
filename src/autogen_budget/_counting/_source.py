"""Ask a model's own server how many tokens a request has, where that costs nothing."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import urllib.error
from collections.abc import Mapping, Sequence
from typing import Protocol, cast, runtime_checkable

from autogen_core.models import AssistantMessage, FunctionExecutionResultMessage, LLMMessage, SystemMessage
from autogen_core.tools import Tool, ToolSchema

from ._http import LARGEST_BODY, PAUSE, Wire, call_json
from ._payload import tool_wire

logger = logging.getLogger("autogen_budget")

TIMEOUT = 2.0
"""Seconds an answer may take. A llama.cpp server counts 100,000 tokens in a tenth of that."""


@runtime_checkable
class TokenSource(Protocol):
    """Knows exactly how many tokens a request has, because it is, or asks, the model's own tokenizer.

    Give one to `BudgetedChatCompletionClient(..., token_source=...)`: `AnthropicTokenSource`, `GeminiTokenSource`, or
    one of your own. It is asked while nothing is known yet of how the model counts, for requests that are near their
    cap, and not again once its answers agree with the counter.
    """

    async def count_request(self, messages: Sequence[LLMMessage], tools: Sequence[Tool | ToolSchema]) -> int | None:
        """Count a whole request.

        Args:
            messages (Sequence[LLMMessage]): Its messages.
            tools (Sequence[Tool | ToolSchema]): Tools and hand-offs offered to the model.

        Returns:
            int | None: The tokens of the prompt. `None` means that is not known.
        """
        ...


class ServerTokenSource:
    """Asks a llama.cpp or vLLM server, the two that say what they are and count whole requests with their template.

    Any other server is asked once what it is (`GET /models`), and nothing is sent to it.

    `model`: The model's name, for vLLM. `None` means the server's own.
    """

    def __init__(self, base_url: str, model: str | None = None, *, timeout: float = TIMEOUT) -> None:
        self._url = base_url.rstrip("/")
        self._model = model
        self._timeout = timeout
        self._kind: str | None = None if self._url.startswith(("http://", "https://")) else ""
        self._paused_until = 0.0

    async def count_request(self, messages: Sequence[LLMMessage], tools: Sequence[Tool | ToolSchema]) -> int | None:
        """See `TokenSource.count_request`. The answer is waited for off the event loop; nothing is raised."""
        if self._kind == "" or time.monotonic() < self._paused_until:
            return None
        body = wire_of(messages, tools)
        return None if body is None else await asyncio.to_thread(self._ask, body)

    def _ask(self, body: Wire) -> int | None:
        try:
            if self._kind is None:
                self._kind = self._kind_of_server()
            if self._kind == "llamacpp":
                answer = self._call(f"{self._url}/chat/completions/input_tokens", body)
                tokens = answer.get("input_tokens")
            elif self._kind == "vllm":
                vllm = {"model": self._model, **body} if self._model else body
                answer = self._call(self._url.removesuffix("/v1") + "/tokenize", vllm)
                tokens = answer.get("count")
            else:
                return None
            if isinstance(tokens, int) and tokens > 0:
                return tokens
        except urllib.error.HTTPError:  # it is there, and cannot count this
            logger.debug("%s does not count requests", self._url, exc_info=True)
        except Exception:
            logger.debug("%s does not answer", self._url, exc_info=True)
        self._paused_until = time.monotonic() + PAUSE
        return None

    def _kind_of_server(self) -> str:
        try:
            data = self._call(f"{self._url}/models").get("data")
        except urllib.error.HTTPError:
            return ""
        models = cast("Sequence[object]", data) if isinstance(data, list) else ()
        owners = {cast("Mapping[str, object]", model).get("owned_by") for model in models if isinstance(model, Mapping)}
        return next((kind for kind in ("llamacpp", "vllm") if kind in owners), "")

    def _call(self, url: str, body: Wire | None = None) -> Mapping[str, object]:
        data = None if body is None else json.dumps(body).encode()
        if data is not None and len(data) > LARGEST_BODY:
            raise ValueError(f"a request of {len(data)} bytes is not sent to be counted")
        return call_json(url, data, timeout=self._timeout)


def server_source(base_url: str | None, model: str | None) -> ServerTokenSource | None:
    """Return who is asked about the requests of a client: its own server.

    `base_url`: The server's address. `None` means the provider's own, which is not asked. `model`: The model's
    name. `None` means the server's own.
    """
    return None if base_url is None else ServerTokenSource(base_url, model)


def wire_of(messages: Sequence[LLMMessage], tools: Sequence[Tool | ToolSchema] = ()) -> Wire | None:
    """Write a request as OpenAI's API takes it.

    Returns:
        dict[str, object] | None: `messages`, and `tools` where there are any. `None` means the messages hold an image,
        which servers count each in its own way.
    """
    written: list[Wire] = []
    for message in messages:
        if isinstance(message, FunctionExecutionResultMessage):
            for result in message.content:
                written.append({"role": "tool", "tool_call_id": result.call_id, "content": result.content})
        elif isinstance(message, AssistantMessage) and not isinstance(message.content, str):
            calls: list[Wire] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in message.content
            ]
            written.append({"role": "assistant", "content": message.thought or "", "tool_calls": calls})
        elif isinstance(message.content, str):
            role = "system" if isinstance(message, SystemMessage) else "assistant"
            role = "user" if message.type == "UserMessage" else role
            written.append({"role": role, "content": message.content})
        elif all(isinstance(part, str) for part in message.content):
            parts = [{"type": "text", "text": part} for part in message.content]
            written.append({"role": "user", "content": parts})
        else:
            return None
    return {"messages": written, "tools": [tool_wire(tool) for tool in tools]} if tools else {"messages": written}
