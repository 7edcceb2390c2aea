"""What is looked at of a very large text: its beginning, its end, and lines in between that a quick search finds."""

from collections.abc import Sequence

from autogen_budget._text import ERROR_MARKS, Scorer, affordable_searches, hits

from ._notice import Notice
from ._pieces import Piece, Pieces, split

LARGE = 300_000
"""Characters above which a text is only looked at in part."""

_WINDOW = 65_536
_LONGEST_LINE = 1_000


def pieces_of_large(text: str, scorer: Scorer, reference: str | None) -> Pieces:
    """Take a very large text to pieces, most of it to gaps."""
    start = text.rfind("\n", 0, _WINDOW) + 1 or _WINDOW
    end = text.find("\n", len(text) - _WINDOW, len(text) - 1) + 1 or len(text) - _WINDOW
    words = _words(scorer, text[:start])[: affordable_searches(text)]
    pieces = split(text, 0, start)
    for line_start, line_end in [*_found(text, start, end, words), (end, len(text))]:
        if line_start > start:
            pieces.append(_gap(text, start, line_start))
        pieces += split(text, line_start, line_end)
        start = line_end
    lines = sum(piece.lines for piece in pieces)
    return Pieces(tuple(pieces), Notice(lines if lines > 1 else 0, len(text), reference))


def _words(scorer: Scorer, head: str) -> list[str]:
    """Return what to search for: by turns a word of the hints and a word of errors."""
    asked = scorer.rare_in(head)
    errors = sorted(ERROR_MARKS, key=lambda word: not (word.isupper() and (" INFO" in head or " DEBUG" in head)))
    turns: list[str] = []
    for place in range(max(len(asked), len(errors))):
        turns += [*errors[place : place + 1], *asked[place : place + 1]]
    return turns


def _found(text: str, start: int, end: int, words: Sequence[str]) -> list[tuple[int, int]]:
    """Return where the lines with these words begin and end, in order and apart from each other."""
    places: set[int] = set()
    for word in words:
        places.update(hits(text, start, end, word))
    lines: list[tuple[int, int]] = []
    for hit in sorted(places):
        line_start = max(text.rfind("\n", max(start, hit - _LONGEST_LINE), hit) + 1, hit - _LONGEST_LINE, start)
        line_end = text.find("\n", hit, min(hit + _LONGEST_LINE, end)) + 1 or min(hit + _LONGEST_LINE, end)
        if lines and line_start < lines[-1][1]:
            continue
        lines.append((line_start, line_end))
    return lines


def _gap(text: str, start: int, end: int) -> Piece:
    """Return the gap for a part of a text: as many lines as begin in it."""
    # Counting in a text without line feeds takes several times as long as finding that there are none.
    lines = text.count("\n", start - 1, end - 1) if text.find("\n", start - 1, end - 1) >= 0 else 0
    return Piece.gap(lines, end - start)
