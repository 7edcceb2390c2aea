"""The conversations that go through one client: recognised, taken up again after a load, and at last forgotten."""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

from autogen_core.models import LLMMessage

from autogen_budget._counting import TokenCounter
from autogen_budget._turns import Repair, RetentionPolicy

from ._conversation import Conversation
from ._folding import fold, in_context
from ._history import leading_system
from ._projection import Projection
from ._recognition import first_words
from ._snapshot import SavedConversation, fingerprints, restored, saved

logger = logging.getLogger("autogen_budget")

MAX_BYTES = 64_000_000
"""Bytes of messages that one client remembers: thousands of conversations, and no limit that a team exceeds."""

MAX_SAVED_BYTES = 4_000_000
"""Bytes of JSON that compacted conversations take in a saved state, the latest first."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """A conversation that messages belong to, with what is new in them taken in.

    Args:
        conversation (Conversation): The conversation. It is known from `ConversationRegistry.commit` on.
        added (tuple[LLMMessage, ...]): The messages that are new, as received. After a load, all of them.
        repairs (tuple[Repair, ...]): What was mended in them.
        known (Conversation | SavedConversation | None): What it goes on from. `None` means it is new.
        era (int): How often the registry had been emptied by then.
    """

    conversation: Conversation
    added: tuple[LLMMessage, ...]
    repairs: tuple[Repair, ...]
    known: Conversation | SavedConversation | None
    era: int


class ConversationRegistry:
    """The conversations that go through one client.

    Those that were compacted are remembered first of all: the others follow from their messages, and cost nothing but
    reading these again.

    `keep`: What may not be dropped. `None` means the task, the newest request and the newest turn. It may be set
    anew.
    """

    def __init__(
        self,
        counter: TokenCounter,
        *,
        multiple_system_messages: bool,
        keep: RetentionPolicy | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.keep = keep or RetentionPolicy()
        """What may not be dropped, from the next `recall` on."""
        self._counter = counter
        self._mixed = multiple_system_messages
        self._max_bytes = max_bytes
        self._era = 0
        self._known: dict[int, Conversation] = {}  # by id, the latest last
        self._bytes = 0
        self._by_words: dict[str, list[Conversation]] = {}
        self._saved: list[SavedConversation] = []  # whose messages have not come again yet

    def recall(self, messages: Sequence[LLMMessage]) -> Recalled:
        """Return the conversation these messages belong to; nothing that is known changes.

        Raises:
            TypeError: An element is not one of AutoGen's four message classes.
        """
        known, start, unseen = self._base(messages)
        new = messages[len(start) :]
        projection, _, repairs = start.projection.keeping(self.keep).extended(new, self._counter)
        conversation = replace(start, projection=projection, known=start.known.extended(messages))
        return Recalled(conversation, (*unseen, *new), tuple(repairs), known, self._era)

    def commit(self, recalled: Recalled, conversation: Conversation) -> None:
        """Know a conversation as it is now, unless all were forgotten since it was recalled."""
        if recalled.era != self._era:
            return
        if isinstance(recalled.known, SavedConversation):
            self._saved = [waiting for waiting in self._saved if waiting is not recalled.known]
        elif recalled.known is not None:
            self._remove(recalled.known)
        messages = conversation.known.messages
        for same in [other for other in self._alike(messages) if len(other) == len(messages)]:
            if same.known.begin(messages):  # another call made the same one meanwhile
                self._remove(same)
        self._add(conversation)
        self._forget_some()

    def fold(self, context: Sequence[LLMMessage]) -> list[LLMMessage] | None:
        """Return what an agent's context can hold in place of what it holds, so that requests stay the very same.

        Returns:
            list[LLMMessage] | None: `None` means it should stay as it is: it is not known, or nothing was compacted
            since the last time, or what left is stored nowhere.
        """
        conversation = self.find(context)
        folded = None if conversation is None else fold(conversation, context)
        if conversation is None or folded is None:
            return None
        self._remove(conversation)
        self._add(folded[0])
        return folded[1]

    def find(self, context: Sequence[LLMMessage]) -> Conversation | None:
        """Return the conversation that an agent's context holds, with or without something new at its end."""
        return max((known for known in self._alike(context) if in_context(known, context)), key=len, default=None)

    def find_loaded(self, context: Sequence[LLMMessage]) -> Conversation | None:
        """Return the conversation that an agent's context holds, if it was loaded and no request was made of it yet."""
        found = next(self._waiting(context), None)
        return found[1] if found is not None and in_context(found[1], context) else None

    @property
    def latest(self) -> Conversation | None:
        """The conversation that was committed last."""
        return next(reversed(self._known.values()), None)

    def forget(self) -> None:
        """Begin anew: no conversation is known."""
        self._era += 1
        self._known, self._by_words, self._bytes, self._saved = {}, {}, 0, []

    def save(self) -> list[dict[str, object]]:
        """Return the compacted conversations as values that JSON can hold; the others follow from their messages."""
        compacted = [state for known in self._known.values() if (state := saved(known, mixed=self._mixed)) is not None]
        states: list[dict[str, object]] = []
        left = MAX_SAVED_BYTES
        for state in reversed((*self._saved, *compacted)):
            values = state.model_dump()
            left -= len(json.dumps(values))
            if states and left < 0:
                break
            states.append(values)
        return states[::-1]

    def load(self, state: object) -> None:
        """Wait for the messages of conversations that were saved, in place of those that are known."""
        if not isinstance(state, list):
            return
        self.forget()
        for item in cast("list[object]", state):
            try:
                self._saved.append(SavedConversation.model_validate(item))
            except ValueError as error:
                logger.warning("a saved conversation was not understood and is compacted anew: %s", error)

    def _base(
        self, messages: Sequence[LLMMessage]
    ) -> tuple[Conversation | SavedConversation | None, Conversation, tuple[LLMMessage, ...]]:
        """Find what messages go on from: as it is known, as it goes on, and what a store does not hold yet."""
        alike = self._alike(messages)
        found = max((known for known in alike if known.begins(messages)), key=len, default=None)
        if found is not None:
            return found, found, ()
        for waiting, loaded in self._waiting(messages):
            return waiting, loaded, _texts_of(loaded)
        for known in reversed(alike):
            if known.begins_but_newest(messages):
                return known, known.without_newest(self._counter), ()
        for known in reversed(alike):
            if known.begins_but_instructions(messages):
                return known, known.with_other_instructions(leading_system(messages), self._counter), ()
        return None, self._new(), ()

    def _new(self) -> Conversation:
        return Conversation(Projection.empty(multiple_system_messages=self._mixed, keep=self.keep))

    def _waiting(self, messages: Sequence[LLMMessage]) -> Iterator[tuple[SavedConversation, Conversation]]:
        """Yield the conversations that were saved and whose messages these begin with, the longest first."""
        body = messages[len(leading_system(messages)) :]
        found = fingerprints(body, {waiting.count for waiting in self._saved}) if self._saved else {}
        for waiting in sorted(self._saved, key=lambda waiting: -waiting.count):
            if found.get(waiting.count) != waiting.fingerprint or waiting.mixed != self._mixed:
                continue
            try:
                conversation = restored(waiting, self._new(), messages, self._counter)
            except ValueError as error:
                self._saved.remove(waiting)
                logger.warning("a saved conversation cannot be used and is compacted anew: %s", error)
            else:
                if conversation.begins(messages):
                    yield waiting, conversation

    def _alike(self, messages: Sequence[LLMMessage]) -> list[Conversation]:
        """Return the conversations that begin with the same words or only instructions; the latest last."""
        words = first_words(messages)
        return [*self._by_words.get("", ()), *(self._by_words.get(words, ()) if words else ())]

    def _add(self, conversation: Conversation) -> None:
        self._known[id(conversation)] = conversation
        self._by_words.setdefault(first_words(conversation.known.messages), []).append(conversation)
        self._bytes += conversation.known.size

    def _remove(self, conversation: Conversation) -> None:
        """Forget one; nothing happens if it is not known any more."""
        if self._known.pop(id(conversation), None) is None:
            return
        words = first_words(conversation.known.messages)
        left = [known for known in self._by_words[words] if known is not conversation]
        self._by_words[words] = left
        if not left:
            del self._by_words[words]
        self._bytes -= conversation.known.size

    def _forget_some(self) -> None:
        """Stay within the limit: first those go that follow from their messages, then those silent for longest."""
        if self._bytes <= self._max_bytes:
            return
        *others, _ = self._known.values()
        for conversation in sorted(others, key=lambda known: known.projection.is_compacted):  # stable: oldest first
            self._remove(conversation)
            if self._bytes <= self._max_bytes:
                return


def _texts_of(conversation: Conversation) -> tuple[LLMMessage, ...]:
    """Return all messages of a loaded conversation, as received and as they are sent, and what they were cut from."""
    history = conversation.history
    cut = (turn.whole for turn in history.turns if turn.whole is not None)
    return (*conversation.known.messages, *history.flatten(), *(message for turn in cut for message in turn.messages))
