"""Stored texts by their words: an index that is built when a model first searches, and grows with what is new."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from autogen_budget._recall import Passage, RecallIndex, passages_of_text

MAX_INDEXED = 50_000_000
"""Characters of texts in an index; one that holds more is built anew with what is searched then."""

_MAX_FOUND = 200


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage of a stored text.

    Args:
        reference (str): Reference of the text.
        line (int): The line it stands in, from 1.
        text (str): The passage, in one line.
    """

    reference: str
    line: int
    text: str


class TextIndex:
    """Passages of stored texts, in memory; its methods block and can be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._forget()

    def missing(self, references: Collection[str]) -> list[str]:
        """Return those of some texts that are not indexed yet, in their order."""
        with self._lock:
            return [reference for reference in references if reference not in self._lines]

    def add(self, reference: str, text: str) -> None:
        """Index a text; one that is known costs nothing."""
        with self._lock:
            if reference in self._lines:
                return
            if self._size + len(text) > MAX_INDEXED:
                self._forget()
            first = self._first_lines[-1] + self._lines[self._references[-1]] + 1 if self._references else 1
            self._index.add(_passages(text, first))
            self._lines[reference] = text.count("\n") + 1
            self._references.append(reference)
            self._first_lines.append(first)
            self._size += len(text)

    def find(self, words: str, references: Collection[str]) -> list[FoundPassage]:
        """Find the passages of some texts that have some of these words."""
        wanted = frozenset(references)
        with self._lock:
            hits = self._index.search(words, _MAX_FOUND, min_coverage=0, within=self._range_of(wanted))
            found = [self._place(hit.passage) for hit in hits]
        return [passage for passage in found if passage.reference in wanted]

    def _forget(self) -> None:
        self._index, self._size = RecallIndex(), 0
        self._lines: dict[str, int] = {}
        self._references: list[str] = []  # in the order of their first lines, as the index numbers them
        self._first_lines: list[int] = []

    def _range_of(self, references: Collection[str]) -> range | None:
        """Return the lines of the one text that is looked in; `None` where there are several."""
        if len(references) != 1:
            return None
        (reference,) = references
        if reference not in self._lines:
            return range(0)
        first = self._first_lines[self._references.index(reference)]
        return range(first, first + self._lines[reference])

    def _place(self, passage: Passage) -> FoundPassage:
        at = bisect_right(self._first_lines, passage.turn) - 1
        return FoundPassage(self._references[at], passage.turn - self._first_lines[at] + 1, passage.text)


def _passages(text: str, first: int) -> Iterator[Passage]:
    """Yield the passages of each line, numbered by lines."""
    for number, line in enumerate(text.split("\n"), first):
        yield from passages_of_text(line, number, "")
