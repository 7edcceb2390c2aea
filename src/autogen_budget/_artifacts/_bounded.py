"""A folder of texts that is kept within its bound: the oldest go that nobody can need."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from ._files import ArtifactFile, ArtifactFolder
from ._holds import Holds
from ._locks import StoreLocks
from ._reference import references_of

_logger = logging.getLogger(__name__)

_SLACK = 16  # a full store gives up one part in so many more than it must, or every text would make it look again


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a folder may hold, and for how long.

    Args:
        max_bytes (int): Bytes that its texts may take together.
        grace (float): Seconds during which a text is left alone that another store object may need.
    """

    max_bytes: int
    grace: float


class BoundedFolder:
    """A folder that several store objects may use. Its methods block, and raise `OSError` alone."""

    def __init__(self, folder: ArtifactFolder, bounds: Bounds, holds: Holds, url: str) -> None:
        self._folder, self._bounds, self._holds, self._url = folder, bounds, holds, url
        self._locks = StoreLocks()
        self._counting = threading.Lock()  # around every change of the bytes that are left
        self._left = 0  # bytes that may be written before the folder's size is looked at again
        self._warned = False
        self._written: dict[str, float] = {}  # reference -> when this object last wrote or renewed it, monotonic
        self._own: dict[str, float | None] = {}  # reference -> stamp of the file this object made, until renewed

    @property
    def known(self) -> Iterable[str]:
        """References of the texts that this object wrote or renewed."""
        return list(self._written)

    def place(self, data: bytes, held: dict[str, None]) -> str:
        """Find a text, or write it under the first reference that no other text has."""
        with self._locks.putting(next(references_of(data))):
            reference = self._place(data)
            held[reference] = None
        return reference

    def renew(self, references: Iterable[str]) -> None:
        """Renew texts in a shared place, unless this object did so lately."""
        for reference in references:
            self._renew(reference)

    def tidy(self, newest: str) -> None:
        """Renew what is held, and remove what may go where the folder is full; never the newest text."""
        self.renew(self._holds.all())
        if self._left <= 0:
            with self._locks.removing():
                if self._left <= 0:  # nobody has freed space meanwhile
                    self._make_room(newest)

    def _place(self, data: bytes) -> str:
        for reference in references_of(data):
            stored = self._folder.read(reference)
            if stored is not None and stored != data and reference in references_of(stored):
                continue  # another text; what is neither is half of one, which a broken write left
            if stored != data or not self._renew(reference):
                self._own[reference] = self._folder.write(reference, data)
                self._written[reference] = time.monotonic()
                with self._counting:
                    self._left -= len(data)
            return reference
        raise OSError("every reference this text could have is taken by another text")

    def _renew(self, reference: str) -> bool:
        """Renew a text; False when it turns out to be gone."""
        now = time.monotonic()
        if self._folder.shared and now - self._written.get(reference, -inf) > self._bounds.grace / 2:
            self._written[reference] = now
            return self._folder.renew(reference)
        return True

    def _make_room(self, newest: str) -> None:
        bound = self._bounds.max_bytes
        files = sorted(self._folder.files(), key=self._by_age)
        total = sum(file.size for file in files)
        if total > bound:
            total = self._remove_free(files, total, newest)
        while total > bound and self._holds.release_idle():
            total = self._remove_free(files, total, newest)
        if total > bound and not self._warned:
            self._warned = True
            _logger.warning("%s holds %d bytes, above max_bytes (%d): all are referred to", self._url, total, bound)
        self._left = max(0, min(bound - total, bound // _SLACK))  # others may write to the same place meanwhile

    def _remove_free(self, files: list[ArtifactFile], total: int, newest: str) -> int:
        """Remove files that may go, which are taken out of the list, until there is room; gives the bytes left."""
        bound = self._bounds.max_bytes
        for file in [*files]:
            if total <= bound - bound // _SLACK:
                break
            if file.reference != newest and self._may_go(file):
                self._folder.remove(file.reference)
                self._written.pop(file.reference, None)
                self._own.pop(file.reference, None)
                files.remove(file)
                total -= file.size
        return total

    def _by_age(self, file: ArtifactFile) -> tuple[float, float]:
        """Sort files oldest first; those of one tick of the place's clock in the order of this object's writes."""
        return file.stamp or 0.0, self._written.get(file.reference, 0.0)

    def _may_go(self, file: ArtifactFile) -> bool:
        if file.reference in self._holds:
            return False
        if not self._folder.shared:
            return True
        if not self._is_free(file.reference, file.stamp):
            return False
        # Looked at once more, since another process may have renewed it just now.
        return self._is_free(file.reference, self._folder.stamp(file.reference))

    def _is_free(self, reference: str, stamp: float | None) -> bool:
        """Return whether no other store object can need a file of this date."""
        return stamp is not None and (stamp == self._own.get(reference) or stamp < time.time() - self._bounds.grace)
