"""Calls within limits: the warnings a model gets, and sending with time limits, a queue and retries."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from autogen_core.models import ChatCompletionClient

from autogen_budget._errors import LoopDetectedError
from autogen_budget._limits import Adviser, Limits, Sender, TextLoop, Trouble, current_run
from autogen_budget._records import LoopRecord, Record

from ._provider_errors import OutOfMemory, Throttled, read_provider_error, status_of
from ._request import Ask, Request
from ._send import Item, Send
from ._usage import Usage, UsageListener

_BROKEN_CONNECTIONS = frozenset({"APIConnectionError", "TransportError", "ClientConnectionError"})
"""How OpenAI's and Anthropic's clients, httpx and aiohttp call it when a server is gone or hangs up."""

_GATEWAY_STATUSES = frozenset({502, 504})


class LimitedCalls:
    """Sends the calls of one client within limits.

    `fallback`: Sends one call in place of `send` where an agent repeats itself. `None` means that this is an error.
    """

    def __init__(
        self,
        name: str,
        limits: Limits,
        client: ChatCompletionClient,
        send: Send,
        report: Callable[[Record], None],
        fallback: Send | None,
    ) -> None:
        self._name = name
        self._limits = limits
        self._send = send
        self._report = report
        self._fallback = fallback
        self._adviser = Adviser(name, limits, report)
        self._sender = Sender(name, limits, client, read_trouble=read_trouble, report=report)

    def prepare(self, ask: Ask) -> tuple[Ask, Send]:
        """Return what to ask, and how to send it.

        Raises:
            LoopDetectedError: An agent repeats itself in its run, and there is no fallback.
        """
        # A client by itself only warns the model: whether work goes on is for the agent or the program around it.
        may_end = self._fallback is not None or current_run() is not None
        advice = self._adviser.advise(ask.messages, may_end=may_end)
        if advice.over is not None:
            if self._fallback is None:
                raise advice.over
            return ask, self._fallback
        if advice.answer_now:
            ask = replace(ask, tools=(), tool_choice="none")
        return replace(ask, note=advice.note), self.send

    async def send(self, ask: Ask, request: Request, usage: UsageListener) -> AsyncGenerator[Item, None]:
        """Send a request, as often as it may be until it is answered; see `Send`."""
        sent = self._sender.send(
            lambda: self._send(ask, request, usage),
            tokens=request.tokens,
            streamed=ask.stream,
            token=ask.cancellation_token,
            reply_tokens=lambda item: _reply_tokens(item, usage),
        )
        text = TextLoop()
        async with aclosing(sent) as items:
            async for item in items:
                yield item
                if isinstance(item, str) and self._limits.max_repeats is not None and text.add(item):
                    self._report(LoopRecord(self._name, "text", "reply", self._limits.max_repeats, "ended"))
                    raise LoopDetectedError(
                        f"{self._name}: the model writes the same again and again. Lower its temperature or raise its "
                        "frequency penalty; if the text is meant to be so, set max_repeats=None in Limits",
                        repeats=self._limits.max_repeats,
                        cycle=1,
                    )


def read_trouble(error: Exception) -> Trouble | None:
    """Return what is known of an error that may pass.

    Returns:
        Trouble | None: `None` means that the same call would fail again.
    """
    match read_provider_error(error):
        case Throttled(retry_after=seconds):
            return Trouble("throttled", seconds)
        case OutOfMemory():
            return Trouble("overloaded")
        case None:
            kinds = {kind.__name__ for kind in type(error).__mro__}
            broken = isinstance(error, ConnectionError) or kinds & _BROKEN_CONNECTIONS
            return Trouble("transient") if broken or status_of(error) in _GATEWAY_STATUSES else None
        case _:
            return None


def _reply_tokens(item: Item, usage: UsageListener) -> int:
    if isinstance(item, str) or item.cached:
        return 0
    return Usage.of(item, usage.details).completion_tokens or 0
