"""The OpenAI vocabularies from inside the package: exact tokens with no network, split by kind of text."""

from __future__ import annotations

import hashlib
import lzma
import re
from collections.abc import Iterator
from itertools import accumulate, pairwise
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import tiktoken

from ._tally import Tally

SHIPPED = Path(__file__).with_name("_vocabularies")
"""The folder of the vocabularies inside the package."""


class _Source(NamedTuple):
    """What makes a vocabulary: how text is cut into words, and the digest of its list of tokens."""

    pattern: str
    sha256: str


# The patterns are part of the vocabularies' definitions (tiktoken_ext/openai_public.py). They are repeated here because
# the functions there download the vocabulary before they give the pattern away. The digests are those that
# tests/scripts/pack_vocabulary.py prints for the official files.
_SOURCES = {
    "o200k_base": _Source(
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "2f451f31d7403017d0b0dc6319ded23a09f33f573b1635c001fc6b91a1c21302",
    ),
    "cl100k_base": _Source(
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+"
        r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
        "9ef8402c916638b4e5896df1b798958e6377ae5ee9ecce199388d117f2a44973",
    ),
}

SMALL_VOCABULARY = 8_000
"""Tokens of the small vocabulary that pieces are counted with: the first of cl100k_base, which are English and code.

Measured with nine other tokenizers on 50 kinds of text: the pieces come out above all of them on prose, and near them
everywhere. With 4,000 English comes out a tenth higher, with 12,000 code and Dutch come out below some of them."""

_LETTER = re.compile(rb"[A-Za-z]")

# A token's code is its number of pieces, from the first code of its kind on.
_FIRST_CODES = {"letters": 0, "symbols": 50, "spaces": 100, "digits": 120, "scripts": 150}
_ALL_CODES = bytes(range(256))
_CODES = {
    kind: _ALL_CODES[first:end]
    for (kind, first), end in zip(_FIRST_CODES.items(), [*list(_FIRST_CODES.values())[1:], 256], strict=True)
}
_OTHER_CODES = {kind: _ALL_CODES.translate(None, codes) for kind, codes in _CODES.items()}
_PIECES = bytes(code - max(first for first in _FIRST_CODES.values() if first <= code) for code in _ALL_CODES)

# Places where both patterns end one match and begin another, whatever stands around them, so that the parts on either
# side have together as many tokens as the whole: before a blank after anything visible, after a line's end, and between
# a letter or digit and a punctuation mark (not the apostrophe: it may begin a contraction).
_SEAM = re.compile(
    r"(?<=\S)(?=[ \t])"
    r"|(?<=\n)(?=[^\s/])"
    r"|(?<=[0-9A-Za-zぁ-ゖァ-ヺ一-鿿가-힣])(?=[!-&(-/:-@\[-`{-~、。！，：；？])"
)


def pieces(text: str, size: int) -> Iterator[str]:
    """Cut a long text into pieces whose tokens add up to those of the whole text.

    Only where a stretch of `size` characters holds no seam (one long run of letters, digits or blanks) is a piece cut
    elsewhere, which may change the sum by a few tokens.

    `size`: Pieces have at least this many characters, but for the last, and at most twice as many.

    Yields:
        str: The pieces in order.
    """
    start = 0
    while len(text) - start > 2 * size:
        seam = _SEAM.search(text, start + size, start + 2 * size)
        end = seam.start() if seam else start + 2 * size
        yield text[start:end]
        start = end
    yield text[start:] if start else text


class Vocabulary:
    """An OpenAI vocabulary that counts tokens by kind of text.

    Raises:
        OSError: If the vocabulary's file cannot be read.
        ValueError: If the file's content is damaged.
    """

    def __init__(self, name: str, folder: Path = SHIPPED) -> None:
        tokens = read_tokens(name, folder)
        self._encoding = tiktoken.Encoding(
            name,
            pat_str=_SOURCES[name].pattern,
            mergeable_ranks={token: rank for rank, token in enumerate(tokens)},
            special_tokens={},
        )
        small = tokens if name == "cl100k_base" else read_tokens("cl100k_base", folder)
        self._codes = _codes(tokens, small[:SMALL_VOCABULARY])

    def measure(self, text: str) -> Tally:
        """Count the tokens and pieces of a text in one go."""
        tokens = self._encoding.encode_ordinary(text)
        # One call for all tokens is the fastest way through Python. It needs two at least: the last is dropped again.
        codes = bytes(itemgetter(*tokens, 0, 0)(self._codes)[:-2])
        return Tally(len(tokens), *(sum(codes.translate(_PIECES, others)) for others in _OTHER_CODES.values()))


def read_tokens(name: str, folder: Path = SHIPPED) -> list[bytes]:
    """Read a packed vocabulary.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If its content is damaged.
    """
    packed = (folder / f"{name}.xz").read_bytes()
    try:
        listed = lzma.decompress(packed)
    except lzma.LZMAError as error:
        raise ValueError(f"{name}.xz is damaged ({error}): reinstall autogen-budget.") from error
    if hashlib.sha256(listed).hexdigest() != _SOURCES[name].sha256:
        raise ValueError(f"{name}.xz is not the file that was shipped: reinstall autogen-budget.")
    count = int.from_bytes(listed[:4], "big")
    ends = accumulate(listed[4 : 4 + count], initial=4 + count)
    return [listed[start:end] for start, end in pairwise(ends)]


def _codes(tokens: list[bytes], small: list[bytes]) -> bytes:
    """Give each token the code of its kind and number of pieces."""
    ranks = {token: rank for rank, token in enumerate(small)}
    encoding = tiktoken.Encoding("small", pat_str=r"[\s\S]+", mergeable_ranks=ranks, special_tokens={})
    codes = bytearray()
    for token in tokens:
        kind = _kind(token)
        first, most = _FIRST_CODES[kind], len(_CODES[kind]) - 1
        codes.append(first + (len(token) if kind == "digits" else min(most, _pieces_of(token, encoding))))
    return bytes(codes)


def _pieces_of(token: bytes, encoding: tiktoken.Encoding) -> int:
    try:
        return len(encoding.encode_ordinary(token.decode()))
    except UnicodeDecodeError:  # a part of a character
        return len(token)


def _kind(token: bytes) -> str:
    """Tell the kind of text that a token stands for."""
    if not token.isascii():
        return "scripts"
    if token.isdigit():
        return "digits"
    if token.isspace():
        return "spaces"
    return "letters" if _LETTER.search(token) else "symbols"
