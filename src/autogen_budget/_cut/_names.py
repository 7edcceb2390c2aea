"""What names things in a text: addresses, paths, dates, identifiers and long numbers."""

import re
from collections.abc import Iterator

_RUN = re.compile(r"""https?://[^\s"'<>()\[\]{};\\]{1,200} | [#@~/\w][\w@/\\~+.:%-]{2,150}""", re.VERBOSE)
_TELLING = re.compile(
    r"\d{4}|\d\D*\d|[A-Za-z]-?\d|\d[A-Za-z]"  # 4711, 2.1, ORD-7, 3rd
    r"|\w_\w|[a-z][A-Z]"  # snake_case, camelCase
    r"|\w@\w|[/\\].*[/\\.]|^[/~]/?\w|^[A-Za-z]:\\|^[#@]\w|\w\.[A-Za-z]"  # a@b, a/b/c, a/b.c, /etc, #123, a.b
)
_MODE_OR_TIME = re.compile(r"[-rwxdlst]+|\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?")


def names_in(text: str, most: int) -> list[str]:
    """Names in a text, each once, in the order of their first appearance.

    Args:
        text (str): Any text.
        most (int): Names at most.

    Returns:
        list[str]: Web and e-mail addresses, paths, file names, dates, identifiers in snake or camel case, words with
            digits
        and numbers of at least four digits. Plain words, times of day and access modes are none.
    """
    found: dict[str, None] = {}
    for name in _candidates(text):
        found.setdefault(name)
        if len(found) >= most:
            break
    return list(found)


def _candidates(text: str) -> Iterator[str]:
    for match in _RUN.finditer(text):
        name = match[0].strip(".:-+%\\")
        if len(name) > 3 and _TELLING.search(name) and not _MODE_OR_TIME.fullmatch(name):
            yield name
