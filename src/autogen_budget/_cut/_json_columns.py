"""What the fields of JSON records are worth, and so in which order they go.

A column is every leaf at one place of the structure: the steps from the root, with `*` for the items of a list and for
the entries of an object that holds alike records by key.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from autogen_budget._cut._json_values import Gap, Json, Number

Path = tuple[str, ...]
EACH = "*"
COLUMNS = "[columns]"
"""The field of a legend that names the columns of a table."""

_SAMPLE = 200
_PROSE_LENGTH = 60
_ALIKE = 0.6
_MANY_SCALARS = 40
_NAMING = re.compile(
    r"ids?|uuid|guid|keys?|codes?|sku|refs?|reference|number|no|names?|e?mail|phone|paths?|file|filename|sha|hash|commit"
    r"|branch|tag|version|symbol|zip|iata|login|user|username|account|owner|order|repo|slug|title|label|address|street|city"
    r"|(?P<link>url|uri|link|href|permalink)"
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_MOMENT = re.compile(r"\d{4}-\d\d(?:-\d\d)?|\d{1,2}:\d\d|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}")
_IDENTIFIER = re.compile(r"(?=\S*[\d@_/\\.#:-])[^\s]{3,100}")


class Worth(IntEnum):
    """What a column is worth to whoever goes on working with the records, the least first."""

    PROSE = 1
    FLAG = 2
    LINK = 3
    CATEGORY = 4
    NUMBER = 5
    TEXT = 6
    MOMENT = 7
    IDENTIFIER = 8


@dataclass
class Column:
    """The leaves seen at one place.

    Args:
        path (Path): The place.
        characters (int): Characters of all its names and values, as written.
        values (list[Json]): The first values met there.
        count (int): How many values there are.
    """

    path: Path
    characters: int = 0
    values: list[Json] = field(default_factory=list["Json"])
    count: int = 0

    @property
    def repeated(self) -> bool:
        """Whether it is a column of records, not a single field."""
        return EACH in self.path

    @property
    def worth(self) -> Worth:
        """What it is worth, by its name and its values."""
        texts = [value for value in self.values if isinstance(value, str) and value]
        if not texts:
            return Worth.FLAG
        numbers = sum(isinstance(value, Number) for value in texts)
        if _is_naming(self.path) and sum(map(len, texts)) < 2 * _PROSE_LENGTH * len(texts):
            return Worth.IDENTIFIER
        if numbers * 2 > len(texts):
            return Worth.NUMBER
        return _worth_of_texts(texts)


def columns_of(value: Json) -> list[Column]:
    """The columns of a value, in the order in which they are met."""
    columns: dict[Path, Column] = {}
    for path, leaf in _leaves(value, ()):
        column = columns.setdefault(path, Column(path))
        column.count += 1
        column.characters += len(path[-1]) + (len(leaf) if isinstance(leaf, str) else 4)
        if len(column.values) < _SAMPLE:
            column.values.append(leaf)
    return list(columns.values())


def is_family(value: dict[str, Json]) -> bool:
    """Whether an object holds alike records, or many scalars, by key as a list would, rather than fields of its own."""
    entries = [item for item in value.values() if not isinstance(item, Gap)]
    if len(entries) >= _MANY_SCALARS:
        return are_alike(entries) or not any(isinstance(item, (dict, list)) for item in entries)
    return len(entries) > 2 and are_alike(entries)


def is_table(value: list[Json]) -> bool:
    """Whether a list holds rows under a legend already."""
    return bool(value) and isinstance(value[0], dict) and COLUMNS in value[0]


def are_alike(values: Sequence[Json]) -> bool:
    """Whether values are records with mostly the same fields."""
    records = [value for value in values if isinstance(value, dict) and value]
    if not records or len(records) < len(values):
        return False
    names = {name for record in records for name in record}
    return sum(len(record) for record in records) >= _ALIKE * len(names) * len(records)


def _leaves(value: Json, path: Path) -> Iterator[tuple[Path, Json]]:
    """Every scalar with its place; scalars right inside a list stand at the list's own place."""
    if isinstance(value, dict) and COLUMNS not in value:
        family = is_family(value)
        for name, item in value.items():
            yield from _leaves(item, (*path, EACH if family else name))
    elif isinstance(value, list) and not is_table(value):
        for item in value:
            yield from _leaves(item, (*path, EACH) if isinstance(item, (dict, list)) else path)
    elif path and path[-1] != EACH and not isinstance(value, (Gap, dict, list)):
        yield path, value


def _is_naming(path: Path) -> bool:
    """Whether a field is called like one that names its record; an `avatar_url` does not."""
    words = [word.lower() for word in _WORDS.findall(path[-1])]
    naming = _NAMING.fullmatch(words[-1]) if words else None
    return naming is not None and (naming["link"] is None or len(words) == 1)


def _worth_of_texts(texts: list[str]) -> Worth:
    """The worth of strings: that of most of them."""

    def most(pattern: re.Pattern[str]) -> bool:
        return sum(pattern.match(text) is not None for text in texts) * 2 > len(texts)

    if sum(map(len, texts)) > _PROSE_LENGTH * len(texts) and any(" " in text for text in texts):
        return Worth.PROSE
    if most(_MOMENT):
        return Worth.MOMENT
    if all(text.startswith(("http://", "https://")) for text in texts):
        return Worth.LINK
    if len(set(texts)) * 4 <= len(texts):
        return Worth.CATEGORY
    return (
        Worth.IDENTIFIER
        if sum(_IDENTIFIER.fullmatch(text) is not None for text in texts) * 2 > len(texts)
        else Worth.TEXT
    )
