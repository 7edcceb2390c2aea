"""The order in which a document loses what it holds: prose first, identifiers last."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from autogen_budget._text import Number, Value, children_of

from ._columns import Column, ColumnValue, columns_of
from ._shrink import DEEPEST, Plan

_LONG_STRING = 240
_SHORT_STRING = 40
_STEP = 0.8
_ROW_STEP = 0.95
_CHARACTERS_PER_TOKEN = 8
_NESTED = 2
_DEEP = 6
_SHALLOW = 1


def degradation_plans(value: Value, tokens: int) -> list[Plan]:
    """Return the plans to try, each losing a little more than the one before.

    First spaces between values go (all plans), then long strings are cut, records become rows under a legend, shorter
    strings are cut, fields of records are left out from prose to dates, lists keep fewer items, deep values are folded,
    fields that stand alone go, and in the end all values are folded.
    """
    return list(_plans(value, tokens))


def _plans(value: Value, tokens: int) -> Iterator[Plan]:
    strings = _strings(value)
    lengths = [
        length
        for length in _falling(max(strings, default=0), _SHORT_STRING)
        if sum(min(length, string) for string in strings) <= tokens * _CHARACTERS_PER_TOKEN or length == _SHORT_STRING
    ]
    plan = Plan(max(strings, default=0))
    yield plan
    for length in (length for length in lengths if length >= _LONG_STRING):
        yield (plan := replace(plan, strings=length))
    yield (plan := replace(plan, table=True))
    for length in (length for length in lengths if length < _LONG_STRING):
        yield (plan := replace(plan, strings=length))
    columns = columns_of(value)
    for column in _in_order(filter(_may_go_early, columns)):
        yield (plan := _without(plan, column))
    for rows in _falling(_widest(value), 1, _ROW_STEP):
        yield (plan := replace(plan, rows=rows))
    for depth in _falling(min(_deepest(value), DEEPEST), _DEEP):
        yield (plan := replace(plan, depth=depth))
    alone = _in_order(column for column in columns if not column.repeated and column.path not in plan.dropped)
    for column in (column for column in alone if column.worth < ColumnValue.IDENTIFIER):
        yield (plan := _without(plan, column))
    for depth in range(min(plan.depth, _DEEP) - 1, _SHALLOW - 1, -1):
        yield (plan := replace(plan, depth=depth))
    for column in (column for column in alone if column.worth == ColumnValue.IDENTIFIER):
        yield (plan := _without(plan, column))
    for depth in range(_SHALLOW - 1, -1, -1):
        yield (plan := replace(plan, depth=depth))


def _without(plan: Plan, column: Column) -> Plan:
    return replace(plan, dropped=plan.dropped | {column.path})


def _falling(most: int, least: int, step: float = _STEP) -> list[int]:
    """Return the numbers from just below the most down to the least, in steps of a share."""
    steps: list[int] = []
    while most > least:
        most = max(int(most * step), least)
        steps.append(most)
    return steps


def _may_go_early(column: Column) -> bool:
    """Return whether a column may go before any record does."""
    if column.repeated:
        return column.worth < ColumnValue.IDENTIFIER
    return column.worth == ColumnValue.LINK or (len(column.path) > _NESTED and column.worth < ColumnValue.LINK)


def _in_order(columns: Iterable[Column]) -> list[Column]:
    """Return the columns in the order in which they go: the least worth, then the deepest, then the largest."""
    return sorted(columns, key=lambda column: (column.worth, -len(column.path), -column.characters, column.path))


def _strings(value: Value) -> list[int]:
    """Return the lengths of all strings in a value."""
    if isinstance(value, str) and not isinstance(value, Number):
        return [len(value)]
    return [length for item in children_of(value) for length in _strings(item)]


def _deepest(value: Value) -> int:
    """Return the levels of nesting in a value."""
    inside = max(map(_deepest, children_of(value)), default=0)
    return inside + isinstance(value, (list, dict))


def _widest(value: Value) -> int:
    """Return the entries of the longest list or object in a value."""
    widest = max(map(_widest, children_of(value)), default=0)
    return max(widest, len(value)) if isinstance(value, (list, dict)) else widest
