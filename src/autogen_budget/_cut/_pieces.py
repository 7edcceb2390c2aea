"""A text in pieces: its lines, long lines in parts, and gaps for what is not there.

Some pieces are kept, the rest becomes gaps; the first gap is told by the notice, each other one by a marker of its own.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from autogen_budget._cut._html import text_of_html
from autogen_budget._cut._notice import Notice, find_notice

_MARKER_SIZE = len("[... 10 lines]")
_HTML_HEAD = 131_072
_HTML_TAIL = 32_768
_LONG_LINE = 600  # a line longer than this is looked at in parts
_LONGEST_PART = 200  # characters of a part, which ends between sentences or words where it can
_MARKER = re.compile(r"\[\.\.\. ([\d,]+) (lines?|characters)(?: like the one above)?(?:: .*)?\]\n?")


@dataclass(frozen=True)
class Piece:
    """A line, a part of a line, or a gap.

    Args:
        text (str): What it says, with the line feed at its end if it has one; "" for a gap.
        lines (int): Lines that begin in it: 1 for a line or its first part, 0 for a further part.
        characters (int): Characters of the whole text that it stands for.
    """

    text: str
    lines: int
    characters: int

    @classmethod
    def gap(cls, lines: int, characters: int) -> "Piece":
        """A piece that is not there."""
        return cls("", lines, characters)


@dataclass(frozen=True)
class Pieces:
    """All pieces of a text, in order.

    Args:
        pieces (tuple[Piece, ...]): The pieces.
        whole (Notice): What is known of the whole text.
        hidden (int): Characters of the whole that no piece stands for: markup.
    """

    pieces: tuple[Piece, ...]
    whole: Notice
    hidden: int = 0

    @cached_property
    def texts(self) -> list[str]:
        """What each piece says."""
        return [piece.text for piece in self.pieces]

    def render(
        self, kept: Collection[int], *, names: Mapping[int, Sequence[str]] | None = None, alike: Sequence[int] = ()
    ) -> str:
        """The text of the kept pieces, with what is missing told in between.

        Args:
            kept (Collection[int]): Places of the pieces to keep.
            names (Mapping[int, Sequence[str]] | None): Names worth telling of pieces that are not kept, by place.
            alike (Sequence[int]): For each piece a number that pieces saying the same share; () when not known.

        Returns:
            str: The text. A gap no longer than its own marker is filled in.
        """
        missing = self._missing(set(kept))
        spared = names or {}
        out: list[str] = []
        told = False
        lines_before = 0
        place = 0
        for gap in missing:
            for index in range(place, gap.start):
                out.append(self.pieces[index].text)
                lines_before += self.pieces[index].lines
            lines = sum(self.pieces[index].lines for index in gap)
            if told:
                marker = self._marker(gap, lines, spared, alike)
            else:
                begins = lines_before + self.pieces[gap.start].lines if self.texts[gap.start] else lines_before + 1
                marker = self._notice(missing, max(begins, 1), [name for index in gap for name in spared.get(index, ())])
                told = True
            if out and not out[-1].endswith("\n"):
                marker = "\n" + marker
            out.append(marker + "\n")
            lines_before += lines
            place = gap.stop
        out += self.texts[place:]
        if self.hidden and not missing:
            out.append(f"\n{self._notice((), 1, ())}")
        text = "".join(out)
        return text if self.texts[-1].endswith("\n") else text.removesuffix("\n")

    def gaps(self, kept: Collection[int]) -> list[range]:
        """The places that are missing when these are kept, as runs."""
        return self._missing(set(kept))

    def _missing(self, kept: set[int]) -> list[range]:
        """Runs of pieces that are not kept; short ones are filled in, where their marker would be longer."""
        runs: list[range] = []
        start: int | None = None
        for place in range(len(self.pieces) + 1):
            if place < len(self.pieces) and place not in kept:
                start = place if start is None else start
            elif start is not None:
                run = range(start, place)
                if any(not self.texts[index] for index in run) or sum(len(self.texts[index]) for index in run) > _MARKER_SIZE:
                    runs.append(run)
                start = None
        return runs

    def _notice(self, missing: Sequence[range], start_line: int, names: Sequence[str]) -> str:
        lines = sum(self.pieces[index].lines for gap in missing for index in gap)
        characters = self.hidden + sum(self.pieces[index].characters for gap in missing for index in gap)
        whole = self.whole.at(start_line) if self.whole.lines else self.whole
        return whole.say(lines, characters, ", ".join(names))

    def _marker(self, gap: range, lines: int, names: Mapping[int, Sequence[str]], alike: Sequence[int]) -> str:
        """The marker of a gap: lines, or characters where no line begins in it."""
        characters = sum(self.pieces[index].characters for index in gap)
        size = f"{lines:,} line{'' if lines == 1 else 's'}" if lines else f"{characters:,} characters"
        if alike and gap.start and len({alike[index] for index in range(gap.start - 1, gap.stop)}) == 1:
            return f"[... {size} like the one above]"
        told = ", ".join(name for index in gap for name in names.get(index, ()))
        return f"[... {size}{f': {told}' if told else ''}]"


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


def split(text: str) -> list[Piece]:
    """Splits a text at its line feeds, and long lines between sentences or words."""
    pieces: list[Piece] = []
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        lines = 1
        while end - start > (_LONG_LINE if lines else _LONGEST_PART):
            stop = _stop(text, start)
            pieces.append(Piece(text[start:stop], lines, stop - start))
            start, lines = stop, 0
        pieces.append(Piece(text[start:end], lines, end - start))
        start = end
    return pieces


def _stop(text: str, start: int) -> int:
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
    pieces: list[Piece] = []
    for piece in split(text):
        match = _MARKER.fullmatch(piece.text)
        if match is None:
            pieces.append(piece)
            continue
        count = int(match[1].replace(",", ""))
        pieces.append(Piece.gap(count, 0) if match[2].startswith("line") else Piece.gap(0, count))
    return pieces
