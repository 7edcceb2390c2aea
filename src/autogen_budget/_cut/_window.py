"""What is looked at of a very large text: its beginning, its end, and the lines in between that a quick search finds."""

from collections.abc import Sequence

from autogen_budget._cut._pieces import Piece, Pieces, split
from autogen_budget._cut._notice import Notice
from autogen_budget._cut._score import Scorer

LARGE = 1_000_000
"""Characters above which a text is only looked at in part."""

_WINDOW = 65_536
_ERRORS = ("rror", "ERROR", "Traceback", "FAIL", "xception", "fatal", "WARN", "panic")
_MOST_SEARCHES = 8
_MOST_HITS = 100
_LONGEST_LINE = 1_000
_SEARCHES_PER_LINE = 200.0


def pieces_of_large(text: str, scorer: Scorer, reference: str | None) -> Pieces:
    """Takes a very large text to pieces, most of it to gaps.

    A search with `str.find` costs about half of what splitting a text of long lines into lines does, so the longer its
    lines the fewer words are searched for.

    Args:
        text (str): The text.
        scorer (Scorer): Knows the words that the hints ask for.
        reference (str | None): Reference of the artifact that holds the whole.

    Returns:
        Pieces: The pieces of both ends and of the lines found; gaps for the rest.
    """
    start = text.rfind("\n", 0, _WINDOW) + 1 or _WINDOW
    end = text.find("\n", len(text) - _WINDOW) + 1 or len(text) - _WINDOW
    head, tail = split(text[:start]), split(text[end:])
    searches = min(1 + int(_SEARCHES_PER_LINE * len(head) / _WINDOW), _MOST_SEARCHES)
    middle: list[Piece] = []
    for line_start, line_end in _found(text, start, end, _words(scorer, text[:start])[:searches]):
        if line_start > start:
            middle.append(_gap(text, start, line_start))
        middle += split(text[line_start:line_end])
        start = line_end
    if start < end:
        middle.append(_gap(text, start, end))
    pieces = (*head, *middle, *tail)
    return Pieces(pieces, Notice(sum(piece.lines for piece in pieces), len(text), reference))


def _words(scorer: Scorer, head: str) -> list[str]:
    """What to search for: by turns a word of the hints and a word of errors."""
    asked = [word for word in scorer.spelled if len(word) > 3 and head.count(word) <= 2]
    errors = sorted(_ERRORS, key=lambda word: not (word.isupper() and (" INFO" in head or " DEBUG" in head)))
    turns: list[str] = []
    for place in range(max(len(asked), len(errors))):
        turns += [*errors[place : place + 1], *asked[place : place + 1]]
    return turns


def _found(text: str, start: int, end: int, words: Sequence[str]) -> list[tuple[int, int]]:
    """Where the lines with these words begin and end, in order and apart from each other."""
    hits: set[int] = set()
    for word in words:
        hits.update(_hits(text, start, end, word))
    lines: list[tuple[int, int]] = []
    for hit in sorted(hits):
        line_start = max(text.rfind("\n", max(start, hit - _LONGEST_LINE), hit) + 1, hit - _LONGEST_LINE, start)
        line_end = text.find("\n", hit, min(hit + _LONGEST_LINE, end)) + 1 or min(hit + _LONGEST_LINE, end)
        if lines and line_start < lines[-1][1]:
            continue
        lines.append((line_start, line_end))
    return lines


def _hits(text: str, start: int, end: int, word: str) -> list[int]:
    """Where a word is found: the first places, and the last."""
    hits: list[int] = []
    at = text.find(word, start, end)
    while at >= 0 and len(hits) < _MOST_HITS:
        hits.append(at)
        at = text.find(word, at + len(word), end)
    last = text.rfind(word, start, end) if at >= 0 else -1
    return [*hits, last] if last >= 0 else hits


def _gap(text: str, start: int, end: int) -> Piece:
    return Piece.gap(text.count("\n", start, end), end - start)
