"""Notice that a text repeats itself while it is written; code, tables and lists may."""

import re

CHUNK = 50
"""Characters that are compared, as in Gemini CLI."""

WINDOW = 4_000
"""Characters of which all have to belong to the circle, about a thousand tokens: some texts are meant to be so."""

REPEATS = WINDOW // 250
"""How many times the same characters have to come in them; what comes more rarely is a phrase, and no circle."""

STRIDE = 100
"""Characters after which it is looked at again."""

_FENCE = "```"

_STRUCTURED = re.compile(r"^(?:[^\S\n]*[-*+|>#]|[^\S\n]*\d+[.)]|    |\t|.*[{};][^\S\n]*$)", re.MULTILINE)
"""Lines of code, tables, lists, quotes and headings."""


class TextLoop:
    """Reads a text as it is written; only its end is kept."""

    def __init__(self) -> None:
        self._end = ""
        self._unread = 0
        self._fences = 0

    def add(self, chunk: str) -> bool:
        """Read on."""
        self._fences += (self._end[1 - len(_FENCE) :] + chunk).count(_FENCE)
        self._end = (self._end + chunk)[-WINDOW:]
        self._unread += len(chunk)
        if self._unread < STRIDE or self._fences % 2:
            return False
        self._unread = 0
        piece = self._end[-CHUNK:]
        if len(self._end) < WINDOW or len(set(piece)) < 3 or self._end.count(piece) < REPEATS:  # a rule is no circle
            return False
        return _FENCE not in self._end and not _STRUCTURED.search(self._end)
