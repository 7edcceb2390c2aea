"""What is being talked about now: facts that share rare words with it are likelier to be needed next."""

from collections import defaultdict
from collections.abc import Callable, Collection

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
    texts = {fact.context or fact.value for fact in facts}  # many facts stand in the same words
    shared = {text: asked & terms_of(text) for text in texts}
    for fact in facts:
        met[_part(fact)] |= shared[fact.context or fact.value]
    for subject in {fact.place.subject for fact in facts}:
        met[(subject,)] |= asked & terms_of(subject)
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
