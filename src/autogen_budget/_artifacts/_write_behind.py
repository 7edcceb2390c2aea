"""Texts on their way to a place with latency: in order, bounded, and in memory until they are written."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

_logger = logging.getLogger("autogen_budget")


@dataclass(frozen=True, slots=True)
class Settings:
    """Figures of writing behind."""

    max_bytes: int = 32 * 2**20
    """Bytes that may wait: memory that a place which is away can cost. One text that is larger waits alone."""
    lanes: int = 8
    """Texts that are written at the same time; those of one owner stay in one lane, and so in order."""
    attempts: int = 3
    """How often a text is written before the place counts as away: object stores fail now and then."""
    pause: float = 0.02
    """Seconds before the second attempt; each further one waits twice as long."""


SETTINGS = Settings()


class WriteBehind:
    """Writes texts in threads, while those who stored them go on; any thread may call it.

    While the place is away, texts wait: they are tried again whenever another one comes, or somebody waits for all. As
    long as any text waits, this object is not forgotten, and the end of the process waits for it.
    """

    def __init__(self, write: Callable[[str, bytes], bool], url: str, timeout: float) -> None:
        self._write, self._url, self._timeout = write, url, timeout
        self._changed = threading.Condition()
        self._lanes: list[deque[str]] = [deque() for _ in range(SETTINGS.lanes)]
        self._threads: list[threading.Thread | None] = [None] * SETTINGS.lanes
        self._texts: dict[str, bytes] = {}  # what waits, by reference
        self._times = Counter[str]()  # in how many lanes, since two owners may have stored the same text
        self._taken: list[str] = []  # references that other texts have
        self._bytes = 0
        self._failures = 0
        self._error: Exception | None = None

    def add(self, reference: str, data: bytes, owner: int) -> None:
        """Take a text on its way. Where too much waits already, wait until some of it is written.

        Raises:
            OSError: Too much waits, and the place is away or too slow.
        """
        until = time.monotonic() + self._timeout
        with self._changed:
            failures = self._failures
            while self._bytes and self._bytes + len(data) > SETTINGS.max_bytes:
                self._start()
                if self._failures > failures or not self._changed.wait(until - time.monotonic()):
                    raise OSError(f"{self._bytes:,} bytes wait already to be written to {self._url}: {self._why()}")
            if self._texts.setdefault(reference, data) != data:
                raise OSError(f"the reference {reference!r} is taken by another text")
            self._lanes[owner // 16 % SETTINGS.lanes].append(reference)  # identities are multiples of 16
            self._times[reference] += 1
            self._bytes += len(data)
            _unfinished.add(self)
            self._start()

    def waiting(self, reference: str) -> bytes | None:
        """Return a text that is not written yet. `None` means none of this reference waits."""
        return self._texts.get(reference)

    def flush(self) -> None:
        """Wait until all texts are written, or cannot be.

        Raises:
            OSError: The place is away or too slow; the texts still wait.
        """
        until = time.monotonic() + self._timeout
        with self._changed:
            self._lanes[0].extend(self._taken)  # the other texts may have gone
            self._taken.clear()
            self._start()
            while any(map(_runs, self._threads)) and self._changed.wait(until - time.monotonic()):
                pass
            if self._texts:
                raise OSError(
                    f"{len(self._texts):,} texts are kept in memory, and not yet in {self._url}: {self._why()}"
                )

    def is_at(self, url: str) -> bool:
        """Return whether it writes to a place."""
        return url == self._url

    def _why(self) -> str:
        if self._taken:
            return "other texts have their references"
        return str(self._error or f"no answer within {self._timeout:g} seconds")

    def _start(self) -> None:
        """Write in all lanes in which texts wait."""
        for number, lane in enumerate(self._lanes):
            if lane and not _runs(self._threads[number]):
                self._threads[number] = started = threading.Thread(
                    target=self._run, args=(number, lane), name="artifact-store-behind", daemon=True
                )
                started.start()

    def _run(self, number: int, lane: deque[str]) -> None:
        """Write the texts of one lane, until there are none, or one cannot be written."""
        while True:
            with self._changed:
                if not lane:
                    self._threads[number] = None
                    if not self._texts:
                        _unfinished.discard(self)
                    self._changed.notify_all()
                    return
                reference = lane[0]
            try:
                is_written = self._attempt(reference, self._texts[reference])
            except Exception as error:  # whatever a store raises: the text waits, and those behind it
                self._note_away(number, error)
                return
            with self._changed:
                lane.popleft()
                self._note_written(reference, is_written)
                self._changed.notify_all()

    def _attempt(self, reference: str, data: bytes) -> bool:
        pause = SETTINGS.pause
        for _ in range(SETTINGS.attempts - 1):
            try:
                return self._write(reference, data)
            except OSError:
                time.sleep(pause)
                pause *= 2
        return self._write(reference, data)

    def _note_written(self, reference: str, is_written: bool) -> None:
        if is_written:
            self._bytes -= len(self._texts[reference])
            self._times[reference] -= 1
            if not self._times[reference]:
                del self._texts[reference], self._times[reference]
        else:
            self._taken.append(reference)
            _logger.warning("%s has another text as %r: this one is kept in memory alone", self._url, reference)
        if self._error is not None:
            self._error = None
            _logger.warning("texts are written to %s again", self._url)

    def _note_away(self, number: int, error: Exception) -> None:
        with self._changed:
            self._threads[number] = None
            self._failures += 1
            if self._error is None:
                _logger.warning("texts wait in memory until they can be written to %s: %s", self._url, error)
            self._error = error
            self._changed.notify_all()


_unfinished: set[WriteBehind] = set()


def _runs(thread: threading.Thread | None) -> bool:
    """Return whether a thread is at work; a process that was forked has none of its parent's."""
    return thread is not None and thread.is_alive()


def waiting_text(url: str, reference: str) -> bytes | None:
    """Return a text that any store object of this process has yet to write to a place. `None` means there is none."""
    for behind in list(_unfinished):
        if behind.is_at(url) and (data := behind.waiting(reference)) is not None:
            return data
    return None


@atexit.register
def _flush_all() -> None:
    """Before the process ends, write what still waits, or say what is lost."""
    for behind in list(_unfinished):
        try:
            behind.flush()
        except OSError as error:
            _logger.warning("the process ends: %s", error)
