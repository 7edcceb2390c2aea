"""Corners of single formats: what each reader takes, and what it leaves to the next."""

import contextlib
import sys

import pytest

from autogen_budget._text import Gap, Value, read_text

LONG_ROWS: list[Value] = [{"a": str(i), "b": "x"} for i in range(19)]

CASES: dict[str, tuple[str, str, Value]] = {
    "numbers without a head": (
        "1,Jane,3.5,a\n2,Tom,4.5,b\n3,Ada,5.5,c\n4,Mia,6.5,d\n5,Leo,7.5,e",
        "csv",
        [
            {"1": str(i + 1), "2": name, "3": f"{i + 3}.5", "4": mark}
            for i, (name, mark) in enumerate(zip(("Jane", "Tom", "Ada", "Mia", "Leo"), "abcde", strict=True))
        ],
    ),
    "adjacent strings, octal and hex escapes": (
        r"{'a': 'one' ' two', 'b': '\x41\101\u00e9\n', 'c': b'raw', 'd': r'\d'}",
        "notation",
        {"a": "one two", "b": "AA\xe9\n", "c": "raw", "d": r"\d"},
    ),
    "calls": (
        "Order(when=datetime.date(2026, 3, 1), total=Decimal('3.50'), tags=set(), state=<State.OPEN: 1>, none=None)",
        "notation",
        {
            "when": "datetime.date(2026, 3, 1)",
            "total": "3.50",
            "tags": "set()",
            "state": "<State.OPEN: 1>",
            "none": None,
        },
    ),
    "quotes in BibTeX": (
        '@book{doe26, title = "A Book", year = 2026, note = {with {braces}}}',
        "bibtex",
        [{"type": "book", "key": "doe26", "title": "A Book", "year": "2026", "note": "with {braces}"}],
    ),
    "long strings and lists in TOML": (
        '[a]\ntext = """\none\ntwo\n"""\nlist = [\n  1,\n  "x",\n]\n[b]\nkey = "v" # why\nother = { a = 1 }',
        "sections",
        {"a": {"text": "\none\ntwo\n", "list": ["1", "x"]}, "b": {"key": '"v"', "other": {"a": "1"}}},
    ),
    "a key that repeats": ("a = 1\na = 2\na = 3\n", "sections", {"a": ["1", "2", "3"]}),
    "gaps of an earlier cut": (
        "- id: 1, name: Jane\n- [cut: 3 items]\n- id: 5, name: Tom\n- id: 6, name: Ada",
        "items",
        [{"id": "1", "name": "Jane"}, Gap(3), {"id": "5", "name": "Tom"}, {"id": "6", "name": "Ada"}],
    ),
    "gaps between pairs": (
        "id: 1\nname: Jane\n\n[cut: 3 items]\n\nid: 5\nname: Tom",
        "pairs",
        [{"id": "1", "name": "Jane"}, Gap(3), {"id": "5", "name": "Tom"}],
    ),
    "a label twice on a line": (
        "\n".join(f"id: {i}, name: Jane, age: 3, name: Tom" for i in range(3)),
        "labelled lines",
        [{"id": str(i), "name": "Jane", "age": "3"} for i in range(3)],
    ),
    "truncated JSON lines": ('{"a": 1}\n{"a": 2}\n{"a": [', "json lines", [{"a": "1"}, {"a": "2"}]),
    "a row that is too long": (
        "\n".join(["a,b", *(f"{i},x" for i in range(19)), "19,x,y,z"]),
        "csv",
        [*LONG_ROWS, {"a": "19", "b": "x", "more": "y, z"}],
    ),
    "rows with lists in them": (
        "[(1, 2, [3]), (1, 2, [4]), (1, 2, [5])]",
        "notation",
        [["1", "2", ["3"]], ["1", "2", ["4"]], ["1", "2", ["5"]]],
    ),
    "rows of different lengths": ("[[1, 2], [3, 4, 5], [6]]", "json", [["1", "2"], ["3", "4", "5"], ["6"]]),
    "tuples of different lengths": ("[(1, 2, 3), (3, 4), (6,)]", "notation", [["1", "2", "3"], ["3", "4"], ["6"]]),
}


@pytest.mark.parametrize(("text", "kind", "value"), CASES.values(), ids=list(CASES))
def test_what_is_read(text: str, kind: str, value: Value) -> None:
    """The format and the value of a text."""
    document = read_text(text)
    assert (document.format, document.value) == (kind, value)


@pytest.mark.parametrize(
    "text",
    [
        "[a] b",
        "{a: [1, 2}",
        "f(a=1, a=2)",
        "{1: 2} }",
        "[1, 2",
        "<a>1</b><c>" + "x" * 400 + "</c>",
        "plain: words\nand: more\nplain: again, which no record has",
        "12:00:01 | a\n12:00:02 | b\n12:00:03 | c",
        "a: b",
        "- one",
        "name,12:30,place\nx,1,y\nz,2,w",
        "name,at 12:30,place\nx,1,y\nz,2,w",
        'x,"a\ny",b',
        "a,b\n1," + '"' + "x" * 140_000 + '"\n2,y',
        "{: 1}",
        "[1, 2 > 3]",
        "- one\n  more of it",
        "id: 1, a: 2, b: 3\n" * 3 + "and then much that has no labels at all\n" * 20,
        "<a>\ud800</a>",
        "a: 1\na: 2\nb: [",
        "a: 1\nb:\n  c: 1\n  c: 2\n  d: [",
        "--- text\n...\n",
        "- first: a thing that is said\n- second: another thing that is said\n",
        "- " * 70 + "a: b\n",
        "name  place  size\n" + "ann   here   1\n" * 100 + "x" * 300 + "\n" + "ann   here   1\n" * 60,
    ],
)
def test_what_is_left_to_others(text: str) -> None:
    """What is broken, mixed or too little to tell is no document of that kind, and nothing of it is lost."""
    assert read_text(text).value is not None


def test_little_stack_left_is_no_trouble() -> None:
    """Where the interpreter has no room for another call, a text is a text."""

    def read_below(depth: int) -> str:
        return read_below(depth - 1) if depth else read_text('{"a":' * 50 + "1" + "}" * 50).format

    formats: set[str] = set()
    for depth in range(sys.getrecursionlimit(), 0, -5):
        with contextlib.suppress(RecursionError):
            formats.add(read_below(depth))
        if "text" in formats:
            break
    assert "text" in formats


def test_blocks_inside_cells_are_one_line() -> None:
    """Paragraphs and breaks in a table's cell do not break its row."""
    row = "<tr><td><p>ORD-1</p><p>open</p></td><td>a<br>b</td></tr>"
    page = f"<html><body><table><tr><th>id</th><th>note</th></tr>{row}{row.replace('1', '2')}</table></body></html>"
    assert read_text(page).value == [{"id": "ORD-1 open", "note": "a b"}, {"id": "ORD-2 open", "note": "a b"}]


def test_escaped_letters_are_letters() -> None:
    """YAML that spells each letter of another script as an escape is still YAML."""
    name = "".join(f"\\u{ord(letter):04x}" for letter in "Иван Петров")
    text = "".join(f'- id: {i}\n  name: "{name}"\n' for i in range(5))
    assert read_text(text).value == [{"id": str(i), "name": "Иван Петров"} for i in range(5)]
