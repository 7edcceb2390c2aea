"""Which parts of a text a request is about: ranked by the words they share, their inflected forms included."""

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import regex  # knows every script; tiktoken loads it anyway

from autogen_budget._text import is_function_word

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]+")
_CASE = regex.compile(r"(?<=\p{Ll})(?=\p{Lu})")


@dataclass(frozen=True, slots=True)
class _Weights:
    """How parts are ranked.

    Args:
        k1 (float): How soon a repeated word counts no more, as BM25 has it.
        b (float): How much less a word of a long part counts than one of a short part, from 0 to 1.
        title (float): What a word in the title is worth beside one in the text.
        stem (int): Characters with which words begin that are taken for forms of one word.
        stemmed (float): What such a beginning is worth beside the whole word.
        request (int): Characters of a request that are looked at, at its beginning and at its end.
    """

    k1: float = 1.2
    b: float = 0.5
    title: float = 2.0
    stem: int = 5
    stemmed: float = 0.6
    request: int = 2_000


_WEIGHTS = _Weights()


class Ranking:
    """Parts of a text that can be ranked for any number of requests."""

    def __init__(self, parts: Sequence[tuple[str, str]]) -> None:
        self._titles = [frozenset(_features(title)) for title, _ in parts]
        self._texts = [Counter(_features(text)) for _, text in parts]
        self._lengths = [sum(counts.values()) for counts in self._texts]
        having = Counter(feature for counts in self._texts for feature in counts)
        self._rarity: Mapping[str, float] = {
            feature: math.log(1 + (len(parts) - count + 0.5) / (count + 0.5)) for feature, count in having.items()
        }

    def scores(self, request: str) -> list[float]:
        """Score each part for a request: BM25 (Robertson and Zaragoza 2009), with titles beside texts."""
        most = _WEIGHTS.request
        text = request if len(request) <= 2 * most else f"{request[:most]} {request[-most:]}"
        asked = {feature for feature in _features(text) if feature in self._rarity}
        mean = sum(self._lengths) / max(1, len(self._lengths)) or 1.0
        return [self._score(place, sorted(asked), mean) for place in range(len(self._texts))]

    def _score(self, place: int, asked: Iterable[str], mean: float) -> float:
        counts, title = self._texts[place], self._titles[place]
        long = _WEIGHTS.k1 * (1 - _WEIGHTS.b + _WEIGHTS.b * self._lengths[place] / mean)
        score = 0.0
        for feature in asked:
            weight = self._rarity[feature] * (_WEIGHTS.stemmed if feature[-1] == "*" else 1.0)
            count = counts[feature]
            score += weight * (count * (_WEIGHTS.k1 + 1) / (count + long) + _WEIGHTS.title * (feature in title))
        return score


def _features(text: str) -> Iterator[str]:
    """Yield what a text is compared by: words without accents and case, how longer ones begin, and pairs of signs."""
    plain = text if text.isascii() else _without_accents(text)
    for run in _WORD.findall(plain):
        if not run.isascii() and _UNSPACED.search(run) is not None:
            for signs in _UNSPACED.findall(run):
                yield from (signs[at : at + 2] for at in range(max(1, len(signs) - 1)))
            run = _UNSPACED.sub("", run)
        apart = [] if run[1:].islower() else _CASE.sub(" ", run).lower().split()
        words = dict.fromkeys((run.lower(), *apart))
        for word in words:
            if len(word) > 1 and not is_function_word(word):
                yield word
                if len(word) >= _WEIGHTS.stem:
                    yield f"{word[: _WEIGHTS.stem]}*"


def _without_accents(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join(sign for sign in apart if not unicodedata.combining(sign)))
