"""The wire format of Anthropic's messages, and the service's complaints about requests that break it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from ._replies import Failure, JsonObject
from ._wire import Flaw, RejectionError, Wire, WireRequest, parse

CallId: TypeAlias = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$")]


class TextBlock(Wire):
    """A piece of text."""

    type: Literal["text"]
    text: str
    citations: None = None
    cache_control: JsonObject | None = None


class ImageSource(Wire):
    """The bytes of an image."""

    type: Literal["base64"]
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    data: str


class ImageBlock(Wire):
    """An image."""

    type: Literal["image"]
    source: ImageSource
    cache_control: JsonObject | None = None


class ToolUseBlock(Wire):
    """One call in an assistant message."""

    type: Literal["tool_use"]
    id: CallId
    name: str
    input: JsonObject
    cache_control: JsonObject | None = None


class ToolResultBlock(Wire):
    """The result of one call."""

    type: Literal["tool_result"]
    tool_use_id: CallId
    content: str | list[Annotated[TextBlock | ImageBlock, Field(discriminator="type")]] = ""
    is_error: bool | None = None
    cache_control: JsonObject | None = None


UserBlock: TypeAlias = Annotated[TextBlock | ImageBlock | ToolResultBlock, Field(discriminator="type")]
AssistantBlock: TypeAlias = Annotated[TextBlock | ToolUseBlock, Field(discriminator="type")]
Block: TypeAlias = TextBlock | ImageBlock | ToolUseBlock | ToolResultBlock


class UserMessage(Wire):
    """What a user said, and the results of calls."""

    role: Literal["user"]
    content: str | list[UserBlock]


class AssistantMessage(Wire):
    """What the model said, and the tools it called."""

    role: Literal["assistant"]
    content: str | list[AssistantBlock]


Message: TypeAlias = Annotated[UserMessage | AssistantMessage, Field(discriminator="role")]


class Tool(Wire):
    """A tool the model may call."""

    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,128}$")]
    input_schema: JsonObject
    description: str | None = None
    cache_control: JsonObject | None = None


class MessagesRequest(WireRequest):
    """The body of a request."""

    messages: list[Message]
    max_tokens: Annotated[int, Field(ge=1)]
    system: str | list[TextBlock] | None = None
    tools: list[Tool] | None = None
    tool_choice: JsonObject | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    metadata: JsonObject | None = None


def invalid(message: str) -> Failure:
    """The service's form of a 400."""
    return Failure(400, {"type": "error", "error": {"type": "invalid_request_error", "message": message}})


def blocks_of(message: UserMessage | AssistantMessage) -> Sequence[Block]:
    """The content of a message as blocks."""
    return [TextBlock(type="text", text=message.content)] if isinstance(message.content, str) else message.content


def read_request(body: JsonObject) -> MessagesRequest:
    """`body` as a request that the service would accept, its size aside.

    Raises:
        RejectionError: It would not.
    """
    request = parse(MessagesRequest, body)
    if isinstance(request, Flaw):
        raise RejectionError(invalid(f"{'.'.join(map(str, request.path))}: {request.details['msg']}"))
    _check_shape(request.messages)
    _check_pairs(request.messages)
    return request


def _check_shape(messages: list[Message]) -> None:
    if not messages:
        raise RejectionError(invalid("messages: at least one message is required"))
    if messages[0].role != "user":
        raise RejectionError(invalid('messages: first message must use the "user" role'))
    last = messages[-1]
    for index, message in enumerate(messages):
        if not message.content and not (message is last and message.role == "assistant"):
            rule = "all messages must have non-empty content except for the optional final assistant message"
            raise RejectionError(invalid(f"messages.{index}: {rule}"))
        if message.content and any(isinstance(block, TextBlock) and not block.text for block in blocks_of(message)):
            raise RejectionError(invalid("messages: text content blocks must be non-empty"))
    if last.role == "assistant" and isinstance(last.content, str) and last.content != last.content.rstrip():
        raise RejectionError(invalid("messages: final assistant content cannot end with trailing whitespace"))


@dataclass(frozen=True)
class _Turn:
    """Consecutive messages of one role, which the service reads as one; each block with its place in the request."""

    last: int
    blocks: Sequence[tuple[str, Block]]

    @property
    def uses(self) -> list[str]:
        return [block.id for _, block in self.blocks if isinstance(block, ToolUseBlock)]

    @property
    def leading_results(self) -> list[str]:
        """The calls that are answered before anything else is said."""
        results = takewhile(lambda each: isinstance(each[1], ToolResultBlock), self.blocks)
        return [block.tool_use_id for _, block in results if isinstance(block, ToolResultBlock)]


def _turns(messages: list[Message]) -> list[_Turn]:
    turns: list[_Turn] = []
    for _, numbered in groupby(enumerate(messages), key=lambda each: each[1].role):
        group = list(numbered)
        blocks = [
            (f"messages.{index}.content.{place}", block)
            for index, message in group
            for place, block in enumerate(blocks_of(message))
        ]
        turns.append(_Turn(group[-1][0], blocks))
    return turns


def _check_pairs(messages: list[Message]) -> None:
    """Every use is answered once, first thing in the next turn; nothing else is answered."""
    nothing = _Turn(-1, ())
    turns = _turns(messages)
    for turn, following in zip([nothing, *turns], [*turns, nothing], strict=True):
        uses, results = turn.uses, following.leading_results
        if len(set(uses)) < len(uses):
            raise RejectionError(invalid(f"messages.{turn.last}: `tool_use` ids must be unique"))
        missing = [use for use in uses if use not in results]
        if missing:
            rule = "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
            found = "`tool_use` ids were found without `tool_result` blocks immediately after"
            raise RejectionError(invalid(f"messages.{turn.last}: {found}: {', '.join(missing)}. {rule}"))
        for place, block in following.blocks:
            if isinstance(block, ToolResultBlock) and block.tool_use_id not in uses:
                rule = "Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
                found = "unexpected `tool_use_id` found in `tool_result` blocks"
                raise RejectionError(invalid(f"{place}: {found}: {block.tool_use_id}. {rule}"))
        for use in uses:
            if results.count(use) > 1:
                rule = "each tool_use must have a single result. Found multiple `tool_result` blocks with id"
                raise RejectionError(invalid(f"messages.{following.last}: {rule}: {use}"))
