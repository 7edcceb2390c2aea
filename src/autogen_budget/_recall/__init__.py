"""Recall: dropped turns to those parts of them that the newest request is about.

`passages_of` splits a turn, `RecallIndex` finds passages by words (SQLite's FTS5, in memory), `render_passages` writes
those down that fit.
"""

from ._index import Hit, RecallIndex, fts5_available
from ._passages import Passage, passages_of, passages_of_text, passages_of_transcript
from ._render import render_passages

__all__ = [
    "Hit",
    "Passage",
    "RecallIndex",
    "fts5_available",
    "passages_of",
    "passages_of_text",
    "passages_of_transcript",
    "render_passages",
]
