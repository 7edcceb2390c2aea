"""Texts of several parts: a document between sentences, in a fence, or behind a label."""

import json
import re
from collections.abc import Callable, Iterator, Sequence

from ._values import Document, Embedded, Number, Value, holds_records

_OPENING = re.compile(r"[\[{]\s*[\"\[{\]}\d-]")
_MARKED = re.compile(r"^[ \t]{0,8}(?:```|~~~|<[!a-zA-Z]|@\w+\{|[\[{][ \t]*[\"\[{]|[\[{][ \t]*$)", re.MULTILINE)
_FENCES = ("```", "~~~")
_DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=Number, strict=False)
_MAX_ATTEMPTS = 8
_MIN_STRUCTURED = 0.4
_SHORTEST = 40
"""Characters that a part has at least that is looked at: shorter ones are text."""


def has_documents(text: str) -> bool:
    """Return whether a document of another format begins at a line of a text, or a fence does."""
    return _MARKED.search(text) is not None


def read_parts(text: str, read: Callable[[str], Document]) -> Value:
    """Read a text that holds documents between other text.

    Returns:
        Value: Its parts in order, as a tuple. `None` when less than two fifths of it are documents.
    """
    parts: list[tuple[str, Document]] = []
    for source, document in _documents(text, read):
        if parts and not document.structured and not parts[-1][1].structured:
            before = f"{parts.pop()[0]}\n{source}"
            parts.append((before, Document("text", before)))
        elif parts and (merged := _merged(parts[-1][1], document)) is not None:
            parts[-1] = (f"{parts[-1][0]}\n{source}", merged)
        else:
            parts.append((source, document))
    structured = sum(len(source) for source, document in parts if holds_records(document.value))
    if structured < _MIN_STRUCTURED * len(text):
        return None
    return tuple(Embedded(document) if document.structured else source for source, document in parts)


def _documents(text: str, read: Callable[[str], Document]) -> Iterator[tuple[str, Document]]:
    """Yield the parts of a text, each with what it holds."""
    for block in _blocks(text):
        document = read(block) if len(block) >= _SHORTEST else Document("text", block)
        first, line_feed, rest = block.partition("\n")
        if not document.structured and line_feed and first.rstrip().endswith(":"):
            inner = read(rest)
            if inner.structured:
                yield first, Document("text", first)
                block, document = rest, inner
        yield block, document


def _blocks(text: str) -> Iterator[str]:
    """Yield the parts of a text: JSON wherever it begins; else what stands between blank lines, fences and tables."""
    start = attempts = 0
    for match in _OPENING.finditer(text):
        if match.start() < start or attempts >= _MAX_ATTEMPTS:
            continue
        try:
            value, end = _DECODER.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            attempts += 1
            continue
        if end - match.start() >= _SHORTEST and value:
            yield from _paragraphs(text[start : match.start()])
            yield text[match.start() : end]
            start = end
    yield from _paragraphs(text[start:])


def _paragraphs(text: str) -> Iterator[str]:
    """Yield what stands between blank lines, fences and tables; a fence is one part."""
    block: list[str] = []
    before, fence = "", ""
    for line in text.split("\n"):
        bare = line.strip()
        is_fence = bare.startswith(fence or _FENCES)
        if is_fence:
            fence = "" if fence else bare[:3]
            kind = ""
        elif fence:
            kind = "fence"
        else:
            kind = "" if not bare else "row" if bare.startswith("|") or bare.count("|") > 1 else "line"
        if kind != before and block:
            yield "\n".join(block)
            block = []
        if kind:
            block.append(line)
        before = kind
    if block:
        yield "\n".join(block)


def _merged(first: Document, second: Document) -> Document | None:
    """Join two documents in a row as one list, where they are of one format and both records; else None."""
    if first.format != second.format or not first.structured:
        return None
    items = [*_items(first.value), *_items(second.value)]
    return Document(first.format, items) if all(isinstance(item, dict) for item in items) else None


def _items(value: Value) -> Sequence[Value]:
    return value if isinstance(value, list) else [value]
