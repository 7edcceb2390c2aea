"""Fold an agent's own model context: what it can hold in place of what it holds, so that it stops growing."""

from collections.abc import Sequence
from dataclasses import replace

from autogen_core.models import LLMMessage

from autogen_budget._turns import Turn

from ._conversation import Conversation
from ._recognition import KnownMessages, same_message


def in_context(conversation: Conversation, context: Sequence[LLMMessage]) -> bool:
    """Return whether an agent's context, which lacks the instructions, begins with a conversation."""
    return _instructions(conversation, context) is not None


def fold(conversation: Conversation, context: Sequence[LLMMessage]) -> tuple[Conversation, list[LLMMessage]] | None:
    """Return what a context can hold in place of what it holds; requests stay the very same.

    Returns:
        tuple[Conversation, list[LLMMessage]] | None: The conversation as it is known from then on, and the messages.
        `None` means the context holds something else, nothing was compacted since the last time, or turns that left
        could not be stored: nowhere else are they whole.
    """
    before = _instructions(conversation, context)
    if before is None or conversation.unstored or not conversation.projection.is_compacted:
        return None
    flat = tuple(conversation.history.flatten())
    known = conversation.known
    if len(flat) == len(known) and all(map(same_message, known.messages[before:], flat[before:])):
        return None
    messages = (*known.messages[:before], *flat[before:])
    new = context[len(known) - before :]
    return replace(conversation, known=KnownMessages().extended(messages)), [*flat[before:], *new]


def turns_in_context(conversation: Conversation, context: Sequence[LLMMessage]) -> tuple[Turn, ...]:
    """Return all turns a context stands for, but those that were dropped."""
    behind = context[len(conversation) - (_instructions(conversation, context) or 0) :]
    turns, _ = conversation.projection.reader.copy().read(behind)
    return (*conversation.history.turns, *turns)


def _instructions(conversation: Conversation, context: Sequence[LLMMessage]) -> int | None:
    return conversation.known.instructions_beside(context, len(conversation.history.system))
