"""Read any text once: which document it is, and which documents stand inside its strings."""

import re
from collections.abc import Iterator, Sequence

from ._html import is_html, text_of_html
from ._json import is_json
from ._json_ends import read_ends
from ._parts import has_documents, read_parts
from ._readers import LAYOUTS, SYNTAXES, Reader
from ._recent import Recent
from ._values import DEEPEST, Document, Embedded, Gap, Number, Value, children_of

LARGEST = 400_000
"""Characters of a text that is read whole; of a longer one both ends are."""

WINDOW = 65_536
"""Characters read at each end of a text that is longer."""

_KNOWN: Recent[str, Document] = Recent(1_000_000)
"""The documents of texts read lately, up to so many characters: a result is cut, and its facts are read, in a row."""

_SHORT = 200
"""Characters of a text that is read again rather than remembered."""

_MAX_LEVELS = 6
"""Documents inside strings of documents that are read; what is nested deeper stays a string."""

_SHORTEST_INSIDE = 40
_WORTH_A_LOOK = re.compile(r"\s*(?:[\[{(<@\"#|\d-]|[\w.]{1,100}[(=])|[^\n]*\n\s*\S")
"""How a text begins that may be a document: one line of plain words is none."""

_BRACKET = re.compile(r"[\[{]\s*[\"'\[{]")
"""How a document begins that may stand anywhere in a line."""

_NO_WORD = re.compile(r"(?:\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|[\W_])+")
"""What is no letter or digit, and letters that are spelled as escapes."""

_NEARLY_ALL = 0.9
_HTML_TAIL = 32_768
_HEADED = frozenset(("csv", "tsv", "ssv", "table", "aligned"))
_ROWS = _HEADED | {"json lines", "items", "pairs", "labelled lines", "yaml"}


def read_text(text: str, *, words: Sequence[str] = ()) -> Document:
    """Read the document that a text holds.

    It takes time in proportion to the text, never raises, and the same text always gives the same document.
    """
    document = _KNOWN.get(text) if len(text) <= LARGEST else None
    if document is None:
        document = _read_any(text, words)
        if _SHORT < len(text) <= LARGEST:
            _KNOWN.put(text, document, len(text))
    return document


def _read_any(text: str, words: Sequence[str]) -> Document:
    try:
        return _read(text, 0) if len(text) <= LARGEST else _read_large(text, words)
    except (RecursionError, MemoryError):
        return Document("text", text)


def _read(text: str, level: int) -> Document:
    if level >= _MAX_LEVELS or not (_WORTH_A_LOOK.match(text) or _BRACKET.search(text)):
        return Document("text", text)
    document = _page(text, level) or _first(SYNTAXES, text, level)
    if document is None and has_documents(text):
        document = _parts(text, level)
    return document or _first(LAYOUTS, text, level) or _parts(text, level) or Document("text", text)


def _page(text: str, level: int) -> Document | None:
    """Return what a reader of a page would see; None where a text is none."""
    lines = text_of_html(text) if is_html(text) else ""
    return Document("html", _read(lines, level + 1).value) if lines else None


def _first(readers: Sequence[Reader], text: str, level: int) -> Document | None:
    """Return what the first reader makes of a text that can read it as a whole."""
    for reader in readers:
        if reader.recognises(text):
            value = reader.read(text)
            if value is text:
                return Document(reader.name, text)
            if value is not None and not isinstance(value, Number) and (readers is SYNTAXES or _covers(value, text)):
                return Document(reader.name, _settled(value, level, 0))
    return None


def _covers(value: Value, text: str) -> bool:
    """Return whether a value holds nearly all letters and digits of its text: a mere look-alike loses some."""
    letters = sum(len(_NO_WORD.sub("", part)) for part in _texts_of(value))
    return letters >= _NEARLY_ALL * len(_NO_WORD.sub("", text))


def _texts_of(value: Value) -> Iterator[str]:
    """Yield the names of all fields in a value, and all its scalars."""
    if isinstance(value, dict):
        yield from value
    if isinstance(value, (str, bool, Gap)):
        yield str(value)
    for child in children_of(value):
        yield from _texts_of(child)


def _parts(text: str, level: int) -> Document | None:
    """Return a text of several parts; None where it is one."""
    parts = read_parts(text, lambda part: _read_whole(part, level))
    return None if parts is None else Document("parts", parts)


def _read_whole(text: str, level: int) -> Document:
    """Return what a text holds that is no mixture."""
    if not _WORTH_A_LOOK.match(text):
        return Document("text", text)
    whole = _page(text, level) or _first(SYNTAXES, text, level) or _first(LAYOUTS, text, level)
    return whole or Document("text", text)


def _settled(value: Value, level: int, depth: int) -> Value:
    """Return a value no deeper than is looked into, with the documents in its strings."""
    if isinstance(value, str):
        if len(value) < _SHORTEST_INSIDE or isinstance(value, Number) or not _WORTH_A_LOOK.match(value):
            return value
        document = _read(value, level + 1)
        return Embedded(document) if document.structured else value
    if isinstance(value, (list, dict)) and depth >= DEEPEST:
        return Gap(len(value), "items" if isinstance(value, list) else "fields") if value else value
    if isinstance(value, list):
        return [_settled(item, level, depth + 1) for item in value]
    if isinstance(value, dict):
        return {name: _settled(item, level, depth + 1) for name, item in value.items()}
    return value


def _read_large(text: str, words: Sequence[str]) -> Document:
    """Return what both ends of a large text hold, with a gap between them."""
    if is_html(text):
        head, tail = text_of_html(text[: 2 * WINDOW]), text_of_html(text[-_HTML_TAIL:])
        return Document("html", f"{head}\n{Gap(None)}\n{tail}")
    if is_json(text):
        value = read_ends(text, WINDOW, words)
        if isinstance(value, (list, dict)):
            return Document("json", _settled(value, 0, 0))
    start = text.rfind("\n", 0, WINDOW) + 1 or WINDOW
    end = text.find("\n", len(text) - WINDOW) + 1 or len(text)
    first = _read_whole(text[:start], 0)
    headed = text[: text.find("\n") + 1] if first.format in _HEADED else ""
    last = _read_whole(headed + text[end:], 0)
    known = first.format in _ROWS and first.format == last.format
    if not known or not isinstance(first.value, list) or not isinstance(last.value, list):
        return Document("text", text)
    return Document(first.format, [*first.value, Gap(None), *last.value])
