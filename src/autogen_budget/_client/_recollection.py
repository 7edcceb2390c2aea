"""What a client can recall: for each conversation an index of what left it, and what was recalled for its request."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from autogen_core.models import LLMMessage

from autogen_budget._compaction import (
    CutResult,
    RecalledNote,
    add_passages,
    asks_for_recall,
    dropped_passages,
    find_cut_results,
    find_passages,
    numbered_from_end,
    passages_outside,
    recall,
    recalled_message,
    reserved_tokens,
    works_with_tools,
)
from autogen_budget._counting import Tally, TokenCounter
from autogen_budget._history import Conversation, ConversationIdentity, History, HistoryArchive
from autogen_budget._recall import Hit, RecallIndex, passages_of_text, passages_of_transcript
from autogen_budget._turns import Turn

MAX_WHOLE = 500_000
"""Characters of a text that are indexed, half a second of work in a thread; a model searches the rest by itself."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the newest request of a conversation is about, of what left it.

    Args:
        hits (tuple[Hit, ...]): The passages, the best first.
        text (str): What was recalled for the same request before; empty for nothing, or for another request.
    """

    hits: tuple[Hit, ...]
    text: str

    def reserved_tokens(self, history: History, cap: int, counter: TokenCounter) -> int:
        """Return the tokens to keep free for it."""
        if self.text and not works_with_tools(history):
            return counter.tokens(counter.measure_message(recalled_message(self.text)))
        return reserved_tokens(self.hits, history, cap, counter)

    def note(self, request: Tally, cap: int, counter: TokenCounter) -> RecalledNote | None:
        """Return the note for the model; the same arguments as `recall`."""
        return recall(self.hits, self.text, request, cap, counter)


@dataclass
class Recollection:
    """What can be recalled of one conversation.

    Args:
        index (RecallIndex): What left it.
        turns (set[int]): Numbers of the turns in the index.
        request (LLMMessage | None): The message that something was recalled for. `None` means nothing was yet.
        text (str): What was recalled for it.
        unread (dict[str, CutResult]): Results that were cut where they were received, by the reference of the whole,
            which nothing was asked about yet.
        read (set[str]): References of those that are in the index.
        looked_at (Turn | None): The newest turn that was looked at for such results. `None` means none was.
        numbers (dict[int, tuple[LLMMessage, int]]): The turns that the latest compaction left: by the id of their
            opening message that message, which keeps the id its own, and the turn's number.
    """

    index: RecallIndex = field(default_factory=RecallIndex)
    turns: set[int] = field(default_factory=set[int])
    request: LLMMessage | None = None
    text: str = ""
    unread: dict[str, CutResult] = field(default_factory=dict[str, CutResult])
    read: set[str] = field(default_factory=set[str])
    looked_at: Turn | None = None
    numbers: dict[int, tuple[LLMMessage, int]] = field(default_factory=dict[int, tuple[LLMMessage, int]])

    async def prepare(self, history: History, archive: HistoryArchive, left: History) -> None:
        """Index what may be asked for, as soon as a person asks for something.

        That is the whole of what was cut where it was received, and what a first request over its cap is going to
        lose.

        Args:
            history (History): The conversation.
            archive (HistoryArchive): Where whole texts are kept.
            left (History): What a compaction will leave of it at least; the same object where there will be none.
        """
        if not asks_for_recall(history):
            return
        if left is not history and not len(self.index) and not works_with_tools(history):
            await self.add(history, left, archive)
        self._note_cuts(history, archive)
        while self.unread:
            reference, cut = self.unread.popitem()
            text = (await archive.text(reference))[:MAX_WHOLE]
            self.read.add(reference)
            await asyncio.to_thread(self.index.add, passages_of_text(text, cut.turn, cut.speaker))

    def _note_cuts(self, history: History, archive: HistoryArchive) -> None:
        cuts = {cut.reference: cut for cut in find_cut_results(history, archive.lease, since=self.looked_at)}
        self.looked_at = history.turns[-1] if history.turns else None
        self.unread.update((reference, cut) for reference, cut in cuts.items() if reference not in self.read)

    def find(self, history: History) -> "Found":
        """Return what the newest request is about, of what left the conversation."""
        same = self.request is not None and self.request is _request_of(history)
        return Found(find_passages(self.index, history), self.text if same else "")

    def remember(self, history: History, note: RecalledNote | None) -> None:
        """Keep what was recalled for the newest request: it is sent with each call until the next one."""
        self.request, self.text = _request_of(history), "" if note is None else note.text

    async def add(self, old: History, new: History, archive: HistoryArchive) -> None:
        """Index what a compaction took; what is known already is passed over."""
        self._note_cuts(old, archive)
        turns = self._numbered(old)
        self.number(turns, new)
        dropped = await dropped_passages(turns, new)
        passages = [passage for passage in dropped if passage.turn not in self.turns]
        self.turns.update(passage.turn for passage in passages)
        await add_passages(self.index, passages)

    def number(self, turns: Iterable[tuple[int, Turn]], left: History) -> None:
        """Note the numbers of those turns that a history still holds."""
        heads = {id(turn.uncut.head) for turn in left.turns}
        self.numbers = {id(head): (head, n) for n, turn in turns if id(head := turn.uncut.head) in heads}

    def _numbered(self, history: History) -> list[tuple[int, Turn]]:
        """Return the turns of a history with their numbers, oldest first."""
        turns = [*numbered_from_end(history)]
        return [(self.numbers.get(id(turn.uncut.head), (None, n))[1], turn) for n, turn in reversed(turns)]


class Recollections:
    """What can be recalled of the conversations of one client, for as long as they are known."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[ConversationIdentity, Recollection] = WeakKeyDictionary()

    async def of(
        self, conversation: Conversation, archive: HistoryArchive, *, multiple_system_messages: bool
    ) -> Recollection:
        """Return the index of a conversation; after a load it is read from its messages and from the store."""
        known = self._known.get(conversation.identity)
        if known is None:
            known = self._known[conversation.identity] = Recollection()
            if conversation.history.past is not None:
                received = History.parse(
                    conversation.known.messages, multiple_system_messages=multiple_system_messages
                ).turns
                passages = passages_outside(enumerate(received, 1), conversation.history)
                known.turns.update(passage.turn for passage in passages)
                known.number(enumerate(received, 1), conversation.history)
                if not passages or any(turn.note for turn in received):  # folded: what left is in the store only
                    passages = [*passages_of_transcript(await archive.read()), *passages]
                await add_passages(known.index, passages)
        return known


def _request_of(history: History) -> LLMMessage | None:
    return None if history.request is None else history.turns[history.request].uncut.head
