"""The other end of a fake service: AutoGen's client of it, and requests made by hand."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias

import aiohttp
from autogen_core.models import ChatCompletionClient, CreateResult, LLMMessage
from autogen_core.tools import ToolSchema
from autogen_ext.models.anthropic import AnthropicChatCompletionClient
from autogen_ext.models.ollama import OllamaChatCompletionClient
from autogen_ext.models.openai import OpenAIChatCompletionClient
from pydantic import TypeAdapter

from ._replies import JsonObject
from .anthropic_server import AnthropicServer
from .ollama_server import OllamaServer
from .openai_server import OpenAIServer

Server: TypeAlias = OpenAIServer | AnthropicServer | OllamaServer

_OBJECT = TypeAdapter(dict[str, object])


@asynccontextmanager
async def client_of(server: Server, *, max_tokens: int | None = None) -> AsyncGenerator[ChatCompletionClient, None]:
    """AutoGen's client of a server's service; it does not retry.

    Args:
        server (Server): A running server.
        max_tokens (int | None): Room the requests ask for their replies, in tokens. None means none, or the 4,096 that
            AutoGen asks for where the service insists. Ollama's protocol has no such room.

    Yields:
        ChatCompletionClient: The client; it is closed at the end.
    """
    client: ChatCompletionClient
    url = server.base_url
    match server:
        case OpenAIServer():
            client = OpenAIChatCompletionClient(
                model="gpt-4o", base_url=url, api_key="x", max_retries=0, max_tokens=max_tokens
            )
        case AnthropicServer():
            client = AnthropicChatCompletionClient(
                model="claude-3-5-sonnet-latest",
                base_url=url,
                api_key="x",
                max_retries=0,
                max_tokens=max_tokens or 4096,
            )
        case OllamaServer():
            client = OllamaChatCompletionClient(model="llama3.1", host=url)
    try:
        yield client
    finally:
        await client.close()


async def streamed(
    client: ChatCompletionClient, messages: Sequence[LLMMessage], *, tools: Sequence[ToolSchema] = ()
) -> tuple[list[str], CreateResult]:
    """The pieces and the result of a streamed answer; usage is asked for where the service wants to be asked."""
    options = {"stream_options": {"include_usage": True}} if isinstance(client, OpenAIChatCompletionClient) else {}
    items = [item async for item in client.create_stream(messages, tools=tools, extra_create_args=options)]
    result = items[-1]
    assert isinstance(result, CreateResult)
    return [item for item in items if isinstance(item, str)], result


async def post(server: Server, body: JsonObject | bytes) -> tuple[int, JsonObject]:
    """Status and JSON body of the reply to a request made by hand; bytes are sent as they are."""
    url = server.base_url.removesuffix("/v1") + server.path
    sent = {"data": body} if isinstance(body, bytes) else {"json": body}
    async with aiohttp.ClientSession() as session, session.request("POST", url, **sent) as response:
        return response.status, _OBJECT.validate_json(await response.read())
