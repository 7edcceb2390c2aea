"""Records as rows under one legend."""

import json

import pytest

from autogen_budget._cut._data._table import tabulate
from autogen_budget._cut._data._write_json import write_json
from autogen_budget._text import Gap, Value
from formats import json_value


def table(value: object) -> object:
    """A value with its records as rows."""
    return json.loads(write_json(tabulate(json_value(json.dumps(value)))))


def test_nested_records_become_dotted_columns() -> None:
    """Records inside records share the row; lists inside records have columns of their own."""
    value = [
        {"id": i, "to": {"name": f"n{i}", "zip": None}, "lines": [{"sku": f"s{i}", "n": 1}, {"sku": "s", "n": 1}]}
        for i in range(3)
    ]
    assert table(value) == [
        {"[columns]": ["id", "to.name", {"lines": ["sku", "n"]}], "[in all]": {"to.zip": None}},
        *([i, f"n{i}", [[f"s{i}", 1], ["s", 1]]] for i in range(3)),
    ]


def test_lists_of_lists_of_records_share_a_legend() -> None:
    """Connections made of two flights each are rows of rows."""
    value = [[{"flight": f"A{i}"}, {"flight": f"B{i}"}] for i in range(2)]
    assert table(value) == [{"[columns]": ["flight"]}, [["A0"], ["B0"]], [["A1"], ["B1"]]]


def test_missing_fields_are_null_and_not_told_to_be_in_all() -> None:
    """A record that lacks a field has null there, also where the others agree or where a whole record is missing."""
    value = [{"a": 1, "b": "x", "c": {"d": "y"}}, {"a": 2, "b": "x", "c": {"d": "y"}}, {"a": 3}]
    assert table(value) == [{"[columns]": ["a", "b", "c.d"]}, [1, "x", "y"], [2, "x", "y"], [3, None, None]]


def test_records_by_key_leave_out_what_repeats_the_key() -> None:
    """A field that says what the key says is named once."""
    value = {key: {"id": key, "n": key * 2} for key in ("a", "b", "c")}
    assert table(value) == {"[columns]": ["n"], "[key]": "id", "a": ["aa"], "b": ["bb"], "c": ["cc"]}


def test_gaps_stay_gaps() -> None:
    """A gap between records is a gap between rows."""
    assert tabulate([{"a": "1"}, {"a": "2"}, Gap(5), {"a": "3"}]) == [
        {"[columns]": ["a"]},
        ["1"],
        ["2"],
        Gap(5),
        ["3"],
    ]


def test_records_beside_prose_are_rows_too() -> None:
    """Each part of a text is read by itself."""
    records: Value = [{"a": "1"}, {"a": "2"}, {"a": "3"}]
    assert tabulate(("Found:", records)) == ("Found:", [{"[columns]": ["a"]}, ["1"], ["2"], ["3"]])


@pytest.mark.parametrize(
    "value",
    [
        [{"a": 1}, {"a": 2}],
        [{"a": 1}, {"b": 2}, {"c": 3}],
        ["a", "b", "c"],
        [{"a": 1}, "b", "c"],
        {"a": {"x": 1}, "b": {"x": 2}},
        {},
        [],
    ],
)
def test_what_is_not_alike_stays_as_it_is(value: object) -> None:
    """Two records, records of different kinds, and lists of scalars are no table."""
    assert table(value) == value
