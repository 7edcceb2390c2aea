"""What agents did, as values that are equal when the same was done with the same results."""

import json
import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from autogen_agentchat.messages import (
    BaseAgentEvent,
    BaseChatMessage,
    HandoffMessage,
    ToolCallExecutionEvent,
    ToolCallRequestEvent,
    ToolCallSummaryMessage,
)
from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    UserMessage,
)

_VOLATILE = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"  # dates and times
    r"|\b\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?\b"
    r"|\b\d{1,12}(?:\.\d{1,12})? ?(?:ms|us|µs|ns|s|sec|secs|seconds|min|minutes)\b"  # durations
    r"|\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"  # UUIDs
    r"|\b0x[0-9a-fA-F]{4,16}\b"  # addresses
    r"|\b1\d{9}(?:\d{3})?\b"  # Unix times
    r"|\b(?:pid|PID|process)[ =:]\d{1,9}"
    r"|/tmp/[\w.-]{1,200}"
)
"""What differs from one call to the next although nothing has changed."""

MAX_CHARACTERS = 100_000
"""Characters of a text that are looked at from each end."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done: calls with their results, a hand-off, or a message.

    Args:
        subject (str): The tools or the speaker, for messages.
        action (str): Equal for equal actions.
        outcome (str): Equal for equal results.
        kind (Literal["call", "handoff", "speech"]): Which of them it is.
    """

    subject: str
    action: str
    outcome: str
    kind: Literal["call", "handoff", "speech"]


def steps_of_context(messages: Sequence[LLMMessage]) -> Iterable[Step]:
    """Yield what an agent did since the last message to it, newest first; thoughts do not count.

    `messages`: Its conversation, oldest first.
    """
    results: Sequence[FunctionExecutionResult] = ()
    for message in reversed(messages):
        if isinstance(message, FunctionExecutionResultMessage):
            results = message.content
        elif isinstance(message, AssistantMessage):
            if isinstance(message.content, str):
                yield _speech("text", message.content)
            else:
                yield _calls("", message.content, results)
            results = ()
        elif isinstance(message, UserMessage):
            return


def steps_of_team(messages: Sequence[BaseAgentEvent | BaseChatMessage], people: Container[str]) -> list[Step]:
    """Return what the agents of a team did since a person's last message, oldest first.

    `people`: The sources of what people say.
    """
    steps: list[Step] = []
    calls: dict[str, Sequence[FunctionCall]] = {}
    caller = ""
    for message in messages:
        if message.source in people:
            steps.clear()
            caller = ""
        elif isinstance(message, ToolCallRequestEvent):
            calls[message.source] = message.content
        elif isinstance(message, ToolCallExecutionEvent):
            steps.append(_calls(message.source, calls.pop(message.source, ()), message.content))
            caller = message.source
        elif isinstance(message, HandoffMessage):
            called = steps.pop() if message.source == caller else None  # the hand-off is one of these calls
            steps.append(_handoff(message, called))
            caller = ""
        elif isinstance(message, BaseChatMessage) and not isinstance(message, ToolCallSummaryMessage):
            steps.append(_speech(message.source, message.to_model_text()))
    return steps


def masked(text: str) -> str:
    """Mask what differs between calls although nothing has changed: times, durations, ids."""
    if len(text) > 2 * MAX_CHARACTERS:
        text = f"{text[:MAX_CHARACTERS]} {len(text)} {text[-MAX_CHARACTERS:]}"
    return _VOLATILE.sub("*", text).strip()


def _speech(source: str, text: str) -> Step:
    return Step(source, _digest("said", source), _digest(masked(text)), "speech")


def _handoff(message: HandoffMessage, called: Step | None) -> Step:
    """Return the step of a hand-off, with what was called along with it. `None` means nothing was."""
    route, text = f"{message.source} to {message.target}", masked(message.content)
    if called is None:
        return Step(route, _digest("handoff", route), _digest(text), "handoff")
    return Step(route, _digest("handoff", route, called.action), _digest(text, called.outcome), "handoff")


def _calls(source: str, calls: Sequence[FunctionCall], results: Sequence[FunctionExecutionResult]) -> Step:
    """Return the step of calls that were made at once, in whatever order."""
    names = ", ".join(dict.fromkeys(call.name for call in calls))
    made = sorted(f"{call.name}({_canonical(call.arguments)})" for call in calls)
    outcome = _digest(*sorted(masked(result.content) for result in results))
    return Step(names, _digest("called", source, *made), outcome, "call")


def _canonical(arguments: str) -> str:
    """Return the arguments with sorted keys; as they are where they are no JSON."""
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except (ValueError, RecursionError):
        return arguments


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
