"""The way back from a document to text: a writer for each format that is kept, an outline for all others.

The outline is YAML: `name: value` lines, indented, with rows in brackets. So YAML stays YAML, and what nobody parses
(printed objects, XML, labelled lines) becomes what a reader takes in at a glance.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from autogen_budget._text import DELIMITERS, Document, Embedded, Number, Value

from ._write_json import CUT, JSON, PYTHON, Spelling, WriteEmbedded, write_json

_PLAIN = re.compile(r"[^\W\d_][\w@./+%-]*(?: [\w@./+%-]+)*|\d+[A-Za-z_-][\w./-]*")
_TAKEN = re.compile(r"true|false|null|yes|no|on|off|\d{4}-\d\d?-\d\d?.*|\d+[eE]\d+", re.IGNORECASE)
"""What YAML would take for something else than a text."""

_BAR = "\\|"
_LINES = re.compile(r"\s+")

_QUOTING = ("json", "json lines", "notation")


def write_document(document: Document, notice: str | None = None) -> str:
    """Write a document in its format.

    `notice`: The notice of what is missing. `None` for no notice.
    """
    return _WRITERS.get(document.format, _outline)(document, notice)


def _write_inside(document: Document) -> str:
    """Write a document inside a string, where its quotation marks are escaped."""
    return _WRITERS.get(document.format, _outline)(document, None, _write_deep)


def _write_deep(document: Document) -> str:
    """Write a document inside a string inside a string, where quotation marks would cost more than they quote."""
    return _outline(document, None) if document.format in _QUOTING else write_document(document)


def _json(
    document: Document, notice: str | None, embedded: WriteEmbedded = _write_inside, spelling: Spelling = JSON
) -> str:
    value = document.value
    if isinstance(value, dict):
        value = value if notice is None else {CUT: notice} | value | {CUT: notice}
    elif notice is not None:
        value = [notice, *(value if isinstance(value, list) else ())]
    return write_json(value, spelling, embedded)


def _python(document: Document, notice: str | None, embedded: WriteEmbedded = _write_inside) -> str:
    return _json(document, notice, embedded, PYTHON)


def _json_lines(document: Document, notice: str | None, embedded: WriteEmbedded = _write_inside) -> str:
    items = document.value if isinstance(document.value, list) else []
    return "\n".join(write_json(item, JSON, embedded) for item in ([notice, *items] if notice else items))


def _delimited(document: Document, notice: str | None, _embedded: WriteEmbedded = _write_inside) -> str:
    """Return a table with its head; the head of numbered columns is left out, as it was."""
    rows = document.value if isinstance(document.value, list) else []
    names = list(dict.fromkeys(name for row in rows if isinstance(row, dict) for name in row))
    lines: list[Sequence[str] | str] = [] if all(name.isdigit() for name in names) else [names]
    if document.format == "table" and lines:
        lines.append(f"|{'---|' * len(names)}")
    lines += [[_cell(row.get(name)) for name in names] if isinstance(row, dict) else _cell(row) for row in rows]
    mark = DELIMITERS[document.format]
    written = [line if isinstance(line, str) else _row(line, mark) for line in lines]
    return "\n".join(written if notice is None else [*written, notice])


def _row(values: Sequence[str], mark: str) -> str:
    cells = [_LINES.sub(" ", cell) for cell in values]
    if mark == "|":
        return f"| {' | '.join(cell.replace('|', _BAR) for cell in cells)} |"
    out = io.StringIO()
    csv.writer(out, delimiter=mark, lineterminator="").writerow(cells)
    return out.getvalue()


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, (dict, list, tuple, Embedded)):
        return write_json(value, JSON, write_document)
    return str(value)


def _parts(document: Document, notice: str | None, embedded: WriteEmbedded = write_document) -> str:
    """Return the parts of a text, one below the other."""
    parts = document.value if isinstance(document.value, tuple) else ()
    texts = [embedded(part.document) if isinstance(part, Embedded) else _cell(part) for part in parts]
    return "\n".join([text for text in texts if text] + ([] if notice is None else [notice]))


def _outline(document: Document, notice: str | None, embedded: WriteEmbedded = write_document) -> str:
    if isinstance(document.value, tuple):
        return _parts(document, notice, embedded)
    lines = list(_outlined(document.value, ""))
    return "\n".join(lines if notice is None else [*lines, f"# {notice}"])


def _outlined(value: Value, indent: str) -> Iterator[str]:
    """Yield the lines of a value; those of a record's first field stand behind the dash of its list."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _entry(f"{indent}{_scalar(name)}:", item, indent)
    elif isinstance(value, list) and value:
        for item in value:
            if isinstance(item, dict) and item:
                first, *rest = _outlined(item, f"{indent}  ")
                yield f"{indent}- {first[len(indent) + 2 :]}"
                yield from rest
            else:
                yield from _entry(f"{indent}-", item, indent)
    else:
        yield f"{indent}{_scalar(value)}"


def _entry(lead: str, value: Value, indent: str) -> Iterator[str]:
    if isinstance(value, Embedded):
        yield f"{lead} |-"
        yield from (f"{indent}  {line}" for line in write_document(value.document).split("\n"))
    elif isinstance(value, (dict, list)) and value and not _is_row(value):
        yield lead
        yield from _outlined(value, f"{indent}  ")
    else:
        yield f"{lead} {_scalar(value)}"


def _is_row(value: Value) -> bool:
    return isinstance(value, list) and not any(isinstance(item, (dict, list, tuple, Embedded)) for item in value)


def _scalar(value: Value) -> str:
    """Return a scalar as YAML spells it, in quotation marks only where it must be; a list of scalars in brackets."""
    if isinstance(value, list):
        return f"[{', '.join(map(_scalar, value))}]"
    if not isinstance(value, str) or isinstance(value, Number) or _TAKEN.fullmatch(value):
        return write_json(value)
    return value if _PLAIN.fullmatch(value) else write_json(value)


class _Writer(Protocol):
    """Writes a document with a notice of what it lacks, and the documents in its strings in a way of their own."""

    def __call__(self, document: Document, notice: str | None, embedded: WriteEmbedded = ..., /) -> str: ...


_WRITERS: Mapping[str, _Writer] = {
    "json": _json,
    "json lines": _json_lines,
    "notation": _python,
    "parts": _parts,
    **dict.fromkeys(DELIMITERS, _delimited),
}
