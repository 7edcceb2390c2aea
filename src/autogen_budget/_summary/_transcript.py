"""Turns as a text that a model reads: speakers and their texts, calls with their arguments, and results."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autogen_budget._counting import TokenCounter
from autogen_budget._cut import cut_text
from autogen_budget._text import indented
from autogen_budget._turns import Turn, transcript_lines

LONGEST_TEXT = 1_000
"""Tokens of one message or result that are shown at most: a record needs no more of it."""

LARGEST_SHARE = 0.5
"""Share of the tokens of one request that one message or result may take, where that is less."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Turns that go into one request.

    Args:
        text (str): The turns as text.
        turns (int): How many they are.
    """

    text: str
    turns: int


def chunks_of(turns: Sequence[Turn], limit: int, counter: TokenCounter) -> Iterator[Chunk]:
    """Yield the turns as text, in as many parts as are needed to keep each within a limit.

    `turns`: The turns, oldest first. `limit`: Tokens that one part may hold, at least 1.
    """
    longest = max(1, min(LONGEST_TEXT, int(limit * LARGEST_SHARE)))
    texts: list[str] = []
    taken = 0
    for turn in turns:
        text = cut_text(transcript_of(turn, longest, counter), limit, counter)
        tokens = counter.count_text(text) + 1  # and the line end behind it
        if texts and taken + tokens > limit:
            yield Chunk("\n".join(texts), len(texts))
            texts, taken = [], 0
        texts.append(text)
        taken += tokens
    if texts:
        yield Chunk("\n".join(texts), len(texts))


def transcript_of(turn: Turn, longest: int, counter: TokenCounter) -> str:
    """Return one turn as text, as received, whatever was cut away from it since."""
    return "\n".join(
        f"{who}: {indented(cut_text(words, longest, counter))}" for who, words in transcript_lines(turn.uncut) if words
    )
