"""Shows a part of a text that fits a limit: by lines, by characters of a long line, by a pattern."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from autogen_budget._counting import TokenCounter

from ._search import EXCERPT, Match, Matches, Place, find_matches, line_end

MAX_LINES = 200
"""Lines, or matches, of one answer by default."""

_REACH = 32  # characters per token worth looking at; only runs of blanks or dashes make longer tokens
_CONTEXT = 200  # characters that are shown of a line before or after a match
_NEAR = 4_096  # characters among which lines are looked for one by one
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_page(
    text: str,
    limit: int,
    counter: TokenCounter,
    *,
    name: str = "",
    start_line: int = 1,
    start_column: int = 1,
    max_lines: int = MAX_LINES,
    pattern: str = "",
    seconds: float = 2.0,
) -> str:
    r"""Read the part of a text that begins at a position and fits a limit.

    The first line of the answer states what it holds, of how much, and where to go on; the others are numbered lines of
    the text. A line that does not fit by itself is given in parts. Lone surrogates, which no provider accepts, become
    U+FFFD.

    `max_lines`: Lines to show at most; with a pattern, matches. `pattern`: A regular expression in the syntax of
    `regex`, but for recursion, that is searched for in each line by itself. Matching lines are shown with the lines
    before and after, long ones as excerpts. Empty means no search.

    Raises:
        ValueError: The position is outside the text, the pattern is not one or too slow, `max_lines` is below 1, or the
            limit is too low to show anything. The message says what would work.
    """
    if max_lines < 1:
        raise ValueError(f"max_lines must be at least 1, not {max_lines}")
    page = _Page(text, limit, counter, name)
    start = page.find(start_line, start_column)
    if not pattern:
        return page.read(start, max_lines)
    return page.show(start, find_matches(text, pattern, start, most=max_lines, seconds=seconds))


class _Page:
    """One answer about a text, within a limit."""

    def __init__(self, text: str, limit: int, counter: TokenCounter, name: str) -> None:
        self._text = text
        self._name = name
        self._limit = limit
        self._counter = counter
        self._lines = text.count("\n") + (not text.endswith("\n"))

    def find(self, line: int, column: int) -> Place:
        """Return the place of a line and column; `ValueError` when the text has no such place."""
        if not 1 <= line <= self._lines:
            raise ValueError(f"line {line} is outside the text, which has lines 1 to {self._lines}")
        start = _line_start(self._text, line)
        length = line_end(self._text, start) - start
        if not 1 <= column <= max(length, 1):
            raise ValueError(f"character {column} is outside line {line}, which has {length} characters")
        return Place(line, start, start + column - 1)

    def read(self, start: Place, max_lines: int) -> str:
        """Return as many whole lines as fit, or else as much of the first one as fits."""
        window = self._text[start.offset : start.offset + self._limit * _REACH]
        lines = window.split("\n")
        if start.offset + len(window) < len(self._text) or (len(lines) > 1 and not lines[-1]):
            lines.pop()  # cut short by the window, or nothing but the end of the last line
        lines = lines[:max_lines]
        ends = list(accumulate((len(line) + 1 for line in lines), initial=start.offset))
        middle = f", line {start.line} from character {start.column}" if start.column > 1 else ""

        def whole(count: int) -> str:
            last = start.line + count - 1
            shown = f"line {last}" if count == 1 else f"lines {start.line}-{last}"
            rows = (f"{number}: {line}" for number, line in enumerate(lines[:count], start.line))
            resume = Place(last + 1, ends[count], ends[count])
            return self._answer(f"{shown} of {self._lines}{middle}", resume, *rows)

        count = self._most(len(lines), whole)
        return whole(count) if count else self._part(start)

    def _part(self, start: Place) -> str:
        """Return as much of a line as fits."""
        end = line_end(self._text, start.offset)
        length = end - start.line_start

        def part(count: int) -> str:
            last = start.column + count - 1
            shown = f"line {start.line} of {self._lines}, characters {start.column}-{last} of {length}"
            resume = start.skip(count) if last < length else start.next_line(end + 1)
            return self._answer(shown, resume, f"{start.line}: {self._text[start.offset : start.offset + count]}")

        count = self._most(min(end - start.offset, self._limit * _REACH), part)
        if not count:
            raise ValueError(f"an answer of {self._limit} tokens has no room for any of the text")
        return part(count)

    def show(self, start: Place, matches: Matches) -> str:
        """Return as many matches as fit with the lines around them, or else the first one as far as it fits."""
        found = matches.found

        def resume(count: int) -> Place | None:
            return matches.resume if count == len(found) else found[count - 1].resume

        def with_context(count: int) -> str:
            return self._report(start, resume(count), count, *self._rows(found[:count]))

        def alone(width: int) -> str:
            return self._report(start, resume(1), 1, self._row(found[0], width))

        count = self._most(len(found), with_context)
        return with_context(count) if count or not found else alone(self._most(EXCERPT, alone))

    def _report(self, start: Place, resume: Place | None, count: int, *rows: str) -> str:
        last = self._lines if resume is None else resume.line - (resume.column == 1)
        noun = "match" if count == 1 else "matches"
        return self._answer(f"{count or 'no'} {noun} in lines {start.line}-{last} of {self._lines}", resume, *rows)

    def _rows(self, found: Sequence[Match]) -> Iterator[str]:
        """Yield the matching lines in order with their neighbors, and dashes where lines are left out between."""
        rows = {(match.place.line, match.place.column): self._row(match) for match in found}
        matching = {match.place.line for match in found}
        for match in found:
            rows.update({(line, 0): f"{line}- {text}" for line, text in self._around(match) if line not in matching})
        before = None
        for line, column in sorted(rows):
            if before is not None and line > before + 1:
                yield "--"
            yield rows[line, column]
            before = line

    def _row(self, match: Match, width: int = EXCERPT) -> str:
        start, end = match.excerpt(width)
        first, length = match.place.line_start, match.line_end - match.place.line_start
        part = "" if end - start == length else f" (characters {start - first + 1}-{end - first} of {length})"
        return f"{match.place.line}{part}: {self._text[start:end]}"

    def _around(self, match: Match) -> Iterator[tuple[int, str]]:
        """Yield the lines before and after a match, with their numbers, as far as they are shown."""
        line, start, end = match.place.line, match.place.line_start, match.line_end + 1
        if start:
            before = self._text.rfind("\n", 0, start - 1) + 1
            yield line - 1, self._text[before : min(start - 1, before + _CONTEXT)]
        if end < len(self._text):
            yield line + 1, self._text[end : min(line_end(self._text, end), end + _CONTEXT)]

    def _answer(self, heading: str, resume: Place | None, *rows: str) -> str:
        more = ""
        if resume is not None and resume.offset < len(self._text):
            column = f":{resume.column}" if resume.column > 1 else ""
            more = f'; go on with ref "{self._name}:{resume.line}{column}"'
        return _SURROGATE.sub("\ufffd", "\n".join((f"[{heading}{more}]", *rows)))

    def _most(self, highest: int, build: Callable[[int], str]) -> int:
        """Return the highest number, from 1, whose text was measured to fit; 0 when there is none."""

        def size(number: int) -> int:
            return self._counter.count_text(build(number), limit=self._limit)

        return bisect_right(range(1, highest + 1), self._limit, key=size)


def _line_start(text: str, line: int) -> int:
    """Find where a line begins by halving: in all two passes over the text, and no list of a million lines."""
    low, high, skip = 0, len(text), line - 1
    while high - low > _NEAR:
        middle = (low + high) // 2
        passed = text.count("\n", low, middle)
        if passed < skip:
            low, skip = middle, skip - passed
        else:
            high = middle
    for _ in range(skip):
        low = text.index("\n", low) + 1
    return low
