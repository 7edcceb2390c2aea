"""Facts of structured data: every leaf with its field, and the record and list it belongs to."""

import ast
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from ._facts import LONGEST_VALUE, Fact, Place
from ._names import words_of
from ._shapes import Shape, shape_of
from ._text import read_text

LONGEST_JSON = 1_000_000
"""Characters up to which a text is parsed; a longer one is read as lines."""

LONGEST_LITERAL = 50_000
"""Characters up to which a text is parsed as Python's own notation, which takes far longer."""

MOST_LEAVES = 1_500
"""Leaves of one document that are read; the rest of a larger one is not."""

DEEPEST = 12
"""Levels that are read; what is nested deeper is not."""

_IDENTITY = frozenset(
    ("id", "key", "code", "number", "no", "uuid", "guid", "sha", "hash", "email", "path", "url", "uri", "file", "slug")
)
_NAME = frozenset(("name", "title", "label", "subject"))
_TELLING_KEYS = frozenset((Shape.IDENTIFIER, Shape.EMAIL, Shape.URL, Shape.PATH, Shape.DATE, Shape.NUMBER))


def parse(text: str) -> object:
    """A text as the structured data it holds: JSON, or Python's notation of dictionaries and lists.

    Returns:
        object: A mapping or a list, with numbers as they are written. `None` for any other text.
    """
    if text.lstrip()[:1] not in ("{", "[") or len(text) > LONGEST_JSON:
        return None
    try:
        data: object = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        data = _literal(text.strip()) if len(text) <= LONGEST_LITERAL else None
    return data if as_record(data) is not None or _as_list(data) is not None else None


def read_data(data: object, place: Place) -> Iterator[Fact]:
    """Facts of structured data that belong to a subject.

    Args:
        data (object): What `parse` returned, or a part of it.
        place (Place): Where it stands.
    """
    return _Walk().node(data, place, "", 0)


def as_record(data: object) -> Mapping[object, object] | None:
    """The data, where it is a record or a map."""
    return cast("Mapping[object, object]", data) if isinstance(data, Mapping) else None


def identity_of(data: object) -> str:
    """What identifies a whole document, as `field=value`; empty for none."""
    record = as_record(data)
    return "" if record is None else next(iter(_fields(record, _IDENTITY)), "")


def _literal(text: str) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about escapes in the text
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            return None


def _as_list(data: object) -> list[object] | None:
    if isinstance(data, set):
        return sorted(cast("set[object]", data), key=repr)
    return list(cast("Iterable[object]", data)) if isinstance(data, list | tuple) else None


def _fields(record: Mapping[object, object], words: frozenset[str]) -> Iterator[str]:
    """The fields of a record whose names end in one of some words, as `field=value`."""
    for label, value in record.items():
        if words.intersection(words_of(str(label))[-1:]) and isinstance(value, str | int):
            text = " ".join(str(value)[: LONGEST_VALUE // 2].split())
            if text:
                yield f"{label}={text}"


def _entry_name(record: Mapping[object, object]) -> str:
    """What tells a record from its like in a list: its identifying fields, else its name; empty for none."""
    return ", ".join([*_fields(record, _IDENTITY)][:2] or [*_fields(record, _NAME)][:2])


@dataclass
class _Walk:
    """One way through a document, which ends when enough leaves were seen."""

    left: int = MOST_LEAVES
    entries: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    def node(self, data: object, place: Place, label: str, depth: int) -> Iterator[Fact]:
        """The facts of any part of the document."""
        if depth > DEEPEST or self.left <= 0:
            return
        record, elements = as_record(data), _as_list(data)
        if record is not None:
            yield from self._record(record, place, label, depth)
        elif elements is not None:
            yield from self._elements(elements, place, label, depth)
        else:
            yield from self._leaf(data, place, label, depth, single=True)

    def _record(self, record: Mapping[object, object], place: Place, label: str, depth: int) -> Iterator[Fact]:
        if _is_map(record):
            for key, value in record.items():
                name = str(key)
                inner = self._entry(place, label, name, len(record))
                # Where the element tells its own key, the key need not be told as well.
                if name not in map(str, (as_record(value) or {}).values()):
                    yield from self._leaf(name, inner, label, depth, single=True)
                yield from self.node(value, inner, "", depth + 1)
        else:
            for key, value in record.items():
                yield from self.node(value, place, f"{label}.{key}" if label else str(key), depth + 1)

    def _elements(self, elements: list[object], place: Place, label: str, depth: int) -> Iterator[Fact]:
        for value in elements:
            record = as_record(value)
            if record is not None:
                inner = self._entry(place, label, _entry_name(record), len(elements))
                yield from self.node(record, inner, "", depth + 1)
            elif _as_list(value) is not None:
                yield from self.node(value, place, label, depth + 1)
            else:
                beside = replace(place, crowd=place.crowd * len(elements))
                yield from self._leaf(value, beside, label, depth, single=False)

    def _entry(self, place: Place, label: str, name: str, crowd: int) -> Place:
        """The place of an element, told from its like even where nothing identifies it."""
        group = ".".join(filter(None, (place.group, label)))
        entry = "/".join(filter(None, (place.entry, name)))
        count = self.entries[group, entry] = self.entries.get((group, entry), 0) + 1
        entry = entry if entry and count == 1 else f"{entry}#{count}"
        return replace(place, group=group, entry=entry, crowd=place.crowd * crowd)

    def _leaf(self, data: object, place: Place, label: str, depth: int, *, single: bool) -> Iterator[Fact]:
        self.left -= 1
        if data is None or self.left < 0:
            return
        value = str(data).lower() if isinstance(data, bool) else str(data).strip()
        if len(value) > LONGEST_VALUE or "\n" in value:
            inner = parse(value)
            yield from read_text(value, place, label) if inner is None else self.node(inner, place, label, depth + 1)
        elif value:
            yield Fact(place, label, value, shape_of(value), single=single, crowd=place.crowd)


def _is_map(record: Mapping[object, object]) -> bool:
    """Whether the keys are not the names of fields but things themselves, such as the records of a table by id."""
    return any(as_record(value) is not None for value in record.values()) and any(
        shape_of(str(key)[:LONGEST_VALUE]) in _TELLING_KEYS for key in record
    )
