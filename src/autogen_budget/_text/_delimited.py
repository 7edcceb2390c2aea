"""Tables: comma, tab, semicolon and bar separated, Markdown's and those that are drawn with dashes."""

import csv
import re
from collections.abc import Sequence

from ._values import Gap, Value, scalar_of

DELIMITERS = {"csv": ",", "tsv": "\t", "ssv": ";", "table": "|"}
"""The formats of delimited tables, each with what stands between its cells."""

_RULE = re.compile(r"(?=.*--)[\s|:+=─━┼│-]+|(?=.*==)[\s|+=]+|\s*")
_TIME = re.compile(r"\d{1,2}:\d\d")
_HEAD = re.compile(r"[*`\"']{0,3}[^\W\d](?!.*: )[^\n]{0,49}")
_DIGITS = re.compile(r"\d+")
_PLAIN_CELL = re.compile(r"[*`]{1,3}(.*?)[*`]{1,3}")
_ESCAPED_BAR = re.compile(r"(?<!\\)\|")
_IN_TEXT = (",", ";")  # marks that stand in prose and code, too
_AGREEING = 0.9
_FEWEST_ROWS = 2
_FEWEST_WITHOUT_HEAD = 4
_SAMPLE = 30


def is_delimited(text: str, mark: str) -> bool:
    """Return whether the first lines of a text could be rows of a table with these separators between the cells."""
    if mark not in text[:20_000]:
        return False
    lines = [line for line in text[:20_000].split("\n") if not _RULE.fullmatch(line)][:_SAMPLE]
    least = len(_split(lines[0], mark)) - 1 if lines else 0
    return least > 0 and sum(line.count(mark) >= least for line in lines) * 2 > len(lines) >= _FEWEST_ROWS


def read_delimited(text: str, mark: str) -> Value:
    """Read a text that is one table.

    Returns:
        Value: Its rows, as records by the names of the columns; without a head the columns are numbered. `None` when it
        is no table.
    """
    rows = _rows(text, mark)
    return None if rows is None else records_of(rows, needs_head=mark in _IN_TEXT)


def records_of(rows: "Sequence[Sequence[str] | Gap]", *, needs_head: bool) -> "list[Value] | None":
    """Return the rows as records, the first of which may name the columns; None when the rows are no table.

    `needs_head`: Whether rows without a head must be many and wide to be taken for a table: commas stand in prose,
    too.
    """
    cells = [row for row in rows if not isinstance(row, Gap)]
    if len(cells) < _FEWEST_ROWS or len(cells[0]) < _FEWEST_ROWS:
        return None
    width = len(cells[0])
    if sum(len(row) == width for row in cells) < _AGREEING * len(cells):
        return None
    headed = len(set(cells[0])) == width and all(_HEAD.fullmatch(cell) for cell in cells[0])
    headed = headed and not any(map(_alike, cells[0], cells[1]))
    if not headed:
        wide = min(width, len(cells)) >= _FEWEST_WITHOUT_HEAD and all(len(row) == width for row in cells)
        if (needs_head and not wide) or _TIME.search(cells[0][0]):
            return None
    if headed and any(map(_TIME.search, cells[0])):
        return None
    names = list(cells[0]) if headed else [str(place + 1) for place in range(width)]
    records: list[Value] = []
    for row in rows[1:] if headed else rows:
        if isinstance(row, Gap):
            records.append(row)
            continue
        record: dict[str, Value] = {head: scalar_of(cell) for head, cell in zip(names, row, strict=False)}
        if len(row) > width:
            record["more"] = ", ".join(row[width:])
        records.append(record)
    return records


def _alike(head: str, cell: str) -> bool:
    """Return whether a cell of the first row differs from the one below it in its digits only: then it is no head."""
    return _DIGITS.search(head) is not None and _DIGITS.sub("#", head) == _DIGITS.sub("#", cell)


def _rows(text: str, mark: str) -> "list[list[str] | Gap] | None":
    """Return the cells of each row; rules are left out, a line that states a gap is one."""
    rows: list[list[str] | Gap] = []
    lines = text.split("\n")
    if mark == "|" or (mark == "\t" and '"' not in text):
        for line in lines:
            if not _RULE.fullmatch(line):
                rows.append(Gap.read(line.strip()) or _split(line, mark))
        return rows
    try:
        for row in csv.reader((line + "\n" for line in lines), delimiter=mark, skipinitialspace=True):
            bare = [cell.strip() for cell in row]
            if any(bare):
                rows.append(Gap.read(", ".join(bare).replace(", ", ",")) or bare)
    except csv.Error:
        return None
    return rows


def _split(line: str, mark: str) -> list[str]:
    bare = line.strip(" \r\n")
    if mark != "|":
        return [cell.strip() for cell in bare.split(mark)]
    inner = bare.removeprefix("|").removesuffix("|") if bare.startswith("|") else bare
    cells = [cell.strip().replace("\\|", "|") for cell in _ESCAPED_BAR.split(inner)]
    return [whole[1] if (whole := _PLAIN_CELL.fullmatch(cell)) else cell for cell in cells]
