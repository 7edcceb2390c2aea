"""Facts as one short text for a saved state, and back: thousands of them repeat the same few words."""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable

from pydantic import TypeAdapter

from ._facts import Fact

_FACTS = TypeAdapter(list[Fact])
_LARGEST = 2**26
"""Bytes that a text may unpack to: far above what the largest digest takes, far below what harms."""


def pack(facts: Iterable[Fact]) -> str:
    """Write facts down."""
    plain = json.dumps(_FACTS.dump_python(list(facts), mode="json"), separators=(",", ":"))
    return b64encode(zlib.compress(plain.encode())).decode()


def unpack(packed: str) -> list[Fact]:
    """Read what `pack` wrote.

    Raises:
        ValueError: It is not one that `pack` wrote.
    """
    try:
        plain = zlib.decompressobj().decompress(b64decode(packed), _LARGEST)
    except zlib.error as error:
        raise ValueError(f"not a digest's facts: {error}") from error
    return _FACTS.validate_python(json.loads(plain))
