"""The ends of a JSON text too large to be read whole: a value made of its first and its last records.

Nothing between the two windows is looked at, so what the value stands for need not be valid JSON there. The value is.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from autogen_budget._cut._json_values import MORE, Gap, Json, Number

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
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}
_SMALLEST_WINDOW = 65_536
_MOST_ATTEMPTS = 100
_DEEPEST = 100
_LONGEST_NUMBER = 64


def read_ends(text: str, window: int) -> Json:
    """Reads the first and the last characters of a JSON text.

    Args:
        text (str): A text that may be JSON.
        window (int): Characters worth looking at; about as many are read from either end.

    Returns:
        Json: A value with a gap wherever the reading stopped; None when what was read is not JSON.
    """
    window = max(window, _SMALLEST_WINDOW)
    head = _Reader(text, min(window, len(text)))
    if not head.read() or not head.root:
        return None
    if not head.open:
        return head.root[0] if not text[head.position :].strip() else None
    if not text.rstrip()[-1:] == ("]" if isinstance(head.open[0], list) else "}"):
        return None
    _join(head, text, max(len(text) - window, head.position))
    return head.root[0]


@dataclass
class _Reader:
    """Reads JSON from a place on, until the text closes more than was opened or the window ends.

    Args:
        text (str): The text.
        end (int): Where the window ends.
        position (int): Where to read on.
        root (list[Json]): The values read at the outermost level.
        open (list[list[Json] | dict[str, Json]]): The values that are not closed yet, the outermost first.
    """

    text: str
    end: int
    position: int = 0
    root: list[Json] = field(default_factory=list["Json"])
    open: "list[list[Json] | dict[str, Json]]" = field(default_factory=list["list[Json] | dict[str, Json]"])

    def read(self) -> bool:
        """Reads as far as it goes; False when what it meets is not JSON."""
        name: str | None = None
        while match := _TOKEN.match(self.text, self.position, self.end):
            token, kind = match[match.lastgroup or 0], match.lastgroup
            if (self.root and not self.open) or len(self.open) > _DEEPEST:
                return True
            inside = self.open[-1] if self.open else self.root
            if token in ("]", "}"):
                if not self.open or isinstance(inside, dict) is (token == "]"):
                    return False
                self.open.pop()
            elif isinstance(inside, dict) and name is None:
                if kind == "string":
                    name = _string(token)
                elif token != ",":
                    return False
            elif token == ":":
                if name is None:
                    return False
            elif token != ",":
                self._add(name, _value(token, kind))
                name = None
            self.position = match.end()
        return self._read_last(name)

    def _add(self, name: str | None, value: Json) -> None:
        inside = self.open[-1] if self.open else self.root
        if isinstance(inside, dict):
            inside[name or ""] = value
        else:
            inside.append(value)
        if isinstance(value, (list, dict)):
            self.open.append(value)

    def _read_last(self, name: str | None) -> bool:
        """Reads what the end of the window cuts through: a string as far as it goes, nothing of a number."""
        rest = self.text[self.position : self.end].lstrip()
        if not rest.startswith('"'):
            return len(rest) < _LONGEST_NUMBER
        inside = self.open[-1] if self.open else self.root
        if isinstance(inside, list) or name is not None:
            begun = _string(_HALF_ESCAPE.sub("", rest) + '"')
            self._add(name, f"{begun} {Gap(None)}")
        return True


def _join(head: _Reader, text: str, start: int) -> None:
    """Puts the last records of a text behind the first, where one of the open lists can be told to hold them."""
    for match in islice(_RECORD.finditer(text, start), _MOST_ATTEMPTS):
        last: list[Json] = []
        tail = _Reader(text, len(text), match.end(), [last], [last])
        if not tail.read() or tail.open:
            continue
        depth = _depth_of(head.open, "".join(text[tail.position :].split()))
        if depth is not None:
            items = head.open[depth]
            if isinstance(items, list):
                if depth + 1 < len(head.open) and len(items) > 1:
                    items.pop()
                items += [Gap(None), *last]
            return
    for inside in head.open:
        if isinstance(inside, list):
            inside.append(Gap(None))
        else:
            inside[MORE] = Gap(None)


def _depth_of(opened: "Sequence[list[Json] | dict[str, Json]]", rest: str) -> int | None:
    """Which of the open values is the list that was closed just before the rest of the text."""
    for depth in reversed(range(len(opened))):
        closing = "".join("]" if isinstance(inside, list) else "}" for inside in reversed(opened[:depth]))
        if isinstance(opened[depth], list) and rest == closing:
            return depth
    return None


def _value(token: str, kind: str | None) -> Json:
    if token == "[":
        return []
    if token == "{":
        return {}
    if kind == "string":
        return _string(token)
    return Number(token) if kind == "number" else _WORDS[token]


def _string(token: str) -> str:
    try:
        text: str = json.loads(token, strict=False)
    except ValueError:  # an escape that JSON does not know: the text as it stands
        return token[1:-1]
    return text
