"""The measure every cut is held against: at most so much by its own measure, and never more characters than before."""

from collections.abc import Callable
from dataclasses import dataclass

from autogen_budget._counting import TokenCounter

# Few tokens of text worth reading stand for more characters: deep indentation, rules made of dashes.
_CHARACTERS_PER_TOKEN = 32


@dataclass(frozen=True)
class TokenLimit:
    """What a cut text may hold.

    Args:
        measure (Callable[[str], int]): The size of a text; above the limit it need only be above it.
        limit (int): Size at most.
        longest (int): Characters at most: those of the original, since a cut never makes a text longer.
    """

    measure: Callable[[str], int]
    limit: int
    longest: int

    @classmethod
    def of_tokens(cls, counter: TokenCounter, limit: int, longest: int) -> "TokenLimit":
        """Return a limit in calibrated tokens; measuring encodes no more than the limit needs."""
        return cls(lambda text: counter.count_text(text, limit=limit), limit, longest)

    @classmethod
    def of_characters(cls, limit: int) -> "TokenLimit":
        """Return a limit for a text inside a text, whose tokens are not known yet."""
        return cls(len, limit, limit)

    def share(self, part: float) -> "TokenLimit":
        """Return a limit for a part of the text."""
        return TokenLimit(self.measure, int(self.limit * part), self.longest)

    @property
    def max_chars(self) -> int:
        """Characters worth looking at: more than these can hardly fit."""
        return min(self.longest, self.limit * _CHARACTERS_PER_TOKEN)

    def fits_around(self, text: str) -> bool:
        """Return whether a text, such as a notice, leaves at least half of the limit to others."""
        return self.measure(text) * 2 <= self.limit and len(text) * 2 <= self.longest

    def fits(self, text: str) -> bool:
        """Return whether the text is within both bounds."""
        return len(text) <= self.longest and self.measure(text) <= self.limit

    def largest_fitting(self, highest: int, build: Callable[[int], str], *, least: int = 0) -> tuple[int, str] | None:
        """Find the fullest of a row of texts that fits."""
        best: tuple[int, str] | None = None
        low, high = least, highest
        while low <= high:
            middle = (low + high + 1) // 2
            text = build(middle)
            if self.fits(text):
                best, low = (middle, text), middle + 1
            else:
                high = middle - 1
        return best
