"""The ends of a JSON text too large to be read whole: a value made of its first and last records and those asked for.

What lies between is not read, so what the value stands for need not be valid JSON there. The value is.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from ._search import hits
from ._values import MORE, Gap, Number, Value

_TOKEN = re.compile(
    r"""[ \t\n\r]*(?:
    (?P<punctuation>[\[\]{},:])
    | (?P<string>"[^"\\]*(?:\\.[^"\\]*)*")
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?=[\s,\]}])
    | (?P<word>true|false|null)\b
    )""",
    re.VERBOSE | re.DOTALL,
)
_RECORD = re.compile(r"(?<=,)[ \t\n\r]*(?=[\[{])")
_HALF_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*(\\(?:u[0-9a-fA-F]{0,3})?)$")
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None}
_MAX_ATTEMPTS = 100
_DEEPEST = 100
_MAX_RECORDS = 20
_LONGEST_RECORD = 4_000
_LONGEST_NUMBER = 64
_LONGEST_END = 1_000


def read_ends(text: str, window: int, words: Sequence[str] = ()) -> Value:
    """Read the first and the last characters of a JSON text, and the records in between that hold certain words."""
    head = _Reader(text, min(window, len(text)))
    if not head.read() or not head.root:
        return None
    if not head.open:
        return head.root[0] if not text[head.position :].strip() else None
    if text[-_LONGEST_END:].rstrip()[-1:] != ("]" if isinstance(head.open[0], list) else "}"):
        return None
    _join(head, text, max(len(text) - window, head.position), words)
    return head.root[0]


@dataclass
class _Reader:
    """Reads JSON from a place on, until the text closes more than was opened or the window ends.

    Args:
        text (str): The text.
        end (int): Where the window ends.
        position (int): Where to read on.
        root (list[Value]): The values read at the outermost level.
        open (list[list[Value] | dict[str, Value]]): The values that are not closed yet, the outermost first.
    """

    text: str
    end: int
    position: int = 0
    root: list[Value] = field(default_factory=list["Value"])
    open: "list[list[Value] | dict[str, Value]]" = field(default_factory=list["list[Value] | dict[str, Value]"])

    def read(self) -> bool:
        """Read as far as it goes; return False when what it meets is not JSON."""
        name: str | None = None
        while match := _TOKEN.match(self.text, self.position, self.end):
            mark, kind = match[match.lastgroup or 0], match.lastgroup
            if (self.root and not self.open) or len(self.open) > _DEEPEST:
                return True
            inside = self.open[-1] if self.open else self.root
            if mark in ("]", "}"):
                if not self.open or isinstance(inside, dict) is (mark == "]"):
                    return False
                self.open.pop()
            elif isinstance(inside, dict) and name is None:
                if kind == "string":
                    name = _string(mark)
                elif mark != ",":
                    return False
            elif mark == ":":
                if name is None:
                    return False
            elif mark != ",":
                self._add(name, _value(mark, kind))
                name = None
            self.position = match.end()
        return self._read_last(name)

    def _add(self, name: str | None, value: Value) -> None:
        inside = self.open[-1] if self.open else self.root
        if isinstance(inside, dict):
            inside[name or ""] = value
        else:
            inside.append(value)
        if isinstance(value, (list, dict)):
            self.open.append(value)

    def _read_last(self, name: str | None) -> bool:
        """Read what the end of the window cuts through: a string as far as it goes, nothing of a number."""
        rest = self.text[self.position : self.end].lstrip()
        if not rest.startswith('"'):
            return not rest if self.end >= len(self.text) else len(rest) < _LONGEST_NUMBER
        inside = self.open[-1] if self.open else self.root
        if isinstance(inside, list) or name is not None:
            begun = _string(_HALF_ESCAPE.sub("", rest) + '"')
            self._add(name, f"{begun} {Gap(None)}")
        return True


def _join(head: _Reader, text: str, start: int, words: Sequence[str]) -> None:
    """Put further records of a text behind the first, where one of the open lists is known to hold the last."""
    for match in islice(_RECORD.finditer(text, start), _MAX_ATTEMPTS):
        last: list[Value] = []
        tail = _Reader(text, len(text), match.end(), [last], [last])
        if not tail.read() or tail.open:
            continue
        place = _place_of(head.open, text[tail.position :])
        if place is not None:
            items, holder, fields = place
            if items is not head.open[-1] and len(items) > 1:
                items.pop()  # the window ended inside of it
            for record in _records_with(words, text, head.position, match.end()):
                items += [Gap(None), record]
            items += [Gap(None), *last]
            holder.update(fields)
            return
    for inside in head.open:
        if isinstance(inside, list):
            inside.append(Gap(None))
        else:
            inside[MORE] = Gap(None)


def _records_with(words: Sequence[str], text: str, start: int, end: int) -> list[Value]:
    """Return the records of a list that hold certain words, in the order in which they stand."""
    found: dict[int, Value] = {}
    past = start
    for place in sorted({place for word in words for place in hits(text, start, end, word)}):
        if place >= past and len(found) < _MAX_RECORDS:
            for match in _RECORD.finditer(text, max(past, place - _LONGEST_RECORD), place):
                record = _Reader(text, min(match.end() + 2 * _LONGEST_RECORD, end), match.end())
                if record.read() and record.root and not record.open and record.position > place:
                    found[match.end()] = record.root[0]
                    past = record.position
                    break
    return list(found.values())


def _place_of(
    opened: "Sequence[list[Value] | dict[str, Value]]", rest: str
) -> tuple[list[Value], dict[str, Value], dict[str, Value]] | None:
    """Return which of the open values is the list that was closed just before the rest of the text."""
    for depth in reversed(range(len(opened))):
        items, holder = opened[depth], opened[depth - 1] if depth else []
        if not isinstance(items, list):
            continue
        if _closes(opened[:depth], rest):
            return items, {}, {}
        if isinstance(holder, dict) and rest.lstrip().startswith(","):
            following = _Reader("{" + rest.lstrip()[1:], len(rest))
            if following.read() and _closes(opened[: depth - 1], following.text[following.position :]):
                fields = following.root[0]
                return items, holder, fields if isinstance(fields, dict) else {}
    return None


def _closes(opened: "Sequence[list[Value] | dict[str, Value]]", rest: str) -> bool:
    """Return whether a text does nothing but close what is open."""
    closing = "".join("]" if isinstance(inside, list) else "}" for inside in reversed(opened))
    return len(rest) <= _LONGEST_END + len(closing) and "".join(rest.split()) == closing


def _value(mark: str, kind: str | None) -> Value:
    if mark == "[":
        return []
    if mark == "{":
        return {}
    if kind == "string":
        return _string(mark)
    return Number(mark) if kind == "number" else _WORDS[mark]


def _string(mark: str) -> str:
    try:
        text: str = json.loads(mark, strict=False)
    except ValueError:  # an escape that JSON does not know: the text as it stands
        return mark[1:-1]
    return text
