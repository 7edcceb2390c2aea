"""Facts of tables in texts: every cell with the head of its column, in the row it belongs to."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from autogen_budget._text import shape_of

from ._facts import LONGEST_VALUE, Fact, Place

_FEWEST_LINES = 2
_FEWEST_COLUMNS = 2
_HEAD = re.compile(r"[^\W\d_][\w .()/#%-]{0,39}")
_RULE = re.compile(r"(?=.*-)[\s|:+=-]+")
"""A line that is drawn between the head and the rows."""


def split_tables(lines: Sequence[str]) -> tuple[list[list[list[str]]], list[str]]:
    """Take the tables out of the lines of a text: Markdown, tabs, or commas without spaces behind them."""
    tables: list[list[list[str]]] = []
    rest: list[str] = []
    for separator, group in groupby((line for line in lines if not _RULE.fullmatch(line)), key=_separator):
        block = list(group)
        rows = [_cells(line, separator) for line in block] if separator else []
        if len(rows) >= _FEWEST_LINES and _is_head(rows[0]) and {len(rows[0])} == set(map(len, rows)):
            tables.append(rows)
        else:
            rest.extend(block)
    return tables, rest


def read_table(rows: Sequence[Sequence[str]], place: Place) -> Iterator[Fact]:
    """Yield the facts of a table."""
    heads, *body = rows
    for row in body:
        inner = replace(place, entry="/".join(filter(None, (place.entry, row[0]))))
        for head, cell in zip(heads, row, strict=True):
            value = cell[:LONGEST_VALUE]
            if value:
                yield Fact(inner, head, value, shape_of(value), crowd=len(body) * place.crowd)


def _separator(line: str) -> str:
    """Return what stands between the cells of a line; empty for a line that is no row."""
    if "," in line and ", " not in line and "|" not in line and "\t" not in line:
        return ","
    return next((mark for mark in "|\t" if mark in line), "")


def _cells(line: str, separator: str) -> list[str]:
    bare = line.strip(" ")
    inner = bare[1:-1] if separator == "|" and bare[0] == bare[-1] == "|" else bare
    return [cell.strip().strip("*`\"'") for cell in inner.split(separator)]


def _is_head(cells: Sequence[str]) -> bool:
    return len(set(cells)) == len(cells) >= _FEWEST_COLUMNS and all(map(_HEAD.fullmatch, cells))
