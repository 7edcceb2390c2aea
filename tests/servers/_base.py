"""What all fake servers share: start and stop, recording, scripting, the token window and broken connections."""

import asyncio
import math
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import ClassVar, Generic, NoReturn, TypeVar

from aiohttp import web
from pydantic import TypeAdapter, ValidationError
from typing_extensions import Self

from ._replies import Answer, Drop, Failure, JsonObject, Overflow, Reply, Stall
from ._tokens import CountText, PrefixCache, Prompt, compact_json, o200k_tokens
from ._wire import RejectionError, WireRequest

WireT = TypeVar("WireT", bound=WireRequest)

_OBJECT = TypeAdapter(dict[str, object])
_OBJECTS = TypeAdapter(list[dict[str, object]])
_MAX_BODY = 64 * 1024 * 1024  # bytes
_STOP_AFTER = 0.05  # seconds that running replies get when the server stops; to aiohttp, 0 would be forever


@dataclass(frozen=True)
class Received:
    """One request as the server saw it.

    Args:
        headers (Mapping[str, str]): Its HTTP headers.
        body (JsonObject): Its JSON as sent; empty when it was no JSON object.
        prompt_tokens (int): The server's own count; 0 when the request was refused before it could be counted.
        cached_tokens (int): How many of them a prompt cache would have served: the whole leading messages this prompt
            has in common with an earlier one.
        dropped_tokens (int): Tokens the server threw away without a word. Only Ollama does that.
        rejection (Failure | None): The server's refusal of an invalid or over-long request. None means accepted; a
            failure that was scripted is the reply to an accepted request.
    """

    headers: Mapping[str, str]
    body: JsonObject
    prompt_tokens: int = 0
    cached_tokens: int = 0
    dropped_tokens: int = 0
    rejection: Failure | None = None

    @property
    def accepted(self) -> bool:
        """Whether the request was valid and fitted the window."""
        return self.rejection is None

    @property
    def messages(self) -> list[JsonObject]:
        """The messages as sent."""
        return _OBJECTS.validate_python(self.body.get("messages", []))

    @property
    def tools(self) -> list[JsonObject]:
        """The tools as sent; empty when there are none."""
        return _OBJECTS.validate_python(self.body.get("tools", []))


@dataclass(frozen=True)
class Usage:
    """What an answer cost, in the server's tokens."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


class FakeServer(ABC, Generic[WireT]):
    """An HTTP server on 127.0.0.1 that checks, counts, records and answers as a model service does.

    It runs in the caller's event loop, between `async with` and its end.

    Args:
        window (int): Tokens that prompt and reply may hold together.
        token_ratio (float): The server's tokens per token of `count_text`: how far the model's tokenizer is from the
            one its clients count with. It scales everything the server reports and limits.
        count_text (CountText | None): Tokens of a text. None means tiktoken with o200k_base.

    Raises:
        ValueError: `window` or `token_ratio` is not positive.
    """

    path: ClassVar[str]
    """Where requests are posted."""
    stream_type: ClassVar[str]
    """The content type of a streamed reply."""
    keep_alive: ClassVar[bool] = True
    """Whether a connection serves more than one request."""

    def __init__(self, *, window: int, token_ratio: float = 1.0, count_text: CountText | None = None) -> None:
        if window < 1 or token_ratio <= 0:
            raise ValueError(f"window and token_ratio must be positive, got {window} and {token_ratio}")
        self.window = window
        self.token_ratio = token_ratio
        self.count_text = count_text or o200k_tokens
        self._requests: list[Received] = []
        self._arrival = asyncio.Event()
        self._script: deque[Reply] = deque()
        self._reply_function: Callable[[Received], Reply] = self._echo
        self._cache = PrefixCache()
        self._crash: Exception | None = None
        self._runner: web.AppRunner | None = None

    # -- the test's side ---------------------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """The address to give to a client.

        Raises:
            RuntimeError: The server is not running.
        """
        if self._runner is None or not self._runner.addresses:
            raise RuntimeError(f"{type(self).__name__} is not running: use it in `async with`")
        host, port = self._runner.addresses[0]
        return f"http://{host}:{port}"

    @property
    def requests(self) -> tuple[Received, ...]:
        """Every request so far, refused ones too, in the order they came in."""
        return tuple(self._requests)

    async def wait_for_requests(self, count: int) -> None:
        """Wait until `count` requests have come in since the start."""
        while len(self._requests) < count:
            self._arrival.clear()
            await self._arrival.wait()

    def script(self, *replies: Reply) -> None:
        """Answer the next accepted requests with `replies`, one each, after those that are still waiting."""
        self._script.extend(replies)

    def reply_with(self, function: Callable[[Received], Reply]) -> None:
        """Answer with what `function` makes of the request, when no scripted reply is left.

        An exception it raises is answered with status 500, and raised again when the server stops.
        """
        self._reply_function = function

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=_MAX_BODY)
        application.add_routes(self._routes())
        # Handlers end with their client, so that an abandoned call leaves nothing behind.
        self._runner = web.AppRunner(
            application, handler_cancellation=True, shutdown_timeout=_STOP_AFTER, access_log=None
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        # What failed here explains what failed in the test; a cancellation is none of its business.
        if self._crash is not None and (error is None or isinstance(error, Exception)):
            raise self._crash

    # -- what a service defines --------------------------------------------------------------------------------------

    def _routes(self) -> list[web.RouteDef]:
        return [web.post(self.path, self._serve)]

    @abstractmethod
    def _parse(self, body: JsonObject) -> WireT:
        """The request in the service's wire format; raises `RejectionError` if it is not."""

    @abstractmethod
    def _prompt(self, wire: WireT) -> Prompt:
        """The request counted, in unscaled tokens."""

    def _fit(self, prompt: Prompt) -> Prompt:
        """What is left of a prompt that a service cuts on its own."""
        return prompt

    @abstractmethod
    def _error(self, message: str) -> Failure:
        """The service's form of a plain 400."""

    @abstractmethod
    def _overflow(self, prompt_tokens: int, reply_tokens: int, limit: int) -> Failure:
        """The service's error for a prompt that does not fit; `reply_tokens` is 0 where no room was asked for."""

    @abstractmethod
    def _whole(self, wire: WireT, answer: Answer, usage: Usage) -> JsonObject:
        """The answer as one JSON body."""

    @abstractmethod
    def _chunks(self, wire: WireT, answer: Answer, usage: Usage) -> Iterable[bytes]:
        """The answer as the chunks of a stream."""

    # -- the way of a request ----------------------------------------------------------------------------------------

    async def _serve(self, http: web.Request) -> web.StreamResponse:
        try:
            return await self._handle(http)
        except ConnectionResetError:  # the client went away, as it may
            raise
        except Exception as error:
            self._crash = self._crash or error
            return web.json_response({"error": {"message": f"{type(error).__name__}: {error}"}}, status=500)

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        sent, broken = self.reply(dict(http.headers), await http.read())
        response = await self._send(http, sent, broken)
        return response if broken is None else await _until_cancelled()

    def reply(self, headers: Mapping[str, str], raw: bytes) -> "tuple[Sent, Stall | Drop | None]":
        """What the server sends to one request, whatever it came over.

        Args:
            headers (Mapping[str, str]): The request's headers.
            raw (bytes): Its body.

        Returns:
            tuple[Sent, Stall | Drop | None]: The reply, and how it breaks off. `None` means it does not.
        """
        received = Received(headers=headers, body={})
        try:
            received = replace(received, body=self._object(raw))
            wire = self._parse(received.body)
            whole = self._prompt(wire)
            prompt = self._fit(whole)
            received = replace(
                received,
                prompt_tokens=self._scaled(prompt.tokens),
                dropped_tokens=self._scaled(whole.tokens) - self._scaled(prompt.tokens),
            )
            self._check_window(prompt)
        except RejectionError as rejection:
            self._record(replace(received, rejection=rejection.failure))
            return Sent.failure(rejection.failure), None
        received = replace(received, cached_tokens=self._scaled(self._cache.read(prompt.segments)))
        self._record(received)
        match self._next_reply(received):
            case Failure() as failure:
                return Sent.failure(failure), None
            case Overflow(limit=limit):
                return Sent.failure(self._forced_overflow(prompt, limit)), None
            case Stall() | Drop() as broken:
                return self._sent(wire, broken.answer, received), broken
            case str() as text:
                return self._sent(wire, Answer(text), received), None
            case Answer() as answer:
                return self._sent(wire, answer, received), None

    def _record(self, received: Received) -> None:
        self._requests.append(received)
        self._arrival.set()

    def _object(self, raw: bytes) -> JsonObject:
        try:
            return _OBJECT.validate_json(raw)
        except ValidationError as error:
            raise RejectionError(self._error("We could not parse the JSON body of your request.")) from error

    def _scaled(self, tokens: int) -> int:
        return math.ceil(tokens * self.token_ratio)

    def _check_window(self, prompt: Prompt) -> None:
        tokens = self._scaled(prompt.tokens)
        reply = prompt.reply_tokens or 0
        limit = prompt.window or self.window
        if tokens + reply > limit:
            raise RejectionError(self._overflow(tokens, reply, limit))

    def _forced_overflow(self, prompt: Prompt, limit: int | None) -> Failure:
        tokens = self._scaled(prompt.tokens)
        return self._overflow(tokens, 0, limit or min(prompt.window or self.window, tokens - 1))

    def _next_reply(self, received: Received) -> Reply:
        return self._script.popleft() if self._script else self._reply_function(received)

    def _echo(self, received: Received) -> Reply:
        heard = [compact_json(message.get("content")) for message in received.messages[-1:]]
        return " ".join(["Echo:", *re.findall(r"[^\W_]+", " ".join(heard))[:8]])

    # -- the way of a reply ------------------------------------------------------------------------------------------

    def _sent(self, wire: WireT, answer: Answer, received: Received) -> "Sent":
        answer = replace(
            answer,
            calls=tuple(
                replace(call, id=call.id or f"call_{len(self._requests)}_{index}")
                for index, call in enumerate(answer.calls)
            ),
        )
        said = [answer.text or "", *(call.name + compact_json(call.arguments) for call in answer.calls)]
        usage = Usage(received.prompt_tokens, received.cached_tokens, self._scaled(sum(map(self.count_text, said))))
        if wire.stream:
            return Sent(tuple(self._chunks(wire, answer, usage)), self.stream_type, answer.delay)
        whole = compact_json(self._whole(wire, answer, usage)).encode()
        half = len(whole) // 2
        return Sent((whole[:half], whole[half:]), "application/json", answer.delay, length=len(whole))

    async def _send(self, http: web.Request, sent: "Sent", broken: Stall | Drop | None = None) -> web.StreamResponse:
        await asyncio.sleep(sent.delay)
        response = web.StreamResponse(status=sent.status, headers={**sent.headers, "Content-Type": sent.content_type})
        response.content_length = sent.length
        if not self.keep_alive:
            response.force_close()
        chunks = sent.chunks if broken is None else sent.chunks[: broken.after_chunks]
        if chunks:
            await response.prepare(http)
        for chunk in chunks:
            await response.write(chunk)
        if isinstance(broken, Drop) and http.transport is not None:
            http.transport.close()
        elif broken is None:
            await response.write_eof()
        return response


@dataclass(frozen=True)
class Sent:
    """A reply ready to be sent; `delay` in seconds, `length` in bytes, None for a stream."""

    chunks: Sequence[bytes]
    content_type: str
    delay: float
    length: int | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def failure(cls, failure: Failure) -> "Sent":
        """An HTTP error."""
        body = compact_json(failure.body).encode()
        return cls((body,), "application/json", failure.delay, len(body), failure.status, failure.headers)


async def _until_cancelled() -> NoReturn:
    """Hang until the client goes away or the server stops: both cancel the handler."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("unreachable")


def words(text: str) -> list[str]:
    """`text` in the pieces in which a model would stream it; together they are the text again."""
    return re.findall(r"\S+\s*|\s+", text)
