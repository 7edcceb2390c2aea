"""What values look like, and which of them stand out in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget._text import Shape, find_values, occurrences, shape_of


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
