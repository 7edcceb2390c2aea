"""Which facts are likely to be needed again: the order in which a digest spends its tokens.

A value is worth more where it tells one thing from another, where few stand beside it, where it was said by a user or
passed to a tool, where calls took values of its field before, where tools that are offered ask for its field, and where
it is recent. The weights are round numbers in the order of magnitude that a regression on real transcripts gives.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from ._about import closeness
from ._facts import Fact, Origin
from ._names import alike
from ._shapes import Shape, find_values

_SHAPES: Mapping[Shape, float] = {
    Shape.IDENTIFIER: 1.0,
    Shape.EMAIL: 1.0,
    Shape.URL: 0.8,
    Shape.PATH: 0.8,
    Shape.DATE: 0.6,
    Shape.SYMBOL: 0.4,
    Shape.TEXT: 0.12,
    Shape.NAME: 0.25,
    Shape.NUMBER: 0.15,
    Shape.WORD: 0.1,
}
_ORIGINS: Mapping[Origin, float] = {
    Origin.USER: 2.0,
    Origin.ARGUMENT: 1.5,
    Origin.OUTCOME: 1.5,
    Origin.RESULT: 1.0,
    Origin.ASSISTANT: 0.7,
}
_USED_AS_ARGUMENT = 1.5
_FIELD_USED_AS_ARGUMENT = 3.0
_FIELD_WANTED = 3.0

_UNNAMED = 0.5
_PARTICULAR, _ASKED = 2.0, 0.5
"""What a sentence is worth that holds a name, a date or the like, and one that asks rather than tells."""

_EACH_TURN_MORE = 0.25
_MOST_TURNS_MORE = 4
_HALVED_AFTER = 12
"""Turns after which a value is worth half, twice as many a third: old facts fade, and never vanish."""

_USERS_WORDS_HOLD = 16
"""How many times as long the words of a user hold: results are of their moment, what people say mostly is not."""

_ALIKE = 0.5
"""Share of their words that a field and a parameter must have in common: `orders` is asked for by `order_id`."""

_FIGURES = re.compile(r"\d+")

_LIKE_TOKENS = re.compile(r"[A-Za-z]{1,6}|\d{1,3}|[^\sA-Za-z\d]")


def cost_of(fact: Fact) -> int:
    """Tokens that a fact takes, roughly; counting every fact would cost more than it saves."""
    return len(_LIKE_TOKENS.findall(fact.context)) if fact.context else len(_LIKE_TOKENS.findall(fact.value)) + 2


def keep_best(facts: Iterable[Fact], count: int, now: int) -> frozenset[tuple[str, ...]]:
    """The keys of the facts that are worth the most.

    Args:
        facts (Iterable[Fact]): Facts.
        count (int): How many to keep.
        now (int): The turn at which they are looked at.
    """
    best = sorted(facts, key=lambda fact: (-_worth(fact, now), fact.key))
    return frozenset(fact.key for fact in best[:count])


def rank(facts: Collection[Fact], now: int, wanted: Collection[str] = (), about: str = "") -> list[Fact]:
    """One fact for each value, the one most worth its tokens first.

    Args:
        facts (Collection[Fact]): What is known.
        now (int): The turn at which they are looked at.
        wanted (Collection[str]): Names of what may be asked for next, beside those that calls asked for before: the
            parameters of the tools offered.
        about (str): What is talked about now; empty for nothing.
    """
    close = closeness(facts, about)
    same: dict[tuple[str, ...], list[Fact]] = defaultdict(list)
    for fact in facts:
        alone = fact.shape.distinctive or fact.shape is Shape.NAME
        same[(fact.value,) if alone else (fact.value, fact.label)].append(fact)
    used = {fact.value for fact in facts if fact.place.origin is Origin.ARGUMENT}
    wanted = {*wanted, *(fact.label for fact in facts if fact.place.origin is Origin.ARGUMENT)}
    fields = {
        fact.label
        for fact in facts
        if fact.value in used and fact.shape.distinctive and fact.place.origin is Origin.RESULT
    }

    series = Counter(_series(fact) for fact in facts if fact.context)

    def worth(group: Sequence[Fact]) -> float:
        value = max(_worth(fact, now) for fact in group)
        if not group[0].shape.distinctive:
            value /= max(1, *(series[_series(fact)] for fact in group))
        value *= 1 + _EACH_TURN_MORE * min(_MOST_TURNS_MORE, len({fact.place.turn for fact in group}) - 1)
        value *= max(map(close, group))
        value *= _USED_AS_ARGUMENT if group[0].value in used else 1
        value *= _FIELD_USED_AS_ARGUMENT if any(fact.label in fields for fact in group) else 1
        if any(_is_wanted(fact, wanted) for fact in group):
            # A list of what is asked for is gone through one by one: its length makes none of it less likely.
            value *= _FIELD_WANTED * math.sqrt(min(fact.crowd for fact in group))
        return value

    ranked: list[tuple[float, tuple[str, ...], Fact]] = []
    for group in same.values():
        best = _clearest(group)
        ranked.append((-worth(group) / math.sqrt(cost_of(best)), best.key, best))
    return [fact for _, _, fact in sorted(ranked, key=lambda item: item[:2])]


def _worth(fact: Fact, now: int) -> float:
    """What a fact is worth by itself."""
    if fact.shape is Shape.TEXT:
        itself = _worth_of_sentence(fact.value)
    else:
        itself = 1 + _EACH_TURN_MORE * min(_MOST_TURNS_MORE, fact.seen - 1)
    holds = _HALVED_AFTER * (_USERS_WORDS_HOLD if fact.place.origin is Origin.USER else 1)
    fresh = 1 / (1 + (now - fact.place.turn) / holds)
    named = 1 if fact.label or fact.context else _UNNAMED
    return _SHAPES[fact.shape] * _ORIGINS[fact.place.origin] * named * itself * fresh / math.sqrt(fact.crowd)


def _worth_of_sentence(words: str) -> float:
    """What a sentence is worth by what it says. Saying it again makes it none better: it is a way of speaking."""
    behind_the_capital = words.partition(" ")[2]
    tells = _PARTICULAR if next(find_values(behind_the_capital), None) else 1.0
    return tells * (_ASKED if words.endswith(("?", "？")) else 1.0)


def _series(fact: Fact) -> tuple[str, str]:
    """What facts share that differ in their figures only: one report of many is less likely to be asked for."""
    return fact.place.subject, _FIGURES.sub("0", fact.context)


def _clearest(group: Sequence[Fact]) -> Fact:
    """Of facts with the same value the one to tell: of a result, in another's record than its own, named, new."""
    return max(
        group,
        key=lambda fact: (
            fact.place.origin is Origin.RESULT,
            not fact.place.subject.endswith(f"={fact.value}"),
            fact.label != "",
            fact.place.turn,
        ),
    )


def _is_wanted(fact: Fact, wanted: Collection[str]) -> bool:
    if fact.shape is Shape.TEXT or not fact.label:
        return False
    field = fact.label.rpartition(".")[2]
    within = f"{fact.place.group.rpartition('.')[2]} {field}"
    return any(alike(field, name) >= _ALIKE or alike(within, name) >= _ALIKE for name in wanted)
