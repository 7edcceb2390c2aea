"""Documents in, documents out: cut by structure, with the notice where a reader of the format expects it."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from autogen_budget._cut._head_tail import head_and_tail
from autogen_budget._cut._limit import TokenLimit
from autogen_budget._cut._notice import BARE, Notice, find_notice
from autogen_budget._cut._source import Source
from autogen_budget._text import Document, Embedded, Gap, Number, Value

from ._columns import EACH
from ._plans import degradation_plans
from ._shrink import Plan, Shrinker
from ._table import as_rows
from ._write_json import CUT, write_json
from ._writers import write_document

_NOTHING = "null"
_JSON = ("json", "json lines")
_MAX_NAMES = 8
_PLAIN_NAME = re.compile(r"[\w .:/-]+")  # another name could be taken for a part of the notice
_NUMBER = re.compile(r"\s*-?\d[\d.eE+-]*\s*")

CutPlain = Callable[[Source], str]
"""Cuts a text that holds no document."""


@dataclass(frozen=True)
class _Parts:
    """A document that is cut: what it holds without the notice of an earlier cut, and what is known of the whole.

    Args:
        document (Document): The document.
        whole (Notice): What is known of the whole text.
        size (int): Characters of the document as written.
        missing (int): Characters of the whole that the document lacks from the start.
    """

    document: Document
    whole: Notice
    size: int
    missing: int


def holds_data(source: Source) -> bool:
    """Return whether a text is a document that can be cut by its structure."""
    document = source.document
    if document.format == "html":
        return not isinstance(document.value, str)
    return document.structured or _NUMBER.fullmatch(source.text) is not None


def cut_data(source: Source, cut_plain: CutPlain) -> str | None:
    """Cut a document."""
    document = source.document
    cut: str | None
    if not document.structured:
        cut = _cut_string(source.text.strip(), source, _cut_middle)
    elif isinstance(document.value, str) or (document.format == "json" and isinstance(document.value, Embedded)):

        def cut_inner(inner: Source) -> str:
            return cut_plain(inner) if isinstance(document.value, str) else cut_data(inner, cut_plain) or BARE

        cut = _cut_string(str(json.loads(source.text, strict=False)), source, cut_inner)
    else:

        def shorten(text: str, most: int) -> str:
            return cut_plain(Source(text, TokenLimit.of_characters(most), source.scorer, None))

        cut = _cut_document(_taken_apart(document, source), source.limit, Shrinker(source.scorer, shorten))
        if document.format not in _JSON:
            return cut
    return next(text for text in (cut, _NOTHING, "") if text is not None and source.limit.fits(text))


def _cut_middle(source: Source) -> str:
    return head_and_tail(source.text, source.limit, source.reference)


def _taken_apart(document: Document, source: Source) -> _Parts:
    """Take the notice of an earlier cut out of a document, and make out what is known of the whole."""
    if source.found is None:
        size = len(write_document(document))
        partial = isinstance(document.value, (list, dict)) and size < len(source.text) and _has_gap(document.value)
        return _Parts(document, source.whole(0), size, len(source.text) - size if partial else 0)
    value = document.value
    if isinstance(value, dict) and _is_notice(value.get(CUT), source):
        value = {name: item for name, item in value.items() if name != CUT}
    elif isinstance(value, list) and value and _is_notice(value[0], source):
        value = value[1:]
    rest = replace(document, value=_revived(value))
    return _Parts(rest, source.found.notice, len(write_document(rest)), source.found.missing)


def _is_notice(value: Value, source: Source) -> bool:
    return isinstance(value, str) and find_notice(value, source.reference) is not None


def _has_gap(value: Value) -> bool:
    """Return whether a document of which only the ends were read says so at its top, or one level below."""
    inside = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return any(isinstance(item, Gap) for item in inside) or any(
        isinstance(item, list) and any(isinstance(entry, Gap) for entry in item) for item in inside
    )


def _revived(value: Value) -> Value:
    """Return a value that was cut before, with its gaps as gaps again."""
    if isinstance(value, str) and not isinstance(value, Number):
        return Gap.read(value) or value
    if isinstance(value, list):
        return [_revived(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_revived(item) for item in value)
    if isinstance(value, dict):
        return {name: _revived(item) for name, item in value.items()}
    if isinstance(value, Embedded):
        return Embedded(replace(value.document, value=_revived(value.document.value)))
    return value


def _cut_document(parts: _Parts, limit: TokenLimit, shrinker: Shrinker) -> str | None:
    """Return the least lossy form of a document that fits, with the fullest notice that fits; None if none fits."""
    bounded = shrinker.bounded(parts.document.value, max(limit.limit, 1))
    plans = degradation_plans(bounded, limit.limit)[::-1]

    def full(plan: Plan, size: int) -> str | None:
        return _notice(parts, plan, size)

    def brief(_plan: Plan, _size: int) -> str:
        return parts.whole.brief()

    def bare(_plan: Plan, _size: int) -> str:
        return BARE

    has_lines = parts.whole.characters > 0 and limit.fits_around(parts.whole.longest)
    for notice_of in ((full,) if has_lines else ()) + (brief, bare):

        def build(number: int, notice_of: Callable[[Plan, int], str | None] = notice_of) -> str:
            plan = plans[number]
            kept = replace(parts.document, value=_like(bounded, shrinker.shrink(bounded, plan)))
            notice = notice_of(plan, len(write_document(kept)))
            return write_document(as_rows(kept) if plan.table else kept, notice)

        cut = limit.largest_fitting(len(plans) - 1, build)
        if cut is not None:
            return cut[1]
    return None


def _like(value: Value, shrunk: Value) -> Value:
    """Return what is left of a value as one of its kind, also where nothing is."""
    if isinstance(value, dict):
        return shrunk if isinstance(shrunk, dict) else {}
    if isinstance(value, tuple):
        return shrunk if isinstance(shrunk, tuple) else ()
    return shrunk if isinstance(shrunk, list) else []


def _notice(parts: _Parts, plan: Plan, size: int) -> str | None:
    """Return the notice of a document shrunk to so many characters; None when nothing is missing."""
    missing = parts.missing + max(parts.size - size, 0)
    if not missing:
        return None if parts.whole.reference is None else parts.whole.brief()
    names = list(
        dict.fromkeys(path[-1] for path in sorted(plan.dropped) if EACH in path and _PLAIN_NAME.fullmatch(path[-1]))
    )
    listed = ", ".join(names[:_MAX_NAMES]) + (", ..." if len(names) > _MAX_NAMES else "")
    return parts.whole.say(0, missing, f"the fields {listed}" if listed else "")


def _cut_string(value: str, source: Source, cut_inner: CutPlain) -> str:
    """Cut a text that is one JSON string: the text in it, by its own kind."""
    limit = source.limit

    def measure(inner: str) -> int:
        written = write_json(inner)
        return limit.measure(written) if len(written) <= limit.longest else limit.limit + 1

    inner = Source(value, TokenLimit(measure, limit.limit, len(value)), source.scorer, source.reference)
    return write_json(value if inner.limit.fits(value) else cut_inner(inner))
