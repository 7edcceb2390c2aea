"""The official vocabulary files, rebuilt from what ships, where tiktoken looks for them: it then needs no network."""

import base64
import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import tiktoken

from autogen_budget._counting._vocabulary import read_tokens

SHA256 = {
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
"""Digests of the official files, as tiktoken checks them."""

_CACHE_NAMES = {
    "cl100k_base": "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    "o200k_base": "fb374d419588a4632f3f557e76b4b70aebbca790",
}  # SHA-1 of the official addresses


def official_file(name: str) -> bytes:
    """Rebuilds an official `.tiktoken` file.

    Args:
        name (str): `o200k_base` or `cl100k_base`.

    Returns:
        bytes: Its content.
    """
    return b"".join(b"%b %d\n" % (base64.b64encode(token), rank) for rank, token in enumerate(read_tokens(name)))


@cache
def official_encoding(name: str) -> tiktoken.Encoding:
    """Gives tiktoken's own encoding, which it keeps from then on; tiktoken checks the file's digest.

    Args:
        name (str): `o200k_base` or `cl100k_base`.

    Returns:
        tiktoken.Encoding: The encoding with the pattern and the special tokens that tiktoken knows for it.
    """
    with TemporaryDirectory() as folder, patch.dict(os.environ, {"TIKTOKEN_CACHE_DIR": folder}):
        Path(folder, _CACHE_NAMES[name]).write_bytes(official_file(name))
        return tiktoken.get_encoding(name)
