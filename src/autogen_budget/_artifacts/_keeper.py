"""What one conversation keeps in a store: the texts that were cut for it, and those it refers to."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ._store import REFERENCE_LENGTH, ArtifactStore
from ._tool import READ_ARTIFACT

logger = logging.getLogger("autogen_budget")

_MARK = f"{READ_ARTIFACT}("
_REFERENCE = re.compile(rf'{READ_ARTIFACT}\(\\*"([a-z2-7]{{{REFERENCE_LENGTH}}})\\*"')  # quotes are escaped in JSON


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a text that was to be kept.

    Args:
        reference (str | None): Its reference. `None` means the store failed.
        error (str | None): What the store said. `None` means it did not fail.
    """

    reference: str | None
    error: str | None = None


class Keeper:
    """Keeps whole texts for one owner: they stay in the store for as long as this object lives.

    Args:
        store (ArtifactStore): Where they are kept.
    """

    def __init__(self, store: ArtifactStore) -> None:
        self.store = store
        """Where the texts are kept."""
        self._held: set[str] = set()

    async def keep(self, text: str) -> Kept:
        """Store a text; a failing store is one line in the log.

        Args:
            text (str): The whole text.

        Returns:
            Kept: Its reference, or why there is none.
        """
        try:
            return Kept(await self.store.put(text, owner=self))
        except OSError as error:
            logger.warning("a text of %d characters was cut, and the whole was not kept: %s", len(text), error)
            return Kept(None, f"{type(error).__name__}: {error}")

    async def hold(self, texts: Iterable[str]) -> None:
        """Let nothing go from the store that these texts refer to, whoever put it there.

        Args:
            texts (Iterable[str]): What a live conversation holds; those known already cost next to nothing.
        """
        named = {reference for text in texts if _MARK in text for reference in _REFERENCE.findall(text)}
        new = named - self._held
        if new:
            self._held |= new
            await self.store.hold(new, self)

    def release(self) -> None:
        """Keep nothing any more: the conversation is forgotten."""
        self._held.clear()
        self.store.release(self)
