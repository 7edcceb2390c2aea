"""What is being talked about now: facts that share rare words with it are likelier to be needed next."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection

from ._facts import Fact

MOST = 2.0
"""How much more a fact is worth that has everything to do with what is talked about: up to three times as much."""

OF_THE_SUBJECT = 0.5
"""How much of this a fact gets for another part of the same record: an order's address, where its lamp is named."""

_WORDS = re.compile(r"[^\W_]{3,}")


def closeness(facts: Collection[Fact], about: str) -> Callable[[Fact], float]:
    """A measure of how much facts have to do with a text.

    A word counts the more, the fewer records, elements of lists and sentences it stands in (inverse document
    frequency). Words that stand in most of them tell next to nothing.

    Args:
        facts (Collection[Fact]): All facts there are.
        about (str): What is talked about: the newest request, say.

    Returns:
        Callable[[Fact], float]: From 1.0 for a fact that has nothing to do with it to 1 + `MOST`.
    """
    asked = _words(about)
    if not asked:
        return lambda _: 1.0
    said: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for fact in facts:
        said[_part(fact)] |= _words(fact.context or fact.value)
        said[(fact.place.subject,)] |= _words(fact.place.subject)
    met = Counter(word for words in said.values() for word in words & asked)
    rarity = {word: math.log((1 + len(said)) / (1 + count)) / math.log(1 + len(said)) for word, count in met.items()}
    parts = {part: sum(rarity[word] for word in words & asked) for part, words in said.items()}
    best: dict[str, float] = defaultdict(float)
    for part, shared in parts.items():
        best[part[0]] = max(best[part[0]], shared)

    def close(fact: Fact) -> float:
        shared = parts[_part(fact)]
        if not fact.context:
            shared = max(shared, best[fact.place.subject] * OF_THE_SUBJECT)
        return 1 + MOST * shared / (1 + shared)

    return close


def _part(fact: Fact) -> tuple[str, ...]:
    """The sentence, or the element of a record, that a fact belongs to."""
    where = fact.place
    return (where.subject, "", fact.context) if fact.context else (where.subject, where.group, where.entry)


def _words(text: str) -> set[str]:
    words = (word.lower() for word in _WORDS.findall(text))
    return {word[:-1] if word.endswith("s") and not word.endswith("ss") else word for word in words}
