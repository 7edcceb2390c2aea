"""The atom of a conversation: a `Turn`, which holds calls and their results together or not at all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from autogen_core import FunctionCall, Image
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)

from ._encodable import encodable_message

NOTE_SOURCE = "autogen_budget"
"""The `source` of messages this library adds; a valid name for every provider."""


@dataclass(frozen=True, slots=True)
class Turn:
    """The smallest part of a conversation that may be kept or dropped.

    One user message, one system message inside the conversation, one assistant text, or one assistant message with
    calls *and* its results. A call without its result, or a result without its call, cannot be expressed.

    Args:
        head (SystemMessage | UserMessage | AssistantMessage): The message that opens it.
        results (FunctionExecutionResultMessage | None): One result for each of the head's calls. `None` means the head
            makes no calls.
        note (bool): Whether this library wrote it, in place of something that could not stay as it was.
        whole (Turn | None): The turn as received, if parts of it were cut away; no part of its value. `None` means this
            is the whole.

    Raises:
        ValueError: The results are not those of the head's calls.
    """

    head: SystemMessage | UserMessage | AssistantMessage
    results: FunctionExecutionResultMessage | None = None
    note: bool = False
    whole: "Turn | None" = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        # Whoever made these texts, a strategy of the user's own as well: a turn can be sent.
        object.__setattr__(self, "head", encodable_message(self.head))
        if self.results is not None:
            object.__setattr__(self, "results", encodable_message(self.results))
        answered = [result.call_id for result in self.results.content] if self.results else []
        asked = [call.id for call in self.calls]
        if answered != asked and sorted(answered) != sorted(asked):
            raise ValueError(f"a turn holds one result for each call: calls {asked!r}, results {answered!r}")

    @property
    def calls(self) -> Sequence[FunctionCall]:
        """The calls the assistant makes in this turn; empty for every other kind."""
        head = self.head
        return head.content if isinstance(head, AssistantMessage) and isinstance(head.content, list) else ()

    @property
    def kind(self) -> Literal["system", "user", "assistant", "tools"]:
        """What the turn is: a system message, a user's message, an assistant's text, or calls with their results."""
        if isinstance(self.head, SystemMessage):
            return "system"
        if isinstance(self.head, UserMessage):
            return "user"
        return "assistant" if self.results is None else "tools"

    @property
    def messages(self) -> tuple[LLMMessage, ...]:
        """The turn's messages, in order."""
        return (self.head,) if self.results is None else (self.head, self.results)

    @property
    def said_by_user(self) -> bool:
        """Whether these are the words of a user or another agent, not from this library."""
        return isinstance(self.head, UserMessage) and not self.note

    @property
    def source(self) -> str:
        """Who speaks in its first message; empty for instructions."""
        return "" if isinstance(self.head, SystemMessage) else self.head.source

    @property
    def uncut(self) -> "Turn":
        """The turn as received, whatever was cut away from it since."""
        return self.whole or self

    @property
    def results_received(self) -> list[tuple[FunctionExecutionResult, FunctionExecutionResult]]:
        """Each result as it is now, beside the same as received; one that was left out is beside itself."""
        received = self.uncut.results.content if self.uncut.results else []
        left = [*self.results.content] if self.results else []
        pairs: list[tuple[FunctionExecutionResult, FunctionExecutionResult]] = []
        for result in reversed(received):  # where calls were left out, they are the first ones
            pairs.insert(0, (left.pop() if left and left[-1].call_id == result.call_id else result, result))
        return pairs

    def with_head(self, head: SystemMessage | UserMessage | AssistantMessage) -> "Turn":
        """Return the same turn with another opening message.

        Args:
            head (SystemMessage | UserMessage | AssistantMessage): A message with the same calls, if it makes any.

        Returns:
            Turn: This object when the message says the same.
        """
        return self if head == self.head else replace(self, head=head, whole=self.uncut)

    def with_results(self, contents: Iterable[str]) -> "Turn":
        """Return the same turn with other texts as results.

        Args:
            contents (Iterable[str]): One text for each result, in their order.

        Returns:
            Turn: This object when no text differs.
        """
        if self.results is None:
            return self
        new = [
            result if result.content == text else result.model_copy(update={"content": text})
            for result, text in zip(self.results.content, contents, strict=True)
        ]
        if all(a is b for a, b in zip(new, self.results.content, strict=True)):
            return self
        return replace(self, results=self.results.model_copy(update={"content": new}), whole=self.uncut)

    def with_calls(self, count: int) -> "Turn":
        """Return the same turn with so many of its calls, the last ones, and their results.

        Args:
            count (int): How many, at least 1.

        Returns:
            Turn: This object when it makes no more.
        """
        calls, head = [*self.calls][-count:], self.head
        if self.results is None or len(calls) == len(self.calls):
            return self
        missing = [call.id for call in calls]
        results: list[FunctionExecutionResult] = []
        for result in reversed(self.results.content):
            if result.call_id in missing:  # ids may repeat; the last results belong to the last calls
                missing.remove(result.call_id)
                results.insert(0, result)
        return replace(
            self,
            head=head.model_copy(update={"content": calls}),
            results=self.results.model_copy(update={"content": results}),
            whole=self.uncut,
        )


def note(text: str) -> Turn:
    """Return a turn that this library wrote for the model."""
    return Turn(UserMessage(content=text, source=NOTE_SOURCE), note=True)


def text_of(message: LLMMessage) -> str:
    """Return the words of a message, for search and hints: its text, its calls' arguments, or its results."""
    if isinstance(message, FunctionExecutionResultMessage):
        return "\n".join(result.content for result in message.content)
    if isinstance(message.content, str):
        return message.content
    return "\n".join(
        part if isinstance(part, str) else part.arguments for part in message.content if not isinstance(part, Image)
    )
