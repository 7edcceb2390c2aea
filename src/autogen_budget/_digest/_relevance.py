"""What is being talked about now: facts that share rare words with it are likelier to be needed next."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection
from itertools import accumulate

from autogen_budget._text import rarity, terms_of

from ._facts import Fact

MOST = 2.0
"""How much more a fact is worth that has everything to do with what is talked about: up to three times as much."""

OF_THE_SUBJECT = 0.5
"""How much of this a fact gets for another part of the same record: an order's address, where its lamp is named."""


def relevance(facts: Collection[Fact], about: str) -> Callable[[Fact], float]:
    """Return a measure of how much facts have to do with a text.

    A word counts the more, the fewer records, elements of lists and sentences it stands in (inverse document
    frequency). Words that stand in most of them tell next to nothing.
    """
    asked = terms_of(about)
    if not asked:
        return lambda _: 1.0
    met: dict[tuple[str, ...], set[str]] = defaultdict(set)
    shared = _shared(asked, {fact.context or fact.value for fact in facts})  # many facts stand in the same words
    nothing = frozenset[str]()
    for fact in facts:
        met[_part(fact)] |= shared.get(fact.context or fact.value, nothing)
    subjects = {fact.place.subject for fact in facts}
    shared = _shared(asked, subjects)
    for subject in subjects:
        met[(subject,)] |= shared.get(subject, nothing)
    weights = rarity(asked, met.values())
    parts = {part: sum(weights[word] for word in sorted(words)) for part, words in met.items()}
    best: dict[str, float] = defaultdict(float)
    for part, weight in parts.items():
        best[part[0]] = max(best[part[0]], weight)

    def close(fact: Fact) -> float:
        weight = parts[_part(fact)]
        if not fact.context:
            weight = max(weight, best[fact.place.subject] * OF_THE_SUBJECT)
        return 1 + MOST * weight / (1 + weight)

    return close


def _part(fact: Fact) -> tuple[str, ...]:
    """Return the sentence, or the element of a record, that a fact belongs to."""
    where = fact.place
    return (where.subject, "", fact.context) if fact.context else (where.subject, where.group, where.entry)


def _shared(asked: frozenset[str], texts: Collection[str]) -> dict[str, frozenset[str]]:
    """Return the terms that texts share with what is asked, for those that share any.

    A term stands in a text letter for letter: searching all texts at once leaves few to be split into terms.
    """
    parts = list(texts)
    starts = [0, *accumulate(len(part.lower()) + 1 for part in parts)]
    joined = "\n".join(part.lower() for part in parts)
    places: set[int] = set()
    for term in asked:
        at = joined.find(term)
        while at >= 0:
            place = bisect_right(starts, at) - 1
            places.add(place)
            at = joined.find(term, starts[place + 1])
    return {parts[place]: asked & terms_of(parts[place]) for place in places}
