"""What requests are made of, part by part, for their records: labels, sizes and fingerprints, never the words.

A request is looked at from its end: what the conversation's previous request held as well is known already.
"""

import secrets
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from autogen_core import Image
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from autogen_core.tools import Tool, ToolSchema

from autogen_budget._counting import TokenCounter
from autogen_budget._records import Part
from autogen_budget._turns import NOTE_SOURCE

from ._cache_bust import find_cache_bust, tool_name

LARGEST_PARTS = 5
"""How many of the largest parts of a request a record names."""

MAX_CONVERSATIONS = 256
"""How many conversations of one client are distinguished, more than a team has agents; the one silent for longest is
forgotten first."""

_KEY = secrets.token_bytes(16)  # beside the secret of Python's hashes, which `PYTHONHASHSEED` may have fixed
_MASK = 2**48 - 1


@dataclass(frozen=True, slots=True)
class Composition:
    """What one request is made of; the fields are those of `CallRecord`."""

    conversation: str = ""
    new_parts: tuple[Part, ...] = ()
    largest: tuple[Part, ...] = ()
    tools: Mapping[str, int] = field(default_factory=dict[str, int])
    cache_bust: str | None = None


@dataclass(slots=True)
class _Sent:
    """One message of the latest request of a conversation, with the largest parts up to it."""

    message: LLMMessage
    largest: tuple[tuple[int, Part], ...]


@dataclass(slots=True)
class _Known:
    """What is known of one conversation."""

    name: str
    calls: int = 0
    messages: list[LLMMessage] = field(default_factory=list[LLMMessage])
    sent: list[_Sent] = field(default_factory=list[_Sent])
    first_call: dict[str, int] = field(default_factory=dict[str, int])


class Composer:
    """Describes the requests of one client."""

    def __init__(self, counter: TokenCounter) -> None:
        self._counter = counter
        self._known: deque[_Known] = deque(maxlen=MAX_CONVERSATIONS)
        self._names = map(str, count(1))
        self._tools: Sequence[Tool | ToolSchema] = ()
        self._sizes: Mapping[str, int] = {}

    def describe(
        self,
        messages: Sequence[LLMMessage],
        sent: Sequence[LLMMessage],
        tools: Sequence[Tool | ToolSchema] = (),
        *,
        changed: bool = False,
        stable: bool = False,
    ) -> Composition:
        """Describe a request."""
        known, new_from = self._find(messages)
        known.calls += 1
        tools_before = self._tools
        same_tools = len(tools) == len(tools_before) and list(tools) == list(tools_before)
        change = None
        if known.messages and not (stable and same_tools):
            change = find_cache_bust(known.messages, messages, tools_before, tools)
        if not same_tools:
            self._tools, self._sizes = tuple(tools), self._tool_sizes(tools)
        known.messages = list(messages)
        parts_by_id = {
            id(messages[i]): tuple(self._parts(messages[i], leads=i == 0)) for i in range(new_from, len(messages))
        }
        new = [part for i in range(new_from, len(messages)) for part in parts_by_id[id(messages[i])]]
        return Composition(
            conversation=known.name,
            new_parts=tuple(new),
            largest=self._largest(known, sent, parts_by_id, changed=changed),
            tools=self._sizes,
            cache_bust=change,
        )

    def _find(self, messages: Sequence[LLMMessage]) -> tuple[_Known, int]:
        """Return the conversation that messages go on with, and the place of the first that is new in it."""
        for known in reversed(self._known):  # nearly always it stands where it stood before
            for behind in range(len(known.messages) - 1, max(-1, len(known.messages) - 3), -1):
                if behind < len(messages) and messages[behind] is known.messages[behind]:
                    return self._latest(known), behind + 1
        places = {id(message): place for place, message in enumerate(messages)}
        for known in reversed(self._known):
            for newest in known.messages[:-3:-1]:  # a prompt may have stood at the end for one call only
                place = places.get(id(newest))
                behind = len(known.messages) - 1
                if place is None and behind < len(messages) and messages[behind] == newest:
                    # Other conversations may hold an equal message there; only instructions may have changed before it.
                    place = behind if messages[1:behind] == known.messages[1:behind] else None
                if place is not None:
                    return self._latest(known), place + 1
        known = _Known(next(self._names))
        self._known.append(known)
        return known, 0

    def _latest(self, known: _Known) -> _Known:
        """Return the same conversation, as the one that spoke last."""
        if self._known[-1] is not known:
            self._known.remove(known)
            self._known.append(known)
        return known

    def _largest(
        self,
        known: _Known,
        sent: Sequence[LLMMessage],
        parts_by_id: Mapping[int, Sequence[Part]],
        *,
        changed: bool,
    ) -> tuple[Part, ...]:
        if changed:
            known.sent.clear()
        while known.sent and (len(known.sent) > len(sent) or known.sent[-1].message is not sent[len(known.sent) - 1]):
            known.sent.pop()
        for i in range(len(known.sent), len(sent)):
            before = known.sent[-1].largest if known.sent else ()
            parts = parts_by_id.get(id(sent[i])) or self._parts(sent[i], leads=i == 0)
            dated = [(known.first_call.setdefault(part.fingerprint, known.calls), part) for part in parts]
            least = before[-1][1].tokens if len(before) == LARGEST_PARTS else -1
            if any(part.tokens > least for _, part in dated):
                before = tuple(sorted((*before, *dated), key=lambda item: -item[1].tokens)[:LARGEST_PARTS])
            known.sent.append(_Sent(sent[i], before))
        if not known.sent:
            return ()
        return tuple(
            Part(part.label, part.layer, part.tokens, part.fingerprint, known.calls - first_call)
            for first_call, part in known.sent[-1].largest
        )

    def _parts(self, message: LLMMessage, *, leads: bool) -> Iterable[Part]:
        counter = self._counter
        whole = counter.tokens(counter.measure_message(message))
        if isinstance(message, FunctionExecutionResultMessage):
            for result in message.content:
                tokens = whole if len(message.content) == 1 else counter.count_text(result.content)
                yield Part(f"result of {result.name}", "tool output", tokens, _fingerprint(_texts_of_result(result)))
        elif isinstance(message, SystemMessage):
            label = "instructions" if leads else "memory"
            yield Part(label, "system" if leads else "history", whole, _fingerprint([message.content]))
        elif isinstance(message, AssistantMessage):
            if isinstance(message.content, str):
                yield Part(f"text of {message.source}", "history", whole, _fingerprint([message.content]))
            else:
                texts = [text for call in message.content for text in (call.name, call.arguments)]
                yield Part(f"calls of {message.source}", "history", whole, _fingerprint(texts))
        elif message.source == NOTE_SOURCE:
            yield Part("earlier turns", "digest", whole, _fingerprint(_texts_of_user(message)))
        else:
            yield Part(f"text of {message.source}", "history", whole, _fingerprint(_texts_of_user(message)))

    def _tool_sizes(self, tools: Sequence[Tool | ToolSchema]) -> Mapping[str, int]:
        counter = self._counter
        frame = counter.measure_extras()
        return {tool_name(tool): counter.tokens(counter.measure_extras([tool]) - frame) for tool in tools}


def _texts_of_result(result: FunctionExecutionResult) -> list[str]:
    return [result.name, result.content]


def _texts_of_user(message: UserMessage) -> list[str]:
    if isinstance(message.content, str):
        return [message.content]
    return [part.to_base64() if isinstance(part, Image) else part for part in message.content]


def _fingerprint(texts: Iterable[str]) -> str:
    return f"{hash((_KEY, *texts)) & _MASK:012x}"  # Python keeps the hash of a text: a large one is read once
