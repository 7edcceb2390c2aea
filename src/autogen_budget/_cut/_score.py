"""Which parts of a text matter: those that share rare words with what is being asked."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_WORD = re.compile(r"\w{2,64}")
_PART = re.compile(r"[A-Z]?[a-z]{3,}|\d{3,}")
_LONGEST_HINT = 4_000
_COMMON = 0.25
_FAR_LESS = 0.3
_MOST_ASKED = 100
_PLAIN = re.compile(
    r"an?|and|are|as|at|be|but|by|can|do|for|from|get|ha[sv]e?|i[fns]?|it|me|my|not?|o[fnr]|our|please|so|that|the|their|then"
    r"|there|this|to|us|was|we|what|when|which|will|with|would|you|your"
)


def words_of(text: str) -> set[str]:
    """The words of a text in lower case: whole identifiers and the parts they are put together from."""
    whole = _WORD.findall(text)
    parts = [part for word in whole if not (word.isalpha() and word.islower()) for part in _PART.findall(word)]
    return {word.lower() for word in (*whole, *parts)}


@dataclass(frozen=True)
class Scorer:
    """Scores the parts of one text by the words they share with the hints.

    The score of a part is the sum, over its shared words, of the inverse document frequency, log((parts + 1) / parts
    with the word), times what the word weighs: the lexical core of BM25 (Robertson and Zaragoza 2009) without length
    and repetition, which mean little for lines and records. A word in more than a quarter of the parts counts nothing.

    Args:
        weights (Mapping[str, float]): The words of the hints in lower case, with what they weigh. A word of a short
            hint weighs more than one of a long hint: 1 / sqrt(words of the hint).
        spelled (tuple[str, ...]): The words as the hints spell them, the heaviest and longest first.
    """

    weights: Mapping[str, float]
    spelled: tuple[str, ...] = ()

    @classmethod
    def of(cls, hints: Sequence[str]) -> "Scorer":
        """A scorer for the words of these texts; of very long texts only the beginning and the end count."""
        weights: dict[str, float] = {}
        spelled: dict[str, float] = {}
        for hint in hints:
            text = hint if len(hint) <= 2 * _LONGEST_HINT else f"{hint[:_LONGEST_HINT]} {hint[-_LONGEST_HINT:]}"
            words = sorted(word for word in words_of(text) if not _PLAIN.fullmatch(word))
            for word in words:
                weights[word] = weights.get(word, 0.0) + 1 / math.sqrt(len(words))
            for word in _WORD.findall(text):
                if word.lower() in weights:
                    spelled[word] = weights[word.lower()] * len(word)
        return cls(weights, tuple(sorted(spelled, key=lambda word: (-spelled[word], word))))

    def rare_in(self, sample: str) -> list[str]:
        """The words worth searching for in a text that begins with this sample, the heaviest and longest first."""
        return [word for word in self.spelled if len(word) > 3 and sample.count(word) <= 2]

    def scores(self, parts: Sequence[str]) -> list[float]:
        """The score of each part: 0.0 where nothing rare is shared."""
        if not self.weights:
            return [0.0] * len(parts)
        known = self.weights.keys()
        shared = [known & words_of(part) for part in parts]
        spread = Counter(word for words in shared for word in words)
        most = max(1.0, len(parts) * _COMMON)
        worth = {
            word: self.weights[word] * math.log((len(parts) + 1) / count)
            for word, count in spread.items()
            if count <= most
        }
        return [sum(worth.get(word, 0.0) for word in sorted(words)) for words in shared]

    def best(self, parts: Sequence[str]) -> list[int]:
        """Places of the parts with the highest scores, the highest first; none that scores far less than the first."""
        scores = self.scores(parts)
        least = max(scores, default=0.0) * _FAR_LESS
        asked = [place for place, score in enumerate(scores) if score > 0 and score >= least]
        return sorted(asked, key=lambda place: (-scores[place], place))[:_MOST_ASKED]
