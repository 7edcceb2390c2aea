"""A tally: the tokens of a piece of a request, split by the kind of text they stand for.

Tokenizers agree on prose and part company on digits, foreign scripts and indentation. A count that keeps the kinds
apart can be corrected kind by kind once a provider has told how many tokens it saw.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from operator import add, attrgetter, sub


@dataclass(frozen=True, slots=True)
class Tally:
    """Tokens of a piece of a request by kind; tallies add up as the pieces do.

    `Tally()` is nothing. A difference of two tallies may hold negative numbers: it says how much one is larger.

    Args:
        letters (int): Tokens of Latin letters.
        symbols (int): Tokens of punctuation and operators.
        spaces (int): Tokens of nothing but white space: line ends and indentation.
        digits (int): Tokens of digits.
        scripts (int): Tokens of any other script, emoji among them.
        structure (int): Tokens of JSON that a provider renders in its own way: tool schemas and tool calls.
        frame (int): Tokens that mark where a message begins and whose it is.
        images (int): Tokens of images.
        digit_characters (int): Digits one by one: a second measure of the same text, no part of the total.
        script_bytes (int): Bytes of other scripts in UTF-8: a second measure of the same text, no part of the total.
        requests (int): 1 for what belongs to a request as a whole, where a provider may add text of its own. No part
            of the total.
    """

    letters: int = 0
    symbols: int = 0
    spaces: int = 0
    digits: int = 0
    scripts: int = 0
    structure: int = 0
    frame: int = 0
    images: int = 0
    digit_characters: int = 0
    script_bytes: int = 0
    requests: int = 0

    @classmethod
    def exact(cls, tokens: int) -> Tally:
        """Wraps the result of a counter that needs no kinds because it is exact.

        Args:
            tokens (int): The number of tokens.

        Returns:
            Tally: A tally whose total is `tokens`.
        """
        return cls(letters=tokens)

    @classmethod
    def sum(cls, tallies: Iterable[Tally]) -> Tally:
        """Adds up many tallies, faster than one by one.

        Args:
            tallies (Iterable[Tally]): The tallies.

        Returns:
            Tally: Their sum, `Tally()` for none.
        """
        return cls(*map(sum, zip(*map(parts, tallies), strict=True)))

    @property
    def total(self) -> int:
        """The count before any calibration, in tokens."""
        return (
            self.letters
            + self.symbols
            + self.spaces
            + self.digits
            + self.scripts
            + self.structure
            + self.frame
            + self.images
        )

    def __add__(self, other: Tally) -> Tally:
        return Tally(*map(add, parts(self), parts(other)))

    def __sub__(self, other: Tally) -> Tally:
        return Tally(*map(sub, parts(self), parts(other)))


KINDS = tuple(field.name for field in fields(Tally))
"""The names of the parts of a tally, in order."""

parts = attrgetter(*KINDS)
"""The parts of a tally as a tuple, in the order of `KINDS`."""

_ASCII = bytes(range(128))


def digit_characters(text: str) -> int:
    """Counts the digits of a text.

    Args:
        text (str): Any text.

    Returns:
        int: Its ASCII digits, in characters.
    """
    encoded = text.encode("utf-8", "replace")
    return len(encoded) - len(encoded.translate(None, b"0123456789"))


def script_bytes(text: str) -> int:
    """Counts the bytes of a text in scripts other than the Latin one without accents.

    Args:
        text (str): Any text; lone surrogates count as one byte.

    Returns:
        int: Bytes of UTF-8 beyond ASCII.
    """
    return 0 if text.isascii() else len(text.encode("utf-8", "replace").translate(None, _ASCII))
