"""The index of what was dropped: passages found by words, with SQLite's full-text search."""

import logging
import math
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from weakref import finalize

from ._passages import Passage
from ._query import searchable, terms_of

logger = logging.getLogger("autogen_budget")

_TABLES = """
CREATE VIRTUAL TABLE words USING fts5(
    text, content = '', tokenize = "porter unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'"
);
CREATE TABLE passages (id INTEGER PRIMARY KEY, turn INTEGER, spoken INTEGER, speaker INTEGER, text TEXT);
CREATE TABLE speakers (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
"""


@dataclass(frozen=True, slots=True)
class _Ranking:
    """How passages are ranked.

    Args:
        max_terms (int): Terms of a request that are looked for, the rarest: more of them find the same passages.
        common (float): Share of the passages a term may stand in; one that stands in more distinguishes them no longer.
        few (int): Passages in which any term may stand.
        candidates (int): Passages that are ranked, the best by BM25.
        of_turn (float): How much of its turn's best score a passage gets: the sentence beside the hit.
        of_neighbour (float): How much of the best score of the turns beside it: the answer to what was asked.
        spoken (float): What the words of a user or another agent are worth beside those of an answer: on questions
            about long chats, 1.5 finds .93 of the answers in 500 tokens where 1.0 finds .90.
        small (int): Passages up to which every hit counts: too few to distinguish rare words from common ones.
    """

    max_terms: int = 32
    common: float = 0.1
    few: int = 5
    candidates: int = 300
    of_turn: float = 0.5
    of_neighbour: float = 0.25
    spoken: float = 1.5
    small: int = 20


_RANKING = _Ranking()

MAX_TURN = 2**62
"""Numbers of turns are below it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found.

    Args:
        passage (Passage): What was found.
        score (float): How well it answers the request, above 0; only for comparing hits of one search.
        place (int): Its place among all passages, in the order of the conversation.
        replaced (bool): Whether a later rule replaced it.
    """

    passage: Passage
    score: float
    place: int
    replaced: bool = False


class RecallIndex:
    """Passages of dropped turns, in memory, to be searched by words; it can be used from any thread.

    Where the interpreter's SQLite lacks FTS5, nothing is found, and the log says so once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._count = 0

    def __len__(self) -> int:
        """Return how many passages there are."""
        return self._count

    def add(self, passages: Iterable[Passage]) -> None:
        """Index passages, in the order of the conversation."""
        if not fts5_available():
            return
        with self._lock:
            if self._connection is None:
                self._connection = sqlite3.connect(":memory:", check_same_thread=False)
                finalize(self, self._connection.close)  # left open, it is a ResourceWarning from Python 3.13 on
                self._connection.executescript(_TABLES)
            with self._connection as connection:
                speakers = {name: key for key, name in connection.execute("SELECT id, name FROM speakers")}
                rows, words = list[tuple[int, int, bool, int, str]](), list[tuple[int, str]]()
                for passage in passages:
                    speaker = speakers.setdefault(passage.speaker, len(speakers) + 1)
                    self._count += 1
                    rows.append((self._count, passage.turn, passage.spoken, speaker, passage.text))
                    words.append((self._count, searchable(passage.text)))
                names = ((key, name) for name, key in speakers.items())
                connection.executemany("INSERT OR IGNORE INTO speakers VALUES (?, ?)", names)
                connection.executemany("INSERT INTO passages VALUES (?, ?, ?, ?, ?)", rows)
                connection.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", words)

    def search(
        self, request: str, count: int = 40, min_coverage: float = 0.25, within: range | None = None
    ) -> tuple[Hit, ...]:
        """Find the passages that a request is about.

        Args:
            request (str): The words of the request.
            count (int): How many passages to find at most.
            min_coverage (float): Share of the score of a passage with all the terms that a passage must reach. On
                questions about long chats, a quarter keeps .92 of the answers that are found without it, and finds
                nothing for most requests that ask for nothing. 0 finds whatever has one of the words.
            within (range | None): Numbers of the turns that are searched, one after the other. `None` means all.
        """
        terms = terms_of(request)
        with self._lock:
            if self._connection is None or not terms:
                return ()
            known, whole = self._known(self._connection, terms, tells_apart=min_coverage > 0)
            if not known:
                return ()
            first, last = (0, MAX_TURN) if within is None else (within.start, within.stop - 1)
            rows = self._connection.execute(
                "SELECT passages.id, turn, spoken, name, passages.text, -bm25(words) FROM words "
                "JOIN passages ON passages.id = words.rowid JOIN speakers ON speakers.id = passages.speaker "
                "WHERE words MATCH ? AND turn BETWEEN ? AND ? ORDER BY bm25(words), passages.id LIMIT ?",
                (" OR ".join(known), first, last, _RANKING.candidates),
            ).fetchall()
        found = [(Passage(turn, name, text, bool(spoken)), score, key) for key, turn, spoken, name, text, score in rows]
        least = 0.0 if self._count <= _RANKING.small else whole * min_coverage
        return _ranked([Hit(*hit) for hit in found if hit[1] >= least])[:count]

    def _known(
        self, connection: sqlite3.Connection, terms: Sequence[str], *, tells_apart: bool
    ) -> tuple[list[str], float]:
        """Return the rarest terms of the query that distinguish passages, and the weight of the whole query.

        Terms that stand nowhere count: a request about something else has much that nothing answers.
        """
        counts: dict[str, int] = {}
        for term in terms:
            (counts[term],) = connection.execute("SELECT count(*) FROM words WHERE words MATCH ?", (term,)).fetchone()
        most = max(_RANKING.few, self._count * _RANKING.common) if tells_apart else self._count
        known = [term for term in terms if 0 < counts[term] <= most]
        known = sorted(known, key=lambda term: counts[term])[: _RANKING.max_terms]
        return known, sum(_weight(self._count, count) for count in counts.values() if count <= most)


@cache
def fts5_available() -> bool:
    """Return whether this interpreter's SQLite has FTS5; where it lacks it, one warning says that recall is off."""
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript(_TABLES)
    except sqlite3.OperationalError as error:
        logger.warning("recall is off, dropped turns are only read back by the model: SQLite lacks FTS5 (%s)", error)
        return False
    finally:
        connection.close()
    return True


def _weight(passages: int, having: int) -> float:
    """Return the inverse document frequency of a term as FTS5's `bm25` computes it."""
    return max(1e-6, math.log((passages - having + 0.5) / (having + 0.5)))


def _ranked(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    best: dict[int, float] = defaultdict(float)
    for hit in hits:
        best[hit.passage.turn] = max(best[hit.passage.turn], hit.score)

    def score(hit: Hit) -> float:
        turn = hit.passage.turn
        beside = max(best.get(turn - 1, 0.0), best.get(turn + 1, 0.0))
        total = hit.score + _RANKING.of_turn * best[turn] + _RANKING.of_neighbour * beside
        return total * (_RANKING.spoken if hit.passage.spoken else 1.0)

    ranked = [Hit(hit.passage, score(hit), hit.place) for hit in hits]
    return tuple(sorted(ranked, key=lambda hit: (-hit.score, hit.place)))
