"""The order in which JSON loses what it holds: prose first, identifiers last."""

from autogen_budget._cut._json_columns import Column, Path, Worth, columns_of
from autogen_budget._cut._json_shrink import Plan
from autogen_budget._cut._json_values import Json, Number

_LONG_STRING = 240
_SHORT_STRING = 40
_STEP = 0.8
_CHARACTERS_PER_TOKEN = 8
_NESTED = 2


def ladder(value: Json, tokens: int) -> list[Plan]:
    """The plans to try, each losing a little more than the one before.

    First spaces between values go (all plans), then long strings are cut, records become rows under a legend, shorter
    strings are cut, fields of records are left out from prose to dates, lists keep fewer items, fields that stand alone
    go, and deep values are folded.

    Args:
        value (Json): What is to be made smaller.
        tokens (int): What the result may hold, to leave out plans that cannot fit.

    Returns:
        list[Plan]: At least one plan; the last folds the whole value.
    """
    strings = _strings(value)
    longest = max(strings, default=0)
    lengths = [
        length
        for length in _falling(longest, _SHORT_STRING)
        if sum(min(length, string) for string in strings) <= tokens * _CHARACTERS_PER_TOKEN or length == _SHORT_STRING
    ]
    long = [length for length in lengths if length >= _LONG_STRING]
    columns = columns_of(value)
    plans = [Plan(longest), *map(Plan, long)]
    least = long[-1] if long else longest
    plans += [Plan(length, table=True) for length in (least, *(length for length in lengths if length < _LONG_STRING))]
    last = plans[-1]
    dropped: frozenset[Path] = frozenset()
    for column in _expendable(columns):
        dropped |= {column.path}
        plans.append(Plan(last.strings, table=True, dropped=dropped))
    rows = 0
    for rows in _falling(_widest(value), 1):
        plans.append(Plan(last.strings, table=True, dropped=dropped, rows=rows))
    for column in _single(columns, dropped):
        dropped |= {column.path}
        plans.append(Plan(last.strings, table=True, dropped=dropped, rows=rows))
    plans += [Plan(last.strings, True, dropped, rows, depth) for depth in (3, 2, 1, 0)]
    return plans


def _falling(most: int, least: int) -> list[int]:
    """Numbers from just below the most down to the least, in steps of a fifth."""
    steps: list[int] = []
    while most > least:
        most = max(int(most * _STEP), least)
        steps.append(most)
    return steps


def _expendable(columns: list[Column]) -> list[Column]:
    """The columns that may go before any record does, in that order."""

    def may_go(column: Column) -> bool:
        if column.repeated:
            return column.worth < Worth.IDENTIFIER
        return len(column.path) > _NESTED and column.worth <= Worth.LINK

    return sorted(filter(may_go, columns), key=lambda column: (column.worth, -column.characters, column.path))


def _single(columns: list[Column], dropped: frozenset[Path]) -> list[Column]:
    """The fields that stand alone, in the order in which they go."""
    left = [column for column in columns if not column.repeated and column.path not in dropped]
    return sorted(left, key=lambda column: (column.worth, -len(column.path), -column.characters, column.path))


def _strings(value: Json) -> list[int]:
    """The lengths of all strings in a value."""
    if isinstance(value, str) and not isinstance(value, Number):
        return [len(value)]
    if isinstance(value, (list, dict)):
        return [length for item in (value if isinstance(value, list) else value.values()) for length in _strings(item)]
    return []


def _widest(value: Json) -> int:
    """The entries of the longest list or object in a value."""
    if isinstance(value, (list, dict)):
        items = value if isinstance(value, list) else value.values()
        return max([len(value), *map(_widest, items)])
    return 0
