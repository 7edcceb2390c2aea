"""What a request is about, as far as it decides which tools it needs: the words around it, and the calls before it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)

from autogen_budget._turns import text_of

from ._find import FIND_TOOLS, names_found

MAX_TEXT = 12_000
"""Characters of one text that are read, half of them from its end: what it is about stands there."""

RECENT = 2
"""How many of the newest messages that no user wrote are read: a question and the call or result before it."""


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What decides which tools a request needs.

    Args:
        instructions (str): The leading system messages.
        task (str): The first words of a user.
        request (str): The newest words of a user.
        recent (tuple[str, ...]): The newest messages that no user wrote, the newest first.
        called (tuple[str, ...]): Names of the tools that were called, each once, the newest first.
        found (tuple[str, ...]): Names of the tools in the newest answer of `find_tools`.
    """

    instructions: str = ""
    task: str = ""
    request: str = ""
    recent: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    found: tuple[str, ...] = ()

    @classmethod
    def of(cls, messages: Sequence[LLMMessage]) -> "ToolContext":
        """Read it from a whole history."""
        leading = next((i for i, message in enumerate(messages) if not isinstance(message, SystemMessage)), 0)
        users = (message for message in messages if isinstance(message, UserMessage))
        newest = (message for message in reversed(messages) if isinstance(message, UserMessage))
        return cls(
            instructions=_bounded("\n".join(map(text_of, messages[:leading]))),
            task=_text_of_first(users),
            request=_text_of_first(newest),
            recent=tuple(_recent(messages[leading:])),
            called=_called(messages),
            found=_found(messages),
        )

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts."""
        return (self.instructions, self.task, self.request, *self.recent)


def _text_of_first(messages: Iterator[LLMMessage]) -> str:
    message = next(messages, None)
    return "" if message is None else _bounded(text_of(message))


def _recent(messages: Sequence[LLMMessage]) -> Iterator[str]:
    others = (message for message in reversed(messages) if not isinstance(message, UserMessage))
    for message, _ in zip(others, range(RECENT), strict=False):
        yield _bounded(text_of(message))


def _called(messages: Sequence[LLMMessage]) -> tuple[str, ...]:
    calls = (
        call.name
        for message in reversed(messages)
        if isinstance(message, AssistantMessage) and not isinstance(message.content, str)
        for call in message.content
    )
    return tuple(dict.fromkeys(calls))


def _found(messages: Sequence[LLMMessage]) -> tuple[str, ...]:
    answers = (
        names_found(result.content)
        for message in reversed(messages)
        if isinstance(message, FunctionExecutionResultMessage)
        for result in message.content
        if result.name == FIND_TOOLS and not result.is_error
    )
    return next(answers, ())


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT // 2]} {text[-MAX_TEXT // 2 :]}"
