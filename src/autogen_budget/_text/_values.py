"""The values of a document: what JSON knows, with numbers as they are spelled, gaps, and documents inside strings.

A gap stands where something was left out: in a list as the string `"[cut: 37 items]"`, in a record as the same string
in the field `"[more]"`. So the text stays valid in its format, and no count can be taken for data.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

MORE = "[more]"
"""The field of a record that says how many of its fields were left out."""

HEADING = "heading"
"""The field that holds the line above a record, or the name of its section."""

COUNTER = re.compile(r"(?:entry|record|item|row|result|section|object)[\s._#:-]{0,3}\d{1,7}", re.IGNORECASE)
"""A name that only counts."""

DEEPEST = 60
"""Levels of nesting that a document keeps; what is nested deeper becomes a gap. Documents that people write have fewer
than ten, and every recursion through a value ends here."""

_PLAIN = frozenset(("text", "code", "log"))
_FEWEST_ROWS, _FEWEST_CELLS = 3, 3
_GAP = re.compile(r"\[cut(?:: (?P<count>[\d,]{1,20}) (?P<what>\w{1,20}))?\]")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,400})(?:\.\d{1,400})?(?:[eE][+-]?\d{1,9})?")


class Number(str):
    """A number in its original spelling: 2674.40 is not 2674.4 to whoever searches for it."""

    __slots__ = ()


@dataclass(frozen=True)
class Gap:
    """What was left out at one place.

    Args:
        count (int | None): How many; None when the text was too large to be counted.
        what (str): Items of a list, fields of a record, or records that an object holds by key.
    """

    count: int | None
    what: str = "items"

    def __add__(self, other: "Gap") -> "Gap":
        known = self.count is not None and other.count is not None
        return Gap((self.count or 0) + (other.count or 0) if known else None, self.what)

    def __str__(self) -> str:
        return "[cut]" if self.count is None else f"[cut: {self.count:,} {self.what}]"

    @classmethod
    def read(cls, text: str) -> "Gap | None":
        """Return the gap that a string stands for; None when it stands for itself."""
        match = _GAP.fullmatch(text)
        if match is None:
            return None
        return cls(int(match["count"].replace(",", "")), match["what"]) if match["count"] else cls(None)


@dataclass(frozen=True)
class Document:
    """What a text holds.

    Args:
        format (str): The name of its reader, such as `"json"`, `"yaml"` or `"csv"`. What has no structure is `"code"`,
            a `"log"`, or else a `"text"`: prose, a listing.
        value (Value): Its value. The text itself where it has no structure; a tuple for a text of several parts, in
            order: strings for what is no structure, and the documents between them.
    """

    format: str
    value: "Value"

    @property
    def structured(self) -> bool:
        """Whether it has a structure."""
        return self.format not in _PLAIN


@dataclass(frozen=True)
class Embedded:
    """A document inside a string, or between other parts of a text.

    Args:
        document (Document): The document.
    """

    document: Document


Value: TypeAlias = "bool | str | Number | Gap | Embedded | list[Value] | dict[str, Value] | tuple[Value, ...] | None"
"""A value: a scalar (numbers are strings of their own type), a list, a record, parts of a text, an embedded document.
Values are shared and must not be changed."""


def scalar_of(text: str) -> Value:
    """Return the value of a word in a notation without quotes: a number, or the text."""
    return Number(text) if text[:1] in "-0123456789" and _NUMBER.fullmatch(text) else text


def children_of(value: Value) -> Iterable[Value]:
    """Return what stands right inside a value; nothing for a scalar."""
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, (list, tuple)):
        return value
    return (value.document.value,) if isinstance(value, Embedded) else ()


def records_of_rows(rows: list[Value]) -> list[Value]:
    """Return rows of equally many scalars, as a query gives, as records with numbered fields; else the list."""
    if len(rows) < _FEWEST_ROWS or not isinstance(rows[0], list) or len(rows[0]) < _FEWEST_CELLS:
        return rows
    width = len(rows[0])
    if not all(isinstance(row, list) and len(row) == width for row in rows):
        return rows
    if any(isinstance(cell, (list, dict)) for row in rows for cell in children_of(row)):
        return rows
    return [{str(place + 1): cell for place, cell in enumerate(children_of(row))} for row in rows]


def holds_records(value: Value) -> bool:
    """Return whether a value is a record, or a list or a document with one."""
    if isinstance(value, Embedded):
        return holds_records(value.document.value)
    return isinstance(value, dict) or (isinstance(value, (list, tuple)) and any(map(holds_records, value)))
