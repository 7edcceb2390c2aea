"""What the fields of JSON records are worth, and so in which order they go.

A column is every leaf at one place of the structure: the steps from the root, with `*` for the items of a list and for
the entries of an object that holds alike records by key.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from autogen_budget._text import COUNTER, Embedded, FieldRole, Gap, Number, Shape, Value, role_of_field, shape_of

Path = tuple[str, ...]
EACH = "*"
COLUMNS = "[columns]"
"""The field of a legend that names the columns of a table."""

_SAMPLE = 200
_PROSE_LENGTH = 60
_ALIKE = 0.6
_MANY_SCALARS = 40
PROSE = "[text]"
"""The last step of the path to the text between the documents of a text."""

_LONGEST_VALUE = 200
_IDENTIFYING = frozenset((Shape.IDENTIFIER, Shape.EMAIL, Shape.PATH, Shape.SYMBOL))


class ColumnValue(IntEnum):
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
        values (list[Value]): The first values met there.
        count (int): How many values there are.
    """

    path: Path
    characters: int = 0
    values: list[Value] = field(default_factory=list["Value"])
    count: int = 0

    @property
    def repeated(self) -> bool:
        """Whether it is a column of records, not a single field."""
        return EACH in self.path

    @property
    def worth(self) -> ColumnValue:
        """What it is worth, by its name and its values."""
        texts = [value for value in self.values if isinstance(value, str) and value]
        if not texts:
            return ColumnValue.FLAG
        if all(map(COUNTER.fullmatch, texts)):
            return ColumnValue.FLAG
        numbers = sum(isinstance(value, Number) for value in texts)
        if role_of_field(self.path[-1]) in (FieldRole.IDENTITY, FieldRole.NAME) and sum(
            map(len, texts)
        ) < 2 * _PROSE_LENGTH * len(texts):
            return ColumnValue.IDENTIFIER
        if numbers * 2 > len(texts):
            return ColumnValue.NUMBER
        return _worth_of_texts(texts)


def columns_of(value: Value) -> list[Column]:
    """Return the columns of a value, in the order in which they are met."""
    columns: dict[Path, Column] = {}
    for path, leaf in _leaves(value, ()):
        column = columns.setdefault(path, Column(path))
        column.count += 1
        column.characters += len(path[-1]) + (len(leaf) if isinstance(leaf, str) else 4)
        if len(column.values) < _SAMPLE:
            column.values.append(leaf)
    return list(columns.values())


def is_family(value: dict[str, Value]) -> bool:
    """Return whether an object maps keys to like records or many scalars, rather than having fields of its own."""
    entries = [item for item in value.values() if not isinstance(item, Gap)]
    if len(entries) >= _MANY_SCALARS:
        return are_alike(entries) or not any(isinstance(item, (dict, list)) for item in entries)
    return len(entries) > 2 and are_alike(entries)


def is_table(value: list[Value]) -> bool:
    """Return whether a list holds rows under a legend already."""
    return bool(value) and isinstance(value[0], dict) and COLUMNS in value[0]


def are_alike(values: Sequence[Value]) -> bool:
    """Return whether values are records with mostly the same fields."""
    records = [value for value in values if isinstance(value, dict) and value]
    if not records or len(records) < len(values):
        return False
    names = {name for record in records for name in record}
    return sum(len(record) for record in records) >= _ALIKE * len(names) * len(records)


def _leaves(value: Value, path: Path) -> Iterator[tuple[Path, Value]]:
    """Yield every scalar with its place; scalars right inside a list stand at the list's own place."""
    if isinstance(value, Embedded):
        yield from _leaves(value.document.value, path)
    elif isinstance(value, dict) and COLUMNS not in value:
        family = is_family(value)
        for name, item in value.items():
            yield from _leaves(item, (*path, EACH if family else name))
    elif isinstance(value, list) and not is_table(value):
        for item in value:
            yield from _leaves(item, (*path, EACH) if isinstance(item, (dict, list)) else path)
    elif isinstance(value, tuple):
        for item in value:
            yield from _leaves(item, (*path, PROSE) if isinstance(item, str) else path)
    elif path and path[-1] != EACH and not isinstance(value, (Gap, dict, list)):
        yield path, value


def _worth_of_texts(texts: list[str]) -> ColumnValue:
    """Return the worth of strings: that of most of them."""
    shapes = Counter(shape_of(text[:_LONGEST_VALUE]) for text in texts)
    shape = shapes.most_common(1)[0][0]
    if sum(map(len, texts)) > _PROSE_LENGTH * len(texts) and any(" " in text for text in texts):
        return ColumnValue.PROSE
    if shape is Shape.URL:
        return ColumnValue.LINK
    if shape is Shape.DATE:
        return ColumnValue.MOMENT
    if len(set(texts)) * 4 <= len(texts):
        return ColumnValue.CATEGORY
    identifying = sum(count for shape, count in shapes.items() if shape in _IDENTIFYING)
    return ColumnValue.IDENTIFIER if identifying * 2 > len(texts) else ColumnValue.TEXT
