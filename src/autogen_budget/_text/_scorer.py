"""Which parts of a text matter: those that share rare words with what is being asked."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import regex

from ._words import is_function_word, terms_of

_SPELLED = regex.compile(r"\w{2,64}")
_LONGEST_HINT = 4_000
_COMMON = 0.25
_FAR_LESS = 0.3
_MAX_ASKED = 100
_FEW = 64


def rarity(terms: AbstractSet[str], parts: Collection[AbstractSet[str]]) -> dict[str, float]:
    """Weigh terms by how few parts of a text hold them: the inverse document frequency, scaled to 0 to 1.

    A term's weight is log((1 + parts) / (1 + parts with the term)) / log(1 + parts): 1 would be a term of none, 0 is
    one of all.
    """
    met = Counter(term for part in parts for term in part & terms)
    scale = math.log(1 + len(parts)) or 1.0
    return {term: math.log((1 + len(parts)) / (1 + count)) / scale for term, count in met.items()}


@dataclass(frozen=True)
class Scorer:
    """Scores the parts of one text by the terms they share with the hints.

    The score of a part is the sum over its shared terms of their rarity times their weight: the lexical core of BM25
    (Robertson and Zaragoza 2009) without length and repetition, which mean little for lines and records. A term in
    more than a quarter of the parts counts nothing.

    Args:
        weights (Mapping[str, float]): The terms of the hints, with their weights. A term of a short hint weighs more
            than one of a long hint: 1 / sqrt(terms of the hint).
        spelled (tuple[str, ...]): The words as the hints spell them, the heaviest and longest first.
    """

    weights: Mapping[str, float]
    spelled: tuple[str, ...] = ()

    @classmethod
    def of(cls, hints: Sequence[str]) -> "Scorer":
        """Return a scorer for the terms of these texts; of very long texts only the beginning and the end count."""
        weights: dict[str, float] = {}
        spelled: dict[str, float] = {}
        for hint in hints:
            text = hint if len(hint) <= 2 * _LONGEST_HINT else f"{hint[:_LONGEST_HINT]} {hint[-_LONGEST_HINT:]}"
            terms = sorted(term for term in terms_of(text) if not is_function_word(term))
            for term in terms:
                weights[term] = weights.get(term, 0.0) + 1 / math.sqrt(len(terms))
            for word in _SPELLED.findall(text):
                heaviest = max((weights.get(term, 0.0) for term in terms_of(word)), default=0.0)
                if heaviest:
                    spelled[word] = heaviest * len(word)
        return cls(weights, tuple(sorted(spelled, key=lambda word: (-spelled[word], word))))

    def rare_in(self, sample: str) -> list[str]:
        """Return the words worth searching for in a text with this beginning, the heaviest and longest first."""
        return [word for word in self.spelled if len(word) > 3 and sample.count(word) <= 2]

    def scores(self, parts: Sequence[str]) -> list[float]:
        """Return the score of each part: 0.0 where nothing rare is shared."""
        if not self.weights:
            return [0.0] * len(parts)
        known = self.weights.keys()
        nothing = frozenset[str]()
        shared = [known & terms_of(part) if self._may_share(part) else nothing for part in parts]
        most = max(1.0, len(parts) * _COMMON)
        spread = Counter(term for terms in shared for term in terms)
        worth = {
            term: weight * self.weights[term] for term, weight in rarity(known, shared).items() if spread[term] <= most
        }
        return [sum(worth.get(term, 0.0) for term in sorted(terms)) for terms in shared]

    def _may_share(self, part: str) -> bool:
        """Return whether a part may hold a term: a few terms are found faster than all terms of the part."""
        lowered = part.lower()
        return len(self.weights) > _FEW or any(term in lowered for term in self.weights)

    def best(self, parts: Sequence[str]) -> list[int]:
        """Places of the parts with the highest scores, the highest first; none that scores far less than the first."""
        scores = self.scores(parts)
        least = max(scores, default=0.0) * _FAR_LESS
        asked = [place for place, score in enumerate(scores) if score > 0 and score >= least]
        return sorted(asked, key=lambda place: (-scores[place], place))[:_MAX_ASKED]
