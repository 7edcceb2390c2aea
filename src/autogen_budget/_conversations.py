"""The conversations that go through one client: told apart, taken up again after a load, and at last forgotten."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from autogen_core.models import LLMMessage

from ._conversation import Conversation
from ._conversation_state import SavedConversation, fingerprints
from ._counting import TokenCounter
from ._history import leading_system
from ._keep import Keep

logger = logging.getLogger("autogen_budget")

MAX_CONVERSATIONS = 32
"""How many conversations one client keeps apart; the one that was silent for longest is forgotten first."""


class Conversations:
    """The conversations that go through one client, the latest last.

    Args:
        counter (TokenCounter): Measures what comes in.
        multiple_system_messages (bool): Whether the model takes system messages anywhere.
        keep (Keep | None): What may not be dropped. `None` means the task, the newest request and the newest turn.
    """

    def __init__(self, counter: TokenCounter, *, multiple_system_messages: bool, keep: Keep | None = None) -> None:
        self._counter = counter
        self._multiple_system_messages = multiple_system_messages
        self._keep = keep
        self._latest_last: list[Conversation] = []
        self._saved: list[SavedConversation] = []  # whose messages have not come again yet

    def recall(self, messages: Sequence[LLMMessage]) -> Conversation:
        """The conversation these messages belong to, with what is new in them taken in.

        Args:
            messages (Sequence[LLMMessage]): A whole history, as an agent sends it.

        Returns:
            Conversation: A known one where there is one, else a new one.

        Raises:
            TypeError: An element is not one of AutoGen's four message classes.
        """
        found = self._find(messages)
        if found is None:
            self._take_up(messages)
            found = self._find(messages) or self._replaced(messages) or self._new()
        found.extend(messages)
        self._latest_last = [known for known in self._latest_last if known is not found][-MAX_CONVERSATIONS + 1 :]
        self._latest_last.append(found)
        self._saved = self._saved[max(0, len(self._saved) + len(self._latest_last) - MAX_CONVERSATIONS) :]
        return found

    def keep_from_now(self, keep: Keep) -> None:
        """Let other turns stay from now on.

        Args:
            keep (Keep): What may not be dropped.
        """
        self._keep = keep
        for conversation in self._latest_last:
            conversation.history = replace(conversation.history, keep=keep)

    def forget(self) -> None:
        """Begin anew: no conversation is known."""
        self._latest_last, self._saved = [], []

    @property
    def latest(self) -> Conversation | None:
        """The conversation that was recalled last."""
        return self._latest_last[-1] if self._latest_last else None

    def held(self, messages: Sequence[LLMMessage]) -> Conversation | None:
        """The conversation that an agent's context holds, with or without something new behind it.

        Args:
            messages (Sequence[LLMMessage]): All messages of a model context.
        """
        return max((known for known in self._latest_last if known.is_held(messages)), key=len, default=None)

    def loaded(self, messages: Sequence[LLMMessage]) -> Conversation | None:
        """The conversation that an agent's context holds, if it was loaded and no request was made of it yet.

        Args:
            messages (Sequence[LLMMessage]): All messages of a model context.
        """
        _, found = self._matching(messages)
        return found if found is not None and found.is_held(messages) else None

    def save(self) -> list[dict[str, object]]:
        """The compacted conversations as values that JSON can hold; the others follow from their messages."""
        compacted = [saved for known in self._latest_last if (saved := known.save()) is not None]
        return [saved.model_dump() for saved in (*self._saved, *compacted)][-MAX_CONVERSATIONS:]

    def load(self, state: object) -> None:
        """Wait for the messages of conversations that were saved, in place of those that are known.

        Args:
            state (object): What `save` returned. What is not understood is one line in the log.
        """
        if not isinstance(state, list):
            return
        self.forget()
        for item in cast("list[object]", state)[-MAX_CONVERSATIONS:]:
            try:
                self._saved.append(SavedConversation.model_validate(item))
            except ValueError as error:
                logger.warning("a saved conversation was not understood and is compacted anew: %s", error)

    def _new(self) -> Conversation:
        return Conversation(self._counter, multiple_system_messages=self._multiple_system_messages, keep=self._keep)

    def _find(self, messages: Sequence[LLMMessage]) -> Conversation | None:
        return max((known for known in self._latest_last if known.matches(messages)), key=len, default=None)

    def _take_up(self, messages: Sequence[LLMMessage]) -> None:
        """Know a conversation again that was saved and whose messages have come again."""
        saved, conversation = self._matching(messages)
        if saved is not None and conversation is not None:
            self._saved.remove(saved)
            self._latest_last.append(conversation)

    def _matching(self, messages: Sequence[LLMMessage]) -> tuple[SavedConversation | None, Conversation | None]:
        """Of the conversations that were saved and whose messages these begin with, the longest."""
        body = messages[len(leading_system(messages)) :]
        found = fingerprints(body, {saved.count for saved in self._saved}) if self._saved else {}
        for saved in sorted(self._saved, key=lambda saved: -saved.count):
            if found.get(saved.count) != saved.fingerprint or saved.mixed != self._multiple_system_messages:
                continue
            conversation = self._new()
            try:
                conversation.restore(saved, messages)
            except ValueError as error:
                self._saved.remove(saved)
                logger.warning("a saved conversation cannot be used and is compacted anew: %s", error)
            else:
                return saved, conversation
        return None, None

    def _replaced(self, messages: Sequence[LLMMessage]) -> Conversation | None:
        """The latest conversation that is the same but for a newest message which stood there for one call only."""
        for conversation in reversed(self._latest_last):
            if conversation.matches_but_newest(messages):
                conversation.forget_newest()
                return conversation
        return None
