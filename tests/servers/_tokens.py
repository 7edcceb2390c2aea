"""How a fake server measures what it is sent, independently of the library under test."""

import base64
import binascii
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from PIL import Image, UnidentifiedImageError

from ._o200k import o200k_base

CountText: TypeAlias = Callable[[str], int]

_PIECE = 100_000  # characters; tiktoken refuses runs of about a million spaces


def o200k_tokens(text: str) -> int:
    """The tokens of a text for GPT-4o and later models."""
    encode = o200k_base().encode_ordinary
    return sum(len(encode(text[start : start + _PIECE])) for start in range(0, len(text), _PIECE))


def compact_json(value: object) -> str:
    """`value` as JSON without insignificant spaces, keys in the order they came in."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def image_size(encoded: str) -> tuple[int, int]:
    """Width and height in pixels of a base64 encoded image.

    Raises:
        ValueError: It is not base64, or not an image.
    """
    try:
        return Image.open(io.BytesIO(base64.b64decode(encoded, validate=True))).size
    except (binascii.Error, UnidentifiedImageError) as error:
        raise ValueError(str(error)) from error


@dataclass(frozen=True)
class Segment:
    """One part of a prompt that a prompt cache keeps or loses as a whole: a message, a tool, the system prompt.

    Args:
        content (str): What makes it this segment: its canonical JSON.
        tokens (int): Its size.
        system (bool): Whether it is part of the instructions rather than of the conversation.
    """

    content: str
    tokens: int
    system: bool = False


@dataclass(frozen=True)
class Prompt:
    """A counted request.

    Args:
        segments (tuple[Segment, ...]): In the order in which the model reads them.
        fixed_tokens (int): Tokens the service adds itself.
        reply_tokens (int | None): Room the request asks for its reply. None means it does not say.
        window (int | None): The window the request asks for. None means the server's.
    """

    segments: tuple[Segment, ...]
    fixed_tokens: int = 0
    reply_tokens: int | None = None
    window: int | None = None

    @property
    def tokens(self) -> int:
        """The size of the whole prompt, without its reply."""
        return sum(segment.tokens for segment in self.segments) + self.fixed_tokens


class PrefixCache:
    """The prompt cache of a provider: what was read before need not be read again, as long as it is a prefix."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def read(self, segments: tuple[Segment, ...]) -> int:
        """Remember `segments`, and say how many of their leading tokens some earlier prompt began with."""
        cached = 0
        prefix = 0
        unbroken = True
        for segment in segments:
            prefix = hash((prefix, segment.content))
            unbroken = unbroken and prefix in self._seen
            cached += segment.tokens if unbroken else 0
            self._seen.add(prefix)
        return cached
