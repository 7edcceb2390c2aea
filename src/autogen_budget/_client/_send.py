"""Send a request to the wrapped client: one call of it, streamed or not, as one stream of items."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from autogen_core.models import ChatCompletionClient, CreateResult

from autogen_budget._errors import error_text

from ._replies import checked_reply
from ._request import Ask, Request
from ._usage import ASK_FOR_USAGE, STREAM_OPTIONS, UsageListener, reports_when_asked

Item = str | CreateResult
"""What a call brings: chunks of text, if it is streamed, and the result."""

Send = Callable[[Ask, Request, UsageListener], AsyncGenerator[Item, None]]
"""Sends a request once, and brings its items; time limits and the like wrap such a function."""


class Sender:
    """Calls one client."""

    def __init__(self, client: ChatCompletionClient, *, stream_options: bool = False) -> None:
        self._client = client
        self._ask_for_usage = reports_when_asked(client) and not stream_options

    async def send(self, ask: Ask, request: Request, usage: UsageListener) -> AsyncGenerator[Item, None]:
        """Send a request once."""
        if not ask.stream:
            with usage.listening():
                result = await self._client.create(
                    request.messages,
                    tools=request.tools,
                    tool_choice=ask.tool_choice,
                    json_output=ask.json_output,
                    extra_create_args=ask.extra_create_args,
                    cancellation_token=ask.cancellation_token,
                )
            usage.take(reply := checked_reply(result, self._client))
            yield reply
            return
        begun = False
        asks = self._ask_for_usage and STREAM_OPTIONS not in ask.extra_create_args
        try:
            async with aclosing(self._stream(ask, request, usage, ask_for_usage=asks)) as items:
                async for item in items:
                    begun = True
                    yield item
            return
        except Exception as error:
            if begun or not asks or STREAM_OPTIONS not in error_text(error):
                raise
        self._ask_for_usage = False  # a server that knows no such option
        async with aclosing(self._stream(ask, request, usage, ask_for_usage=False)) as items:
            async for item in items:
                yield item

    async def _stream(
        self, ask: Ask, request: Request, usage: UsageListener, *, ask_for_usage: bool
    ) -> AsyncGenerator[Item, None]:
        stream = self._client.create_stream(
            request.messages,
            tools=request.tools,
            tool_choice=ask.tool_choice,
            json_output=ask.json_output,
            extra_create_args={**ask.extra_create_args, **ASK_FOR_USAGE} if ask_for_usage else ask.extra_create_args,
            cancellation_token=ask.cancellation_token,
        )
        async with aclosing(stream):
            while True:
                try:
                    with usage.listening():  # not while the caller works on an item
                        item = await anext(stream)
                except StopAsyncIteration:
                    return
                usage.take(item := item if isinstance(item, str) else checked_reply(item, self._client))
                yield item
