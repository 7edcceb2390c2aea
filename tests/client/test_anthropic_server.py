"""The fake of Anthropic's messages: what it counts, what it refuses, and in which words."""

import anthropic
import pytest
from autogen_core import Image
from autogen_core.models import (
    UserMessage,
)
from PIL import Image as Picture
from pydantic import TypeAdapter

from builders import user
from servers import (
    AnthropicServer,
    JsonObject,
)
from servers.clients import client_of, post


def said(role: str, *blocks: JsonObject) -> JsonObject:
    """A message of blocks."""
    return {"role": role, "content": list(blocks)}


def use(use_id: str) -> JsonObject:
    """A tool use."""
    return {"type": "tool_use", "id": use_id, "name": "f", "input": {}}


def outcome(use_id: str) -> JsonObject:
    """A tool result."""
    return {"type": "tool_result", "tool_use_id": use_id, "content": [{"type": "text", "text": "done"}]}


USER: JsonObject = {"role": "user", "content": "hi"}
TEXT: JsonObject = {"type": "text", "text": "hi"}


@pytest.mark.parametrize(
    ("window", "words"),
    [(100, "prompt is too long: 507 tokens > 100 maximum"), (510, "exceed context limit: 507 + 16 > 510, decrease")],
)
async def test_anthropic_words_its_overflow(window: int, words: str) -> None:
    """The prompt alone, or prompt and `max_tokens` together, must fit."""
    async with AnthropicServer(window=window) as server, client_of(server, max_tokens=16) as client:
        with pytest.raises(anthropic.BadRequestError) as raised:
            await client.create([user("hi " * 500)])
    assert words in str(raised.value)


async def test_anthropic_counts_pixels() -> None:
    """An image costs its pixels divided by 750, once it is brought down to the size the service looks at."""
    async with AnthropicServer() as server, client_of(server) as client:
        for size in ((750, 100), (3136, 1568)):
            picture = Image.from_pil(Picture.new("RGB", size))
            await client.create([UserMessage(content=["hi", picture], source="user")])
    small, large = (request.prompt_tokens for request in server.requests)
    assert (small, large) == (3 + 1 + 100 + 3, 3 + 1 + -(-1568 * 784 // 750) + 3)


@pytest.mark.parametrize(
    "messages",
    [
        [said("user", TEXT), said("user", TEXT)],
        [
            USER,
            said("assistant", TEXT, use("a"), use("b")),
            said("user", outcome("b")),
            said("user", outcome("a"), TEXT),
        ],
        [USER, {"role": "assistant", "content": ""}],
    ],
)
async def test_anthropic_accepts_messages_of_one_role_in_a_row(messages: list[JsonObject]) -> None:
    """Consecutive messages are one turn, so results may be spread over them."""
    async with AnthropicServer() as server:
        system = [{"type": "text", "text": "Be brief."}]
        status, _ = await post(server, {"model": "m", "max_tokens": 9, "messages": messages, "system": system})
    assert status == 200


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"max_tokens": None}, "max_tokens: "),
        ({"frobnicate": 1}, "frobnicate: "),
        ({"messages": []}, "at least one message is required"),
        ({"messages": [said("assistant", TEXT)]}, 'first message must use the "user" role'),
        ({"messages": [said("user")]}, "messages.0: all messages must have non-empty content"),
        ({"messages": [said("user", {"type": "text", "text": ""})]}, "text content blocks must be non-empty"),
        ({"messages": [USER, {"role": "assistant", "content": "so "}]}, "cannot end with trailing whitespace"),
        ({"messages": [said("user", use("a"))]}, "messages.0.content"),
        ({"messages": [USER, said("assistant", use("a"))]}, "messages.1: `tool_use` ids were found without"),
        ({"messages": [USER, said("assistant", use("a")), said("user", TEXT, outcome("a"))]}, "immediately after: a."),
        ({"messages": [said("user", TEXT, outcome("a"))]}, "messages.0.content.1: unexpected `tool_use_id` found"),
        ({"messages": [USER, said("assistant", use("a"), use("a"))]}, "messages.1: `tool_use` ids must be unique"),
        (
            {"messages": [USER, said("assistant", use("a")), said("user", outcome("a"), outcome("a"))]},
            "messages.2: each tool_use must have a single result",
        ),
        (
            {
                "messages": [
                    said(
                        "user",
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "eA=="}},
                    )
                ]
            },
            "Could not process image",
        ),
    ],
)
async def test_anthropic_refuses_what_breaks_the_format(change: JsonObject, words: str) -> None:
    """An invalid request is an `invalid_request_error` that says what is wrong and where."""
    async with AnthropicServer() as server:
        status, body = await post(server, {"model": "m", "max_tokens": 9, "messages": [USER], **change})
    error = TypeAdapter(dict[str, str]).validate_python(body["error"])
    assert (status, error["type"]) == (400, "invalid_request_error")
    assert words in error["message"]
