"""The turns that left an agent's conversations, word for word, as texts in a store: all can be read back."""

import asyncio
import logging
from collections.abc import Sequence
from typing import cast

from ._artifacts import ArtifactStore, Keeper
from ._cut import reference_in
from ._errors import ArtifactNotFoundError
from ._said import said
from ._turns import Turn

logger = logging.getLogger("autogen_budget")

_AT_ONCE = 16
"""How many pieces are read at a time."""

_GONE = "[some turns cannot be read: "


class HistoryLog:
    """What was said before, in the order it was said; it grows by one stored piece with each compaction.

    Args:
        store (ArtifactStore): Where the pieces are kept, for as long as this object lives.
    """

    def __init__(self, store: ArtifactStore) -> None:
        self._keeper = Keeper(store)
        self._pieces: list[str] = []
        self._unheld: list[str] = []

    async def add(self, turns: Sequence[Turn]) -> bool:
        """Store turns; a failing store is one line in the log.

        Args:
            turns (Sequence[Turn]): The turns, in the order of the conversation. A result that was cut and has a
                reference to its whole stays with that; all else is stored as it was before it was cut.

        Returns:
            bool: Whether they are stored.
        """
        kept = await self._keeper.keep("\n\n".join(map(written, turns)))
        if kept.reference is not None:
            self._pieces.append(kept.reference)
        return kept.reference is not None

    async def read(self) -> str:
        """All that was stored, empty if nothing was; in place of a piece that cannot be read stands why."""
        return "\n\n".join(await self._texts(self._pieces))

    async def hold(self) -> None:
        """Let nothing go from the store that loaded pieces refer to, nor these themselves; needed once after a load."""
        if self._unheld:
            pieces, self._unheld = self._unheld, []
            await self._keeper.store.hold(pieces, self._keeper)
            texts = await self._texts(pieces)
            await self._keeper.hold(texts)
            gone = sum(text.startswith(_GONE) for text in texts)
            if gone:
                logger.warning("%d of %d pieces of the history cannot be read from the store", gone, len(texts))

    def save(self) -> list[str]:
        """References of the pieces, as values that JSON can hold."""
        return [*self._pieces]

    def load(self, state: object) -> None:
        """Take over the pieces of another log; what is not understood is ignored.

        Args:
            state (object): What `save` returned.
        """
        if isinstance(state, list):
            self._pieces = [piece for piece in cast("list[object]", state) if isinstance(piece, str)]
            self._unheld = [*self._pieces]

    def forget(self) -> None:
        """Begin anew; what was stored may go."""
        self._pieces, self._unheld = [], []
        self._keeper.release()

    async def _texts(self, pieces: Sequence[str]) -> list[str]:
        texts: list[str] = []
        for start in range(0, len(pieces), _AT_ONCE):
            texts += await asyncio.gather(*map(self._text, pieces[start : start + _AT_ONCE]))
        return texts

    async def _text(self, piece: str) -> str:
        try:
            return await self._keeper.store.get(piece)
        except (ArtifactNotFoundError, OSError) as error:
            return f"{_GONE}{error}]"


def written(turn: Turn) -> str:
    """A turn for a reader: who said what, which calls were made, and what they brought.

    Args:
        turn (Turn): The turn. A result of it that was cut is told as it is if it refers to the whole.
    """
    return "\n".join(f"[{who}] {words}" for who, words in said(_referring(turn)))


def _referring(turn: Turn) -> Turn:
    """The turn as it came, but for results that were cut and refer to their whole."""
    whole = turn.uncut
    if turn.results is None or whole.results is None:
        return whole
    left, texts = [*turn.results.content], list[str]()
    for result in reversed(whole.results.content):  # where calls were left out, they are the first ones
        now = left.pop() if left and left[-1].call_id == result.call_id else result
        texts.append(result.content if reference_in(now.content) is None else now.content)
    return whole.with_results(reversed(texts))
