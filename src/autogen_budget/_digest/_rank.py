"""Which facts are likely to be needed again: the order in which a digest spends its tokens.

A value is worth more where it tells one thing from another, where few stand beside it, where it was said by a user or
passed to a tool, where calls took values of its field before, where tools that are offered ask for its field, and where
it is recent. The weights are round numbers in the order of magnitude that a regression on real transcripts gives.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter

from autogen_budget._text import Shape, find_values, words_of

from ._facts import Fact, Origin
from ._relevance import relevance

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
    Origin.STATED: 4.0,
    Origin.ARGUMENT: 1.5,
    Origin.OUTCOME: 1.5,
    Origin.RESULT: 1.0,
    Origin.ASSISTANT: 0.7,
}


@dataclass(frozen=True, slots=True)
class Weights:
    """How much more or less a fact is worth by what is known of it.

    Args:
        used (float): Its value was passed to a tool: what is used is used again.
        field_used (float): Calls took values of its field from results.
        field_wanted (float): Calls asked for its field, or tools that are offered do.
        alike (float): Share of their words that a field and a parameter must have in common: `orders` is asked for by
            `order_id`.
        unnamed (float): Nothing says what it is.
        particular (float): A sentence that holds a name, a date or the like.
        question (float): A sentence that asks rather than tells.
        each_turn_more (float): What each further turn adds in which it was seen.
        most_turns_more (int): Further turns that count.
        halved_after (int): Turns after which it is worth half, twice as many a third: old facts fade, and never vanish.
        users_words_hold (int): How many times as long the words of a user hold: results are of their moment, what
            people say mostly is not.
    """

    used: float = 1.5
    field_used: float = 3.0
    field_wanted: float = 3.0
    alike: float = 0.5
    unnamed: float = 0.5
    particular: float = 2.0
    question: float = 0.5
    each_turn_more: float = 0.25
    most_turns_more: int = 4
    halved_after: int = 12
    users_words_hold: int = 16


WEIGHTS = Weights()

_FIGURES = re.compile(r"\d+")

_LIKE_TOKENS = re.compile(r"[A-Za-z]{1,6}|\d{1,3}|[^\sA-Za-z\d]")


def cost_of(fact: Fact) -> int:
    """Return the tokens that a fact takes, roughly; counting every fact would cost more than it saves."""
    return _like_tokens(fact.context) if fact.context else _like_tokens(fact.value) + 2


@lru_cache(maxsize=16_384)
def _like_tokens(text: str) -> int:
    return len(_LIKE_TOKENS.findall(text))


def keep_best(facts: Iterable[Fact], count: int, now: int) -> frozenset[tuple[str, ...]]:
    """Return the keys of the facts that are worth the most."""
    best = sorted(facts, key=lambda fact: (-_worth(fact, now), fact.key))
    return frozenset(fact.key for fact in best[:count])


def rank(facts: Collection[Fact], now: int, wanted: Collection[str] = (), about: str = "") -> list[Fact]:
    """Return one fact for each value, the one most worth its tokens first.

    `about`: What is talked about now; empty for nothing.
    """
    close = relevance(facts, about)
    demand = _Demand.of(facts, wanted)
    series = Counter(_series(fact) for fact in facts if fact.context)

    def worth(group: Sequence[Fact]) -> float:
        value = max(_worth(fact, now) for fact in group)
        if not group[0].shape.distinctive:
            value /= max(1, *(series[_series(fact)] for fact in group if fact.context), 1)
        value *= _repeated(len({fact.place.turn for fact in group}))
        return value * max(map(close, group)) * demand.weight(group)

    def worth_alone(fact: Fact) -> float:
        value = _worth(fact, now) * close(fact) * demand.weight((fact,))
        return value if fact.shape.distinctive or not fact.context else value / max(1, series[_series(fact)])

    ranked: list[tuple[float, tuple[str, ...], Fact]] = []
    for group in _groups(facts):
        best = group[0] if len(group) == 1 else _clearest(group)
        value = worth_alone(best) if len(group) == 1 else worth(group)
        ranked.append((-value / math.sqrt(cost_of(best)), best.key, best))
    return [fact for _, _, fact in sorted(ranked, key=itemgetter(0, 1))]


@dataclass(frozen=True, slots=True)
class _Demand:
    """What calls took so far, and what the next ones may ask for."""

    values: Collection[str]
    fields: Collection[str]
    wanted: Collection[tuple[str, str]]

    @classmethod
    def of(cls, facts: Collection[Fact], wanted: Collection[str]) -> "_Demand":
        arguments = [fact for fact in facts if fact.place.origin is Origin.ARGUMENT]
        values = {fact.value for fact in arguments}
        results = (fact for fact in facts if fact.place.origin is Origin.RESULT and fact.shape.distinctive)
        fields = {fact.label for fact in results if fact.value in values}
        asked = _Asked.by((*wanted, *(fact.label for fact in arguments)))
        there = {(fact.place.group, fact.label) for fact in facts if fact.label and fact.shape is not Shape.TEXT}
        return cls(values, fields, {field for field in there if asked.includes(*field)})

    def weight(self, group: Sequence[Fact]) -> float:
        """Return how much more facts of one value are worth for that."""
        value = WEIGHTS.used if group[0].value in self.values else 1.0
        for fact in group:
            if fact.label in self.fields:
                value *= WEIGHTS.field_used
                break
        for fact in group:
            if (fact.place.group, fact.label) in self.wanted and fact.shape is not Shape.TEXT:
                # A list of what is asked for is gone through one by one: its length makes none of it less likely.
                return value * WEIGHTS.field_wanted * math.sqrt(min(fact.crowd for fact in group))
        return value


@dataclass(frozen=True, slots=True)
class _Asked:
    """The words of the names of what is asked for: of each name, and of all of them."""

    names: Collection[frozenset[str]]
    words: frozenset[str]

    @classmethod
    def by(cls, names: Iterable[str]) -> "_Asked":
        parts = {frozenset(words_of(name)) for name in names} - {frozenset[str]()}
        return cls(parts, frozenset[str]().union(*parts))

    def includes(self, group: str, label: str) -> bool:
        """Return whether a field of a group is asked for by one of the names, alone or with its group."""
        field = frozenset(words_of(label.rpartition(".")[2]))
        within = field.union(words_of(group.rpartition(".")[2]))
        if self.words.isdisjoint(within):
            return False
        return any(
            len(name & words) >= WEIGHTS.alike * len(name | words) for name in self.names for words in (field, within)
        )


def prepare(facts: Iterable[Fact]) -> None:
    """Work out ahead of `rank` what it needs of single facts, while there is room to remember it."""
    for fact in facts:
        cost_of(fact)
        if fact.shape is Shape.TEXT:
            _worth_of_sentence(fact.value)
        if fact.context:
            _series(fact)


def _groups(facts: Iterable[Fact]) -> Collection[Sequence[Fact]]:
    """Return the facts of the same value; where that may mean several things, of the same field as well."""
    same: dict[tuple[str, ...], list[Fact]] = defaultdict(list)
    for fact in facts:
        alone = fact.shape.distinctive or fact.shape is Shape.NAME
        same[(fact.value,) if alone else (fact.value, fact.label)].append(fact)
    return same.values()


def _repeated(turns: int) -> float:
    """Return how much more something is worth that was seen in several turns."""
    return 1 + WEIGHTS.each_turn_more * min(WEIGHTS.most_turns_more, turns - 1)


def _worth(fact: Fact, now: int) -> float:
    """Return what a fact is worth by itself."""
    place = fact.place
    value = _SHAPES[fact.shape] * _ORIGINS[place.origin]
    if fact.shape is Shape.TEXT:
        value *= _worth_of_sentence(fact.value)
    elif fact.seen > 1:
        value *= _repeated(fact.seen)
    if not (fact.label or fact.context):
        value *= WEIGHTS.unnamed
    if fact.crowd > 1:
        value /= math.sqrt(fact.crowd)
    said = place.origin is Origin.USER or place.origin is Origin.STATED
    holds = WEIGHTS.halved_after * (WEIGHTS.users_words_hold if said else 1)
    return value / (1 + (now - place.turn) / holds)


@lru_cache(maxsize=16_384)
def _worth_of_sentence(words: str) -> float:
    """What a sentence is worth by what it says. Saying it again makes it none better: it is a way of speaking."""
    behind_the_capital = words.partition(" ")[2]
    tells = WEIGHTS.particular if next(find_values(behind_the_capital), None) else 1.0
    return tells * (WEIGHTS.question if words.endswith(("?", "？")) else 1.0)


def _series(fact: Fact) -> tuple[str, str]:
    """Return what facts share that differ in their figures only: one report of many is less likely to be asked for."""
    return fact.place.subject, _without_figures(fact.context)


@lru_cache(maxsize=16_384)
def _without_figures(text: str) -> str:
    return _FIGURES.sub("0", text)


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
