"""A text in pieces: its lines, long lines in parts, and gaps for what is not there.

Some pieces are kept, the rest becomes gaps; the notice states the first gap, and a marker each other one.
"""

import re
from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from ._notice import Notice, find_notice

_MARKER = re.compile(r"\[\.\.\. ([\d,]+) (lines?|characters)(?: like the one above)?(?:: .*)?\]\n?")
_LONG_LINE = 600  # a line longer than this is looked at in parts
_LONGEST_PART = 200  # characters of a part, which ends between sentences or words where it can
_MARKER_SIZE = len("[... 10 lines]")


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
        """Return a piece that is not there."""
        return cls("", lines, characters)

    @classmethod
    def of_marker(cls, text: str) -> "Piece | None":
        """Return the gap that a line stands for which an earlier cut left; None when the line stands for itself."""
        match = _MARKER.fullmatch(text)
        if match is None:
            return None
        count = int(match[1].replace(",", ""))
        return cls.gap(count, 0) if match[2].startswith("line") else cls.gap(0, count)


@dataclass(frozen=True)
class Pieces:
    """All pieces of a text, in order; at least one.

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

    @cached_property
    def _lines_before(self) -> list[int]:
        return [0, *accumulate(piece.lines for piece in self.pieces)]

    @cached_property
    def _characters_before(self) -> list[int]:
        return [0, *accumulate(piece.characters for piece in self.pieces)]

    @cached_property
    def _shown_before(self) -> list[int]:
        """Characters that the pieces before each place take up; a gap counts as more than any marker."""
        return [0, *accumulate(len(piece.text) or _MARKER_SIZE + 1 for piece in self.pieces)]

    def render(
        self, kept: Collection[int], *, names: Mapping[int, Sequence[str]] | None = None, runs: Sequence[int] = ()
    ) -> str:
        """Return the text of the kept pieces, with notices of what is missing in between."""
        named = dict(sorted((names or {}).items()))
        places = list(named)
        gaps = self.gaps(kept)
        out: list[str] = []
        end = 0
        for gap in gaps:
            out += self.texts[end : gap.start]
            inside = places[bisect_left(places, gap.start) : bisect_left(places, gap.stop)]
            named_here = [name for place in inside for name in named[place]]
            marker = self._marker(gap, named_here, runs) if end else self._notice(gaps, named_here)
            line_feed = "\n" if out and not out[-1].endswith("\n") else ""
            out.append(f"{line_feed}{marker}\n")
            end = gap.stop
        out += self.texts[end:]
        if self.hidden and not gaps:
            out.append(f"\n{self._notice((), ())}")
        text = "".join(out)
        return text if self.texts[-1].endswith("\n") else text.removesuffix("\n")

    def gaps(self, kept: Collection[int]) -> list[range]:
        """Return the runs of pieces that are not kept, without those so short that their marker would be longer."""
        stops = sorted({*kept, len(self.pieces)})
        starts = [0, *(place + 1 for place in stops)]
        runs = (range(start, stop) for start, stop in zip(starts, stops, strict=False) if start < stop)
        return [run for run in runs if self._shown_before[run.stop] - self._shown_before[run.start] > _MARKER_SIZE]

    def _notice(self, gaps: Sequence[range], names: Sequence[str]) -> str:
        """Return the notice, which stands in the first gap and states what all gaps hold."""
        lines = sum(self._lines(gap) for gap in gaps)
        characters = self.hidden + sum(self._characters(gap) for gap in gaps)
        whole = self.whole
        if gaps and whole.lines:
            first = gaps[0].start
            begins_line = not self.texts[first] or self.pieces[first].lines
            whole = whole.at(max(self._lines_before[first] + bool(begins_line), 1))
        return whole.say(lines, characters, ", ".join(names))

    def _marker(self, gap: range, names: Sequence[str], runs: Sequence[int]) -> str:
        """Return the marker of a gap: lines, or characters where no line begins in it."""
        lines = self._lines(gap)
        size = f"{lines:,} line{'' if lines == 1 else 's'}" if lines else f"{self._characters(gap):,} characters"
        if runs and gap.start and runs[gap.start - 1] == runs[gap.stop - 1]:
            return f"[... {size} like the one above]"
        return f"[... {size}{': ' * bool(names)}{', '.join(names)}]"

    def _lines(self, gap: range) -> int:
        return self._lines_before[gap.stop] - self._lines_before[gap.start]

    def _characters(self, gap: range) -> int:
        return self._characters_before[gap.stop] - self._characters_before[gap.start]


def pieces_of(text: str, reference: str | None) -> Pieces:
    """Take a text to pieces; gaps that an earlier cut left in it become gaps again."""
    found = find_notice(text, reference)
    if found is None:
        pieces = tuple(split(text))
        lines = sum(piece.lines for piece in pieces)
        return Pieces(pieces, Notice(lines if lines > 1 else 0, len(text), reference))
    before = _again(text[: found.start])
    after = _again(text[found.end :].removeprefix("\n"))
    lines = found.notice.lines - sum(piece.lines for piece in (*before, *after))
    characters = found.notice.characters - sum(piece.characters for piece in (*before, *after))
    return Pieces((*before, Piece.gap(max(lines, 0), max(characters, 0)), *after), found.notice)


def split(text: str, start: int = 0, stop: int | None = None) -> list[Piece]:
    """Split a text, or a part of it, at its line feeds, and long lines between sentences or words."""
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
    """Return whether a line begins at a place."""
    return place == 0 or text[place - 1] == "\n"


def _part(text: str, start: int) -> int:
    """Return where a part of a long line ends: behind a sentence, else behind a space, else where it must."""
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
