"""Which facts are worth their tokens, and the lines they are told in."""

from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from autogen_budget._digest._facts import Fact, Origin, Place
from autogen_budget._digest._rank import keep_best, rank
from autogen_budget._digest._relevance import MOST, relevance
from autogen_budget._digest._render import count_that_fits, is_told, lines_of
from autogen_budget._text import Shape
from builders import COUNTER

PLACE = Place("call", Origin.RESULT, 5)
PLAIN = Fact(PLACE, "sku", "B771", Shape.IDENTIFIER, crowd=4)
OTHER = replace(PLAIN, value="C905")


def first(*facts: Fact, wanted: tuple[str, ...] = ()) -> str:
    """The value that comes first."""
    return rank(facts, 6, wanted)[0].value


def test_each_reason_brings_a_fact_to_the_front() -> None:
    """A fact that differs from another in one good reason comes before it."""
    better = [
        replace(OTHER, crowd=1),
        replace(OTHER, seen=3),
        replace(OTHER, place=replace(PLACE, turn=6)),
        replace(OTHER, place=replace(PLACE, origin=Origin.USER)),
    ]

    for fact in better:
        assert first(PLAIN, fact) == "C905"
        assert first(fact, PLAIN) == "C905"
    assert first(replace(PLAIN, shape=Shape.NAME, value="Anna"), OTHER) == "C905"
    assert first(replace(PLAIN, label=""), OTHER) == "C905"


def test_values_that_were_passed_to_a_tool_and_their_fields_come_first() -> None:
    """What calls asked for before they are likely to ask for again."""
    passed = Fact(Place("get", Origin.ARGUMENT, 5), "code", "D111", Shape.IDENTIFIER)
    seen = replace(PLAIN, label="bin", value="D111")

    order = [fact.value for fact in rank([PLAIN, replace(OTHER, label="bin"), seen, passed], 6)]

    assert order == ["D111", "C905", "B771"]


def test_fields_that_are_wanted_come_first() -> None:
    """A parameter asks for the fields called like it, alone or with the list they stand in; texts are not asked for."""
    within = replace(OTHER, label="id", place=replace(PLACE, group="user.payment_methods"))

    assert first(PLAIN, replace(OTHER, label="orders"), wanted=("order_id",)) == "C905"
    assert first(PLAIN, within, wanted=("payment_method_id",)) == "C905"
    assert first(OTHER, replace(PLAIN, shape=Shape.TEXT, value="a b"), wanted=("sku",)) == "C905"


def test_one_fact_for_each_value() -> None:
    """A value is told once, as another record's rather than its own; words of different fields are different."""
    own = Fact(replace(PLACE, subject="sku=B771"), "sku", "B771", Shape.IDENTIFIER)
    status, paid = Fact(PLACE, "status", "open", Shape.WORD), Fact(PLACE, "gate", "open", Shape.WORD)

    assert [fact for fact in rank([own, PLAIN], 6) if fact.value == "B771"] == [PLAIN]
    assert len(rank([status, paid], 6)) == 2


def test_one_report_of_many_alike_comes_after_a_single_one() -> None:
    """What differs from its like in figures only is a series; a sentence of its own is worth more."""
    reports = [
        Fact(Place("user", Origin.USER, day), "", f"Day {day}: calm.", Shape.TEXT, f"Day {day}: calm.")
        for day in range(6)
    ]
    single = Fact(Place("user", Origin.USER, 3), "", "I sail alone.", Shape.TEXT, "I sail alone.", crowd=4)

    assert first(*reports, single) == "I sail alone."
    assert first(reports[-1], single) == "Day 5: calm."


def test_words_of_a_user_hold_longer_than_results() -> None:
    """After many turns, what somebody said outlives a result that was worth twice as much when both were new."""
    said = replace(PLAIN, place=Place("user", Origin.USER, 0), crowd=9)
    found = replace(OTHER, place=replace(PLACE, turn=0), crowd=1)

    assert rank([said, found], 0)[0].value == "C905"
    assert rank([said, found], 60)[0].value == "B771"


def test_the_best_are_kept() -> None:
    """When there is room for one, the one worth more stays."""
    assert keep_best([PLAIN, replace(OTHER, crowd=1)], 1, 6) == {OTHER.key}


def test_what_is_talked_about_comes_first() -> None:
    """A value of the record that the newest words name comes before its like."""
    lamp, rug = (
        Fact(replace(PLACE, group="items", entry=f"name={name}"), "sku", sku, Shape.IDENTIFIER)
        for name, sku in (("Lamp", "B771"), ("Rug", "C905"))
    )
    named = [replace(fact, label="name", value=name, shape=Shape.NAME) for fact, name in ((lamp, "Lamp"), (rug, "Rug"))]
    facts = [lamp, rug, *named]
    assert rank(facts, 6)[0].value == rank(facts, 6, about="And the lamps?")[0].value == "B771"
    assert rank(facts, 6, about="And the rug?")[0].value == "C905"


def test_sentences_that_tell_of_something_come_before_small_talk() -> None:
    """One that holds a name or a date does; a question does not; and saying it again and again makes none better."""

    def said(words: str, seen: int = 1) -> Fact:
        return Fact(Place("user", Origin.USER, 5), "", words, Shape.TEXT, words, seen=seen)

    talk = said("I went for a walk today.")
    assert first(said("I went for a walk with Ana."), talk).endswith("Ana.")
    assert first(talk, said("Have you been for a walk?")) == talk.value
    again = said("I was out for a walk too.", seen=4)
    assert first(talk, again) == first(talk, replace(again, seen=1))


USER = Place("user", Origin.USER, 1)
ORDER = Place("order_id=#W2378156", Origin.RESULT, 2, source="get_order")


def said(words: str) -> Fact:
    """What a user said."""
    return Fact(USER, "", words, Shape.TEXT, words)


def item(name: str, value: str) -> list[Fact]:
    """An item of the order, with its name and its number."""
    place = replace(ORDER, group="items", entry=f"name={name}")
    return [Fact(place, "name", name, Shape.NAME), Fact(place, "item_id", value, Shape.IDENTIFIER)]


def test_a_sentence_is_close_that_shares_rare_words() -> None:
    """A word that stands in one sentence tells more than one that stands in many, whatever its number and case."""
    dog, *others = [said("My dog Pico hates boats"), *(said(f"I saw {i} boats today") for i in range(9))]
    close = relevance([dog, *others], "What was the name of my DOGS? And boats?")
    assert close(dog) - 1 > 5 * (close(others[0]) - 1) > 0
    assert close(said("My dog Pico hates boats")) == close(dog)


def test_the_number_of_an_item_is_close_where_its_name_is_asked_for() -> None:
    """Values that stand beside the word are what is asked for; the rest of their record is somewhat closer too."""
    lamp, rug = item("Desk Lamp", "5676696062"), item("Wool Rug", "4694984344")
    address = Fact(ORDER, "city", "Austin", Shape.NAME)
    elsewhere = Fact(Place("order_id=#W1", Origin.RESULT, 1), "city", "Boston", Shape.NAME)
    close = relevance([*lamp, *rug, address, elsewhere], "Please exchange the rug.")
    assert close(rug[1]) > close(lamp[1]) == close(address) > close(elsewhere) == 1.0


def test_a_record_is_close_whose_identifier_is_named() -> None:
    """All of it is, as far as nothing in it is closer."""
    address = Fact(ORDER, "city", "Austin", Shape.NAME)
    elsewhere = Fact(Place("order_id=#W1", Origin.RESULT, 1), "city", "Boston", Shape.NAME)
    close = relevance([address, elsewhere], "Where does #W2378156 go?")
    assert close(address) > close(elsewhere) == 1.0


@given(st.lists(st.text(max_size=30), max_size=8), st.text(max_size=60))
def test_it_is_a_bounded_factor(texts: list[str], about: str) -> None:
    """Whatever is said, no fact loses, and none gains more than `MOST`."""
    facts = [said(text) for text in texts]
    close = relevance(facts, about)
    assert all(1 <= close(fact) < 1 + MOST for fact in facts)


LISTED = Place("list_skus", Origin.RESULT, 5)
SKU = Fact(LISTED, "item.sku", "B771", Shape.IDENTIFIER)


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
    within = replace(LISTED, group="orders")

    assert lines_of([replace(SKU, place=within)]) == ["list_skus: orders: sku=B771"]
    assert lines_of([replace(SKU, place=within, label="orders")]) == ["list_skus: orders=B771"]


def row(number: int, **values: str) -> list[Fact]:
    """An element of a list."""
    place = replace(LISTED, group="stock", entry=f"sku={number}")
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
    status = Fact(LISTED, "status", "open", Shape.WORD)

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
