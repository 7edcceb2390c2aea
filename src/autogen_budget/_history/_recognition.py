"""Recognise the messages of a conversation when they come again: by identity first, by content where that fails."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from operator import is_

from autogen_core import Image
from autogen_core.models import AssistantMessage, FunctionExecutionResultMessage, LLMMessage, SystemMessage, UserMessage

from autogen_budget._turns import text_of

from ._breakdown import images_in

MESSAGE_BYTES = 1_000
"""Bytes that a message takes beside its text: the message, its turn, and their places in lists."""

PIXEL_BYTES = 3
"""Bytes of one pixel of an image in memory."""


@dataclass(frozen=True, slots=True)
class KnownMessages:
    """All messages of one conversation, as received.

    Args:
        messages (tuple[LLMMessage, ...]): The messages, as the objects they were when first received.
        latest (tuple[LLMMessage, ...]): The same messages, as the objects they were when last received.
        size (int): Bytes that they take, roughly.
    """

    messages: tuple[LLMMessage, ...] = ()
    latest: tuple[LLMMessage, ...] = ()
    size: int = 0

    def __len__(self) -> int:
        return len(self.messages)

    def begin(self, messages: Sequence[LLMMessage]) -> bool:
        """Return whether a whole history, as an agent sends it, begins with these messages."""
        count = len(self.messages)
        if len(messages) < count:
            return False
        if all(map(is_, self.latest, messages)):
            return True
        # The newest one first: conversations that share a beginning differ there.
        return same_message(self.messages[-1], messages[count - 1]) and all(map(same_message, self.messages, messages))

    def begin_but_newest(self, messages: Sequence[LLMMessage]) -> bool:
        """Return whether a history begins with these messages, except that the newest one was replaced."""
        if not is_plain(self.messages[-1]):
            return False
        stem = self.messages[:-1]
        return len(messages) > len(stem) and is_plain(messages[len(stem)]) and all(map(same_message, stem, messages))

    def begin_but_instructions(self, messages: Sequence[LLMMessage]) -> bool:
        """Return whether a whole history begins with these messages, except that other instructions stand before them.

        One that goes on with results, in the middle of a turn, does not.
        """
        ours, theirs = self.messages[_leading(self.messages) :], messages[_leading(messages) :]
        torn = any(isinstance(message, FunctionExecutionResultMessage) for message in theirs[len(ours) :][:1])
        return 0 < len(ours) <= len(theirs) and not torn and all(map(same_message, ours, theirs))

    def with_instructions(self, system: Sequence[SystemMessage]) -> "KnownMessages":
        """Return these messages behind other instructions."""
        before, after = self.messages[: (count := _leading(self.messages))], self.messages[count:]
        size = self.size - sum(map(_bytes_of, before)) + sum(map(_bytes_of, system))
        return KnownMessages((*system, *after), (*system, *self.latest[count:]), size)

    def instructions_beside(self, context: Sequence[LLMMessage], most: int) -> int | None:
        """Return how many of these messages stand before those of an agent's context, which holds all the others.

        `most`: How many it can be at most.

        Returns:
            int | None: `None` means the context holds something else, or goes on in the middle of a turn.
        """
        for before in range(most + 1):
            rest = self.latest[before:]
            torn = any(isinstance(message, FunctionExecutionResultMessage) for message in context[len(rest) :][:1])
            if len(context) >= len(rest) > 0 and not torn and all(map(same_message, rest, context)):
                return before
        return None

    def extended(self, messages: Sequence[LLMMessage]) -> "KnownMessages":
        """Return these messages and the new ones behind them, in a history that begins with these."""
        new = messages[len(self.messages) :]
        return KnownMessages((*self.messages, *new), tuple(messages), self.size + sum(map(_bytes_of, new)))

    def without_newest(self) -> "KnownMessages":
        """Return all of these messages but the newest."""
        return KnownMessages(self.messages[:-1], self.latest[:-1], self.size - _bytes_of(self.messages[-1]))


def first_words(messages: Sequence[LLMMessage]) -> str:
    """Return the first text behind the instructions, by which conversations are distinguished quickly."""
    body = (message for message in messages if not isinstance(message, SystemMessage))
    first = next(body, None)
    return text_of(first) if isinstance(first, UserMessage | AssistantMessage | FunctionExecutionResultMessage) else ""


def _leading(messages: Sequence[LLMMessage]) -> int:
    """Return how many system messages stand first."""
    return sum(1 for _ in takewhile(lambda message: isinstance(message, SystemMessage), messages))


def _bytes_of(message: LLMMessage) -> int:
    pixels = sum(image.image.width * image.image.height for image in images_in(message))
    return MESSAGE_BYTES + sys.getsizeof(text_of(message)) + PIXEL_BYTES * pixels


def is_plain(message: LLMMessage) -> bool:
    """Return whether a message is a turn of its own: no calls, no results."""
    return not isinstance(message, FunctionExecutionResultMessage) and not (
        isinstance(message, AssistantMessage) and isinstance(message.content, list)
    )


def same_message(a: LLMMessage, b: LLMMessage) -> bool:
    """Return whether two messages say the same; images are compared by what they show."""
    if a is b or a == b:
        return True
    if not (isinstance(a, UserMessage) and isinstance(b, UserMessage)) or a.source != b.source:
        return False
    return (
        isinstance(a.content, list)
        and isinstance(b.content, list)
        and len(a.content) == len(b.content)
        and all(map(_same_part, a.content, b.content))
    )


def _same_part(a: str | Image, b: str | Image) -> bool:
    if isinstance(a, Image) and isinstance(b, Image):  # AutoGen's images compare by identity only
        return a is b or (a.image.size == b.image.size and a.to_base64() == b.to_base64())
    return a == b
