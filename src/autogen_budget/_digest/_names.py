"""The words of a field's name, so that `orderIds`, `order_id` and "Order ID" are told to mean the same."""

import re
from functools import lru_cache

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+|\d+")


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case and singular.

    Args:
        name (str): A field's or parameter's name in any spelling, or some words of prose.
    """
    return tuple(_singular(word.lower()) for word in _WORDS.findall(name))


@lru_cache(maxsize=16384)
def alike(a: str, b: str) -> float:
    """How much two names mean the same: the share of their words that they have in common, from 0 to 1."""
    first, second = set(words_of(a)), set(words_of(b))
    return len(first & second) / max(1, len(first | second))


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 2 and word.endswith("s") and not word.endswith("ss") else word
