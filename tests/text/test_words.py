"""Words, names, shapes and errors in texts, and foreign words inside lines of ours."""

from collections.abc import Callable
from time import perf_counter
from types import FunctionType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import builders
from autogen_budget import TiktokenCounter
from autogen_budget._text import (
    Recent,
    Scorer,
    Shape,
    encodable,
    error_lines,
    find_values,
    indented,
    is_code,
    names_in,
    occurrences,
    one_line,
    shape_of,
    signatures,
    terms_of,
    text_of_html,
    words_of,
)
from autogen_budget._turns import references_in


@pytest.mark.parametrize("name", ["order_ids", "orderIds", "Order ID", "order-id", "ORDER_ID"])
def test_spellings_of_a_name_are_the_same(name: str) -> None:
    """Case, separators and number do not matter."""
    assert words_of(name) == ("order", "id")


@pytest.mark.parametrize(
    "name",
    [
        "https://example.com/a?b=1",
        "jane.doe@example.com",
        "src/shop/order.py",
        "/etc/hosts",
        "~/notes",
        "C:\\Users",
        "order.py",
        "2026-03-01",
        "ORD-4711",
        "#4711",
        "1.20.3",
        "total_price",
        "totalPrice",
        "4711",
        "a1b2c3",
        "autogen-core-0.7.5",
    ],
)
def test_names(name: str) -> None:
    """Addresses, paths, dates, identifiers and numbers are names, whatever stands around them."""
    assert names_in(f"See ({name}), then: {name}.", 5) == [name]


def test_other_words_are_none() -> None:
    """Plain words, short numbers, times and access modes are no names."""
    assert names_in("The well-known man said: 12 of 340, at 12:30:05 -rw-r--r-- and/or never", 5) == []


def test_no_more_than_asked_for() -> None:
    """The first names are told."""
    assert names_in("a_b1 c_d2 e_f3", 2) == ["a_b1", "c_d2"]


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("#W1234567", Shape.IDENTIFIER),
        ("james_taylor_7043", Shape.IDENTIFIER),
        ("9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", Shape.IDENTIFIER),
        ("80279", Shape.IDENTIFIER),
        ("+1 (555) 123-2002", Shape.IDENTIFIER),
        ("NTIRXF", Shape.IDENTIFIER),
        ("C125.41 ITO", Shape.IDENTIFIER),
        ("SW1A 1AA", Shape.IDENTIFIER),
        ("Boeing 737", Shape.NAME),
        ("1TB SSD", Shape.TEXT),
        ("EXTRA LARGE", Shape.NAME),
        ("a@b.co", Shape.EMAIL),
        ("https://a.b/c?d=1", Shape.URL),
        ("src/a/b.py", Shape.PATH),
        ("setup.py", Shape.PATH),
        ("C:\\Users\\x.txt", Shape.PATH),
        ("2024-05-19", Shape.DATE),
        ("2024-05-08 11:37:17", Shape.DATE),
        ("May 15, 2024", Shape.DATE),
        ("17:00:00", Shape.DATE),
        ("total_seconds", Shape.SYMBOL),
        ("TimeDelta", Shape.SYMBOL),
        ("a.b.call()", Shape.SYMBOL),
        ("Boston", Shape.NAME),
        ("LAS", Shape.NAME),
        ("Water Bottle", Shape.NAME),
        ("$83.50", Shape.NUMBER),
        ("12 GB", Shape.NUMBER),
        ("123", Shape.NUMBER),
        ("pending", Shape.WORD),
        ("basic economy", Shape.TEXT),
        ("???", Shape.TEXT),
        ("", Shape.TEXT),
    ],
)
def test_shape_of(value: str, shape: Shape) -> None:
    """A value's characters tell its shape."""
    assert shape_of(value) is shape


@pytest.mark.parametrize("number", ["+44 20 7946 0018", "+1 (555) 123-2002", "(030) 123 45 67", "+351-21-000-1234"])
def test_finds_phone_numbers_whole(number: str) -> None:
    """Groups of digits behind a country or area code are one value; bare groups are not."""
    found = [(one.value, one.shape) for one in find_values(f"call {number}, not 12 34 56")]
    assert found == [(number, Shape.IDENTIFIER), *((bare, Shape.NUMBER) for bare in ("12", "34", "56"))]


def test_finds_what_stands_out_in_prose() -> None:
    """Names, identifiers, dates, amounts, paths, quoted words and code are found; plain words are not."""
    text = (
        "I'm Noah Brown from New York (zip 80279), see `git status -s` and src/fields.py:1474: on June 3rd, 2021 "
        'I paid $1,134.50 for "blue suede shoes" at https://x.com/a?b=1. ALL CAPS WORDS, key=value-12 …'
    )

    found = [(one.value, one.shape) for one in find_values(text)]

    assert found == [
        ("Noah Brown", Shape.NAME),
        ("New York", Shape.NAME),
        ("80279", Shape.IDENTIFIER),
        ("git status -s", Shape.SYMBOL),
        ("src/fields.py", Shape.PATH),
        ("1474", Shape.IDENTIFIER),
        ("June 3rd, 2021", Shape.DATE),
        ("$1,134.50", Shape.NUMBER),
        ("blue suede shoes", Shape.SYMBOL),
        ("https://x.com/a?b=1", Shape.URL),
        ("value-12", Shape.IDENTIFIER),
    ]


def test_quotation_marks_that_do_not_pair_hold_no_value() -> None:
    """What stands between the end of one quotation and the beginning of the next is no value."""
    assert [one.value for one in find_values('"A-1", "B-2"')] == ["A-1", "B-2"]
    assert [one.value for one in find_values('x", and "y')] == []


def test_occurrences_are_whole() -> None:
    """A value inside a longer word or number is no occurrence of it."""
    assert list(occurrences("12", "12 312 120 a12 (12)")) == [0, 16]
    assert list(occurrences("#1", "a#1 #12")) == [1]


@given(st.text(max_size=200))
def test_what_is_found_stands_there(text: str) -> None:
    """Every value stands where it is said to stand."""
    for one in find_values(text):
        assert text[one.start : one.end] == one.value


def test_words_are_whole_identifiers_and_their_parts() -> None:
    """An identifier is found by itself and by what it is made of."""
    assert terms_of("getUserId of ORD-4711") == {"getuserid", "get", "user", "of", "ord", "4711"}


def test_rare_words_count_and_common_ones_do_not() -> None:
    """A word in more than a quarter of the parts tells nothing; of the others the rarer counts more."""
    parts = ["order 1 paid", "order 2 paid", "order 3 lost", *[f"order {i}" for i in range(4, 12)]]
    scores = Scorer.of(["order paid lost"]).scores(parts)
    assert scores[2] > scores[0] > 0
    assert scores[5] == 0


def test_short_hints_weigh_more() -> None:
    """A word of the call's arguments counts more than one of a long task."""
    scorer = Scorer.of(["4711", "please find out everything there is to know about the harbour and its history"])
    assert scorer.best(["the harbour", "order 4711", *["nothing"] * 10])[0] == 1


def test_without_hints_nothing_is_asked_for() -> None:
    """No hints, no scores."""
    assert Scorer.of([]).scores(["a", "b"]) == [0.0, 0.0]
    assert Scorer.of(["the of and"]).best(["the end of it"]) == []


def test_long_hints_count_at_both_ends() -> None:
    """Of a very long hint the beginning and the end are read."""
    scorer = Scorer.of(["first " + "filler " * 5_000 + "last"])
    assert {"first", "last"} <= scorer.weights.keys()


def test_words_worth_a_search() -> None:
    """Long enough words, as they are spelled, that the beginning of the text is not full of."""
    scorer = Scorer.of(["find ORD-88231 of Jane", "the warehouse"])
    assert scorer.rare_in("Jane Jane Jane") == ["warehouse", "88231", "find"]


@pytest.mark.parametrize(
    "line",
    [
        "ERROR disk full",
        "error: could not compile",
        "E   AssertionError: assert 1 == 2",
        "java.lang.IllegalStateException: closed",
        "FAILED tests/test_a.py::test_b",
        "process exited with code 3",
        "bash: foo: command not found",
        "Segmentation fault (core dumped)",
        "warning: unused variable",
    ],
)
def test_lines_that_tell_of_trouble(line: str) -> None:
    """Errors, failures, warnings and exit codes other than 0 are found."""
    assert error_lines(["all is well", line]) == [1]


@pytest.mark.parametrize("line", ["0 errors, 0 warnings", "exit code 0", "errors: 0", "no failures", "served order 7"])
def test_lines_that_tell_of_none(line: str) -> None:
    """A line that says that there are no errors is none."""
    assert error_lines([line]) == []


def test_what_is_new_comes_first() -> None:
    """Errors of a new kind come before warnings, and those before errors that only repeat."""
    assert error_lines(["ERROR order 1 lost", "warning: slow", "ERROR order 2 lost", "ERROR disk full"]) == [0, 3, 1, 2]


def test_a_traceback_belongs_together() -> None:
    """All its lines are found, the one that names the error first."""
    lines = ["Traceback (most recent call last):", '  File "a.py", line 1', "    run()", "OSError: gone", "well"]
    assert error_lines(lines) == [3, 2, 1, 0]


PYTHON = "import os\n\nclass Order:\n    @property\n    def total(self) -> float:\n        return sum(self.prices)\n"
RUST = (
    "use std::fs;\n\npub struct Order {\n    id: u32,\n}\n\npub(crate) async fn total(o: &Order) -> f64 {\n    0.0\n}\n"
)
JAVA = "package shop;\n\npublic class Order {\n    public static double total(Order o) {\n        return 0;\n    }\n}\n"


@pytest.mark.parametrize(
    ("code", "found"),
    [(PYTHON, [2, 3, 4]), (RUST, [2, 6]), (JAVA, [2, 3])],
)
def test_signatures_are_found_outermost_first(code: str, found: list[int]) -> None:
    """Functions, methods, classes and decorators, in several languages, with or without line numbers."""
    lines = code.split("\n")
    assert signatures(lines) == found
    assert signatures([f"{number:6}\t{line}" for number, line in enumerate(lines, 1)]) == found
    assert signatures([f"{number}:{line}" for number, line in enumerate(lines, 1)]) == found
    assert is_code(lines)


@pytest.mark.parametrize("text", ["", "\n\n", "Only prose, in\nseveral lines\nof text.", "id,name\n1,Jane\n2,John"])
def test_other_texts_are_no_code(text: str) -> None:
    """Prose and tables are no code."""
    assert not is_code(text.split("\n"))


ANY = st.text(st.characters(), max_size=60)  # lone surrogates and every line break of Unicode, too


@given(ANY)
def test_everything_can_be_encoded(text: str) -> None:
    """Lone surrogates are replaced, one character by one, and nothing else is."""
    new = encodable(text)
    assert len(new) == len(text)
    assert all(a == b or (b == "\ufffd" and "\ud800" <= a <= "\udfff") for a, b in zip(text, new, strict=True))
    for made in (new, one_line(text), indented(text)):
        made.encode()


@given(ANY)
def test_one_line_is_one_line(text: str) -> None:
    """No reader sees a second line, whatever it takes for a line break; what can be read stays."""
    new = one_line(text)
    assert len(new.splitlines()) <= 1
    assert new.split() == encodable(text).split()
    assert one_line(new) == new


@given(ANY)
def test_no_line_but_the_first_begins_at_the_margin(text: str) -> None:
    """Every further line is indented, and the words are the same."""
    new = indented(text)
    assert all(line.startswith("  ") for line in new.splitlines()[1:])
    assert new.split() == encodable(text).split()


@pytest.mark.parametrize("text", ["", "plain words", "h\u00e9llo \u6e2f\u53e3 \U0001f6a2"])
def test_what_is_plain_is_the_same_object(text: str) -> None:
    """Nothing is copied for nothing."""
    assert encodable(text) is one_line(text) is indented(text) is text


@given(st.lists(st.integers(0, 9), max_size=40), st.lists(st.integers(0, 12), min_size=10, max_size=10))
def test_the_latest_that_fit_are_kept(keys: list[int], sizes: list[int]) -> None:
    """As many of the latest values are known as fit together; one too large for all the room pushes none out."""
    recent = Recent[int, int](10)
    for key in keys:
        recent.put(key, sizes[key], sizes[key])
    fitting = [(key, sizes[key]) for key in keys if sizes[key] <= 10]
    left, room = dict[int, int](), 10
    for key, size in reversed(fitting):
        if key not in left:
            room -= size
            if room < 0:
                break
            left[key] = size
    assert {key: value for key in range(10) if (value := recent.get(key)) is not None} == left


def test_what_is_used_stays() -> None:
    """A value that is asked for outlives one that came later and was not."""
    recent = Recent[str, int](2)
    recent.put("old", 1, 1)
    recent.put("new", 2, 1)
    assert recent.get("old") == 1
    recent.put("newest", 3, 1)
    assert (recent.get("old"), recent.get("new"), recent.get("newest")) == (1, None, 3)


COUNTER = TiktokenCounter()
SHORT = 20_000
"""Characters of the shorter text."""

NOTHING = 0.2
"""Seconds that harm nobody, whatever else the machine does."""

MOST = 30
"""How many times as slow the text of eight times the length may be: 8 is linear, 64 quadratic."""


def seconds(read: Callable[[str], object], part: str, length: int) -> float:
    """The best of three: what else runs on the machine only makes it slower."""
    text = part * (length // len(part))

    def once() -> float:
        start = perf_counter()
        read(text)
        return perf_counter() - start

    return min(once() for _ in range(3))


def cut(text: str) -> str:
    """Cut to a small limit, as a tool's output is."""
    return builders.cut(text, 200)


def page(text: str) -> str:
    """The text of a page that begins like that."""
    return text_of_html(f"<html><body>{text}")


def repr_of(value: object) -> str:
    """A name for a case that is the same in every process."""
    return value.__name__ if isinstance(value, FunctionType) else ascii(value)


@pytest.mark.parametrize(
    ("read", "part"),
    [
        *((page, part) for part in ("<!-- ", "<a ", '<a b="x" ', "</a ", "<? ", "<a <b ", '<a b="', "<!-- > ")),
        *((cut, part) for part in ("[cut: 1 of 1 characters left out, among them ", '{"a":', "[", "\\", "<!-- ")),
        (references_in, 'read_artifact("'),
        (references_in, "read_artifact(" + "\\" * 30),
        (one_line, "\u2028 "),
        (indented, "\r\n "),
    ],
    ids=repr_of,
)
def test_time_is_linear(read: Callable[[str], object], part: str) -> None:
    """Whoever can write to an agent cannot stop its event loop with it."""
    slow = seconds(read, part, 8 * SHORT)
    assert slow < NOTHING or slow < MOST * seconds(read, part, SHORT)


def test_open_tags_are_text() -> None:
    """What does not end is shown as it stands, and what does is read as ever."""
    assert text_of_html("<html><p>a <b>bold</b> word<!-- gone --><p>1 < 2 <p>left <a href=") == (
        "a bold word\n1 < 2\nleft <a href="
    )
