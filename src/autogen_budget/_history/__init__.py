"""The projection of a conversation: what of it is sent, what stands for the rest, and how it is known again."""

from ._archive import HistoryArchive
from ._breakdown import (
    MessageTallies,
    TokenBreakdown,
    images_in,
    measure_turn,
    sizes_of_extras,
    sizes_of_history,
    sizes_of_turns,
)
from ._conversation import Conversation, ConversationIdentity
from ._dropped import DroppedTurns, stands_for_dropped
from ._folding import turns_in_context
from ._history import History, leading_system
from ._registry import ConversationRegistry, Recalled

__all__ = [
    "Conversation",
    "ConversationIdentity",
    "ConversationRegistry",
    "DroppedTurns",
    "History",
    "HistoryArchive",
    "MessageTallies",
    "Recalled",
    "TokenBreakdown",
    "images_in",
    "leading_system",
    "measure_turn",
    "sizes_of_extras",
    "sizes_of_history",
    "sizes_of_turns",
    "stands_for_dropped",
    "turns_in_context",
]
