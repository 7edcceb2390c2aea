"""Overhears the usage details that AutoGen's clients log but do not return: tokens of the provider's cache, reasoning.

AutoGen's clients log each finished call as an `LLMCallEvent` with the provider's whole answer. A filter on that public
logger reads it, for the calls of this library only, and lets everything pass. It hears what the application has
enabled: nothing, unless the logger `autogen_core.EVENT_LOGGER_NAME` is at level INFO. A handler would hear as much, but
an application that has configured no logging would lose the warnings Python prints for it.
"""

import logging
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import cast

from autogen_core import EVENT_LOGGER_NAME
from autogen_core.logging import LLMCallEvent
from autogen_core.models import ChatCompletionClient, CreateResult

MAX_TOKENS = 10_000_000
"""Tokens of one prompt or reply that a report can state: the largest window there is. More is taken for no report: the
call is charged as it was counted, which is what was reserved for its prompt."""

STREAM_OPTIONS = "stream_options"
"""The argument by which OpenAI's service is asked for more than the reply in a stream."""

ASK_FOR_USAGE: Mapping[str, object] = MappingProxyType({STREAM_OPTIONS: {"include_usage": True}})
"""What asks OpenAI's service to report the usage of a stream; it does not by itself."""


@dataclass(frozen=True, slots=True)
class UsageDetails:
    """What was overheard of one call.

    Args:
        cached_tokens (int | None): Prompt tokens read from the provider's cache. `None` means nothing was heard.
        beside_prompt (int): Prompt tokens that the provider reports beside `prompt_tokens` and not in it.
        cache_write_tokens (int | None): Prompt tokens written to the cache. `None` means nothing was heard.
        reasoning_tokens (int | None): Tokens of the reply that the model thought with. `None` means the same.
    """

    cached_tokens: int | None = None
    beside_prompt: int = 0
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a provider reported of one call, without figures that can be no number of tokens.

    Args:
        prompt_tokens (int | None): Tokens of the whole prompt. `None` means they were not reported.
        completion_tokens (int | None): Tokens of the reply. `None` means they were not reported.
        details (UsageDetails): What was overheard beside these.
    """

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    details: UsageDetails = field(default_factory=UsageDetails)

    @classmethod
    def of(cls, result: CreateResult, details: UsageDetails) -> "Usage":
        """Return what was reported with a result, and what was overheard beside it."""
        usage: object = result.usage
        prompt, completion = (_tokens(getattr(usage, name, None)) for name in ("prompt_tokens", "completion_tokens"))
        if not prompt:  # providers that report 0 tokens have reported nothing
            return cls(None, completion or None, details)
        return cls(prompt + details.beside_prompt, completion, details)


class UsageListener:
    """Takes what is overheard while a client is called; may listen several times to one call."""

    def __init__(self) -> None:
        self.details = UsageDetails()
        """What was overheard so far."""
        self.words: list[str] = []
        """Chunks of the reply that the client brought, whether or not they could be passed on."""
        self.answer: CreateResult | None = None
        """What the client answered, whether or not it could be passed on. `None` means it has not."""

    @contextmanager
    def listening(self) -> Generator[None]:
        """Listen in this task, and in those that it begins, until the end of the block."""
        logging.getLogger(EVENT_LOGGER_NAME).addFilter(_filter)  # adding the same filter again changes nothing
        token = _listener.set(self)
        try:
            yield
        finally:
            _listener.reset(token)

    def take(self, item: str | CreateResult) -> None:
        """Take what the client brought: it has to be paid for, even if its caller is cancelled in this moment."""
        if isinstance(item, str):
            self.words.append(item)
        else:
            self.answer = item

    def hear(self, event: LLMCallEvent) -> None:
        """Read the usage in the end of a call, as the client logs it."""
        usage = _mapping(_mapping(event.kwargs.get("response")).get("usage"))
        openai = _tokens(_mapping(usage.get("prompt_tokens_details")).get("cached_tokens"))
        reasoning = _tokens(_mapping(usage.get("completion_tokens_details")).get("reasoning_tokens"))
        read, written = _tokens(usage.get("cache_read_input_tokens")), _tokens(usage.get("cache_creation_input_tokens"))
        if openai is not None or reasoning is not None:
            self.details = UsageDetails(openai, reasoning_tokens=reasoning)
        elif read is not None:  # Anthropic's
            self.details = UsageDetails(read, read + (written or 0), written)


_listener: ContextVar[UsageListener | None] = ContextVar("autogen_budget_usage", default=None)


class _Filter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        listener = _listener.get()
        event: object = record.msg
        if listener is not None and isinstance(event, LLMCallEvent):
            listener.hear(event)
        return True


_filter = _Filter()


def reports_when_asked(client: ChatCompletionClient) -> bool:
    """Return whether streams report usage only on request: those of OpenAI's clients, inside any wrappers."""
    while isinstance(inner := getattr(client, "client", None), ChatCompletionClient):
        client = inner
    # Where the module was never loaded there is no such client; loading it would need the `openai` extra.
    kind = getattr(sys.modules.get("autogen_ext.models.openai"), "BaseOpenAIChatCompletionClient", None)
    return kind is not None and isinstance(client, kind)


def _mapping(value: object) -> Mapping[str, object]:
    return cast(Mapping[str, object], value) if isinstance(value, Mapping) else {}


def _tokens(value: object) -> int | None:
    """Return a number of tokens, if it can be one; a bool is an `int` too."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TOKENS else None
