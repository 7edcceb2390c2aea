"""Which facts come first."""

from dataclasses import replace

from autogen_budget._digest._facts import Fact, Origin, Place
from autogen_budget._digest._rank import keep_best, rank
from autogen_budget._text import Shape

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
