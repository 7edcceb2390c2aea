"""Takes texts to pieces: a text that is small enough as a whole, a page without its markup."""

from autogen_budget._cut._html import text_of_html
from autogen_budget._cut._notice import Notice, find_notice
from autogen_budget._cut._pieces import Piece, Pieces

_HTML_HEAD = 131_072
_HTML_TAIL = 32_768
_LONG_LINE = 600  # a line longer than this is looked at in parts
_LONGEST_PART = 200  # characters of a part, which ends between sentences or words where it can


def pieces_of(text: str, reference: str | None) -> Pieces:
    """Takes a text to pieces; gaps that an earlier cut left in it become gaps again.

    Args:
        text (str): Any text small enough to be looked at closely.
        reference (str | None): Reference of the artifact that holds the whole.

    Returns:
        Pieces: The pieces.
    """
    found = find_notice(text)
    if found is None:
        pieces = tuple(split(text))
        lines = sum(piece.lines for piece in pieces)
        return Pieces(pieces, Notice(lines if lines > 1 else 0, len(text), reference))
    before = _again(text[: found.start])
    after = _again(text[found.end :].removeprefix("\n"))
    lines = found.notice.lines - sum(piece.lines for piece in (*before, *after))
    characters = found.notice.characters - sum(piece.characters for piece in (*before, *after))
    return Pieces((*before, Piece.gap(max(lines, 0), max(characters, 0)), *after), found.notice.referring(reference))


def pieces_of_html(text: str, reference: str | None) -> Pieces:
    """Takes a page to pieces: the text that its markup holds, at both ends where it is large.

    Args:
        text (str): HTML of any size.
        reference (str | None): Reference of the artifact that holds the whole.

    Returns:
        Pieces: The pieces, whose lines are those of the text; the notice tells characters of the markup.
    """
    whole = Notice(0, len(text), reference)
    if len(text) <= _HTML_HEAD + _HTML_TAIL:
        pieces = split(text_of_html(text))
    else:
        head, tail = split(text_of_html(text[:_HTML_HEAD]) + "\n"), split(text_of_html(text[-_HTML_TAIL:]))
        pieces = [*head, Piece.gap(0, len(text) - _HTML_HEAD - _HTML_TAIL), *tail]
    return Pieces(tuple(pieces), whole, len(text) - sum(piece.characters for piece in pieces))


def split(text: str, start: int = 0, stop: int | None = None) -> list[Piece]:
    """Splits a text, or a part of it, at its line feeds, and long lines between sentences or words."""
    stop = len(text) if stop is None else stop
    pieces: list[Piece] = []
    while start < stop:
        end = text.find("\n", start, stop) + 1 or stop
        lines = int(begins_line(text, start))
        while end - start > (_LONG_LINE if lines else _LONGEST_PART):
            part = _part(text, start)
            pieces.append(Piece(text[start:part], lines, part - start))
            start, lines = part, 0
        pieces.append(Piece(text[start:end], lines, end - start))
        start = end
    return pieces


def begins_line(text: str, place: int) -> bool:
    """Whether a line begins at a place."""
    return place == 0 or text[place - 1] == "\n"


def _part(text: str, start: int) -> int:
    """Where a part of a long line ends: behind a sentence, else behind a space, else where it must."""
    most = start + _LONGEST_PART
    least = start + _LONGEST_PART // 4
    for mark in (". ", " "):
        stop = text.rfind(mark, least, most)
        if stop > 0:
            return stop + len(mark)
    return most


def _again(text: str) -> list[Piece]:
    """Pieces of a text that was cut before."""
    return [Piece.of_marker(piece.text) or piece for piece in split(text)]
