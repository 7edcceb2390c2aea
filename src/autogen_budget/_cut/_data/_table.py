"""Records written as rows under one legend: the names of their fields once instead of in every record.

    [{"id": 1, "size": {"w": 2, "h": 3}, "ok": true}, {"id": 4, "size": {"w": 5, "h": 6}, "ok": true}, ...]
    [{"[columns]": ["id", "size.w", "size.h"], "[in all]": {"ok": true}}, [1, 2, 3], [4, 5, 6], ...]

Nothing is lost by it. Objects that hold records by key get the legend as their first fields, where `"[key]"` names a
field that only repeats the key. A field that a record does not have is written as null.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autogen_budget._text import DELIMITERS, Document, Embedded, Gap, Value, children_of

from ._columns import COLUMNS, are_alike, is_family, is_table

KEY = "[key]"
"""The field of a legend that names the field of each record that is the same as its key."""

IN_ALL = "[in all]"
"""The field of a legend that holds what is the same in all rows."""

LEGEND = frozenset({COLUMNS, KEY, IN_ALL})
"""All fields of a legend."""

_FEWEST_RECORDS = 3
_WITH_LISTS = ("json", "json lines", "notation")
_NESTED = (dict, list, tuple, Embedded)


@dataclass(frozen=True)
class _Record:
    """What alike records share: fields with their shapes, what is the same in all, and the field that is the key."""

    fields: "dict[str, _Shape]"
    shared: dict[str, Value]
    count: int
    key: str | None = None


@dataclass(frozen=True)
class _Items:
    """Lists of alike records."""

    record: "_Record | _Items"


_Shape = _Record | _Items | None


def as_rows(document: Document, *, inside: bool = False) -> Document:
    """Write the records of a document as rows: under a legend where the format has lists, else as a plain table."""
    if document.format in DELIMITERS:
        return document
    if document.format in _WITH_LISTS or (document.format == "yaml" and not inside):
        return replace(document, value=tabulate(document.value))
    tables = _with_tables(document.value)
    return tables.document if isinstance(tables, Embedded) else replace(document, value=tables)


def tabulate(value: Value) -> Value:
    """Write every family of records in a value as rows.

    Returns:
        Value: The value with at least three alike records in one place written as rows, wherever there are any.
    """
    if isinstance(value, list):
        shape = None if is_table(value) else _shape([item for item in value if not isinstance(item, Gap)])
        if shape is not None and _records(shape) >= _FEWEST_RECORDS:
            return [_legend(shape), *(_row(item, shape) for item in value)]
        return [tabulate(item) for item in value]
    if isinstance(value, dict):
        shape = _shape([item for item in value.values() if not isinstance(item, Gap)]) if is_family(value) else None
        if isinstance(shape, _Record):
            keyed = _without_key(shape, value)
            return {**_legend(keyed), **{name: _row(item, keyed) for name, item in value.items()}}
        return {name: tabulate(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return tuple(map(tabulate, value))
    return Embedded(as_rows(value.document, inside=True)) if isinstance(value, Embedded) else value


def _with_tables(value: Value) -> Value:
    """Write lists of flat records as comma separated values, and other families of records as rows under a legend."""
    if isinstance(value, Embedded):
        return Embedded(as_rows(value.document, inside=True))
    if isinstance(value, list):
        if _is_flat_table(value):
            return Embedded(Document("csv", value))
        rows = tabulate(value)
        return rows if isinstance(rows, list) and is_table(rows) else [_with_tables(item) for item in value]
    if isinstance(value, dict):
        return tabulate(value) if is_family(value) else {name: _with_tables(item) for name, item in value.items()}
    return tuple(map(_with_tables, value)) if isinstance(value, tuple) else value


def _is_flat_table(items: list[Value]) -> bool:
    records = [item for item in items if not isinstance(item, Gap)]
    return (
        len(records) >= _FEWEST_RECORDS
        and are_alike(records)
        and not any(isinstance(cell, _NESTED) for record in records for cell in children_of(record))
    )


def _shape(values: Sequence[Value], *, in_record: bool = False, hoist: bool = True) -> _Shape:
    """Return the shape that values at one place share; None when they share none.

    Fields that are the same in all records are told apart (`hoist`), but not in lists inside records, where a reader
    could not know to how many they belong.
    """
    if not values:
        return None
    if all(isinstance(value, list) for value in values):
        inside = [item for value in values if isinstance(value, list) for item in value if not isinstance(item, Gap)]
        inner = _shape(inside, in_record=in_record, hoist=hoist and not in_record)
        return None if inner is None else _Items(inner)
    if not are_alike(values):
        return None
    records = [value for value in values if isinstance(value, dict)]
    names = list(dict.fromkeys(name for record in records for name in record))
    fields: dict[str, _Shape] = {}
    shared: dict[str, Value] = {}
    for name in names:
        present = [record[name] for record in records if name in record]
        if hoist and len(records) >= _FEWEST_RECORDS and _same(present, len(records)):
            shared[name] = tabulate(present[0])
        else:
            fields[name] = _shape(present, in_record=True, hoist=hoist and len(present) == len(records))
    return _Record(fields, shared, len(records))


def _without_key(shape: _Record, value: dict[str, Value]) -> _Record:
    """Return the shape without the field that only repeats the key each record stands under."""
    records = [(key, record) for key, record in value.items() if isinstance(record, dict)]
    for name in shape.fields:
        if all(record.get(name) == key for key, record in records):
            fields = {other: inner for other, inner in shape.fields.items() if other != name}
            return _Record(fields, shape.shared, shape.count, name)
    return shape


def _same(values: list[Value], count: int) -> bool:
    return len(values) == count and all(value == values[0] and type(value) is type(values[0]) for value in values)


def _records(shape: "_Record | _Items") -> int:
    while isinstance(shape, _Items):
        shape = shape.record
    return shape.count


def _legend(shape: "_Record | _Items") -> dict[str, Value]:
    """Return the legend of rows, as the fields of an object."""
    while isinstance(shape, _Items):
        shape = shape.record
    legend: dict[str, Value] = {COLUMNS: _columns(shape)}
    if shape.key is not None:
        legend[KEY] = shape.key
    shared = _shared(shape, "")
    if shared:
        legend[IN_ALL] = shared
    return legend


def _columns(shape: "_Record | _Items", prefix: str = "") -> list[Value]:
    """Name the columns: dotted for fields of records inside records, with columns of their own for lists."""
    while isinstance(shape, _Items):
        shape = shape.record
    names: list[Value] = []
    for name, inner in shape.fields.items():
        if isinstance(inner, _Record):
            names += _columns(inner, f"{prefix}{name}.")
        else:
            names.append(prefix + name if inner is None else {prefix + name: _columns(inner)})
    return names


def _shared(shape: "_Record | _Items", prefix: str) -> dict[str, Value]:
    """Return what is the same in all records of a shape and of those inside it, by dotted name."""
    while isinstance(shape, _Items):
        shape = shape.record
    shared = {prefix + name: value for name, value in shape.shared.items()}
    for name, inner in shape.fields.items():
        if inner is not None:
            shared |= _shared(inner, f"{prefix}{name}.")
    return shared


def _row(value: Value, shape: _Shape) -> Value:
    if isinstance(shape, _Items) and isinstance(value, list):
        return [_row(item, shape.record) for item in value]
    if isinstance(shape, _Record) and isinstance(value, dict):
        return _cells(value, shape)
    return tabulate(value)


def _cells(record: dict[str, Value], shape: _Record) -> list[Value]:
    """Return the cells of a record, those of a record inside it among them."""
    cells: list[Value] = []
    for name, inner in shape.fields.items():
        value = record.get(name)
        if isinstance(inner, _Record):
            cells += _cells(value if isinstance(value, dict) else {}, inner)
        else:
            cells.append(_row(value, inner))
    return cells
