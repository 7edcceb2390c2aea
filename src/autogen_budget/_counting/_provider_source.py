"""Ask the counting calls of Anthropic and Gemini, which cost nothing, how many tokens a request has."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
import urllib.error
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import cast
from urllib.parse import quote

from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
)
from autogen_core.tools import Tool, ToolSchema

from ._http import LARGEST_BODY, PAUSE, Wire, call_json
from ._payload import tool_wire

logger = logging.getLogger("autogen_budget")

PROVIDER_TIMEOUT = 5.0
"""Seconds a provider may take to count: a call across the world, where nothing is generated."""

REMEMBERED = 64
"""Requests whose counts are remembered: more than the questions that one client asks."""


class _CountingCall(ABC):
    """One counting call of a provider: asked off the event loop, within a time, once for the same request."""

    def __init__(self, model: str, url: str, headers: Mapping[str, str], field: str, timeout: float) -> None:
        self._model = model
        self._url = url
        self._headers = headers
        self._field = field
        self._timeout = timeout
        self._known: OrderedDict[bytes, int] = OrderedDict()
        self._paused_until = 0.0
        self._has_warned = False

    async def count_request(self, messages: Sequence[LLMMessage], tools: Sequence[Tool | ToolSchema]) -> int | None:
        """See `TokenSource.count_request`. `None` as well for images, and while the provider does not answer."""
        if not all(_is_text(message) for message in messages):
            return None
        data = json.dumps(self._body(messages, tools)).encode()
        key = hashlib.blake2b(data).digest()
        if key in self._known:
            return self._known[key]
        if len(data) > LARGEST_BODY or time.monotonic() < self._paused_until:
            return None
        try:
            work = asyncio.to_thread(call_json, self._url, data, headers=self._headers, timeout=self._timeout)
            tokens = (await asyncio.wait_for(work, self._timeout)).get(self._field)
        except Exception as error:
            self._tell(error)
            tokens = None
        if not isinstance(tokens, int) or tokens <= 0:
            self._paused_until = time.monotonic() + PAUSE
            return None
        self._known[key] = tokens
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return tokens

    @abstractmethod
    def _body(self, messages: Sequence[LLMMessage], tools: Sequence[Tool | ToolSchema]) -> Wire:
        """Return the request in the provider's words."""

    def _tell(self, error: Exception) -> None:
        """Log a refusal once, since a wrong key or model stays wrong; anything else passes."""
        if isinstance(error, urllib.error.HTTPError) and not self._has_warned:
            self._has_warned = True
            logger.warning(
                "%s cannot count for model %r (HTTP %d %s): counts are safe estimates until usage is reported. Check "
                "the key and the model's name",
                type(self).__name__,
                self._model,
                error.code,
                error.reason,
            )
        else:
            logger.debug("%s does not answer", type(self).__name__, exc_info=error)


class AnthropicTokenSource(_CountingCall):
    """Counts requests with Anthropic's `POST /v1/messages/count_tokens`, which is free.

    .. code-block:: python

        from autogen_budget import AnthropicTokenSource, BudgetedChatCompletionClient, TokenBudget

        source = AnthropicTokenSource("claude-sonnet-4-5", api_key="sk-ant-...")
        client = BudgetedChatCompletionClient(client, TokenBudget(8_000), token_source=source)

    Args:
        model (str): The model's name.
        api_key (str): The key. It is sent in a header, and stands in no log, record or dump.
        base_url (str): The address of the API.
        timeout (float): Seconds an answer may take, above 0; without one, counts stay safe estimates.
    """

    def __init__(
        self,
        model: str,
        api_key: str,
        *,
        base_url: str = "https://api.anthropic.com",
        timeout: float = PROVIDER_TIMEOUT,
    ) -> None:
        headers = {"x-api-key": api_key, "anthropic-version": "2023-06-01"}
        super().__init__(model, f"{base_url.rstrip('/')}/v1/messages/count_tokens", headers, "input_tokens", timeout)

    def _body(self, messages: Sequence[LLMMessage], tools: Sequence[Tool | ToolSchema]) -> Wire:
        system = "\n".join(message.content for message in messages if isinstance(message, SystemMessage))
        written = [_anthropic(message) for message in messages if not isinstance(message, SystemMessage)]
        body: Wire = {"model": self._model, "messages": written}
        if system:
            body["system"] = system
        if tools:
            empty = {"type": "object"}
            body["tools"] = [
                {"name": name, "description": description, "input_schema": parameters or empty}
                for name, description, parameters in map(_tool, tools)
            ]
        return body


class GeminiTokenSource(_CountingCall):
    """Counts requests with Gemini's `POST models/{model}:countTokens`, which is free.

    .. code-block:: python

        from autogen_budget import BudgetedChatCompletionClient, GeminiTokenSource, TokenBudget

        source = GeminiTokenSource("gemini-2.5-flash", api_key="...")
        client = BudgetedChatCompletionClient(client, TokenBudget(8_000), token_source=source)

    Args:
        model (str): The model's name.
        api_key (str): The key. It is sent in a header, and stands in no log, record or dump.
        base_url (str): The address of the API.
        timeout (float): Seconds an answer may take, above 0; without one, counts stay safe estimates.
    """

    def __init__(
        self,
        model: str,
        api_key: str,
        *,
        base_url: str = "https://generativelanguage.googleapis.com/v1beta",
        timeout: float = PROVIDER_TIMEOUT,
    ) -> None:
        url = f"{base_url.rstrip('/')}/models/{quote(model)}:countTokens"
        super().__init__(model, url, {"x-goog-api-key": api_key}, "totalTokens", timeout)

    def _body(self, messages: Sequence[LLMMessage], tools: Sequence[Tool | ToolSchema]) -> Wire:
        system = [{"text": message.content} for message in messages if isinstance(message, SystemMessage)]
        written = [_gemini(message) for message in messages if not isinstance(message, SystemMessage)]
        request: Wire = {"model": f"models/{self._model}", "contents": written}
        if system:
            request["systemInstruction"] = {"parts": system}
        if tools:
            declarations: list[Wire] = []
            for name, description, parameters in map(_tool, tools):
                schema = {"parametersJsonSchema": parameters} if parameters.get("properties") else {}
                declarations.append({"name": name, "description": description, **schema})
            request["tools"] = [{"functionDeclarations": declarations}]
        return {"generateContentRequest": request}


def _anthropic(message: LLMMessage) -> Wire:
    blocks: list[Wire]
    if isinstance(message, FunctionExecutionResultMessage):
        blocks = [
            {"type": "tool_result", "tool_use_id": result.call_id, "content": result.content}
            for result in message.content
        ]
        return {"role": "user", "content": blocks}
    role = "assistant" if isinstance(message, AssistantMessage) else "user"
    blocks = [{"type": "text", "text": text} for text in _texts(message)]
    for call in _calls(message):
        blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": _arguments(call)})
    return {"role": role, "content": blocks}


def _gemini(message: LLMMessage) -> Wire:
    parts: list[Wire]
    if isinstance(message, FunctionExecutionResultMessage):
        parts = [
            {"functionResponse": {"name": result.name, "response": {"result": result.content}}}
            for result in message.content
        ]
        return {"role": "user", "parts": parts}
    role = "model" if isinstance(message, AssistantMessage) else "user"
    parts = [{"text": text} for text in _texts(message)]
    for call in _calls(message):
        parts.append({"functionCall": {"name": call.name, "args": _arguments(call)}})
    return {"role": role, "parts": parts}


def _is_text(message: LLMMessage) -> bool:
    """Return whether a message holds no image, which providers count each in its own way."""
    content = message.content
    return message.type != "UserMessage" or isinstance(content, str) or all(isinstance(part, str) for part in content)


def _texts(message: LLMMessage) -> list[str]:
    """Return the texts of a message; providers refuse empty ones."""
    texts = [message.content] if isinstance(message.content, str) else message.content
    if isinstance(message, AssistantMessage) and not isinstance(message.content, str):
        texts = [message.thought or ""]
    return [text for text in texts if isinstance(text, str) and text]


def _calls(message: LLMMessage) -> list[FunctionCall]:
    if isinstance(message, AssistantMessage) and not isinstance(message.content, str):
        return message.content
    return []


def _arguments(call: FunctionCall) -> Wire:
    """Return the arguments of a call as an object, which both providers insist on."""
    try:
        arguments: object = json.loads(call.arguments)
    except (ValueError, RecursionError):
        arguments = call.arguments
    return cast(Wire, arguments) if isinstance(arguments, dict) else {"arguments": arguments}


def _tool(tool: Tool | ToolSchema) -> tuple[str, str, Wire]:
    """Name, description and schema of the parameters of a tool."""
    function = cast(Wire, tool_wire(tool)["function"])
    parameters = function["parameters"]
    return (
        str(function["name"]),
        str(function["description"]),
        dict(cast(Mapping[str, object], parameters)) if isinstance(parameters, Mapping) else {},
    )
