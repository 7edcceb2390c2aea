"""Facts of structured data: fields, records, lists and maps."""

import json

from autogen_budget._digest._data import DEEPEST, LONGEST_LITERAL, MOST_LEAVES, identity_of, parse, read_data
from autogen_budget._digest._facts import Fact, Origin, Place

PLACE = Place("call", Origin.RESULT, 3)


def facts(data: object) -> list[Fact]:
    """The facts of some data."""
    return list(read_data(data, PLACE))


def test_parses_json_and_python_notation() -> None:
    """Numbers stay as they are written; what is neither notation is none."""
    assert parse('{"a": 1.10}') == {"a": "1.10"}
    assert parse("{'a': (1, None)}") == {"a": (1, None)}
    assert parse("['\\d', 1]") == ["\\d", 1]
    assert parse("{1, 2}") == {1, 2}
    assert parse("plain") is None
    assert parse("{broken") is None
    assert parse("[" * 5_000) is None
    assert parse("{" + " " * LONGEST_LITERAL) is None


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


def test_a_set_is_read_in_a_fixed_order() -> None:
    """Python's sets have no order of their own."""
    assert [fact.value for fact in facts({"tags": {"b", "a", "c"}})] == ["a", "b", "c"]


def test_a_long_text_in_a_field_is_read() -> None:
    """A text of many lines is read as a text, data inside a string as data."""
    inner = json.dumps({"token": "K-1234", "more": "x" * 200})
    found = facts({"log": "started\nsee /var/log/app.log", "payload": inner})

    assert {("see", "/var/log/app.log"), ("payload.token", "K-1234")} <= {(fact.label, fact.value) for fact in found}


def test_ends_after_enough_leaves_and_levels() -> None:
    """A huge or deep document is read in part."""
    deep: object = "A-17"
    for _ in range(DEEPEST + 2):
        deep = [deep]

    assert len(facts([f"A-{i}" for i in range(2 * MOST_LEAVES)])) == MOST_LEAVES
    assert len(facts([{"id": f"A-{i}"} for i in range(2 * MOST_LEAVES)])) == MOST_LEAVES
    assert facts(deep) == []


def test_a_document_is_identified_by_its_first_telling_field() -> None:
    """A field whose name ends in a word such as id identifies; a list or a record without one does not."""
    assert identity_of({"total": 3, "orderId": "A-17", "user_id": "u"}) == "orderId=A-17"
    assert identity_of({"id": "", "total": 3}) == ""
    assert identity_of(["A-17"]) == ""
