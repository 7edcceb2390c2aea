"""Pages of a text: always within the limit, and in the end all of it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypedDict

from autogen_budget import TiktokenCounter
from autogen_budget._artifacts import read_page

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
