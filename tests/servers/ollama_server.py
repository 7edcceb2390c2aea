"""A fake of Ollama's chat: a small window that cuts prompts without a word, and replies as lines of JSON."""

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import ConfigDict

from ._base import FakeServer, Usage, words
from ._replies import Answer, Call, Failure, JsonObject
from ._tokens import CountText, Prompt, Segment, compact_json
from ._wire import Flaw, RejectionError, Wire, WireRequest, parse

_FRAME = 3  # tokens around each message; it depends on the model's template
_IMAGE = 256  # tokens of an image of any size: Gemma 3's figure


class _Lenient(Wire):
    """Like the service, it does not mind what it does not know."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _CalledFunction(_Lenient):
    name: str
    arguments: JsonObject


class _ToolCall(_Lenient):
    function: _CalledFunction


class _Message(_Lenient):
    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    images: list[str] | None = None
    tool_calls: list[_ToolCall] | None = None


class _Options(_Lenient):
    num_ctx: int | None = None


class OllamaRequest(WireRequest):
    """The body of a request."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    messages: list[_Message]
    tools: list[JsonObject] | None = None
    format: JsonObject | str | None = None
    options: _Options = _Options()
    stream: bool = True


class OllamaServer(FakeServer[OllamaRequest]):
    """`POST /api/chat`.

        async with OllamaServer(window=2_048) as server:
            client = OllamaChatCompletionClient(model="llama3.1", host=server.base_url)

    A prompt that is too long loses its oldest messages, but never the instructions nor the newest message; if that does
    not do, the newest message loses its beginning. `Received.dropped_tokens` tells how much went. Pairs of calls and
    results are not checked: the service does not check them either.

    Args:
        window (int): Tokens of the context, unless a request's option `num_ctx` says otherwise.
        refuses (bool): Answer an over-long prompt with an error instead of cutting it.
        token_ratio (float): See `FakeServer`.
        count_text (CountText | None): See `FakeServer`.
    """

    path: ClassVar[str] = "/api/chat"
    stream_type: ClassVar[str] = "application/x-ndjson"
    keep_alive: ClassVar[bool] = False  # AutoGen's client never closes its connections, so none may be left open

    def __init__(
        self,
        *,
        window: int = 4_096,
        refuses: bool = False,
        token_ratio: float = 1.0,
        count_text: CountText | None = None,
    ) -> None:
        super().__init__(window=window, token_ratio=token_ratio, count_text=count_text)
        self._refuses = refuses

    # -- requests ----------------------------------------------------------------------------------------------------

    def _parse(self, body: JsonObject) -> OllamaRequest:
        request = parse(OllamaRequest, body)
        if isinstance(request, Flaw):
            raise RejectionError(self._error(f"{'.'.join(map(str, request.path))}: {request.details['msg']}"))
        return request

    def _error(self, message: str) -> Failure:
        return Failure(400, {"error": message})

    def _prompt(self, wire: OllamaRequest) -> Prompt:
        schemas = [compact_json(schema) for schema in wire.tools or []]
        return Prompt(
            segments=(
                *(Segment(text, self.count_text(text), system=True) for text in schemas),
                *(self._segment(message) for message in wire.messages),
            ),
            fixed_tokens=_FRAME,
            window=wire.options.num_ctx,
        )

    def _segment(self, message: _Message) -> Segment:
        texts = [message.role, message.content]
        for call in message.tool_calls or []:
            texts += [call.function.name, compact_json(call.function.arguments)]
        tokens = _FRAME + _IMAGE * len(message.images or []) + sum(map(self.count_text, texts))
        return Segment(message.model_dump_json(), tokens, system=message.role == "system")

    def _fit(self, prompt: Prompt) -> Prompt:
        if self._refuses or not prompt.segments:
            return prompt
        limit = int((prompt.window or self.window) / self.token_ratio)
        newest = prompt.segments[-1]
        segments = list(prompt.segments)
        for segment in prompt.segments[:-1]:
            if sum(kept.tokens for kept in segments) + prompt.fixed_tokens <= limit:
                break
            if not segment.system:
                segments.remove(segment)
        before = sum(segment.tokens for segment in segments[:-1]) + prompt.fixed_tokens
        segments[-1] = replace(newest, tokens=max(0, min(newest.tokens, limit - before)))
        return replace(prompt, segments=tuple(segments))

    def _overflow(self, prompt_tokens: int, reply_tokens: int, limit: int) -> Failure:
        # The service names no sizes.
        return self._error("the input length exceeds the context length")

    # -- replies -----------------------------------------------------------------------------------------------------

    def _whole(self, wire: OllamaRequest, answer: Answer, usage: Usage) -> JsonObject:
        message = {"role": "assistant", "content": answer.text or "", **_tool_calls(answer.calls)}
        return {**_head(wire), "message": message, **_end(answer, usage)}

    def _chunks(self, wire: OllamaRequest, answer: Answer, usage: Usage) -> Iterator[bytes]:
        for piece in words(answer.text or ""):
            yield _line({**_head(wire), "message": {"role": "assistant", "content": piece}, "done": False})
        for call in answer.calls:
            message = {"role": "assistant", "content": "", **_tool_calls((call,))}
            yield _line({**_head(wire), "message": message, "done": False})
        last = {"role": "assistant", "content": ""}
        yield _line({**_head(wire), "message": last, **_end(answer, usage)})


def _head(wire: OllamaRequest) -> JsonObject:
    return {"model": wire.model, "created_at": "2025-01-01T00:00:00Z"}


def _tool_calls(calls: tuple[Call, ...]) -> JsonObject:
    functions = [{"function": {"name": call.name, "arguments": call.arguments}} for call in calls]
    return {"tool_calls": functions} if functions else {}


def _end(answer: Answer, usage: Usage) -> JsonObject:
    return {
        "done": True,
        "done_reason": answer.finish_reason or "stop",
        "total_duration": 1,
        "prompt_eval_count": usage.prompt_tokens,
        "eval_count": usage.completion_tokens,
    }


def _line(value: JsonObject) -> bytes:
    return f"{compact_json(value)}\n".encode()
