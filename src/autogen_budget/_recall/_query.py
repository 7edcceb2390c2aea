"""Words of texts as SQLite's full-text search takes them, in languages with and without spaces between words."""

from collections.abc import Iterator

import regex  # knows every script; tiktoken loads it anyway

from autogen_budget._text import is_function_word

MAX_REQUEST = 2_000
"""Characters of a request that are looked at, at its beginning and at its end: what it asks mostly stands there."""

_UNSPACED = regex.compile(r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]+)|[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]+")
"""Scripts whose words mostly have two characters or take endings; scripts that part none of their longer words."""

_WORD = regex.compile(r"[\w\p{M}]+")
_ASKING = regex.compile(r"about|am|he|her|his|how|i|many|me|much|or|she|this|us|we|wh(?:ere|o|ose|y)|your")
"""English words that ask, and name nothing. In other languages, words of many passages are passed over anyway."""


def searchable(text: str) -> str:
    """Return a text with overlapping groups of characters in place of words that nothing parts."""
    if text.isascii():
        return text
    return _UNSPACED.sub(lambda run: f" {' '.join(_groups(run[0], run[1] is not None))} ", text)


def terms_of(request: str) -> list[str]:
    """Return what a request asks for, as terms of a full-text query, in their order and once each."""
    text = request if len(request) <= 2 * MAX_REQUEST else f"{request[:MAX_REQUEST]} {request[-MAX_REQUEST:]}"
    text = text.encode("utf-8", "replace").decode().lower()
    words = (word for word in _WORD.findall(searchable(text)) if word.strip("_") and not _is_plain(word))
    return [_quoted(word) for word in dict.fromkeys(words)]


def _groups(run: str, ideographic: bool) -> Iterator[str]:
    length = 2 if ideographic else 3
    return (run[at : at + length] for at in range(max(1, len(run) - length + 1)))


def _is_plain(word: str) -> bool:
    return is_function_word(word) or _ASKING.fullmatch(word) is not None


def _quoted(word: str) -> str:
    """Return a term; one character that stands alone is looked for at the beginning of any group."""
    return f'"{word}"*' if len(word) == 1 and _UNSPACED.fullmatch(word) else f'"{word}"'
