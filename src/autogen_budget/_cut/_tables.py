"""What makes a text a table, and where its header is."""

import re
from collections.abc import Sequence

_QUOTED = re.compile(r'"[^"\n]*"')
_RULE = re.compile(r"[\s|:+=-]+")
_SPACES = re.compile(r"\S(?:\t|\s{2,})(?=\S)")
_TIME = re.compile(r"\d\d:\d\d")
_LATEST_RULE = 12
_SAMPLE = 40
_FEWEST_ROWS = 4
_AGREEING = 0.9


def header_rows(texts: Sequence[str]) -> int:
    """Lines that make up the beginning of a table, from the first line of the text to the last of the header.

    Args:
        texts (Sequence[str]): The lines of a text.

    Returns:
        int: Lines up to the names of the columns and the rule that may follow them; 0 when the text is no table: comma
            or
        tab separated values, Markdown, or columns aligned by spaces. A first line that holds a time is data.
    """
    rule = next((place for place in range(1, min(len(texts), _LATEST_RULE)) if _is_rule(texts[place])), 0)
    start = max(rule - 1, 0)
    rows = [text.strip("\r\n") for place, text in enumerate(texts) if text.strip() and place >= start and place != rule]
    if not rule and texts and texts[0].strip():
        rows = [text.strip("\r\n") for text in texts if text.strip()]
    if len(rows) < _FEWEST_ROWS or _TIME.search(rows[0]):
        return 0
    sample = [rows[0], *rows[1 : 1 + _SAMPLE], *rows[-_SAMPLE // 2 :]]
    separated = any(_agree([row.count(mark) for row in map(_unquoted, sample)], 1) for mark in (",", "\t", ";", "|"))
    if separated or _agree([len(_SPACES.findall(row)) for row in sample], 2):
        return max(rule, 0) + 1
    return 0


def _is_rule(text: str) -> bool:
    return "--" in text and _RULE.fullmatch(text) is not None


def _unquoted(row: str) -> str:
    return _QUOTED.sub("", row)


def _agree(counts: Sequence[int], least: int) -> bool:
    """Whether nearly all rows have as many separators as the first."""
    return counts[0] >= least and sum(count == counts[0] for count in counts) >= _AGREEING * len(counts)
