"""The words of a text or of a field's name: one splitter for scores, names of fields and recall."""

import re
from functools import lru_cache

import regex  # knows upper and lower case in every script; tiktoken loads it anyway

_WORDS = regex.compile(r"\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}[\p{Ll}\p{M}]*|[\p{Lo}\p{Lm}\p{M}]+|\p{N}+")
_WHOLE = re.compile(r"\w{2,64}")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]{2,}")
_ENDING = regex.compile(r"(?<=\w{3})(?:ations?|ings?|ied|e[drs]|[esy])$")
"""Endings of English words by which forms of one word differ; what is left is the same for most of them."""

_PLAIN = regex.compile(
    r"an?|and|are|as|at|be|been|but|by|can|could|did|do|does|for|from|get|had|ha[sv]e?|i[fns]?|it|its|just|me|my|not?|o[fnr]"
    r"|our|please|so|that|the|their|them|then|there|these|they|this|those|to|us|was|we|were|what|when|which|will|with|would"
    r"|you|your"
)


@lru_cache(maxsize=8192)
def words_of(name: str) -> tuple[str, ...]:
    """Split a name or a phrase into its words, in lower case and singular.

    `orderIds`, `order_id` and "Order ID" give the same words but for their number.
    """
    return tuple(_singular(word.lower()) for word in _WORDS.findall(name))


def terms_of(text: str) -> frozenset[str]:
    """Collect what a text can be found by, in lower case: its identifiers whole, their parts, and its words.

    Parts of fewer than three letters are none. Where words are not parted by spaces, as in Chinese, Japanese and Thai,
    each pair of neighbouring characters is a term.
    """
    terms: set[str] = set()
    for whole in set(_WHOLE.findall(text)):
        if whole.isascii() and whole.isalpha() and whole.islower():
            terms.add(_singular(whole))
        else:
            terms.update(_terms_of_word(whole))
    return frozenset(terms)


@lru_cache(maxsize=16384)
def _terms_of_word(whole: str) -> tuple[str, ...]:
    """Return the word itself, its parts, and the pairs of characters where no spaces part words."""
    parts = (word for word in words_of(whole) if len(word) > 2)
    pairs = (run[i : i + 2] for run in _UNSPACED.findall(whole) for i in range(len(run) - 1))
    return (_singular(whole.lower()), *parts, *pairs)


def stems_of(text: str) -> list[str]:
    """List what a text is about, in its order: its words without endings and without those that carry no meaning.

    "Cancelling the orders" and `cancel_order` give the same stems. Where words are not parted by spaces, each pair of
    neighbouring characters stands for one.
    """
    return [stem for whole in _WHOLE.findall(text) for stem in _stems_of_word(whole)]


@lru_cache(maxsize=16384)
def _stems_of_word(whole: str) -> tuple[str, ...]:
    stems: list[str] = []
    for word in words_of(whole):
        if _UNSPACED.fullmatch(word):
            stems += [word[i : i + 2] for i in range(len(word) - 1)]
        elif len(word) > 1 and not word.isnumeric() and not is_function_word(word):
            stems.append(_ENDING.sub("", word))
    return tuple(stems)


def is_function_word(word: str) -> bool:
    """Return whether a word, in lower case, is one of the English words that carry no meaning by themselves."""
    return _PLAIN.fullmatch(word) is not None


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 2 and word.endswith("s") and not word.endswith("ss") else word
