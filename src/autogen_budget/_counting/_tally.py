"""A tally: the tokens of a piece of a request, counted twice.

Once as `tiktoken` counts them, which is right for OpenAI's models. And once, by kind of text, as a tokenizer with a
small English vocabulary would count them: in *pieces*. Tokenizers agree on English prose and part company on digits,
other languages, other scripts and indentation; the pieces say how far they may do so, before any model has reported
what it saw.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from operator import add, attrgetter, sub


@dataclass(frozen=True, slots=True)
class Tally:
    """Tokens of a piece of a request; tallies add up as the pieces of the request do.

    `Tally()` is nothing. A difference of two tallies may hold negative numbers: it says how much one is larger.

    Args:
        text (int): Tokens of text, as `tiktoken` counts them.
        letters (int): Pieces of words in Latin letters without accents. Like the four kinds after it, a second measure
            of the same text, and no part of `total`.
        symbols (int): Pieces of punctuation and operators.
        spaces (int): Pieces of nothing but white space: line ends and indentation.
        digits (int): Digits, one by one.
        scripts (int): Pieces of words with any other character, emoji among them.
        structure (int): Tokens of JSON that a provider renders in its own way: tool schemas and tool calls.
        structure_pieces (int): The same JSON in pieces; no part of `total`.
        frame (int): Tokens that mark where a message begins and whose it is.
        images (int): Tokens of images.
        requests (int): 1 for what belongs to a request as a whole, where a provider may add text of its own. No part
            of `total`.
    """

    text: int = 0
    letters: int = 0
    symbols: int = 0
    spaces: int = 0
    digits: int = 0
    scripts: int = 0
    structure: int = 0
    structure_pieces: int = 0
    frame: int = 0
    images: int = 0
    requests: int = 0

    @classmethod
    def exact(cls, tokens: int) -> Tally:
        """Wrap the result of a counter that needs no kinds because it is exact.

        Args:
            tokens (int): The number of tokens.

        Returns:
            Tally: A tally whose total is `tokens`.
        """
        return cls(text=tokens)

    @classmethod
    def sum(cls, tallies: Iterable[Tally]) -> Tally:
        """Add up many tallies, faster than one by one.

        Args:
            tallies (Iterable[Tally]): The tallies.

        Returns:
            Tally: Their sum, `Tally()` for none.
        """
        return cls(*map(sum, zip(*map(parts, tallies), strict=True)))

    @property
    def total(self) -> int:
        """The count before any calibration, in tokens."""
        return self.text + self.structure + self.frame + self.images

    @property
    def pieces(self) -> int:
        """The text in pieces, all kinds together."""
        return self.letters + self.symbols + self.spaces + self.digits + self.scripts

    def __add__(self, other: Tally) -> Tally:
        return Tally(*map(add, parts(self), parts(other)))

    def __sub__(self, other: Tally) -> Tally:
        return Tally(*map(sub, parts(self), parts(other)))


KINDS = tuple(field.name for field in fields(Tally))
"""The names of the parts of a tally, in order."""

parts = attrgetter(*KINDS)
"""The parts of a tally as a tuple, in the order of `KINDS`."""
