"""Texts made to be slow take time in proportion to their length: eight times as long is far from 64 times as slow."""

from collections.abc import Callable
from time import perf_counter
from types import FunctionType

import pytest

from autogen_budget import TiktokenCounter
from autogen_budget._cut import cut_text
from autogen_budget._text import indented, one_line, text_of_html
from autogen_budget._turns import references_in

COUNTER = TiktokenCounter()
SHORT = 20_000
"""Characters of the shorter text."""

NOTHING = 0.2
"""Seconds that harm nobody, whatever else the machine does."""

MOST = 30
"""How many times as slow the text of eight times the length may be: 8 is linear, 64 quadratic."""


def seconds(read: Callable[[str], object], part: str, length: int) -> float:
    """The best of three: what else runs on the machine only makes it slower."""
    text = part * (length // len(part))

    def once() -> float:
        start = perf_counter()
        read(text)
        return perf_counter() - start

    return min(once() for _ in range(3))


def cut(text: str) -> str:
    """Cut to a small limit, as a tool's output is."""
    return cut_text(text, 200, COUNTER)


def page(text: str) -> str:
    """The text of a page that begins like that."""
    return text_of_html(f"<html><body>{text}")


def repr_of(value: object) -> str:
    """A name for a case that is the same in every process."""
    return value.__name__ if isinstance(value, FunctionType) else ascii(value)


@pytest.mark.parametrize(
    ("read", "part"),
    [
        *((page, part) for part in ("<!-- ", "<a ", '<a b="x" ', "</a ", "<? ", "<a <b ", '<a b="', "<!-- > ")),
        *((cut, part) for part in ("[cut: 1 of 1 characters left out, among them ", '{"a":', "[", "\\", "<!-- ")),
        (references_in, 'read_artifact("'),
        (references_in, "read_artifact(" + "\\" * 30),
        (one_line, "\u2028 "),
        (indented, "\r\n "),
    ],
    ids=repr_of,
)
def test_time_is_linear(read: Callable[[str], object], part: str) -> None:
    """Whoever can write to an agent cannot stop its event loop with it."""
    slow = seconds(read, part, 8 * SHORT)
    assert slow < NOTHING or slow < MOST * seconds(read, part, SHORT)


def test_open_tags_are_text() -> None:
    """What does not end is shown as it stands, and what does is read as ever."""
    assert text_of_html("<html><p>a <b>bold</b> word<!-- gone --><p>1 < 2 <p>left <a href=") == (
        "a bold word\n1 < 2\nleft <a href="
    )
