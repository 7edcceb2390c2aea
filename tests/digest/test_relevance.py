"""How much facts have to do with what is talked about."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from autogen_budget._digest._facts import Fact, Origin, Place
from autogen_budget._digest._relevance import MOST, relevance
from autogen_budget._text import Shape

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
