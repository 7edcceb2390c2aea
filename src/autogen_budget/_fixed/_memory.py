"""Memory that AutoGen appends to a conversation, over its cap: the items that a request is about, word for word."""

import re
from itertools import pairwise

from autogen_budget._counting import TokenCounter
from autogen_budget._turns import READ_ARTIFACT

from ._document import Section, read_document
from ._outline import sized
from ._rank import Ranking

_NOTICE_TOKENS = 40
"""Tokens that the line takes that says what is left out."""

_LARGEST_ITEM = 0.5
"""Share of the limit from which an item is taken apart: its sentences are items then."""

_ITEM = re.compile(r"^(\d{1,6})[.)] ", re.MULTILINE)


def fit_memory(text: str, about: str, limit: int, counter: TokenCounter, reference: str | None = None) -> str:
    """Show those items of a memory block that a request is about, and the latest of the others, as far as they fit.

    `reference`: The reference of the whole, for `read_artifact`. `None` means it cannot be read.
    """
    if counter.count_text(text, limit=limit) <= limit:
        return text
    head, whole = _items(text)
    most = int(limit * _LARGEST_ITEM)
    items = [part.text for item in whole for part in sized(Section("", item, headed=False), most, counter)]
    left = limit - counter.count_text(head) - _NOTICE_TOKENS
    scores = Ranking([("", item) for item in items]).scores(about)
    chosen: set[int] = set()
    for place in sorted(range(len(items)), key=lambda place: (-scores[place], -place)):
        tokens = counter.count_text(items[place], limit=max(0, left)) + 1
        if tokens <= left:
            chosen.add(place)
            left -= tokens
    read = "" if reference is None else f'; {READ_ARTIFACT}("{reference}", search="...") searches all of them'
    notice = f"[{len(items) - len(chosen):,} of {len(items):,} items are left out{read}]"
    return "\n".join((head.rstrip("\n"), *(items[place].strip("\n") for place in sorted(chosen)), notice))


def _items(text: str) -> tuple[str, list[str]]:
    """Return what stands before the items, and the items: numbers in a row, or the sections of a document."""
    places: list[int] = []
    for match in _ITEM.finditer(text):
        if int(match[1]) == len(places) + 1:
            places.append(match.start())
    if len(places) > 1:
        return text[: places[0]], [text[start:end] for start, end in pairwise([*places, len(text)])]
    document = read_document(text)
    return document.preamble, [section.text for section in document.sections]
