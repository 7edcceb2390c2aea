"""Documents: what is read of each format, of the ends of a cut one, and of pages."""

import contextlib
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autogen_budget import TiktokenCounter
from autogen_budget._cut._data._write_json import write_json
from autogen_budget._text import Embedded, Gap, Value, is_html, read_ends, read_text, text_of_html
from builders import cut, reference_in
from formats import FLAT, NESTINGS, identities, json_value, records, variants
from profiles import examples

RECORDS = records(12)
ANY_TEXT = st.text(st.characters(exclude_categories=()))
PARTS = st.sampled_from(
    [
        *(write(records(3)) for write in FLAT.values()),
        *(wrap("id: 1\nname: Jane") for wrap in NESTINGS.values()),
        *("```", "- ", "| a | b |", "key: value", "[section]", "{", "}", "[", "]", "'", '"', "<a>", "</a>", "#"),
        *("\t", "@x{y,", "name=Jane age=3", "Order(id=1, x=[", "1. one", "&a [*a]", "2026-03-01 12:00:00 INFO", "\\"),
        *("a  b   c", "a,b,c"),
    ]
)  # fmt: skip
MIXED = st.lists(PARTS | ANY_TEXT, max_size=8).map("\n".join) | st.lists(PARTS, max_size=8).map("".join)


def scalars(value: Value) -> Iterator[str]:
    """All strings and numbers in a value."""
    if isinstance(value, Embedded):
        yield from scalars(value.document.value)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from scalars(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from scalars(inner)
    elif isinstance(value, str):
        yield value


def families(value: Value) -> Iterator[list[dict[str, Value]]]:
    """All lists of records in a value, and records that stand under keys."""
    if isinstance(value, Embedded):
        yield from families(value.document.value)
    elif isinstance(value, (list, tuple, dict)):
        inside = list(value.values()) if isinstance(value, dict) else list(value)
        found = [item for item in inside if isinstance(item, dict)]
        if len(found) == len(inside):
            yield found
        for inner in inside:
            yield from families(inner)


@pytest.mark.parametrize("name", [name for name in FLAT if name != "markdown list"])
def test_every_format_gives_the_records(name: str) -> None:
    """Twelve records with six values each, whatever they are written in."""
    document = read_text(FLAT[name](RECORDS))
    best = max(families(document.value), key=len)
    assert len(best) == 12
    for record, (identifier, address) in zip(best, identities(RECORDS), strict=True):
        values = list(scalars(record))
        assert identifier in values
        assert address in values


@pytest.mark.parametrize("name", list(variants()))
def test_values_are_verbatim(name: str) -> None:
    """In every nesting each identifier and address is a value by itself or stands in one."""
    text = "\n".join(scalars(read_text(variants()[name](RECORDS)).value))
    for identifier, address in identities(RECORDS):
        assert identifier in text
        assert address in text


@settings(max_examples=examples(2), deadline=None)
@given(ANY_TEXT | MIXED)
def test_any_text_is_read(text: str) -> None:
    """Reading never raises, says the same each time, and finds nothing that does not stand in the text."""
    document = read_text(text)
    assert read_text(text) == document
    assert document.structured or document.value == text


@settings(max_examples=examples(1), deadline=None)
@given(st.sampled_from(list(variants())), st.integers(0, 3), st.floats(0.02, 1), st.text(max_size=30))
def test_truncated_documents_are_read(name: str, seed: int, share: float, after: str) -> None:
    """A document that ends anywhere, or goes on with something else, is read as well; no address becomes another."""
    items = records(6, seed=seed)
    text = variants()[name](items)
    read = "\n".join(scalars(read_text(text[: int(len(text) * share)] + after).value))
    assert "@" in after or set(re.findall(r"\buser\d+\.\d+@example\.com", read)) <= {
        pair[1] for pair in identities(items)
    }


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        '{"a":' * 100_000,
        "f(" * 100_000,
        "<a>" * 50_000,
        "<table><tr><td>" * 3_000,
        "- " * 100_000,
        "a: " * 100_000,
        "```\n" * 50_000,
        "a: &x [1]\n" + "".join(f"k{i}: [*x, *x]\n" for i in range(5_000)),
        "@misc{a, b = {" * 20_000,
        "| " * 100_000,
        " " * 300_000,
        "'" * 100_001,
        "\\" * 100_000,
        "[ " + " " * 100_000,
        "a = [\n" * 20_000,
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>' * 100,
    ],
    ids=lambda text: text[:12],
)
def test_hostile_texts_are_read_in_time(text: str) -> None:
    """Depth, repetition, aliases and entities cost no more than the length of the text."""
    read_text(text)


def test_aliases_are_not_followed() -> None:
    """A YAML alias is its name, so that a few lines cannot become a billion values."""
    text = "a: &x [laughing, laughing, laughing]\nb: [*x, *x]\n"
    assert read_text(text).value == {"a": ["laughing"] * 3, "b": ["*x", "*x"]}


@pytest.mark.parametrize(
    "name", ["json", "json lines", "csv", "tsv", "markdown table", "pairs", "logfmt", "html table"]
)
def test_large_documents_are_read_at_both_ends(name: str) -> None:
    """Of a text too large to be read whole the first and the last records are read."""
    items = records(3_000)
    text = FLAT[name](items)
    assert len(text) > 400_000
    found = "\n".join(scalars(read_text(text).value))
    for identifier, address in (identities(items)[0], identities(items)[-1]):
        assert identifier in found
        assert address in found


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for your help. I would like to return the lamp, please, and to keep the rug.",
        "Dear Jane,\n\nNote: the shop is closed on Monday, so come on Tuesday.\nSee you there, with the lamp.\n\nTom",
        "The quick brown fox\njumps over the lazy dog,\nand again, and again,\nuntil the evening comes.",
        "[INFO] started\n[INFO] served order 1\n[WARN] slow\n",
    ],
)
def test_what_is_no_document_is_a_text(text: str) -> None:
    """Prose with commas, colons and brackets is prose."""
    document = read_text(text)
    assert (document.format, document.value) == ("text", text)
    assert not document.structured


def test_code_and_logs_are_told() -> None:
    """Source code and logs are no documents, and are called what they are."""
    code = "import os\n\n" + "".join(f"def f{i}(x: int) -> int:\n    y = x + {i}\n    return y\n\n" for i in range(9))
    log = "".join(f"2026-03-01 12:00:0{i} INFO worker: served order={i}, took=3\n" for i in range(9))
    assert read_text(code).format == "code"
    assert read_text(log).format == "log"


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


COUNTER = TiktokenCounter()
ORDERS = [{"id": i, "tags": ["a", {"b": [i]}], "text": f"text, {{of}} [{i}]"} for i in range(200)]


def ends(value: object, window: int = 400, *words: str) -> Any:
    """What is read of a value, as JSON."""
    return json.loads(write_json(read_ends(json.dumps(value), window, words)))


def test_a_list_keeps_records_of_both_ends() -> None:
    """The first and the last records are there as they are, with one gap in between."""
    read = ends(ORDERS)
    gap = read.index("[cut]")
    assert gap > 2
    assert len(read) - gap > 2
    assert read[:gap] == ORDERS[:gap]
    assert read[gap + 1 :] == ORDERS[gap + 1 - len(read) :]


def test_fields_around_the_list_are_kept() -> None:
    """Fields before the list and behind it belong to the object that holds it."""
    read = ends({"query": "x", "page": {"results": ORDERS, "next": None, "total": 200}})
    page = read["page"]
    assert (read["query"], page["next"], page["total"]) == ("x", None, 200)
    assert page["results"][0] == ORDERS[0]
    assert page["results"][-1] == ORDERS[-1]
    alone = ends({"results": ORDERS})
    assert alone["results"][-1] == ORDERS[-1]


def test_records_that_hold_a_word_are_found() -> None:
    """A record between the windows is read when a word leads to it, once for all its words."""
    read = ends(ORDERS, 400, "[117]", "117,", "nowhere")
    assert read.count(ORDERS[117]) == 1
    assert read[read.index(ORDERS[117]) - 1] == read[read.index(ORDERS[117]) + 1] == "[cut]"


def test_a_word_in_too_long_a_record_leads_nowhere() -> None:
    """A record that would not fit anyway is not looked for any further."""
    read = ends([*ORDERS, {"id": "rare", "text": "x" * 9_000}, *ORDERS], 400, "rare")
    assert read.count("[cut]") == 1


def test_a_long_string_is_read_as_far_as_the_window_goes() -> None:
    """A value that is one long text keeps its beginning, without half an escape at its end."""
    for window in range(400, 440):
        read = ends({"id": 1, "text": 'a "quoted" \\ word \u00e4 \ud800' * 200}, window)
        assert read["id"] == 1
        assert read["text"].startswith('a "quoted" \\ word')
        assert read["text"].endswith(" [cut]")


def test_what_cannot_be_placed_becomes_a_gap() -> None:
    """Where the end of the text belongs to no list that is open at the beginning, a gap stands in all that is open."""
    read = ends({"lists": {f"list {i}": [f"item {i}"] for i in range(90)}, "end": {"a": [1, [2]]}})
    assert read["[more]"] == "[cut]"
    assert read["lists"]["[more]"] == "[cut]"
    assert read["lists"]["list 0"] == ["item 0"]


@pytest.mark.parametrize(
    "text",
    [
        "[INFO] text",
        "[1] and [2]",
        "[1] [2]",
        "[1: 2]",
        "[1 : 2]",
        "{1: 2}",
        "{,:1}",
        '{"a": 1]',
        "[1}",
        "]",
        "  ",
        "[1, 2" + " " * 900 + "x",
        '{"a" "b" ' + "c" * 900,
    ],
)
def test_what_is_no_json_is_not_read(text: str) -> None:
    """A text that turns out not to be JSON gives nothing."""
    assert read_ends(text, 400) is None


def test_words_and_numbers_are_read() -> None:
    """A text within the window is read whole."""
    text = '{"a": [true, false, null, -1.50e3], "b": {}, "": "\\q"}'
    assert write_json(read_ends(text, 400)) == '{"a":[true,false,null,-1.50e3],"b":{},"":"\\\\q"}'


VALUES: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(), inner, max_size=6),
    max_leaves=80,
)


@given(st.lists(VALUES) | st.dictionaries(st.text(), VALUES), st.integers(1, 300))
def test_any_json_is_read_as_json(value: object, window: int) -> None:
    """Wherever the window ends, what was read is valid JSON, and all of it where the window holds all."""
    text = json.dumps(value)
    read = read_ends(text, window)
    json.loads(write_json(read))
    if window >= len(text):
        assert read == json_value(text)


@pytest.mark.parametrize("in_lines", [False, True])
def test_large_json_is_cut_by_structure(*, in_lines: bool) -> None:
    """JSON and JSON lines beyond what is read whole stay what they are, with both ends."""
    records = [{"id": f"ORD-{i}", "note": "prose " * 20} for i in range(6_000)]
    text = "\n".join(map(json.dumps, records)) if in_lines else json.dumps(records)
    kept = cut(text, 400, "ORD-3217", reference="a1b2c3")
    assert COUNTER.count_text(kept) <= 400
    lines = [json.loads(line) for line in kept.split("\n")] if in_lines else json.loads(kept)
    assert reference_in(lines[0]) == "a1b2c3"
    assert '"ORD-0"' in kept
    assert '"ORD-5999"' in kept


PAGE = """<?xml version="1.0"?>
<!DOCTYPE html>
<html><head><title>Shop &amp; more</title><style>a {}</style></head>
<body><!-- hidden --><h2>Offers</h2><ul><li>One</li><li>Two<br>lines</li></ul>
<p>See <a href="/more">more</a>, <a href="#top">up</a> or <a>none</a>.</p>
<table><tr><th>id</th><th>name</th></tr><tr><td>1</td><td>Jane</td></tr></table><script>var x = "</p>";</script>
</body></html>"""


def test_markup_is_left_out() -> None:
    """Title, headings, list items, links and table rows are told by plain signs; scripts and comments are gone."""
    assert text_of_html(PAGE).split("\n") == [
        "Shop & more",
        "## Offers",
        "- One",
        "- Two",
        "lines",
        "See more (/more), up or none.",
        "| id | name |",
        "| 1 | Jane |",
    ]


def test_deep_nesting_is_no_trouble() -> None:
    """A page nested deeper than the interpreter can follow is read all the same."""
    assert text_of_html("<div>" * 5_000 + "deep" + "</div>" * 5_000) == "deep"


def test_markup_that_cannot_be_read_gives_nothing() -> None:
    """What no parser takes is left to other ways of cutting."""
    assert text_of_html("<html><![n00b]>") == ""


@pytest.mark.parametrize(
    ("text", "is_page"),
    [
        (PAGE, True),
        ("\n<HTML lang='en'>", True),
        ("<div class='a'><p>text</p></div>" * 5, True),
        ("<note><to>Jane</to></note>" * 20, False),
        ("A text about <p> and <div> tags. " * 20, False),
        ("a < b", False),
    ],
)
def test_pages_are_told_by_their_beginning(text: str, is_page: bool) -> None:
    """A document type or enough tags at the beginning make a page."""
    assert is_html(text) is is_page
