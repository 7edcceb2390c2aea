"""Head and tail: what is left of a text whose structure is unknown or must not be interpreted."""

from ._limit import TokenLimit
from ._notice import BARE, Notice, find_notice

_HEAD_SHARE = 0.6


def head_and_tail(text: str, limit: TokenLimit, reference: str | None) -> str:
    """Cut the middle out of a text.

    The cut falls on line ends where that costs less than half of a piece, else between words, else between characters.
    In place of the middle stands the notice. Below about twice the notice's own size its brief form is used; when not
    even that fits, nothing is left.
    """
    found = find_notice(text, reference)
    if found is None:
        lines = count_lines(text)
        return _cut_between(text, text, len(text) - 1, limit, Notice(lines, len(text), reference, lines))
    left, right = text[: found.start].rstrip("\n"), text[found.end :].lstrip("\n")
    return _cut_between(left, right, len(left) + len(right), limit, found.notice)


def count_lines(text: str) -> int:
    """Return the lines of a text, counted by line feeds; a line feed at its end ends the last line and begins none."""
    return text.count("\n") + (not text.endswith("\n"))


def _cut_between(left: str, right: str, most: int, limit: TokenLimit, whole: Notice) -> str:
    """Keep the beginning of one text and the end of another, together at most so many characters.

    A text that was never cut is both. What is left of a text that was cut before stands on both sides of its notice.
    """

    def build(kept: int, *, figures: bool) -> str:
        head_length = min(max(int(kept * _HEAD_SHARE), kept - len(right)), len(left))
        head = _head(left, head_length)
        tail = _tail(right, kept - head_length)
        first_cut = count_lines(head) + left.startswith("\n", len(head)) if head else 1
        pointed = whole.at(min(first_cut, whole.start_line))
        lines = whole.lines - sum(count_lines(part) for part in (head, tail) if part)
        characters = whole.characters - len(head) - len(tail)
        notice = pointed.say(max(lines, 0), max(characters, 0)) if figures else pointed.brief()
        return "\n".join(part for part in (head, notice, tail) if part)

    figures = whole.characters > 0 and limit.fits_around(whole.longest)
    cut = limit.largest_fitting(min(most, limit.max_chars), lambda kept: build(kept, figures=figures))
    if cut is not None:
        return cut[1]
    return BARE if limit.fits(BARE) else ""


def _head(text: str, length: int) -> str:
    """Return the beginning of a text, at most so many characters, up to a boundary and without the boundary itself."""
    if length >= len(text):
        return text
    floor = length // 2
    for boundary in ("\n", " "):
        end = text.rfind(boundary, floor, length + 1)
        if end > 0:
            return text[:end]
    return text[:length]


def _tail(text: str, length: int) -> str:
    """Return the end of a text, at most so many characters, from behind a boundary."""
    if length >= len(text):
        return text
    start = len(text) - length
    for boundary in ("\n", " "):
        end = text.find(boundary, max(start - 1, 0), len(text) - length // 2)
        if end >= 0:
            return text[end + 1 :]
    return text[start:]
