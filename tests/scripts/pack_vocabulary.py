"""Packs an official `.tiktoken` vocabulary file into the form that ships inside the package.

    python tests/scripts/pack_vocabulary.py o200k_base.tiktoken src/autogen_budget/_counting/_vocabularies/o200k_base.xz

An official file has one line per token, `<base64 of the token> <rank>`, in the order of the ranks. That order makes the
ranks redundant, and base64 hides the tokens from a compressor; so the packed form is the number of tokens (4 bytes,
big-endian), one byte with the length of each token, and the tokens themselves, all under xz: a quarter of the size, and
nothing is lost.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import lzma
from pathlib import Path


def pack(official: bytes) -> bytes:
    """Packs an official vocabulary file.

    Args:
        official (bytes): The content of a `.tiktoken` file.

    Returns:
        bytes: The packed vocabulary.

    Raises:
        ValueError: If a line's rank is not its position, or a token is longer than 255 bytes.
    """
    tokens: list[bytes] = []
    for position, line in enumerate(official.splitlines()):
        token, rank = line.split()
        if int(rank) != position:
            raise ValueError(
                f"Line {position} has rank {int(rank)}: the packed form has no room for ranks out of order."
            )
        tokens.append(base64.b64decode(token))
    listed = len(tokens).to_bytes(4, "big") + bytes(map(len, tokens)) + b"".join(tokens)
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "lp": 0, "pb": 0}]
    return lzma.compress(listed, format=lzma.FORMAT_XZ, filters=filters)


def main() -> None:
    """Packs one file and prints the digests that the package checks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("official", type=Path, help="the .tiktoken file")
    parser.add_argument("packed", type=Path, help="where to write the packed vocabulary")
    arguments = parser.parse_args()
    official: bytes = arguments.official.read_bytes()
    packed = pack(official)
    arguments.packed.write_bytes(packed)
    print(f"sha256 of the official file  {hashlib.sha256(official).hexdigest()}")
    print(f"sha256 of the token list     {hashlib.sha256(lzma.decompress(packed)).hexdigest()}")
    print(f"{len(official):,} bytes packed into {len(packed):,}")


if __name__ == "__main__":
    main()
