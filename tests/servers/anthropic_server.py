"""A fake of Anthropic's messages service: strict pairing of tool use and result, a window, and event streams."""

import math
from collections.abc import Iterator
from typing import ClassVar

from aiohttp import web
from typing_extensions import assert_never

from ._anthropic_wire import (
    AssistantMessage,
    Block,
    ImageBlock,
    ImageSource,
    MessagesRequest,
    TextBlock,
    ToolResultBlock,
    ToolUseBlock,
    UserMessage,
    blocks_of,
    invalid,
    read_request,
)
from ._base import FakeServer, Usage, words
from ._replies import Answer, Call, Failure, JsonObject
from ._tokens import CountText, Prompt, Segment, compact_json, image_size
from ._wire import RejectionError

_FRAME = 3  # tokens around each message; the service publishes no figure


class AnthropicServer(FakeServer[MessagesRequest]):
    """`POST /v1/messages` and `POST /v1/messages/count_tokens`.

        async with AnthropicServer(window=8_192) as server:
            model = "claude-3-5-sonnet-latest"
            client = AnthropicChatCompletionClient(model=model, base_url=server.base_url, api_key="x", max_retries=0)

    It caches no prompts: the service does so only on request, and reports what it read from a cache apart from
    `input_tokens`. `Received.cached_tokens` still tells what a cache could have served.

    Args:
        window (int): Tokens that prompt and `max_tokens` may be together.
        token_ratio (float): See `FakeServer`.
        count_text (CountText | None): See `FakeServer`.
    """

    path: ClassVar[str] = "/v1/messages"
    stream_type: ClassVar[str] = "text/event-stream"

    def __init__(self, *, window: int = 200_000, token_ratio: float = 1.0, count_text: CountText | None = None) -> None:
        super().__init__(window=window, token_ratio=token_ratio, count_text=count_text)

    def _routes(self) -> list[web.RouteDef]:
        return [*super()._routes(), web.post(f"{self.path}/count_tokens", self._count)]

    async def _count(self, http: web.Request) -> web.Response:
        try:
            wire = read_request({**self._object(await http.read()), "max_tokens": 1})
        except RejectionError as rejection:
            return web.json_response(rejection.failure.body, status=rejection.failure.status)
        return web.json_response({"input_tokens": self._scaled(self._prompt(wire).tokens)})

    # -- requests ----------------------------------------------------------------------------------------------------

    def _parse(self, body: JsonObject) -> MessagesRequest:
        return read_request(body)

    def _error(self, message: str) -> Failure:
        return invalid(message)

    def _prompt(self, wire: MessagesRequest) -> Prompt:
        instructions = [compact_json(tool.model_dump(exclude_none=True)) for tool in wire.tools or []]
        if isinstance(wire.system, str):
            instructions.append(wire.system)
        else:
            instructions += [block.text for block in wire.system or []]
        return Prompt(
            segments=(
                *(Segment(text, self.count_text(text), system=True) for text in instructions),
                *(self._segment(message) for message in wire.messages),
            ),
            fixed_tokens=_FRAME,
            reply_tokens=wire.max_tokens,
        )

    def _segment(self, message: UserMessage | AssistantMessage) -> Segment:
        return Segment(message.model_dump_json(), _FRAME + sum(map(self._block_tokens, blocks_of(message))))

    def _block_tokens(self, block: Block) -> int:
        match block:
            case TextBlock():
                return self.count_text(block.text)
            case ImageBlock():
                return self._image_tokens(block.source)
            case ToolUseBlock():
                return self.count_text(block.name) + self.count_text(compact_json(block.input))
            case ToolResultBlock():
                if isinstance(block.content, str):
                    return self.count_text(block.content)
                return sum(map(self._block_tokens, block.content))
            case _:
                assert_never(block)

    def _image_tokens(self, source: ImageSource) -> int:
        """Pixels / 750, after the longer side is brought down to 1,568 pixels (Anthropic's guide to vision)."""
        try:
            width, height = image_size(source.data)
        except ValueError as error:
            raise RejectionError(invalid(f"Could not process image: {error}")) from error
        scale = min(1.0, 1568 / max(width, height))
        return math.ceil(width * scale * height * scale / 750)

    def _overflow(self, prompt_tokens: int, reply_tokens: int, limit: int) -> Failure:
        if prompt_tokens > limit:
            return invalid(f"prompt is too long: {prompt_tokens} tokens > {limit} maximum")
        sizes = f"{prompt_tokens} + {reply_tokens} > {limit}"
        return invalid(
            f"input length and `max_tokens` exceed context limit: {sizes}, "
            "decrease input length or `max_tokens` and try again"
        )

    # -- replies -----------------------------------------------------------------------------------------------------

    def _whole(self, wire: MessagesRequest, answer: Answer, usage: Usage) -> JsonObject:
        content: list[JsonObject] = [{"type": "text", "text": answer.text}] if answer.text else []
        content += [{**_tool_use(call), "input": call.arguments} for call in answer.calls]
        return {**self._head(wire, usage.prompt_tokens, usage.completion_tokens), **_end(answer), "content": content}

    def _chunks(self, wire: MessagesRequest, answer: Answer, usage: Usage) -> Iterator[bytes]:
        yield _event("message_start", {"message": {**self._head(wire, usage.prompt_tokens, 1), "content": []}})
        yield _event("ping", {})
        blocks: list[tuple[JsonObject, list[JsonObject]]] = []
        if answer.text:
            deltas: list[JsonObject] = [{"type": "text_delta", "text": piece} for piece in words(answer.text)]
            blocks.append(({"type": "text", "text": ""}, deltas))
        for call in answer.calls:
            pieces = words(compact_json(call.arguments))
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
            blocks.append(({**_tool_use(call), "input": {}}, deltas))
        for index, (block, deltas) in enumerate(blocks):
            yield _event("content_block_start", {"index": index, "content_block": block})
            for delta in deltas:
                yield _event("content_block_delta", {"index": index, "delta": delta})
            yield _event("content_block_stop", {"index": index})
        yield _event("message_delta", {"delta": _end(answer), "usage": {"output_tokens": usage.completion_tokens}})
        yield _event("message_stop", {})

    def _head(self, wire: MessagesRequest, input_tokens: int, output_tokens: int) -> JsonObject:
        return {
            "id": f"msg_{len(self.requests)}",
            "type": "message",
            "role": "assistant",
            "model": wire.model,
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {
                "input_tokens": input_tokens,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "output_tokens": output_tokens,
            },
        }


def _tool_use(call: Call) -> JsonObject:
    return {"type": "tool_use", "id": call.id, "name": call.name}


def _end(answer: Answer) -> JsonObject:
    reason = answer.finish_reason or ("tool_use" if answer.calls else "end_turn")
    return {"stop_reason": reason, "stop_sequence": None}


def _event(kind: str, value: JsonObject) -> bytes:
    return f"event: {kind}\ndata: {compact_json({'type': kind, **value})}\n\n".encode()
