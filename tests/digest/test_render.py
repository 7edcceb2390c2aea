"""How facts read."""

from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from autogen_budget._digest._facts import Fact, Origin, Place
from autogen_budget._digest._render import count_that_fits, is_told, lines_of
from autogen_budget._text import Shape
from builders import COUNTER

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


def row(number: int, **values: str) -> list[Fact]:
    """An element of a list."""
    place = replace(PLACE, group="stock", entry=f"sku={number}")
    return [replace(SKU, place=place, label=label, value=value) for label, value in values.items()]


def test_elements_with_the_same_fields_read_like_a_table() -> None:
    """The fields are named again before the values are far from their names, and where an element has others."""
    rows = [fact for i in range(12) for fact in row(i, sku=f"B77{i:02}", name=f"Lamp {i:02}")]
    (line,) = lines_of(rows)
    head, *after = line.split("; ")
    assert head == "list_skus: stock: sku=B7700, name=Lamp 00"
    assert after[0] == "B7701, Lamp 01"
    named = [i for i, text in enumerate(after) if text.startswith("sku=")]
    assert named
    assert max(len(text) for text in line.split("; sku=")) < 120
    mixed = [*row(1, sku="B1", name="Lamp"), *row(2, sku="B2"), *row(3, sku="B3", name="Rug, red")]
    assert lines_of(mixed) == ["list_skus: stock: sku=B1, name=Lamp; sku=B2; sku=B3, name=Rug, red"]
    changed = [*row(1, sku="B1", name="Lamp"), row(2, sku="B2")[0], replace(row(2, name="Rug")[0], before="Mat")]
    assert lines_of(changed) == ["list_skus: stock: sku=B1, name=Lamp; sku=B2, name=Mat → Rug"]
    lists = [fact for i in (1, 2) for value in ("a", "b") for fact in row(i, sku=f"B{i}", bin=f"{value}{i}")]
    assert lines_of(lists[:1] + lists[1:2] + lists[3:5] + lists[5:6] + lists[7:]) == [
        "list_skus: stock: sku=B1, bin=a1,b1; sku=B2, bin=a2,b2"
    ]


def test_a_tool_is_named_once_for_the_records_that_follow_each_other() -> None:
    """Another tool's line, or a user's, between them brings its name back."""

    def record(number: int, turn: int, source: str = "get_order") -> Fact:
        place = Place(f"order_id=A-{number}", Origin.RESULT, turn, source=source)
        return Fact(place, "status", f"open{number}", Shape.WORD)

    said = Fact(Place("user", Origin.USER, 3), "", "no calls", Shape.TEXT, "no calls before nine")
    told = lines_of([record(1, 1), record(2, 2), said, record(4, 4), record(5, 5, "find_order")])
    assert told == [
        "get_order order_id=A-1: status=open1",
        "order_id=A-2: status=open2",
        "user: no calls before nine",
        "get_order order_id=A-4: status=open4",
        "find_order order_id=A-5: status=open5",
    ]


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


@given(st.lists(st.integers(1, 30), max_size=300), st.integers(0, 3_000))
@example([*[1] * 255, 9_000], 200)
def test_as_many_parts_as_fit(sizes: list[int], limit: int) -> None:
    """The largest number whose text fits, found by few texts."""
    made: list[int] = []

    def text(count: int) -> str:
        made.append(count)
        return " sea" * sum(sizes[:count])

    count = count_that_fits(text, len(sizes), limit, COUNTER)

    assert sum(sizes[:count]) <= limit
    assert count == len(sizes) or sum(sizes[: count + 1]) > limit
    assert len(made) == len(set(made)) <= 2 * len(sizes).bit_length() + 1
