"""What a client remembers between its calls: conversations, the texts they refer to, and a log of what they lost."""

from collections.abc import Mapping, Sequence

from autogen_core.models import LLMMessage

from ._artifacts import ArtifactStore, Keeper
from ._conversation import Conversation
from ._conversations import Conversations
from ._history_log import HistoryLog
from ._turns import Turn, text_of


class Memory:
    """What one client remembers.

    Args:
        conversations (Conversations): None yet.
        store (ArtifactStore | None): Where the whole of what is cut or left out is kept. `None` means nowhere.
    """

    def __init__(self, conversations: Conversations, store: ArtifactStore | None) -> None:
        self.conversations = conversations
        """The conversations."""
        self.keeper = None if store is None else Keeper(store)
        """Keeps what is cut. `None` means there is no store."""
        self._log = None if store is None else HistoryLog(store)

    async def recall(self, messages: Sequence[LLMMessage]) -> Conversation:
        """The conversation these messages belong to; nothing goes from the store that it refers to.

        Args:
            messages (Sequence[LLMMessage]): A whole history, as an agent sends it.

        Raises:
            TypeError: An element is not one of AutoGen's four message classes.
        """
        conversation = self.conversations.recall(messages)
        if self.keeper is not None:
            await self.keeper.hold(map(text_of, conversation.added))
        if self._log is not None:
            await self._log.hold()
        return conversation

    async def keep(self, turns: Sequence[Turn]) -> bool:
        """Store turns that a compaction took from a conversation, so that they can be read back.

        Args:
            turns (Sequence[Turn]): The turns, oldest first.

        Returns:
            bool: Whether all is well: they are stored, there are none, or there is no store and nobody expects it.
        """
        return not turns or self._log is None or await self._log.add(turns)

    async def read_history(self) -> str:
        """All that was said up to the newest turn that was left out or cut, as text; empty if nothing was."""
        return "" if self._log is None else await self._log.read()

    def forget(self) -> None:
        """Begin anew; what was stored may go."""
        self.conversations.forget()
        if self.keeper is not None:
            self.keeper.release()
        if self._log is not None:
            self._log.forget()

    def save(self) -> Mapping[str, object]:
        """Conversations and references as values that JSON can hold."""
        return {"conversations": self.conversations.save(), "history": [] if self._log is None else self._log.save()}

    def load(self, state: Mapping[str, object]) -> None:
        """Take over what another client remembered; what is not understood is ignored, with a line in the log.

        Args:
            state (Mapping[str, object]): What `save` returned.
        """
        self.conversations.load(state.get("conversations"))
        if self._log is not None:
            self._log.load(state.get("history"))
