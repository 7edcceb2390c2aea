"""Reads messages as they come, in any state, into whole turns, and says what was broken.

Calls and results are paired by adjacency and position; ids are only a check, since some servers give parallel calls the
same one and never count on. What cannot stay as it was becomes a note in its place: nothing is thrown away but empty
messages.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)

from autogen_budget._text import indented, one_line

from ._encodable import MessageT, encodable_message
from ._turn import NOTE_SOURCE, Turn, note

INTERRUPTED = "[No result: this call was interrupted.]"
BEGINNING = "[The conversation began before this point.]"

RepairKind = Literal[
    "unanswered call",
    "orphaned result",
    "repeated id",
    "empty id",
    "mismatched id",
    "split results",
    "invalid arguments",
    "empty message",
    "system message inside",
    "leading assistant message",
    "half a character",
]


@dataclass(frozen=True, slots=True)
class Repair:
    """Something that was broken in the messages as received.

    Args:
        kind (RepairKind): What kind of damage was mended.
        detail (str): Where, in a few words.
    """

    kind: RepairKind
    detail: str


class TurnReader:
    """Reads the messages of one conversation, at once or as they come, into turns.

    It remembers which call ids are taken, so that reading in parts gives what reading at once gives, as long as no part
    begins with results.
    """

    def __init__(self, *, multiple_system_messages: bool = False, before: Iterable[Turn] = ()) -> None:
        self._multiple_system_messages = multiple_system_messages
        self._taken: set[str] = set()
        self._copies: Counter[str] = Counter()
        self._begun = False
        self._repairs: list[Repair] = []
        for turn in before:
            self._begun = self._begun or turn.kind != "system"
            self._taken.update(call.id for call in turn.calls)

    def copy(self) -> "TurnReader":
        """Return a reader that has read the same, and goes on by itself."""
        twin = TurnReader(multiple_system_messages=self._multiple_system_messages)
        twin._taken, twin._copies, twin._begun = {*self._taken}, self._copies.copy(), self._begun
        return twin

    def read(self, messages: Sequence[LLMMessage]) -> tuple[tuple[Turn, ...], tuple[Repair, ...]]:
        """Read what comes next.

        Raises:
            TypeError: An element is not one of AutoGen's four message classes.
        """
        self._repairs = []
        turns = tuple(self._led_by_user(self._turns(messages)))
        return turns, tuple(self._repairs)

    def _encodable(self, message: MessageT) -> MessageT:
        try:
            new = encodable_message(message)
        except AttributeError:  # none of AutoGen's messages: reported below
            return message
        if new is not message:
            self._mend("half a character", type(message).__name__)
        return new

    def _mend(self, kind: RepairKind, detail: str) -> None:
        self._repairs.append(Repair(kind, detail))

    def _led_by_user(self, turns: Iterable[Turn]) -> Iterator[Turn]:
        """Yield the turns, with a note before a leading assistant; system messages open no conversation."""
        for turn in turns:
            opens = not self._begun and not self._multiple_system_messages
            if opens and turn.kind in ("assistant", "tools"):
                self._mend("leading assistant message", f"{turn.kind} turn")
                yield note(BEGINNING)
            self._begun = self._begun or turn.kind != "system"
            yield turn

    def _turns(self, messages: Sequence[LLMMessage]) -> Iterator[Turn]:
        at = 0
        while at < len(messages):
            message = self._encodable(messages[at])
            at += 1
            if isinstance(message, FunctionExecutionResultMessage):
                if not message.content:
                    self._mend("empty message", "no results")
                yield from self._orphans(message.content)
            elif isinstance(message, AssistantMessage) and isinstance(message.content, list):
                answers: list[FunctionExecutionResultMessage] = []
                while at < len(messages) and isinstance(answer := messages[at], FunctionExecutionResultMessage):
                    answers.append(self._encodable(answer))
                    at += 1
                yield from self._tools(message, message.content, answers)
            elif isinstance(message, SystemMessage) and not self._multiple_system_messages:
                self._mend("system message inside", f"{len(message.content):,} characters")
                yield note(message.content)
            elif isinstance(message, UserMessage):
                # What this library once put into a context is still no user's words.
                yield Turn(message, note=message.source == NOTE_SOURCE)
            elif isinstance(message, (SystemMessage, AssistantMessage)):
                yield Turn(message)
            else:
                raise TypeError(
                    f"expected SystemMessage, UserMessage, AssistantMessage or "
                    f"FunctionExecutionResultMessage, got {type(message).__name__}"
                )

    def _orphans(self, results: Iterable[FunctionExecutionResult]) -> Iterator[Turn]:
        """Yield the results whose calls are nowhere: a note keeps what they say."""
        for result in results:
            self._mend("orphaned result", f"{result.name} ({result.call_id!r})")
            name = one_line(result.name)
            yield note(f"[Result of {name}, whose call is not in this conversation:]\n  {indented(result.content)}")

    def _tools(
        self, message: AssistantMessage, calls: list[FunctionCall], answers: Sequence[FunctionExecutionResultMessage]
    ) -> Iterator[Turn]:
        results = [result for answer in answers for result in answer.content]
        if not calls:
            self._mend("empty message", f"no calls and no text from {message.source!r}")
            yield Turn(AssistantMessage(content=message.thought or "[empty message]", source=message.source))
            yield from self._orphans(results)
            return
        matched, orphans = _match(calls, results)
        sound = [self._sound(call) for call in calls]
        if len(answers) > 1:
            self._mend("split results", f"{len(answers)} messages for {len(calls)} calls")
        for call, result in zip(calls, matched, strict=True):
            if result is None:
                self._mend("unanswered call", f"{call.name} ({call.id!r})")
            elif call.id and result.call_id != call.id:
                self._mend("mismatched id", f"{call.name} ({call.id!r} was answered as {result.call_id!r})")
        paired = [_paired(call, result) for call, result in zip(sound, matched, strict=True)]
        untouched = sound == calls and not orphans and len(answers) == 1
        if untouched and {id(result) for result in paired} == {id(result) for result in results}:
            yield Turn(message, answers[0])  # the results may stand in another order than the calls
        else:
            yield Turn(message.model_copy(update={"content": sound}), FunctionExecutionResultMessage(content=paired))
        yield from self._orphans(orphans)

    def _sound(self, call: FunctionCall) -> FunctionCall:
        """Return the call with an id of its own and arguments that every client can read."""
        arguments = call.arguments if _is_object(call.arguments) else _as_object(call.arguments)
        if arguments != call.arguments:
            self._mend("invalid arguments", f"{call.name} ({call.id!r}): no JSON object")
        new_id = call.id
        while not new_id or new_id in self._taken:
            self._copies[call.id] += 1
            new_id = f"{call.id or 'call'}_{self._copies[call.id] + 1}"
        if new_id != call.id:
            self._mend("repeated id" if call.id else "empty id", f"{call.name} ({call.id!r} is now {new_id!r})")
        self._taken.add(new_id)
        return FunctionCall(id=new_id, name=call.name, arguments=arguments)


def _match(
    calls: Sequence[FunctionCall], results: Sequence[FunctionExecutionResult]
) -> tuple[list[FunctionExecutionResult | None], list[FunctionExecutionResult]]:
    """Return one result or `None` for each call, and the results that are left.

    By id first, in order; then what is left by position, if there is as much of it on both sides or it has no id.
    """
    left = list(results)
    matched: list[FunctionExecutionResult | None] = []
    for call in calls:
        at = next((i for i, result in enumerate(left) if call.id and result.call_id == call.id), None)
        matched.append(None if at is None else left.pop(at))
    open_calls = [i for i, result in enumerate(matched) if result is None]
    as_many = len(left) == len(open_calls)
    by_position = [i for i, result in enumerate(left) if as_many or not result.call_id][: len(open_calls)]
    for i, at in zip(open_calls, by_position, strict=False):
        matched[i] = left[at]
    return matched, [result for i, result in enumerate(left) if i not in by_position]


def _paired(call: FunctionCall, result: FunctionExecutionResult | None) -> FunctionExecutionResult:
    if result is None:
        return FunctionExecutionResult(content=INTERRUPTED, name=call.name, call_id=call.id, is_error=True)
    return result if result.call_id == call.id else result.model_copy(update={"call_id": call.id})


def _is_object(arguments: str) -> bool:
    try:
        return isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        return False


def _as_object(arguments: str) -> str:
    """Wrap arguments that are no JSON object into one; some clients fail on anything else, with every later call."""
    return json.dumps({"arguments": arguments}) if arguments.strip() else "{}"
