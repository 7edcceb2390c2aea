"""A fake of OpenAI's chat completions: as strict as the real service, with a window, usage and streaming."""

import math
import time
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, TypeAlias

from aiohttp import web
from typing_extensions import assert_never

from ._base import FakeServer, Usage, words
from ._openai_wire import (
    AssistantMessage,
    ChatRequest,
    ImagePart,
    ImageUrl,
    Message,
    TextPart,
    ToolMessage,
    invalid,
    read_request,
)
from ._replies import Answer, Call, Failure, JsonObject
from ._tokens import CountText, Prompt, Segment, compact_json, image_size
from ._wire import RejectionError

OverflowStyle: TypeAlias = Literal["openai", "openai_input", "no_code", "vllm", "llama.cpp", "gemini"]
"""How a context overflow is worded: by OpenAI, by OpenAI for models with a limit on the input alone, by OpenAI but
without the error's `code`, or by a compatible service."""

_FRAME = (
    3  # tokens around each message, and again before the reply (OpenAI cookbook, "How to count tokens with tiktoken")
)

# The service answers with the dated release behind an alias.
_RELEASES = {"gpt-4o": "gpt-4o-2024-08-06", "gpt-4o-mini": "gpt-4o-mini-2024-07-18", "gpt-4.1": "gpt-4.1-2025-04-14"}


class OpenAIServer(FakeServer[ChatRequest]):
    """`POST /v1/chat/completions` and `GET /v1/models`.

        async with OpenAIServer(window=8_192) as server:
            server.script(Answer(calls=(Call("search", {"query": "tea"}),)), "Found it.")
            client = OpenAIChatCompletionClient(model="gpt-4o", base_url=server.base_url, api_key="x", max_retries=0)

    Args:
        window (int): Tokens that prompt and reply may hold together. The reply counts with what the request's
            `max_tokens` or `max_completion_tokens` asks for.
        overflow_style (OverflowStyle): How an overflow is worded.
        models (Sequence[str]): What `GET /v1/models` lists; other models are served too.
        token_ratio (float): See `FakeServer`.
        count_text (CountText | None): See `FakeServer`.
    """

    path: ClassVar[str] = "/v1/chat/completions"
    stream_type: ClassVar[str] = "text/event-stream"

    def __init__(
        self,
        *,
        window: int = 128_000,
        overflow_style: OverflowStyle = "openai",
        models: Sequence[str] = tuple(_RELEASES),
        token_ratio: float = 1.0,
        count_text: CountText | None = None,
    ) -> None:
        super().__init__(window=window, token_ratio=token_ratio, count_text=count_text)
        self._overflow_style: OverflowStyle = overflow_style
        self._models = tuple(models)

    @property
    def base_url(self) -> str:
        """The address to give to a client, `/v1` included."""
        return f"{super().base_url}/v1"

    def _routes(self) -> list[web.RouteDef]:
        return [*super()._routes(), web.get("/v1/models", self._list_models)]

    async def _list_models(self, _: web.Request) -> web.Response:
        models = [{"id": model, "object": "model", "created": 0, "owned_by": "test"} for model in self._models]
        return web.json_response({"object": "list", "data": models})

    # -- requests ----------------------------------------------------------------------------------------------------

    def _parse(self, body: JsonObject) -> ChatRequest:
        return read_request(body)

    def _error(self, message: str) -> Failure:
        return invalid(message)

    def _prompt(self, wire: ChatRequest) -> Prompt:
        schemas = [tool.model_dump(exclude_none=True) for tool in wire.tools or []]
        if wire.response_format is not None and wire.response_format.json_schema is not None:
            schemas.append(wire.response_format.json_schema.schema_)
        texts = [compact_json(schema) for schema in schemas]
        return Prompt(
            segments=(
                *(Segment(text, self.count_text(text), system=True) for text in texts),
                *(self._segment(message, index) for index, message in enumerate(wire.messages)),
            ),
            fixed_tokens=_FRAME,
            reply_tokens=wire.max_completion_tokens or wire.max_tokens,
        )

    def _segment(self, message: Message, index: int) -> Segment:
        texts: list[str] = [message.role]
        tokens = _FRAME
        if not isinstance(message, ToolMessage) and message.name is not None:
            texts.append(message.name)
            tokens += 1
        if isinstance(message, AssistantMessage):
            for call in message.tool_calls or []:
                texts += [call.function.name, call.function.arguments]
        for part in [message.content] if isinstance(message.content, str) else message.content or []:
            match part:
                case str():
                    texts.append(part)
                case TextPart():
                    texts.append(part.text)
                case ImagePart():
                    tokens += _image_tokens(part.image_url, index)
                case _:
                    assert_never(part)
        tokens += sum(map(self.count_text, texts))
        return Segment(message.model_dump_json(), tokens, system=message.role in ("system", "developer"))

    def _overflow(self, prompt_tokens: int, reply_tokens: int, limit: int) -> Failure:
        maximum = f"This model's maximum context length is {limit} tokens."
        requested = (
            f"However, you requested {prompt_tokens + reply_tokens} tokens "
            f"({prompt_tokens} in the messages, {reply_tokens} in the completion). "
            "Please reduce the length of the messages or completion."
        )
        resulted = (
            f"However, your messages resulted in {prompt_tokens} tokens. Please reduce the length of the messages."
        )
        openai = f"{maximum} {requested if reply_tokens else resulted}"
        match self._overflow_style:
            case "openai":
                return invalid(openai, "messages", "context_length_exceeded")
            case "openai_input":
                sizes = f"limit of {limit} tokens. Your messages resulted in {prompt_tokens} tokens."
                message = f"Input tokens exceed the configured {sizes} Please reduce the length of the messages."
                return invalid(message, "messages", "context_length_exceeded")
            case "no_code":
                return invalid(openai, "messages")
            case "vllm":
                message = f"{maximum} {requested}"
                error = {"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": 400}
                return Failure(400, error)
            case "llama.cpp":
                sizes = f"request ({prompt_tokens} tokens) exceeds the available context size ({limit} tokens)"
                error = {"code": 400, "message": f"{sizes}, try increasing it", "type": "exceed_context_size_error"}
                return Failure(400, {"error": {**error, "n_prompt_tokens": prompt_tokens, "n_ctx": limit}})
            case "gemini":
                message = (
                    f"The input token count ({prompt_tokens}) exceeds the maximum number of tokens allowed ({limit})."
                )
                return Failure(400, [{"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}])
            case _:
                assert_never(self._overflow_style)

    # -- replies -----------------------------------------------------------------------------------------------------

    def _whole(self, wire: ChatRequest, answer: Answer, usage: Usage) -> JsonObject:
        message: JsonObject = {"role": "assistant", "content": answer.text, "refusal": None}
        if answer.calls:
            message["tool_calls"] = [_call(call, compact_json(call.arguments)) for call in answer.calls]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(answer)}
        return {**self._head(wire, "chat.completion"), "choices": [choice], "usage": _usage(usage)}

    def _chunks(self, wire: ChatRequest, answer: Answer, usage: Usage) -> Iterator[bytes]:
        head = self._head(wire, "chat.completion.chunk")
        with_usage = wire.stream_options is not None and wire.stream_options.include_usage
        tail: JsonObject = {"usage": None} if with_usage else {}
        for delta in _deltas(answer):
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
            yield _event({**head, "choices": [choice], **tail})
        last: JsonObject = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": _finish_reason(answer)}
        yield _event({**head, "choices": [last], **tail})
        if with_usage:
            yield _event({**head, "choices": [], "usage": _usage(usage)})
        yield b"data: [DONE]\n\n"

    def _head(self, wire: ChatRequest, kind: str) -> JsonObject:
        model = _RELEASES.get(wire.model, wire.model)
        return {"id": f"chatcmpl-{len(self.requests)}", "object": kind, "created": int(time.time()), "model": model}


def _image_tokens(image: ImageUrl, index: int) -> int:
    """The published formula for GPT-4o: 85 tokens, and in high detail 170 more for each tile of 512 pixels.

    The image is first made to fit into 2048 x 2048 pixels, then its shortest side is brought down to 768.
    """
    _, _, data = image.url.partition(";base64,")
    try:
        width, height = image_size(data)
    except ValueError as error:
        complaint = f"Invalid base64 image_url: {error}"
        raise RejectionError(invalid(complaint, f"messages.[{index}].content", "invalid_base64")) from error
    if image.detail == "low":
        return 85
    scale = min(1.0, 2048 / max(width, height))
    scale = min(scale, 768 / min(width, height))
    tiles = math.ceil(width * scale / 512) * math.ceil(height * scale / 512)
    return 85 + 170 * tiles


def _call(call: Call, arguments: str) -> JsonObject:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _finish_reason(answer: Answer) -> str:
    return answer.finish_reason or ("tool_calls" if answer.calls else "stop")


def _usage(usage: Usage) -> JsonObject:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }


def _deltas(answer: Answer) -> Iterator[JsonObject]:
    yield {"role": "assistant", "content": None if answer.calls else ""}
    for piece in words(answer.text or ""):
        yield {"content": piece}
    for index, call in enumerate(answer.calls):
        yield {"tool_calls": [{"index": index, **_call(call, "")}]}
        for piece in words(compact_json(call.arguments)):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _event(value: JsonObject) -> bytes:
    return f"data: {compact_json(value)}\n\n".encode()
