"""Searches a text of any size line by line, for at most so long, whatever the pattern."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from ._pattern import Found, Pattern, compile_pattern

EXCERPT = 400
"""Characters that are shown of a longer line around a match."""

_CHUNK = 262_144  # characters searched in one go; the time limit is looked at in between too, and memory stays small


@dataclass(frozen=True)
class Place:
    """A position in a text.

    Args:
        line (int): Its line, from 1.
        line_start (int): Characters of the text before the line.
        offset (int): Characters of the text before the place.
    """

    line: int
    line_start: int
    offset: int

    @property
    def column(self) -> int:
        """The place in its line, from 1."""
        return self.offset - self.line_start + 1

    def skip(self, characters: int) -> Place:
        """Return the place so many characters further on in the same line."""
        return replace(self, offset=self.offset + characters)

    def next_line(self, start: int) -> Place:
        """Return the first place of the next line, which starts at an offset."""
        return Place(self.line + 1, start, start)


@dataclass(frozen=True)
class Match:
    """Where a line matches.

    Args:
        place (Place): Where the match begins.
        line_end (int): Characters of the text before the end of the line.
    """

    place: Place
    line_end: int

    def excerpt(self, width: int = EXCERPT) -> tuple[int, int]:
        """Return the part of the line to show.

        `width`: Characters at most.
        """
        if self.line_end - self.place.line_start <= width:
            return self.place.line_start, self.line_end
        start = max(self.place.line_start, self.place.offset - width // 4)
        return start, min(start + width, self.line_end)

    @property
    def resume(self) -> Place:
        """Where to search on: behind the excerpt, since a line of a megabyte can match more than once."""
        end = self.excerpt()[1]
        return replace(self.place, offset=end) if end < self.line_end else self.place.next_line(self.line_end + 1)


@dataclass(frozen=True)
class Matches:
    """What a search found.

    Args:
        found (tuple[Match, ...]): The matches, in order.
        resume (Place | None): Where there may be more. None means that the text was searched to its end.
    """

    found: tuple[Match, ...]
    resume: Place | None


def find_matches(text: str, pattern: str, start: Place, *, most: int, seconds: float) -> Matches:
    r"""Search each line of a text by itself.

    `most`: Matches to find at most. `seconds`: Seconds to search at most.

    Raises:
        ValueError: The pattern is not a regular expression, is too long, or was still busy with the very first lines
            when the time was up.
    """
    compiled = compile_pattern(pattern)
    deadline = time.monotonic() + seconds
    found: list[Match] = []
    place = start
    while place.offset < len(text):
        try:
            place, match = _next(text, compiled, place, deadline)
        except TimeoutError:
            if place == start:
                raise ValueError(
                    f"the pattern is too slow: {seconds:g} seconds were not enough from line {start.line} on; "
                    "use a plain word, or avoid nested repeats such as (a+)+"
                ) from None
            return Matches(tuple(found), place)
        if match is not None:
            if len(found) == most:
                return Matches(tuple(found), found[-1].resume)
            found.append(match)
    return Matches(tuple(found), None)


def line_end(text: str, offset: int) -> int:
    """Find the end of a line."""
    end = text.find("\n", offset)
    return len(text) if end < 0 else end


def _next(text: str, pattern: Pattern, place: Place, deadline: float) -> tuple[Place, Match | None]:
    """Search up to a match or through one chunk, and return the place to go on from."""
    chunk_end = line_end(text, min(place.offset + _CHUNK, len(text)) - 1)  # behind a last line feed is no line
    at = _search(pattern, text, place.offset, chunk_end, deadline)
    if at is None:
        lines = text.count("\n", place.offset, chunk_end + 1)
        return Place(place.line + lines, chunk_end + 1, chunk_end + 1), None
    line = place.line + text.count("\n", place.offset, at.start())
    start, end = text.rfind("\n", 0, at.start()) + 1, line_end(text, at.start())
    if at.end() > end:  # it goes on in the next line; the line by itself may match still
        at = _search(pattern, text, max(start, place.offset), end, deadline)
        if at is None:
            return Place(line + 1, end + 1, end + 1), None
    match = Match(Place(line, start, at.start()), end)
    return match.resume, match


def _search(pattern: Pattern, text: str, start: int, end: int, deadline: float) -> Found | None:
    remaining = deadline - time.monotonic()
    if remaining <= 0:  # to `regex` that would be no limit at all
        raise TimeoutError
    return pattern.search(text, start, end, concurrent=True, timeout=remaining)  # concurrent: the event loop runs on
