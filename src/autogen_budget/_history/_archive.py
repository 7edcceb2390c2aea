"""What a store keeps for the conversations of one client: texts that were cut, and turns that left, word for word."""

import asyncio
import logging
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import cast
from weakref import WeakKeyDictionary

from autogen_budget._artifacts import ArtifactLease, ArtifactStore, is_reference_of
from autogen_budget._errors import ArtifactNotFoundError
from autogen_budget._text import indented
from autogen_budget._turns import Turn, transcript_lines

logger = logging.getLogger("autogen_budget")

AT_ONCE = 16
"""How many pieces are read at a time."""

MAX_PIECES = 64
"""How many references are listed in memory and in saved states; the older half then goes into a text of its own."""

UNREADABLE = "[some turns cannot be read: "
"""What stands in place of a piece that cannot be read, before the reason."""


class HistoryArchive:
    """Keeps what leaves the conversations of one client, for as long as this object lives.

    The earlier conversation can be read back in its order. It grows by one stored piece with each compaction.

    `store`: Where everything is kept. `None` means nowhere, and nobody expects it.
    """

    def __init__(self, store: ArtifactStore | None) -> None:
        self.lease = None if store is None else ArtifactLease(store)
        """Keeps single texts before they are cut. `None` means there is no store."""
        self._leases: WeakKeyDictionary[object, ArtifactLease] = WeakKeyDictionary()
        self._latest: ArtifactLease | None = None
        self._older: str | None = None  # a text with references of older pieces, and of one more such text before it
        self._pieces: list[str] = []
        self._loaded = False
        self._users = 0
        self._stored_meanwhile: dict[int, Turn] = {}

    @property
    def references(self) -> tuple[str, ...]:
        """References of the texts that are kept here: what left the conversations, and what they name."""
        leases = () if self.lease is None else (self.lease, *self._leases.values())
        return tuple(reference for lease in leases for reference in lease.references)

    def lease_of(self, conversation: object | None) -> ArtifactLease | None:
        """Return the lease of one conversation; texts of others may go from a store that is too small for all.

        `conversation`: What stands for the conversation; its texts stay for as long as it lives. `None` means
        none in particular.
        """
        if self.lease is None or conversation is None:
            return self.lease
        lease = self._leases.get(conversation)
        if lease is None:
            lease = self._leases[conversation] = ArtifactLease(self.lease.store)
        if self._latest is not None and self._latest is not lease:
            self.lease.store.idle(self._latest)
        self._latest = lease
        return lease

    @contextmanager
    def in_use(self) -> Generator[None]:
        """While requests are planned at the same time, turns that several of them let go are stored once."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._stored_meanwhile.clear()

    async def hold(self, texts: Iterable[str], conversation: object | None = None) -> None:
        """Let nothing go from the store that these texts refer to, nor what a loaded state refers to.

        `conversation`: What stands for the conversation. `None` means none in particular.
        """
        lease = self.lease_of(conversation)
        if self.lease is None or lease is None:
            return
        await lease.hold(texts)
        if self._loaded:
            pieces = await self._all_pieces(self.lease, hold=True)
            await self.lease.store.hold(pieces, self.lease)
            read = await self._texts(self.lease, pieces)
            await self.lease.hold(read)
            dropped = sum(text.startswith(UNREADABLE) for text in read)
            if dropped and self._loaded:
                logger.warning(
                    "%d of %d pieces of the history are not in the store at %s. Give the agent a store that outlives "
                    "the process before its state is saved, and the same one when it is loaded: "
                    "artifacts=ArtifactStore('./folder')",
                    dropped,
                    len(read),
                    self.lease.store.url,
                )
            self._loaded = False  # not before: a call that is cancelled leaves it to the next one

    async def add(self, turns: Sequence[Turn], conversation: object | None = None) -> bool:
        """Store turns that a compaction took from a conversation; a failing store is one line in the log.

        `conversation`: What stands for the conversation. `None` means none in particular.
        """
        lease = self.lease_of(conversation)
        if not turns or self.lease is None or lease is None:
            return True
        await self._list_older(self.lease)  # first: once the turns are stored nothing may come in between
        while new := [turn for turn in turns if id(turn.uncut.head) not in self._stored_meanwhile]:
            whole_of = lease.store.whole_of
            kept = await lease.keep("\n\n".join(written(turn, whole_of) for turn in new))
            if kept.reference is None:
                return False
            if not any(id(turn.uncut.head) in self._stored_meanwhile for turn in new):
                self._pieces.append(kept.reference)
                if self._users:
                    self._stored_meanwhile.update((id(turn.uncut.head), turn.uncut) for turn in new)
                break
        return True

    async def text(self, reference: str) -> str:
        """Return a stored text, empty where it cannot be read."""
        if self.lease is None:
            return ""
        text = await self._text(self.lease, reference)
        return "" if text.startswith(UNREADABLE) else text

    async def read(self) -> str:
        """Return all that was stored, empty if nothing was; in place of a piece that cannot be read stands why."""
        if self.lease is None:
            return ""
        texts = await self._texts(self.lease, await self._all_pieces(self.lease))
        bad = [text.startswith(UNREADABLE) for text in texts]
        texts_read = (text for i, text in enumerate(texts) if not (bad[i] and i and bad[i - 1]))  # once for several
        return "\n\n".join(texts_read)

    async def flush(self) -> None:
        """Wait until all that was stored is written."""
        if self.lease is not None:
            await self.lease.store.flush()

    def save(self) -> Mapping[str, object]:
        """Return the references of the pieces, as values that JSON can hold."""
        return {"older": self._older, "pieces": [*self._pieces]}

    def load(self, state: object) -> None:
        """Take over the pieces of another archive; what is not understood is ignored."""
        if isinstance(state, Mapping):
            older, pieces = (cast(Mapping[str, object], state).get(key) for key in ("older", "pieces"))
            listed = cast("list[object]", pieces) if isinstance(pieces, list) else []
            self._older = older if isinstance(older, str) else None
            self._pieces = [piece for piece in listed if isinstance(piece, str)]
            self._loaded = bool(self._pieces or self._older)

    def forget(self) -> None:
        """Begin anew; what was stored may go."""
        self._older, self._pieces, self._loaded = None, [], False
        for lease in (self.lease, self._latest, *self._leases.values()):  # the latest outlives its conversation
            if lease is not None:
                lease.release()
        self._latest = None

    async def _list_older(self, lease: ArtifactLease) -> None:
        """Keep the list of references short, so that the saved states of a run without end do not grow."""
        if len(self._pieces) <= MAX_PIECES:
            return
        older = self._pieces[: MAX_PIECES // 2]
        listed = await lease.keep("\n".join((self._older or "", *older)))
        if listed.reference is not None and self._pieces[: len(older)] == older:
            self._older, self._pieces = listed.reference, self._pieces[len(older) :]

    async def _all_pieces(self, lease: ArtifactLease, *, hold: bool = False) -> list[str]:
        """Return the references of all pieces, oldest first."""
        lists: list[list[str]] = [self._pieces]
        older = self._older
        while older:
            if hold:
                await lease.store.hold([older], lease)
            text = await self._text(lease, older)
            older, *pieces = [older] if text.startswith(UNREADABLE) else text.split("\n")
            lists.append(pieces or [older])
            older = older if pieces else None
        return [piece for pieces in reversed(lists) for piece in pieces]

    async def _texts(self, lease: ArtifactLease, pieces: Sequence[str]) -> list[str]:
        texts: list[str] = []
        for start in range(0, len(pieces), AT_ONCE):
            texts += await asyncio.gather(*(self._text(lease, piece) for piece in pieces[start : start + AT_ONCE]))
        return texts

    @staticmethod
    async def _text(lease: ArtifactLease, piece: str) -> str:
        try:
            return await lease.store.get(piece)
        except (ArtifactNotFoundError, OSError) as error:
            return f"{UNREADABLE}{error}]"


def written(turn: Turn, whole_of: Callable[[str], str | None]) -> str:
    """Return a turn for a reader: speakers and their texts, calls and their results."""
    return "\n".join(f"[{who}] {indented(words)}" for who, words in transcript_lines(_referring(turn, whole_of)))


def _referring(turn: Turn, whole_of: Callable[[str], str | None]) -> Turn:
    """Return the turn as received, but for results that were cut and whose whole is stored."""
    texts: list[str] = []
    for now, received in turn.results_received:
        kept = whole_of(now.content)
        # Where the store failed at first, what is kept may be no more than a text that had been cut already.
        original = kept is not None and (kept == whole_of(received.content) or is_reference_of(kept, received.content))
        texts.append(now.content if original else received.content)
    return turn.uncut.with_results(texts)
