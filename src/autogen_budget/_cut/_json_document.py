"""A JSON text taken apart and put together again: its value, and what is known of the whole it was cut from.

The notice is the field `"[cut]"` of an object or the first item of a list. A text with a value on every line (JSON
lines) is a list here, and is written as such lines again.
"""

import re
from dataclasses import dataclass, replace
from itertools import islice

from autogen_budget._cut._json_stream import read_ends
from autogen_budget._cut._json_values import Gap, Json, Number, parse, write
from autogen_budget._cut._notice import Notice, find_notice
from autogen_budget._cut._score import Scorer
from autogen_budget._cut._search import affordable_searches

CUT = "[cut]"
"""The field of an object that holds the notice."""

_OPENING = re.compile(r"\s*[\[{\"\d-]")
_LARGEST = 500_000  # characters read whole: more would take too long, and memory many times the text
_SMALLEST_WINDOW = 16_384


@dataclass(frozen=True)
class Document:
    """A JSON text, taken apart.

    Args:
        value (Json): What it holds, without the notice of an earlier cut.
        whole (Notice): What is known of the whole text.
        size (int): Characters of the value as written.
        missing (int): Characters of the whole that the value lacks from the start.
        in_lines (bool): Whether the text is a value on every line.
    """

    value: Json
    whole: Notice
    size: int
    missing: int
    in_lines: bool = False

    def write(self, shown: Json, notice: str | None) -> str:
        """The text of what is left of the value.

        Args:
            shown (Json): What is left of the value.
            notice (str | None): What to say of the rest; None when nothing is to be said.

        Returns:
            str: JSON, an object or a list as the value is, or JSON lines.
        """
        if isinstance(self.value, dict):
            fields = shown if isinstance(shown, dict) else {}
            return write(fields if notice is None else {CUT: notice} | fields | {CUT: notice})
        items = shown if isinstance(shown, list) else []
        items = items if notice is None else [notice, *items]
        return "\n".join(map(write, items)) if self.in_lines else write(items)


def read_document(text: str, reference: str | None, window: int, scorer: Scorer) -> Document | str | None:
    """Reads a text that may be JSON.

    Args:
        text (str): Any text.
        reference (str | None): Reference of the artifact that holds the whole; one left by an earlier cut comes first.
        window (int): Characters worth looking at on either end of a very large text.
        scorer (Scorer): Knows the words to search for in between.

    Returns:
        Document | str | None: An object or a list with what surrounds it; the text in it when it is a JSON string, its
            digits when it is a number; None when it is no JSON.
    """
    if not _OPENING.match(text):
        return None
    window = max(window, _SMALLEST_WINDOW)
    if len(text) <= _LARGEST:
        try:
            return _taken_apart(parse(text), text, reference)
        except RecursionError:  # nested deeper than the interpreter can follow: the ends are read without recursion
            pass
        except ValueError:
            return _lines(text, reference, len(text))
    words = scorer.rare_in(text[:window])[: affordable_searches(text)]
    value = read_ends(text, window, words)
    return _lines(text, reference, window) if value is None else _taken_apart(value, text, reference, partial=True)


def _taken_apart(value: Json, text: str, reference: str | None, *, partial: bool = False) -> Document | str | None:
    """What `read_document` tells of a value."""
    if isinstance(value, (list, dict)):
        return _document(value, text, reference, partial=partial)
    return value if isinstance(value, str) else None


def _lines(text: str, reference: str | None, window: int) -> Document | None:
    """A document of JSON lines; None when there are none."""
    values = _read_lines(text, window)
    if values is None:
        return None
    return replace(_document(values, text, reference, partial=2 * window < len(text)), in_lines=True)


def _read_lines(text: str, window: int) -> list[Json] | None:
    """The values of JSON lines, with a gap for the lines between the windows; None when a line is no JSON."""
    start, end = len(text), len(text)
    if 2 * window < len(text):
        start = text.rfind("\n", 0, window) + 1
        end = text.find("\n", len(text) - window) + 1
    try:
        head = [parse(line) for line in text[:start].split("\n") if line.strip()]
        tail = [parse(line) for line in text[end:].split("\n") if line.strip()]
    except (ValueError, RecursionError):
        return None
    first = next(iter(head), None)
    told = isinstance(first, str) and find_notice(first) is not None
    if len(head) + len(tail) < 2 or not (told or isinstance(first, dict)):
        return None
    return [*head, *([Gap(text.count("\n", start, end))] if start < end else ()), *tail]


def _document(value: "list[Json] | dict[str, Json]", text: str, reference: str | None, *, partial: bool) -> Document:
    """Takes the notice of an earlier cut out of a value, and makes out what is known of the whole."""
    first = value.get(CUT) if isinstance(value, dict) else next(islice(value, 1), None)
    found = find_notice(first) if isinstance(first, str) else None
    if found is None:
        size = len(write(value))
        missing = max(len(text) - size, 0) if partial else 0
        return Document(value, Notice(0, len(text), reference), size, missing)
    rest: Json = {name: item for name, item in value.items() if name != CUT} if isinstance(value, dict) else value[1:]
    rest = _revived(rest)
    return Document(rest, found.notice.referring(reference), len(write(rest)), found.missing)


def _revived(value: Json) -> Json:
    """A value that was cut before, with its gaps as gaps again."""
    if isinstance(value, str) and not isinstance(value, Number):
        return Gap.read(value) or value
    if isinstance(value, list):
        return [_revived(item) for item in value]
    if isinstance(value, dict):
        return {name: _revived(item) for name, item in value.items()}
    return value
