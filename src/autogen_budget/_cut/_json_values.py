"""JSON as this package holds it: numbers keep their spelling, and a gap is a value of its own.

A gap stands where something was left out: in a list as the string `"[cut: 37 items]"`, in an object as the same string
in the field `"[more]"`. So the text stays valid JSON, and no count can be taken for data.
"""

import json
import re
from dataclasses import dataclass
from typing import TypeAlias

MORE = "[more]"
"""The field of an object that says how many of its fields were left out."""

_GAP = re.compile(r"\[cut(?:: (?P<count>[\d,]+) (?P<what>\w+))?\]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_QUOTE = json.JSONEncoder(ensure_ascii=False).encode


class Number(str):
    """A number in the spelling it came in: 2674.40 is not 2674.4 to whoever searches for it."""

    __slots__ = ()


@dataclass(frozen=True)
class Gap:
    """What was left out at one place.

    Args:
        count (int | None): How many; None when the text was too large to be counted.
        what (str): Items of a list, fields of an object, or records that an object holds by key.
    """

    count: int | None
    what: str = "items"

    def __add__(self, other: "Gap") -> "Gap":
        known = self.count is not None and other.count is not None
        return Gap((self.count or 0) + (other.count or 0) if known else None, self.what)

    def __str__(self) -> str:
        return "[cut]" if self.count is None else f"[cut: {self.count:,} {self.what}]"

    @classmethod
    def read(cls, text: str) -> "Gap | None":
        """The gap that a string stands for; None when it stands for itself."""
        match = _GAP.fullmatch(text)
        if match is None:
            return None
        return cls(int(match["count"].replace(",", "")), match["what"]) if match["count"] else cls(None)


Json: TypeAlias = "bool | str | Number | Gap | list[Json] | dict[str, Json] | None"


def parse(text: str) -> Json:
    """Reads a JSON text.

    Raises:
        ValueError: If it is not JSON.
        RecursionError: If it is nested deeper than the interpreter can follow.
    """
    value: Json = json.loads(text, parse_int=Number, parse_float=Number, parse_constant=Number)
    return value


def write(value: Json) -> str:
    """Writes a value without any space, in characters that every encoding can carry: lone surrogates are escaped."""
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", "".join(_pieces(value)))


def _pieces(value: Json) -> list[str]:
    """The written form in pieces."""
    match value:
        case None:
            return ["null"]
        case bool():
            return ["true" if value else "false"]
        case Number():
            return [str(value)]
        case str():
            return [_QUOTE(value)]
        case Gap():
            return [_QUOTE(str(value))]
        case list():
            pieces = ["["]
            for item in value:
                pieces += [*_pieces(item), ","]
        case _:
            pieces = ["{"]
            for name, item in value.items():
                pieces += [_QUOTE(name), ":", *_pieces(item), ","]
    closing = "]" if isinstance(value, list) else "}"
    if len(pieces) == 1:
        return [pieces[0] + closing]
    pieces[-1] = closing
    return pieces
