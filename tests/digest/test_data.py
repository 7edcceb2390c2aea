"""Facts of structured data: fields, records, lists and maps."""

import json

import pytest

from autogen_budget._digest._data import DEEPEST, MOST_LEAVES, identity_of, read_data
from autogen_budget._digest._facts import Fact, Origin, Place
from autogen_budget._text import read_text

PLACE = Place("call", Origin.RESULT, 3)


def facts(data: object) -> list[Fact]:
    """The facts of some data, as a tool writes it down; a text stands for itself."""
    return list(read_data(read_text(data if isinstance(data, str) else json.dumps(data)), PLACE))


@pytest.mark.parametrize(
    "text",
    [
        "{'orders': [{'id': 'A-17', 'total': 1.10}, {'id': 'B-18', 'total': 2}]}",
        "orders:\n- id: A-17\n  total: 1.10\n- id: B-18\n  total: 2\n",
        "<orders><order><id>A-17</id><total>1.10</total></order><order><id>B-18</id><total>2</total></order></orders>",
        "Orders(orders=[Order(id='A-17', total=1.10), Order(id='B-18', total=2)])",
        json.dumps({"content": json.dumps({"orders": [{"id": "A-17", "total": 1.10}, {"id": "B-18", "total": 2}]})}),
        "id,total\nA-17,1.10\nB-18,2\n",
        "Here is what I found:\n\n| id | total |\n|---|---|\n| A-17 | 1.10 |\n| B-18 | 2 |\n",
    ],
)
def test_reads_whatever_a_tool_writes(text: str) -> None:
    """Records are told apart with their fields in every format, and numbers stay as they are written."""
    found = facts(text)
    assert [(fact.label, fact.value) for fact in found if fact.value in ("A-17", "B-18")] == [
        ("id", "A-17"),
        ("id", "B-18"),
    ]
    totals = {fact.value.rstrip("0"): fact for fact in found if fact.label == "total"}
    assert totals.keys() == {"1.1", "2"}
    assert "A-17" in totals["1.1"].place.entry


def test_columns_without_a_head_have_no_name() -> None:
    """Rows of a query are records whose fields nothing names."""
    found = facts("[('A-17', 'Bonn', 3), ('B-18', 'Rome', 4), ('C-19', 'Oslo', 5)]")
    assert {fact.value for fact in found} >= {"A-17", "Rome", "5"}
    assert {fact.label for fact in found} == {""}
    assert [fact.label for fact in facts({"2": "Bonn", "1": "Rome"})] == ["2", "1"]


def test_a_field_has_its_path() -> None:
    """A nested field is called by its path; nothing is told of an empty one."""
    found = facts({"address": {"city": "Bonn", "zip": None}, "active": True, "note": ""})

    assert [(fact.label, fact.value, fact.single) for fact in found] == [
        ("address.city", "Bonn", True),
        ("active", "true", True),
    ]


def test_elements_of_a_list_are_told_apart() -> None:
    """Records of a list stand apart, by what identifies them or by their position."""
    found = facts(
        {"rows": [{"id": "A1", "n": "5"}, {"id": "A1", "n": "6"}, {"n": "7"}, {"n": "8"}], "tags": ["x", ["y"]]}
    )

    assert len({fact.key for fact in found}) == len(found)
    assert {fact.crowd for fact in found if fact.place.group == "rows"} == {4}
    assert [fact.value for fact in found if fact.label == "tags"] == ["x", "y"]


def test_a_map_by_identifiers_is_a_list_of_records() -> None:
    """Keys that are things themselves are values; an element that holds its own key does not tell it twice."""
    found = facts({"methods": {"card_77": {"brand": "visa"}, "paypal_12": {"id": "paypal_12"}}})

    assert [(fact.place.group, fact.label, fact.value) for fact in found] == [
        ("methods", "methods", "card_77"),
        ("methods", "brand", "visa"),
        ("methods", "id", "paypal_12"),
    ]


def test_a_long_text_in_a_field_is_read() -> None:
    """A text of many lines is read as a text, data inside a string as data."""
    inner = json.dumps({"token": "K-1234", "more": "x" * 200})
    found = facts({"log": "started\nsee /var/log/app.log", "payload": inner})

    assert {("see", "/var/log/app.log"), ("payload.token", "K-1234")} <= {(fact.label, fact.value) for fact in found}


def test_ends_after_enough_leaves_and_levels() -> None:
    """A huge or deep document is read in part."""
    deep: object = "A-17"
    for _ in range(DEEPEST + 2):
        deep = [deep, 1]

    assert len(facts([f"A-{i}" for i in range(2 * MOST_LEAVES)])) == MOST_LEAVES
    assert len(facts([{"id": f"A-{i}"} for i in range(2 * MOST_LEAVES)])) == MOST_LEAVES
    assert "A-17" not in {fact.value for fact in facts(deep)}


def test_a_document_is_identified_by_its_first_telling_field() -> None:
    """A field whose name ends in a word such as id identifies; a list or a record without one does not."""
    for text, identity in (
        ('{"total": 3, "orderId": "A-17", "user_id": "u"}', "orderId=A-17"),
        ('{"id": "", "total": 3}', ""),
        ('["A-17", "B-18"]', ""),
        ("plain words", ""),
    ):
        assert identity_of(read_text(text)) == identity
