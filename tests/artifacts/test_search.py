"""Searching a text: the same lines that a line-by-line search finds, whatever the size and the pattern."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autogen_budget._artifacts._search import EXCERPT, Match, Place, find_matches

START = Place(1, 0, 0)
PATTERNS = [
    "a",
    "ab",
    "a.b",
    "^a",
    "b$",
    "^$",
    "a+b*",
    "[^a]b",
    r"a\s*b",
    r"ab\s*",
    r"\s",
    "(?i)A",
    "(?<=a)b",
    "b(?!a)",
    "",
    "^",
    "x",
]


def lines_of(text: str) -> list[str]:
    """The lines of a text by line feeds."""
    return text.removesuffix("\n").split("\n") if text else []


class TestFindMatches:
    """`find_matches` as a whole."""

    @given(
        text=st.text("ab \n", max_size=80),
        pattern=st.sampled_from(PATTERNS),
        chunk=st.integers(1, 20),
        most=st.integers(1, 5),
    )
    @example(text="ab\nb\n", pattern=r"ab\s*", chunk=20, most=5)
    @example(text="a\nb\n", pattern=r"a\s*b", chunk=20, most=5)
    @example(text="a\n", pattern="^$", chunk=2, most=1)
    def test_finds_what_a_search_by_line_finds(self, text: str, pattern: str, chunk: int, most: int) -> None:
        """Any pattern matches the same lines as in a search of each line by itself, however often it is interrupted."""
        expected = [number for number, line in enumerate(lines_of(text), 1) if re.search(pattern, line)]
        found: list[int] = []
        place: Place | None = START
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("autogen_budget._artifacts._search._CHUNK", chunk)
            while place is not None:
                matches = find_matches(text, pattern, place, most=most, seconds=60)
                assert len(matches.found) <= most
                found += [match.place.line for match in matches.found]
                place = matches.resume
        assert found == expected

    @given(before=st.text("ab\n", max_size=50), after=st.text("ab\n", max_size=50))
    def test_tells_where_a_match_is(self, before: str, after: str) -> None:
        """A match knows its line, where the line begins and ends, and its own place in it."""
        text = f"{before}X{after}"
        (match,) = find_matches(text, "X", START, most=5, seconds=60).found
        lines = before.split("\n")
        assert (match.place.line, match.place.column, match.place.offset) == (
            len(lines),
            len(lines[-1]) + 1,
            len(before),
        )
        assert text[match.place.line_start : match.line_end] == lines[-1] + "X" + after.split("\n")[0]

    def test_a_large_text(self) -> None:
        """Matches are found across the chunks of a large text, with their line numbers."""
        text = "".join(f"row {number}\n" for number in range(100_000))
        found = find_matches(text, r"row \d*9999$", START, most=100, seconds=60).found
        assert [match.place.line for match in found] == [number + 1 for number in range(9_999, 100_000, 10_000)]

    def test_many_matches_in_one_line(self) -> None:
        """A line of a megabyte is searched to its end, excerpt by excerpt, without one shown twice."""
        text = ("x" * 5_000 + "KEY") * 100
        matches = find_matches(text, "KEY", START, most=1_000, seconds=60)
        assert [match.place.offset for match in matches.found] == [5_000 + 5_003 * number for number in range(100)]
        assert matches.resume is None

    def test_a_place_to_begin(self) -> None:
        """The search begins at a place within a line, and knows that no line begins there."""
        text = "key key\nkey"
        start = Place(1, 0, 1)
        assert [match.place.offset for match in find_matches(text, "key", start, most=9, seconds=60).found] == [4, 8]
        assert [match.place.offset for match in find_matches(text, "^key", start, most=9, seconds=60).found] == [8]


class TestPatterns:
    """Patterns that are no good."""

    @given(pattern=st.text("ab(){}[]*+?|\\^$.,1?:=!<>P&R~# \n", max_size=12) | st.text(max_size=8))
    def test_any_pattern(self, pattern: str) -> None:
        """Whatever is given as a pattern, the search ends with an answer or a ValueError."""
        with suppress(ValueError):
            find_matches("aab\nb(a)\n" * 3, pattern, START, most=3, seconds=0.5)

    @pytest.mark.parametrize(
        ("pattern", "message"),
        [
            ("(a", "bad pattern: missing"),
            ("*", "bad pattern: nothing to repeat"),
            ("(" * 900 + ")" * 90, "bad pattern"),
            ("a" * 1_001, "1001 characters, at most 1000 work"),
            ("a(?R)?", "recursion is not supported"),
            ("(a(?1)?)", "recursion is not supported"),
            ("(?P<x>a(?&x)?)", "recursion is not supported"),
        ],
    )
    def test_bad_patterns(self, pattern: str, message: str) -> None:
        """What is no pattern is refused with a text that says what would work."""
        with pytest.raises(ValueError, match=re.escape(message)):
            find_matches("text", pattern, START, most=1, seconds=60)

    @pytest.mark.parametrize("pattern", [r"(a|aa)+$", r"(?:a{1,100}){1,100}b", r"(\w+\s?)+[#Q]"])
    def test_catastrophic_patterns(self, pattern: str) -> None:
        """A pattern that would take years is given up, with an advice."""
        with pytest.raises(ValueError, match=r"the pattern is too slow: 0\.1 seconds were not enough from line 1 on"):
            find_matches("a" * 5_000 + "!\n", pattern, START, most=1, seconds=0.1)

    def test_no_time(self) -> None:
        """Without any time not even the first line is searched."""
        with pytest.raises(ValueError, match="0 seconds were not enough"):
            find_matches("text", "t", START, most=1, seconds=0)

    def test_what_was_found_in_time(self) -> None:
        """When the time is up after a part of the text, that part's matches are given, and where to go on."""
        text = "aaa\n" * 80_000 + "a" * 5_000 + "!\n"
        matches = find_matches(text, r"^(a|aa)+$", START, most=10**6, seconds=0.5)
        assert matches.resume is not None
        assert matches.resume.line == len(matches.found) + 1
        assert matches.resume.offset == 4 * len(matches.found)


class TestExcerpt:
    """The part of a line that is shown."""

    @given(length=st.integers(0, 2_000), at=st.integers(0, 2_000), width=st.integers(0, EXCERPT))
    def test_holds_the_match(self, length: int, at: int, width: int) -> None:
        """An excerpt lies in its line, is as wide as asked for at most, holds the match, and short lines are whole."""
        at = min(at, length)
        start, end = Match(Place(1, 100, 100 + at), 100 + length).excerpt(width)
        assert 100 <= start <= 100 + at
        assert start <= end <= 100 + length
        assert end - start <= width
        if length <= width:
            assert (start, end) == (100, 100 + length)
        elif width:
            assert end > 100 + at or at == length
