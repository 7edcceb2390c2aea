"""A count without any vocabulary, from the shapes of words and scripts: rather too many than too few.

It stands in when a vocabulary's file is missing or damaged. The rates were set so that no usual kind of text (prose,
code, JSON, logs, tables, base64, hashes, blanks, the languages named below) is counted below `o200k_base` or
`cl100k_base`: English prose and code come out two fifths above the higher of them, Chinese a fifth, base64 a tenth.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import Counter

from ._tally import Tally, digit_characters, script_bytes

# What a text is made of, each shape with its tokens per character (rounded up). The first that fits is taken.
_SHAPES = {
    "ruler": (r"(?P<sign>[\x00-/:-@\[-`{-\x7f])(?P=sign){7,}", 1 / 16),
    "drawl": (r"(?P<letter>[A-Za-z])(?P=letter){7,}", 1 / 8),
    "endless": (r"[A-Za-z]{24,}", 0.6),  # encoded bytes, or words grown together
    "mixed": (r"(?:[A-Za-z]+[0-9]|[0-9]+[A-Za-z])[A-Za-z0-9]*", 0.8),  # base64, hashes, keys
    "digits": (r"[0-9]+", 1 / 3),
    "word": (r"[A-Z]?[a-z]+", 1 / 5),
    "capitals": (r"[A-Z]+", 1 / 4),
    "symbols": (r"[!-/:-@\[-`{-~]+", 1 / 2),
    "space": (r" (?=[!-/:-~])", 0.0),  # one blank is part of the word that follows it
    "spaces": (r"[\r\n]+| +|[\x00-\x1f\x7f]", 1 / 8),
}
_SHAPE = re.compile("|".join(f"(?P<{name}>{pattern})" for name, (pattern, _) in _SHAPES.items()))

# Tokens per character from the given code point on: the more of both vocabularies on ordinary text, and some more.
_RATES = (
    (0x80, 1.5),  # Latin with accents, typographic signs
    (0x370, 1.2),  # Greek
    (0x400, 0.65),  # Cyrillic
    (0x530, 3.0),
    (0x590, 1.2),  # Hebrew
    (0x600, 1.0),  # Arabic
    (0x700, 3.0),
    (0x900, 1.5),  # Devanagari
    (0x980, 2.0),  # Bengali, Tamil and their neighbours
    (0xE00, 1.3),  # Thai
    (0xE80, 3.0),
    (0x1E00, 1.5),  # Latin and Greek with more accents
    (0x2000, 1.6),  # typographic signs, arrows, frames
    (0x3000, 1.3),  # Chinese, Japanese
    (0xAC00, 1.4),  # Korean
    (0xD7B0, 3.0),
    (0xFF00, 1.3),  # full-width forms
    (0x10000, 3.0),  # emoji
)
_STARTS = tuple(start for start, _ in _RATES)
_OTHER = re.compile(r"[^\x00-\x7f]")


def estimate(text: str) -> Tally:
    """Estimates the tokens of a text from above.

    Args:
        text (str): Any text.

    Returns:
        Tally: The estimated tokens by kind.
    """
    tokens = Counter[str]()
    shapes = Counter((str(match.lastgroup), len(match.group())) for match in _SHAPE.finditer(text))
    for (shape, length), times in shapes.items():
        tokens[shape] += times * math.ceil(length * _SHAPES[shape][1])
    others = Counter(_OTHER.findall(text))
    return Tally(
        letters=sum(tokens[shape] for shape in ("word", "capitals", "drawl", "endless", "mixed")),
        symbols=tokens["symbols"] + tokens["ruler"],
        spaces=tokens["spaces"],
        digits=tokens["digits"],
        scripts=math.ceil(sum(times * _rate(character) for character, times in others.items())),
        digit_characters=digit_characters(text),
        script_bytes=script_bytes(text),
    )


def _rate(character: str) -> float:
    return _RATES[bisect_right(_STARTS, ord(character)) - 1][1]
