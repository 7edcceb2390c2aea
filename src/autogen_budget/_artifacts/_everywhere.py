"""Search several stored texts at once, by words or by a pattern: passages with the references to read on from."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Sequence

import regex

from autogen_budget._counting import TokenCounter
from autogen_budget._errors import ArtifactNotFoundError
from autogen_budget._recall import fts5_available
from autogen_budget._text import one_line

from ._search import EXCERPT, Place, find_matches
from ._store import ArtifactStore
from ._words import FoundPassage, TextIndex

_AT_ONCE = 16  # texts that are read at a time
_MAX_MATCHES = 200  # matches of a pattern, in all texts together
_SECONDS = 2.0  # for a pattern, in all texts together


async def search_texts(
    store: ArtifactStore,
    references: Sequence[str],
    words: str,
    pattern: str,
    limit: int,
    counter: TokenCounter,
    index: TextIndex,
) -> str:
    """Search stored texts. Files and texts are read off the event loop.

    `pattern`: A regular expression to look for in place of words. Empty for none.

    Returns:
        str: Passages, each with the reference and line to read on from: the best first, or in order for a pattern.

    Raises:
        ArtifactNotFoundError: The one text to look in is not stored.
        ValueError: The pattern is none, or too slow.
        OSError: The one text to look in cannot be read.
    """
    found: list[FoundPassage] = []
    kind = f"passages with words of {words!r:.60}, the best first"
    if words and fts5_available():
        async for reference, text in _texts(store, references, index.missing(references)):
            await asyncio.to_thread(index.add, reference, text)
        found = await asyncio.to_thread(index.find, words, references)
    if not found:
        kind = f"lines that match {pattern or words!r:.60}"
        found = await _matching(_texts(store, references, references), pattern or regex.escape(words))
    count = "1 text" if len(references) == 1 else f"{len(references):,} texts"
    return await asyncio.to_thread(_answer, found, f"{kind}, in {count}", limit, counter)


async def _texts(
    store: ArtifactStore, references: Sequence[str], wanted: Sequence[str]
) -> AsyncIterator[tuple[str, str]]:
    """Yield the wanted ones of some texts, a few of them at a time in memory."""
    for start in range(0, len(wanted), _AT_ONCE):
        some = wanted[start : start + _AT_ONCE]
        texts = await asyncio.gather(*map(store.get, some), return_exceptions=True)
        for reference, text in zip(some, texts, strict=True):
            if isinstance(text, str):
                yield reference, text
            elif len(references) == 1 or not isinstance(text, (ArtifactNotFoundError, OSError)):
                raise text


async def _matching(texts: AsyncIterator[tuple[str, str]], pattern: str) -> list[FoundPassage]:
    found: list[FoundPassage] = []
    until = time.monotonic() + _SECONDS
    async for reference, text in texts:
        left = max(0.05, until - time.monotonic())  # the first lines of each text are looked at in any case
        matches = await asyncio.to_thread(
            find_matches, text, pattern, Place(1, 0, 0), most=_MAX_MATCHES - len(found), seconds=left
        )
        for match in matches.found:
            start, end = match.excerpt()
            found.append(FoundPassage(reference, match.place.line, one_line(text[start:end])))
        if len(found) >= _MAX_MATCHES:
            break
    return found


def _answer(found: Sequence[FoundPassage], kind: str, limit: int, counter: TokenCounter) -> str:
    """Return as many of the passages as fit, or as much of the first one."""

    def matches_text(count: int, width: int | None = None) -> str:
        rows = (f'"{passage.reference}:{passage.line}" {passage.text[:width]}' for passage in found[:count])
        more = "; go on with one of these refs" if found else "; use other words, or a pattern: /error \\d+/"
        return "\n".join((f"[{count or 'no'} of {len(found)} {kind}{more}]" if found else f"[no {kind}{more}]", *rows))

    def most(highest: int, build: Callable[[int], str]) -> int:
        return bisect_right(range(1, highest + 1), limit, key=lambda number: counter.count_text(build(number)))

    count = most(len(found), matches_text)
    if count or not found:
        return matches_text(count)
    return matches_text(1, most(EXCERPT, lambda width: matches_text(1, width)))
