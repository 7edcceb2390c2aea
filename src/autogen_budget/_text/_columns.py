"""Tables whose columns are aligned by spaces, such as programs print them."""

import re
from itertools import pairwise

from ._delimited import records_of
from ._values import Gap, Value

_WORD = re.compile(r"\S+")
_RULE = re.compile(r"[\s=─━+-]*")
_FEWEST_ROWS = 3
_FEWEST_COLUMNS = 3
_WIDEST = 400
_NARROWEST = 2
_SAMPLE = 200
_HEAD_CELL = re.compile(r"[^\W\d][\w%#()-]*")
_APART = re.compile(r"\S {2,}(?=\S)")


def is_aligned(text: str) -> bool:
    """Return whether the first lines of a text have columns at the same places."""
    return bool(_starts(_lines(text[:20_000])))


def read_aligned(text: str) -> Value:
    """Read a table with a head whose columns are aligned by spaces.

    Returns:
        Value: Its rows, as records by the names of the columns. `None` when it is none.
    """
    lines = _lines(text)
    starts = _starts(lines)
    if not starts:
        return None
    ends = [*starts[1:], None]
    rows: list[list[str] | Gap] = []
    for line in lines:
        gap = Gap.read(line.strip())
        rows.append(gap or [line[start:end].strip() for start, end in zip(starts, ends, strict=True)])
    return records_of(rows, needs_head=False)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.expandtabs().split("\n") if not _RULE.fullmatch(line)]


def _starts(lines: list[str]) -> list[int]:
    """Return where the columns begin: at words of the head before which all lines are blank."""
    if len(lines) < _FEWEST_ROWS or not all(_HEAD_CELL.fullmatch(word) for word in lines[0].split()):
        return []
    sample = [lines[0], *[line for line in lines[1:_SAMPLE] if Gap.read(line.strip()) is None]]
    taken = [False] * _WIDEST
    for line in sample:
        for word in _WORD.finditer(line[:_WIDEST]):
            taken[word.start() : word.end()] = [True] * (word.end() - word.start())
    heads = [word.start() for word in _WORD.finditer(lines[0][:_WIDEST])]
    starts = [start for start in heads if start == heads[0] or not taken[start - 1]]
    if len(starts) < _FEWEST_COLUMNS or any(b - a < _NARROWEST for a, b in pairwise(starts)):
        return []
    if len(_APART.findall(lines[0])) * 2 < len(starts) - 1:  # by chance all lines of a few sentences part at one place
        return []
    filled = sum(bool(line[starts[1] : starts[2]].strip()) for line in sample)
    return starts if filled * 2 > len(sample) else []
