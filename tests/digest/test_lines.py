"""How facts read."""

from dataclasses import replace

from autogen_budget._digest._facts import Fact, Origin, Place
from autogen_budget._digest._lines import is_told, lines_of
from autogen_budget._digest._shapes import Shape

PLACE = Place("list_skus", Origin.RESULT, 5)
SKU = Fact(PLACE, "item.sku", "B771", Shape.IDENTIFIER)


def test_values_of_one_field_share_its_name() -> None:
    """The name of a field comes again before its values are far away from it."""
    many = [replace(SKU, value=f"B{i:03}") for i in range(40)]

    (line,) = lines_of(many)

    assert line.startswith("list_skus: sku=B000,B001,B002")
    assert line.count(", sku=") == 2
    assert lines_of([replace(SKU, label="", value=value) for value in ("a b", "c", "d" * 90)]) == [
        f"list_skus: a b,c, {'d' * 90}"
    ]
    assert lines_of([replace(SKU, value="c"), replace(SKU, value="a b")]) == ["list_skus: sku=c, a b"]


def test_a_list_is_named_where_its_field_is_not() -> None:
    """A list whose elements have but its own name is not named twice."""
    within = replace(PLACE, group="orders")

    assert lines_of([replace(SKU, place=within)]) == ["list_skus: orders: sku=B771"]
    assert lines_of([replace(SKU, place=within, label="orders")]) == ["list_skus: orders=B771"]


def test_words_within_longer_words_are_told_once() -> None:
    """Of two contexts of which one holds the other, the longer one is told."""
    said = Place("user", Origin.USER, 1)
    short = Fact(said, "zip", "10115", Shape.IDENTIFIER, "zip is 10115")
    whole = Fact(said, "", "My zip is 10115 in Berlin.", Shape.TEXT, "My zip is 10115 in Berlin.")

    assert lines_of([short, whole]) == ["user: My zip is 10115 in Berlin."]


def test_a_heading_that_tells_the_value_stands_alone() -> None:
    """What the heading says is not said again; a heading that says nothing is left out."""
    order = Place("order_id=A-17", Origin.RESULT, 2, source="get_order")
    itself = Fact(order, "order_id", "A-17", Shape.IDENTIFIER)
    passed = Fact(Place("get_order", Origin.ARGUMENT, 2), "order_id", "A-17", Shape.IDENTIFIER)

    assert lines_of([itself, passed]) == ["get_order order_id=A-17"]


def test_a_text_tells_a_fact_by_its_value_and_its_field() -> None:
    """An identifier is told wherever it stands, a word only behind its field, a change never."""
    status = Fact(PLACE, "status", "open", Shape.WORD)

    assert is_told(SKU, "see B771")
    assert not is_told(SKU, "see B7712")
    assert not is_told(status, "the door is open")
    assert is_told(status, '{"status": "open"}')
    assert not is_told(replace(status, before="new"), "status: open")
