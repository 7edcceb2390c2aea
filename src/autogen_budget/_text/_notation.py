"""Values as programs print them: Python literals and reprs of objects, JavaScript's looser JSON, and truncated ones.

`ast.literal_eval` knows no calls, loses the spelling of numbers, and can exhaust the interpreter's stack; this reader
keeps its own stack, knows names, calls and `key=value`, and stops at the first word that is none of these: prose.
"""

import re
from dataclasses import dataclass, field

from ._values import DEEPEST, Gap, Value, records_of_rows, scalar_of

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<open>(?:[^\W\d][\w.]{0,200})?\(|\[|\{)
    | (?P<close>[\])}])
    | (?P<string>[rRbBuU]{0,2}(?:'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''|\"\"\"[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*\"\"\"
        |'[^'\\\n]*(?:\\.[^'\\\n]*)*'|"[^"\\]*(?:\\.[^"\\]*)*"))
    | (?P<mark>,|:(?!:)|=>?)
    | (?P<angle><[^<>\n]{1,300}>)
    | (?P<word>[^\s,:=\[\](){}<>'"]{1,400})
    )""",
    re.VERBOSE | re.DOTALL,
)
_BEGINNING = re.compile(r"\s*(?:[\[{(]|[^\W\d][\w.]{0,100}(?:\(|=(?![=\s])))")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "a": "\a", "\n": ""}
_WORDS: dict[str, Value] = {
    **dict.fromkeys(("None", "null", "undefined", "NaN", "nan", "nil"), None),
    **dict.fromkeys(("True", "true"), True),
    **dict.fromkeys(("False", "false"), False),
}
_CLOSING = {"[": "]", "{": "}", "(": ")"}
_HALF_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*(\\(?:[uUx][0-9a-fA-F]{0,7})?)$")
_LONG_STRING = 200  # a shorter one that the text ends in is left out
_FEWEST_PARTS = 2
_CALLS = ("(", "")


class _NotationError(ValueError):
    """The text is no value."""


@dataclass
class _Frame:
    """A value that is not closed yet.

    Args:
        bracket (str): What opened it; empty for the whole text.
        start (int): Where it begins.
        named (bool): Whether a name stands before the bracket: a call.
        fields (dict[str, Value]): Its values with a key.
        items (list[Value]): Its values without.
        key (str | None): The key of the value that is read.
        waiting (list[Value]): The value read last, which may turn out to be a key; empty or one value.
        verbal (bool): Whether the value that waits is a bare word, behind which another one makes prose.
    """

    bracket: str
    start: int
    named: bool = False
    fields: dict[str, Value] = field(default_factory=dict[str, Value])
    items: list[Value] = field(default_factory=list["Value"])
    key: str | None = None
    waiting: list[Value] = field(default_factory=list["Value"])
    verbal: bool = False

    def flush(self) -> None:
        """Put the value that waits where it belongs."""
        if self.waiting and self.key is None:
            self.items.append(self.waiting[0])
        elif self.waiting and self.key is not None:
            self.fields[self.key] = self.waiting[0]
        self.key, self.waiting = None, []

    def take(self, value: Value, *, verbal: bool) -> None:
        """Take a value; two strings in a row are one, other values in a row are parts only where a call allows it."""
        if self.waiting:
            before = self.waiting[0]
            if type(before) is str and type(value) is str and not (verbal or self.verbal):
                self.waiting = [before + value]
                return
            if self.bracket not in _CALLS or (verbal and self.verbal and self.key is None):
                raise _NotationError
            self.flush()
        self.waiting, self.verbal = [value], verbal

    def take_key(self) -> None:
        """Make the value that waits a key."""
        if not self.waiting or self.key is not None or isinstance(self.waiting[0], (list, dict)):
            raise _NotationError
        self.key, self.waiting = str(self.waiting[0]), []
        if self.key in self.fields:
            if self.bracket:
                raise _NotationError
            self.items.append(self.fields)  # one record after the other
            self.fields = {}

    def value(self, source: str) -> Value:
        """Return the value, once it is closed; of a call of bare values its source."""
        self.flush()
        if self.fields and self.items and not self.bracket:
            return [*self.items, self.fields]
        if self.fields:
            return {**{str(i): item for i, item in enumerate(self.items)}, **self.fields}
        if self.named:
            first = self.items[0] if len(self.items) == 1 else None
            return source if first is None else first
        if self.bracket == "{" and not self.items:
            return {}
        return records_of_rows(self.items) if self.bracket == "[" else self.items


def is_notation(text: str) -> bool:
    """Return whether a text begins like a printed value."""
    return _BEGINNING.match(text) is not None


def read_notation(text: str) -> Value:
    """Read a printed value.

    Returns:
        Value: A list or a record; a gap closes what the text leaves open. `None` when it is no printed value.
    """
    stack = [_Frame("", 0)]
    try:
        end = _read(text, stack)
        if len(stack) > 1 or end < len(text):  # truncated: nothing is made of the few characters that are half a token
            rest = text[end:].lstrip()
            if rest[:1] not in ("", "'", '"', "<"):
                return None
            if rest[:1] in ("'", '"') and len(rest) >= _LONG_STRING:
                stack[-1].take(f"{_string(_HALF_ESCAPE.sub('', rest) + rest[0])} {Gap(None)}", verbal=False)
            while len(stack) > 1:
                inner = stack.pop()
                inner.items += [Gap(None)] if inner.bracket == "[" else ()
                stack[-1].take(inner.value(text[inner.start :]), verbal=False)
    except _NotationError:
        return None
    whole = stack[0].value(text)
    parts = whole[0] if isinstance(whole, list) and len(whole) == 1 else whole
    enough = isinstance(parts, dict) or (isinstance(parts, list) and any(isinstance(x, (list, dict)) for x in parts))
    listed = isinstance(parts, list) and len(parts) >= _FEWEST_PARTS and text.lstrip()[:1] in "[({"
    return parts if parts and (enough or listed) else None


def _read(text: str, stack: list[_Frame]) -> int:
    """Read marks until there are no more, and return the place behind the last."""
    position = 0
    while match := _TOKEN.match(text, position):
        kind, mark = match.lastgroup or "", match[match.lastgroup or 0]
        frame = stack[-1]
        if kind == "open":
            if len(stack) > DEEPEST:
                raise _NotationError
            stack.append(_Frame(mark[-1], match.start(kind), named=len(mark) > 1))
        elif kind == "close":
            if _CLOSING.get(frame.bracket) != mark:
                raise _NotationError
            stack.pop()
            stack[-1].take(frame.value(text[frame.start : match.end()]), verbal=False)
        elif kind == "mark":
            if mark == ",":
                frame.flush()
            else:
                frame.take_key()
        elif kind == "string":
            frame.take(_string(mark), verbal=False)
        else:
            frame.take(_WORDS[mark] if mark in _WORDS else scalar_of(mark), verbal=kind == "word")
        position = match.end()
    return position


def _string(token: str) -> str:
    """Return the text of a quoted string."""
    mark = token[-1]
    prefix, _, _ = token.partition(mark)
    quotes = 3 if len(token) - len(prefix) >= 6 and token[len(prefix) :].startswith(mark * 3) else 1
    text = token[len(prefix) + quotes : -quotes]
    if "\\" not in text or "r" in prefix.lower():
        return text
    return _ESCAPE.sub(_unescaped, text)


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code:
        number = int(code, 16)
        return chr(number) if number <= 0x10FFFF else match[0]
    if match[4]:
        return chr(int(match[4], 8))
    return _ESCAPED.get(match[5], match[5] if match[5] in "\\'\"/" else match[0])
