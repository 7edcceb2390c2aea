"""A fake server's other end without a socket: thousands of runs in simulated time, through the service's own client."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from unittest.mock import patch

import httpx2 as httpx  # what OpenAI's client works with
from autogen_core.models import ChatCompletionClient
from autogen_ext.models.openai import OpenAIChatCompletionClient
from openai import NotGiven, Omit

from ._base import Sent
from ._replies import Drop, Stall
from .openai_server import OpenAIServer

GONE = "Server disconnected."


async def _given(body: Mapping[str, object], _: object) -> dict[str, object]:
    """What OpenAI's client makes of a body that is in its wire format already, in a fraction of the time."""
    return {name: value for name, value in body.items() if not isinstance(value, (NotGiven, Omit))}


@asynccontextmanager
async def memory_client_of(server: OpenAIServer) -> AsyncGenerator[ChatCompletionClient, None]:
    """AutoGen's client of a server that needs not be started; it does not retry.

    Args:
        server (OpenAIServer): The server.
    """
    http = httpx.AsyncClient(transport=_Transport(server))
    async with http:
        with patch("openai.resources.chat.completions.completions.async_maybe_transform", _given):
            yield OpenAIChatCompletionClient(
                model="gpt-4o",
                base_url="http://memory/v1",
                api_key="x",
                max_retries=0,
                http_client=http,  # type: ignore[call-arg]  # AutoGen passes on to OpenAI's client what it does not declare
            )


class _Transport(httpx.AsyncBaseTransport):
    def __init__(self, server: OpenAIServer) -> None:
        self._server = server

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        sent, broken = self._server.reply(dict(request.headers), await request.aread())
        await asyncio.sleep(sent.delay)
        if broken is not None and not broken.after_chunks:
            await _break_off(broken)
        headers = {**sent.headers, "content-type": sent.content_type}
        return httpx.Response(sent.status, headers=headers, stream=_Stream(sent, broken))


class _Stream(httpx.AsyncByteStream):
    def __init__(self, sent: Sent, broken: Stall | Drop | None) -> None:
        self._sent = sent
        self._broken = broken

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._sent.chunks if self._broken is None else self._sent.chunks[: self._broken.after_chunks]:
            yield chunk
        if self._broken is not None:
            await _break_off(self._broken)


async def _break_off(broken: Stall | Drop) -> None:
    if isinstance(broken, Drop):
        raise httpx.RemoteProtocolError(GONE)
    await asyncio.Event().wait()
