"""Compile a pattern that a model wrote, within bounds of time and memory whatever it is."""

from __future__ import annotations

import re
from typing import Protocol, cast

import regex

LONGEST_PATTERN = 1_000
"""Characters of a pattern; those that people write have fewer than 100."""

MAX_EXPANDED = 20_000
"""Elements of a pattern with its repeats written out: about 20 ms and 10 MB to compile, as measured."""

_RECURSION = re.compile(r"\(\?(?:R|[+-]?\d|&|P>)")  # takes a gigabyte of memory in a second on a text of 10 kB
_OTHER_SYNTAX = re.compile(r"\(\?[a-zA-Z0-9-]*[xV]")  # comments and nested sets would hide repeats from the bound
_TOKEN = re.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(?P<least>\d{0,9})(?:,(?P<most>\d{0,9}))?\}|(?P<other>.)", re.DOTALL
)


class Found(Protocol):
    """What is used of a match."""

    def start(self) -> int: ...
    def end(self) -> int: ...


class Pattern(Protocol):
    """What is used of a compiled pattern."""

    def search(self, string: str, pos: int, endpos: int, *, concurrent: bool, timeout: float) -> Found | None: ...


def compile_pattern(pattern: str) -> Pattern:
    """Compile a pattern.

    Raises:
        ValueError: It is none, or too large. The text says what would work.
    """
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"the pattern has {len(pattern)} characters, at most {LONGEST_PATTERN} work")
    if _RECURSION.search(pattern):
        raise ValueError("recursion is not supported in a pattern; write \\( and \\? for the characters themselves")
    if _OTHER_SYNTAX.search(pattern):
        raise ValueError("the flags x and V are not supported in a pattern; (?i) is")
    if expanded_size(pattern) > MAX_EXPANDED:
        raise ValueError("the pattern repeats too much inside of repeats; use smaller numbers, + or *")
    try:
        return cast("Pattern", regex.compile(pattern, regex.MULTILINE))
    except (regex.error, ValueError, RecursionError) as error:
        raise ValueError(
            f"bad pattern: {error}; put a backslash before ( ) [ ] {{ }} . * + ? ^ $ | \\ to search for them"
        ) from error


def expanded_size(pattern: str) -> int:
    """Return how many elements a pattern has with its counted repeats written out; an upper bound."""
    groups: list[int] = []  # the sizes of what stands before each open group
    size, last = 0, 0  # of the current group, and of the element that a repeat would count for
    for token in _TOKEN.finditer(pattern):
        text, least, most = token.group(), token["least"], token["most"]
        if text == "(":
            groups.append(size)
            size, last = 0, 0
        elif text == ")":
            last = size
            size += groups.pop() if groups else 0
        elif least is not None:
            times = max(int(least or 0), int(most or 0), 1)
            size += last * (times - 1)
            last *= times
        elif text not in "*+?":
            size, last = size + 1, 1
    return size + sum(groups)
