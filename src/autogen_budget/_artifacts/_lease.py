"""What one owner keeps in a store: the texts that were cut for it, and those its messages refer to."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from autogen_budget._errors import error_text
from autogen_budget._turns import references_in

from ._reference import references_of
from ._store import ArtifactStore

logger = logging.getLogger("autogen_budget")


@dataclass(frozen=True, slots=True)
class StoreResult:
    """What became of a text that was to be stored.

    Args:
        reference (str | None): Its reference. `None` means the store failed.
        error (str | None): What the store said. `None` means it did not fail.
    """

    reference: str | None
    error: str | None = None


class ArtifactLease:
    """Keeps whole texts for one owner: they stay in the store for as long as this object lives."""

    def __init__(self, store: ArtifactStore) -> None:
        self.store = store
        """Where the texts are kept."""
        self._held: set[str] = set()

    @property
    def references(self) -> tuple[str, ...]:
        """References of the texts that are kept, in the order in which they were stored or met."""
        return self.store.held(self)

    async def keep(self, text: str) -> StoreResult:
        """Store the whole of a text; a failing store is one line in the log."""
        try:
            known = self.store.whole_of(text)
            if known is not None and await self.store.exists(known):
                await self._hold({known})
                return StoreResult(known)
            return StoreResult(await self.store.put_behind(text, owner=self))
        except Exception as error:  # whatever a store raises: the call goes on
            logger.warning("a text of %d characters was cut, and the whole was not kept: %s", len(text), error)
            return StoreResult(None, error_text(error))

    def keeps(self, text: str) -> bool:
        """Return whether the whole of a text was stored here, or is what the text was cut from."""
        references = references_of(text.encode("utf-8", "surrogatepass"))
        return self.store.whole_of(text) is not None or not set(references).isdisjoint(self.store.held(self))

    async def hold(self, texts: Iterable[str]) -> None:
        """Let nothing go from the store that these texts refer to, whoever put it there."""
        await self._hold({reference for text in texts for reference in references_in(text)})

    def release(self) -> None:
        """Keep nothing any more: the conversation is forgotten."""
        self._held.clear()
        self.store.release(self)

    async def _hold(self, references: set[str]) -> None:
        new = references - self._held
        if new:
            self._held |= new
            await self.store.hold(new, self)


def whole_of(lease: ArtifactLease | None, text: str) -> str | None:
    """Find the stored text that a text was cut from.

    `lease`: What keeps whole texts. `None` means nothing does.

    Returns:
        str | None: Its reference. `None` means none is known.
    """
    return None if lease is None else lease.store.whole_of(text)
