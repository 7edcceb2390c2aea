"""JSON as this package writes it: numbers keep their spelling, gaps and embedded documents are strings."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from autogen_budget._text import Document, Embedded, Gap, Number, Value

CUT = "[cut]"
"""The field of an object that holds the notice."""

WriteEmbedded = Callable[[Document], str]
"""Writes a document that stands in a string."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_QUOTE = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True)
class Spelling:
    """How a notation spells what is no list, record or number.

    Args:
        none (str): Nothing.
        true (str): Yes.
        false (str): No.
        quote (Callable[[str], str]): A text.
    """

    none: str
    true: str
    false: str
    quote: Callable[[str], str]


JSON = Spelling("null", "true", "false", _QUOTE)
PYTHON = Spelling("None", "True", "False", repr)


def write_json(value: Value, spelling: Spelling = JSON, embedded: WriteEmbedded = str) -> str:
    """Write a value without any space, in characters that every encoding can carry: lone surrogates are escaped."""
    pieces: list[str] = []
    _write(value, spelling, embedded, pieces)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", "".join(pieces))


def _write(value: Value, spelling: Spelling, embedded: WriteEmbedded, pieces: list[str]) -> None:
    """Add the written form in pieces."""
    match value:
        case None:
            pieces.append(spelling.none)
        case bool():
            pieces.append(spelling.true if value else spelling.false)
        case Number():
            pieces.append(str(value))
        case str() | Gap():
            pieces.append(spelling.quote(str(value)))
        case Embedded():
            pieces.append(spelling.quote(embedded(value.document)))
        case dict():
            pieces.append("{")
            for place, (name, item) in enumerate(value.items()):
                pieces.append(f"{',' * (place > 0)}{spelling.quote(name)}:")
                _write(item, spelling, embedded, pieces)
            pieces.append("}")
        case _:
            pieces.append("[")
            for place, item in enumerate(value):
                pieces.append("," * (place > 0))
                _write(item, spelling, embedded, pieces)
            pieces.append("]")
