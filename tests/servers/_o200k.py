"""tiktoken's own o200k_base without a network: its own pattern and its own check of the official vocabulary file."""

import base64
import hashlib
import lzma
import tempfile
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest
import tiktoken
from tiktoken import registry

_URL = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"


@cache
def o200k_base() -> tiktoken.Encoding:
    """The encoding of GPT-4o and later.

    tiktoken gets the official file, unpacked from the copy that the library ships, through its cache of downloads, and
    accepts it by its checksum. The encoding is taken out of tiktoken's registry again: to the rest of the process
    tiktoken is as offline as it was.
    """
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # tiktoken names its cached files by the SHA-1 of their address.
        name = hashlib.sha1(_URL.encode(), usedforsecurity=False).hexdigest()
        Path(folder, name).write_bytes(_official_file())
        patch.setenv("TIKTOKEN_CACHE_DIR", folder)
        encoding = tiktoken.get_encoding("o200k_base")
        registry.ENCODINGS.pop("o200k_base")
        return encoding


def _official_file() -> bytes:
    """The official vocabulary: a line of base64 and rank per token."""
    listed = lzma.decompress((files("autogen_budget") / "_counting" / "_vocabularies" / "o200k_base.xz").read_bytes())
    count = int.from_bytes(listed[:4], "big")
    lines: list[bytes] = []
    start = 4 + count
    for rank, length in enumerate(listed[4:start]):
        lines.append(b"%s %d\n" % (base64.b64encode(listed[start : start + length]), rank))
        start += length
    return b"".join(lines)
