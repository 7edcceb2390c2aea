"""All cutters, in the order in which they are asked. One more kind of text is one file and one more line here."""

from collections.abc import Callable
from dataclasses import dataclass

from . import _code, _logs, _prose
from ._data import cut_data, holds_data
from ._head_tail import head_and_tail
from ._large import LARGE
from ._source import Source


@dataclass(frozen=True)
class Cutter:
    """Cuts one kind of text.

    Args:
        name (str): The kind.
        recognises (Callable[[Source], bool]): Whether a text is of this kind.
        cut (Callable[[Source], str | None]): The text within its limit, with a notice of what was left out; None when
            the limit is too small for this kind.
    """

    name: str
    recognises: Callable[[Source], bool]
    cut: Callable[[Source], str | None]


LINES = (
    Cutter("code", _code.recognises, _code.cut),
    Cutter("log", _logs.recognises, _logs.cut),
    Cutter("prose", _prose.recognises, _prose.cut),
)
"""Cutters of texts made of lines."""

CUTTERS = (Cutter("data", holds_data, lambda source: cut_data(source, cut_plain)), *LINES)
"""All cutters; the first that recognises a text cuts it."""


def cut_by_kind(source: Source) -> str:
    """Cut a text that does not fit by the rules of its kind; by head and tail where those need more than the limit."""
    return _first(CUTTERS, source)


def cut_plain(source: Source) -> str:
    """Cut a text that was read already and holds no document."""
    return source.text if source.limit.fits(source.text) else _first(LINES, source)


def _first(cutters: tuple[Cutter, ...], source: Source) -> str:
    if source.found is not None and len(source.text) > LARGE:
        return head_and_tail(source.text, source.limit, source.reference)
    cut = next((cutter.cut(source) for cutter in cutters if cutter.recognises(source)), None)
    return head_and_tail(source.text, source.limit, source.reference) if cut is None else cut
