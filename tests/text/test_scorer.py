"""What the hints ask for."""

from autogen_budget._text import Scorer, terms_of


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
