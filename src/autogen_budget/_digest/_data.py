"""Facts of structured data: every leaf with its field, and the record and list it belongs to."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from autogen_budget._text import Document, Embedded, FieldRole, Gap, Shape, Value, role_of_field, shape_of

from ._facts import LONGEST_VALUE, Fact, Place
from ._text import read_lines

MOST_LEAVES = 1_500
"""Leaves of one document that are read; the rest of a larger one is not."""

DEEPEST = 12
"""Levels that are read; what is nested deeper is not."""

_TELLING_KEYS = frozenset((Shape.IDENTIFIER, Shape.EMAIL, Shape.URL, Shape.PATH, Shape.DATE, Shape.NUMBER))


def read_data(document: Document, place: Place) -> Iterator[Fact]:
    """Return the facts of a document that belong to a subject."""
    return _Walk().node(document.value, place, "", 0)


def identity_of(document: Document) -> str:
    """Return what identifies a whole document, as `field=value`; empty for none."""
    value = document.value
    return next(iter(_fields(value, FieldRole.IDENTITY)), "") if isinstance(value, dict) else ""


def _fields(record: dict[str, Value], role: FieldRole) -> Iterator[str]:
    """Yield the fields of a record whose names have a role, as `field=value`."""
    for label, value in record.items():
        if role_of_field(label) is role and isinstance(value, str):
            text = " ".join(value[: LONGEST_VALUE // 2].split())
            if text:
                yield f"{label}={text}"


def _entry_name(record: dict[str, Value]) -> str:
    """Return what identifies a record in a list: its identifying fields, else its name; empty for none."""
    return ", ".join([*_fields(record, FieldRole.IDENTITY)][:2] or [*_fields(record, FieldRole.NAME)][:2])


@dataclass
class _Walk:
    """One way through a document, which ends when enough leaves were seen."""

    left: int = MOST_LEAVES
    entries: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])

    def node(self, value: Value, place: Place, label: str, depth: int) -> Iterator[Fact]:
        """Yield the facts of any part of the document."""
        if depth > DEEPEST or self.left <= 0:
            return
        match value:
            case dict():
                yield from self._record(value, place, label, depth)
            case list():
                yield from self._elements(value, place, label, depth)
            case tuple():
                for part in value:
                    inner = self.node(part, place, label, depth + 1)
                    yield from read_lines(part, place, label) if isinstance(part, str) else inner
            case Embedded():
                yield from self.node(value.document.value, place, label, depth + 1)
            case _:
                yield from self._leaf(value, place, label, single=True)

    def _record(self, record: dict[str, Value], place: Place, label: str, depth: int) -> Iterator[Fact]:
        if _is_map(record):
            for name, value in record.items():
                inner = self._entry(place, label, name, len(record))
                # Where the element holds its own key, the key is no fact of its own.
                if not (isinstance(value, dict) and name in value.values()):
                    yield from self._leaf(name, inner, label, single=True)
                yield from self.node(value, inner, "", depth + 1)
        else:
            # Columns without a head are numbered, which names nothing.
            numbered = all(name == str(place + 1) for place, name in enumerate(record))
            for name, value in record.items():
                path = (label, "" if numbered else name)
                yield from self.node(value, place, ".".join(filter(None, path)), depth + 1)

    def _elements(self, elements: list[Value], place: Place, label: str, depth: int) -> Iterator[Fact]:
        for value in elements:
            if isinstance(value, dict):
                inner = self._entry(place, label, _entry_name(value), len(elements))
                yield from self.node(value, inner, "", depth + 1)
            elif isinstance(value, (list, tuple, Embedded)):
                yield from self.node(value, place, label, depth + 1)
            else:
                beside = replace(place, crowd=place.crowd * len(elements))
                yield from self._leaf(value, beside, label, single=False)

    def _entry(self, place: Place, label: str, name: str, crowd: int) -> Place:
        """Return the place of an element, distinct even where nothing identifies it."""
        group = ".".join(filter(None, (place.group, label)))
        entry = "/".join(filter(None, (place.entry, name)))
        count = self.entries[group, entry] = self.entries.get((group, entry), 0) + 1
        entry = entry if entry and count == 1 else f"{entry}#{count}"
        return replace(place, group=group, entry=entry, crowd=place.crowd * crowd)

    def _leaf(self, data: Value, place: Place, label: str, *, single: bool) -> Iterator[Fact]:
        self.left -= 1
        if data is None or isinstance(data, Gap) or self.left < 0:
            return
        value = str(data).lower() if isinstance(data, bool) else str(data).strip()
        if len(value) > LONGEST_VALUE or "\n" in value:
            yield from read_lines(value, place, label)
        elif value:
            yield Fact(place, label, value, shape_of(value), single=single, crowd=place.crowd)


def _is_map(record: dict[str, Value]) -> bool:
    """Return whether the keys name things rather than fields, such as the records of a table by id."""
    return any(isinstance(value, dict) for value in record.values()) and any(
        shape_of(name[:LONGEST_VALUE]) in _TELLING_KEYS for name in record
    )
