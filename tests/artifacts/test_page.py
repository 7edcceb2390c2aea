"""Reading and searching a stored text: pages, patterns and matches."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from typing_extensions import TypedDict

from autogen_budget import TiktokenCounter
from autogen_budget._artifacts import MAX_EXPANDED, compile_pattern, expanded_size, read_page
from autogen_budget._artifacts._search import EXCERPT, Match, Place, find_matches

COUNTER = TiktokenCounter()
GO_ON = re.compile(r"; go on with ref \"text:(\d+)(?::(\d+))?\"\]")

ANY_LINE = st.text(st.characters(exclude_categories=(), exclude_characters="\n"), max_size=30)
LONG_LINE = st.tuples(ANY_LINE, st.integers(10, 60)).map(lambda line: line[0] * line[1])
ANY_TEXT = st.lists(ANY_LINE | LONG_LINE, min_size=1, max_size=12).map("\n".join)


def tokens(text: str) -> int:
    """The size of a text."""
    return COUNTER.count_text(text)


class Where(TypedDict):
    """Where a page begins."""

    start_line: int
    start_column: int


def next_place(page: str) -> Where | None:
    """Where a page says to go on; None when it is the last."""
    found = GO_ON.search(page.split("\n", 1)[0])
    return None if found is None else {"start_line": int(found[1]), "start_column": int(found[2] or 1)}


def read_all(text: str, limit: int, max_lines: int) -> str:
    """Reads a text page by page, as a model would, and puts the lines together again."""
    lines: dict[int, str] = {}
    place: Where | None = {"start_line": 1, "start_column": 1}
    while place is not None:
        page = read_page(text, limit, COUNTER, name="text", max_lines=max_lines, **place)
        assert tokens(page) <= limit
        for row in page.split("\n")[1:]:
            number, _, part = row.partition(": ")
            lines[int(number)] = lines.get(int(number), "") + part
        place = next_place(page)
    assert list(lines) == list(range(1, len(lines) + 1))
    return "\n".join(lines.values())


class TestLines:
    """Reading by line and character."""

    @given(text=ANY_TEXT, limit=st.integers(64, 300), max_lines=st.integers(1, 20))
    def test_all_pages_together_are_the_text(self, text: str, limit: int, max_lines: int) -> None:
        """Whoever follows the pages reads every character of any text, and each page is within the limit."""
        readable = re.sub("[\ud800-\udfff]", "\ufffd", text)
        assert read_all(text, limit, max_lines) == readable.removesuffix("\n")

    def test_a_large_text(self) -> None:
        """A line far down in a large text is found by its number."""
        text = "".join(f"row {number}\n" for number in range(1, 200_001))
        for number in (1, 2, 777, 100_000, 199_999, 200_000):
            page = read_page(text, 100, COUNTER, start_line=number, max_lines=1)
            assert page.split("\n")[1] == f"{number}: row {number}"
            assert page.startswith(f"[line {number} of 200000")

    def test_the_heading(self) -> None:
        """The first line says which lines these are, of how many, and where to go on."""
        text = "a\nb\nc\n"
        assert read_page(text, 100, COUNTER) == "[lines 1-3 of 3]\n1: a\n2: b\n3: c"
        assert (
            read_page(text, 100, COUNTER, name="it", max_lines=2)
            == '[lines 1-2 of 3; go on with ref "it:3"]\n1: a\n2: b'
        )
        assert read_page(text, 100, COUNTER, start_line=3) == "[line 3 of 3]\n3: c"

    def test_the_heading_of_a_part(self) -> None:
        """Of a line that does not fit, characters are counted."""
        text = "word " * 1_000 + "\nend"
        first = read_page(text, 100, COUNTER, name="text")
        assert first.startswith("[line 1 of 2, characters 1-")
        place = next_place(first)
        assert place is not None
        assert place["start_line"] == 1
        assert f"characters 1-{place['start_column'] - 1} of 5000; go on" in first
        last = read_page(text, 100, COUNTER, start_column=4_991)
        assert last == "[lines 1-2 of 2, line 1 from character 4991]\n1: word word \n2: end"

    def test_the_last_part_of_a_line(self) -> None:
        """Behind the last part of a long line the next line follows."""
        page = read_page(" " * 2_048 + "\nend", 64, COUNTER, name="it")
        assert page.startswith('[line 1 of 2, characters 1-2048 of 2048; go on with ref "it:2"]')

    @pytest.mark.parametrize("text", ["", "\n"])
    def test_an_empty_text(self, text: str) -> None:
        """An empty text is one empty line."""
        assert read_page(text, 64, COUNTER) == "[line 1 of 1]\n1: "
        assert read_page(text, 64, COUNTER, pattern="x") == "[no matches in lines 1-1 of 1]"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"start_line": 0}, "line 0 is outside the text, which has lines 1 to 2"),
            ({"start_line": -1}, "line -1 is outside the text, which has lines 1 to 2"),
            ({"start_line": 3}, "line 3 is outside the text, which has lines 1 to 2"),
            ({"start_column": 0}, "character 0 is outside line 1, which has 3 characters"),
            ({"start_column": 4}, "character 4 is outside line 1, which has 3 characters"),
            ({"max_lines": 0}, "max_lines must be at least 1, not 0"),
            ({"start_line": 3, "pattern": "x"}, "line 3 is outside the text, which has lines 1 to 2"),
        ],
    )
    def test_places_outside(self, arguments: dict[str, int], message: str) -> None:
        """A place outside the text is refused with the places that there are."""
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            read_page("one\ntwo\n", 100, COUNTER, **arguments)  # type: ignore[arg-type]  # keywords from a dictionary

    def test_no_room(self) -> None:
        """A limit that leaves no room for any of the text is an error, not an endless row of empty pages."""
        with pytest.raises(ValueError, match="an answer of 10 tokens has no room"):
            read_page("word " * 1_000, 10, COUNTER)


class TestPatterns:
    """Reading by pattern."""

    def test_matches_with_their_neighbors(self) -> None:
        """Matching lines are marked by a colon, their neighbors by a dash, gaps by dashes alone."""
        text = "zero\none X\ntwo\nthree X\nfour X\nfive\nsix\nseven\neight X"
        assert read_page(text, 200, COUNTER, pattern="X").split("\n") == [
            "[4 matches in lines 1-9 of 9]",
            "1- zero",
            "2: one X",
            "3- two",
            "4: three X",
            "5: four X",
            "6- five",
            "--",
            "8- seven",
            "9: eight X",
        ]

    def test_as_many_as_asked_for(self) -> None:
        """After `max_lines` matches the page says where to search on; the last page does not."""
        text = "X 1\nX 2\n-\nX 3\n-\n"
        assert read_page(text, 200, COUNTER, name="it", pattern="X", max_lines=2).split("\n") == [
            '[2 matches in lines 1-2 of 5; go on with ref "it:3"]',
            "1: X 1",
            "2: X 2",
            "3- -",
        ]
        assert read_page(text, 200, COUNTER, pattern="X", start_line=3).split("\n") == [
            "[1 match in lines 3-5 of 5]",
            "3- -",
            "4: X 3",
            "5- -",
        ]

    def test_excerpts_of_long_lines(self) -> None:
        """Of a long line the part around each match is shown, with its characters, long neighbors only begun."""
        text = f"{'n' * 900}\n{'x' * 1_000}KEY{'y' * 3_000}KEY{'z' * 500}\n"
        rows = read_page(text, 900, COUNTER, pattern="KEY").split("\n")
        assert rows[0] == "[2 matches in lines 1-2 of 2]"
        assert rows[1] == "1- " + "n" * 200
        assert rows[2] == f"2 (characters 901-1300 of 4506): {'x' * 100}KEY{'y' * 297}"
        assert rows[3] == f"2 (characters 3904-4303 of 4506): {'y' * 100}KEY{'z' * 297}"

    def test_to_go_on_in_a_long_line(self) -> None:
        """When the limit ends a page within a long line, the next one goes on in that line."""
        text = ("x " * 1_000 + "KEY ") * 3
        page = read_page(text, 300, COUNTER, name="text", pattern="KEY")
        assert page.startswith('[1 match in lines 1-1 of 1; go on with ref "text:1:')
        place = next_place(page)
        assert place is not None
        assert "KEY" in read_page(text, 300, COUNTER, pattern="KEY", **place)

    def test_a_match_that_does_not_fit(self) -> None:
        """A limit too small for a match and its neighbors still shows where it is, and a part."""
        text = "~@" * 300 + "KEY" + "~@" * 300
        page = read_page(text, 64, COUNTER, pattern="KEY")
        assert re.match(r"\[1 match in lines 1-1 of 1\]\n1 \(characters \d+-\d+ of 1203\): ~?(@~)*@KEY", page)
        assert tokens(page) <= 64

    @given(
        lines=st.lists(st.text("ab ~", max_size=60) | st.text("ab", min_size=500, max_size=900), max_size=20),
        limit=st.integers(64, 250),
        most=st.integers(1, 8),
    )
    def test_all_pages_show_all_matches(self, lines: list[str], limit: int, most: int) -> None:
        """Whoever follows the pages of a search sees every line that matches, and each page is within the limit."""
        text = "\n".join(lines)
        shown: set[int] = set()
        place: Where | None = {"start_line": 1, "start_column": 1}
        while place is not None:
            page = read_page(text, limit, COUNTER, name="text", pattern="ab", max_lines=most, **place)
            assert tokens(page) <= limit
            shown.update(int(row) for row in re.findall(r"^(\d+)(?: \(.*?\))?: ", page, re.MULTILINE))
            place = next_place(page)
        assert shown == {number for number, line in enumerate(lines, 1) if "ab" in line}

    def test_a_slow_search_that_found_nothing_yet(self) -> None:
        """When the time is up before the end, the page says how far the search came."""
        text = "bbb\n" * 200_000 + "a" * 5_000 + "!\n"
        page = read_page(text, 100, COUNTER, name="text", pattern=r"^(a|aa)+$", seconds=0.3)
        found = re.fullmatch(r"\[no matches in lines 1-(\d+) of 200001; go on with ref \"text:(\d+)\"\]", page)
        assert found is not None
        assert int(found[2]) == int(found[1]) + 1

    def test_surrogates(self) -> None:
        """Lone surrogates, which cannot be sent, become the sign for what cannot be shown."""
        assert read_page("a\ud800b", 100, COUNTER, pattern="a") == "[1 match in lines 1-1 of 1]\n1: a\ufffdb"


@pytest.mark.parametrize(
    ("pattern", "size"),
    [
        ("abc", 3),
        ("a{3}b", 4),
        ("(?:ab){2,5}", 15),
        (r"\d{4}-[a-f(0-9]{2}\(", 8),
        ("(a|b)+?c*", 4),
        ("a{2,}", 2),
        ("(?:(?:a{10}){10}){10}", 1_110),
        (")a{3}", 3),
        ("(a{3}", 3),
        ("[]{9}(]{2}", 2),
    ],
)
def test_the_size_with_its_repeats_written_out(pattern: str, size: int) -> None:
    """Groups count with all that is in them; a set is one element, whatever it holds."""
    assert expanded_size(pattern) == size


@pytest.mark.parametrize(
    "pattern", ["(?:(?:a{1000}){1000}){8}", "a{100000}", "((a{40}){40}){40}", "(?:[)]a{999}){999}"]
)
def test_large_repeats_are_refused(pattern: str) -> None:
    """Compiling them would take gigabytes and many seconds."""
    with pytest.raises(ValueError, match="repeats too much inside of repeats"):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", ["(?x)a # [\n{9}", "(?V1)[a--b]", "(?ix)a"])
def test_syntax_that_hides_repeats_is_refused(pattern: str) -> None:
    """Comments and nested sets."""
    with pytest.raises(ValueError, match="flags x and V"):
        compile_pattern(pattern)


@given(st.text(r"ab(){}[]\\|*+?^,0123456789:", max_size=40))
def test_anything_is_compiled_or_refused(pattern: str) -> None:
    """Whatever a model writes: a pattern, or an error that says so."""
    with suppress(ValueError):
        compile_pattern(pattern)
        assert expanded_size(pattern) <= MAX_EXPANDED


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


class TestBadPatterns:
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
