"""Overhears the usage details that AutoGen's clients log but do not return: tokens read from the provider's cache.

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
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from autogen_core import EVENT_LOGGER_NAME
from autogen_core.logging import LLMCallEvent
from autogen_core.models import ChatCompletionClient

STREAM_OPTIONS = "stream_options"
"""The argument by which OpenAI's service is asked for more than the reply in a stream."""

ASK_FOR_USAGE: Mapping[str, object] = MappingProxyType({STREAM_OPTIONS: {"include_usage": True}})
"""What asks OpenAI's service to report the usage of a stream; it does not by itself."""


@dataclass(slots=True)
class UsageDetails:
    """What was overheard of one call.

    Args:
        cached_tokens (int | None): Prompt tokens read from the provider's cache. `None` means nothing was heard.
        beside_prompt (int): Prompt tokens that the provider reports beside `prompt_tokens` and not in it.
    """

    cached_tokens: int | None = None
    beside_prompt: int = 0


_listening: ContextVar[UsageDetails | None] = ContextVar("autogen_budget_usage", default=None)


class _Listener(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        details = _listening.get()
        event: object = record.msg
        if details is not None and isinstance(event, LLMCallEvent):
            self._read(event, details)
        return True

    @staticmethod
    def _read(event: LLMCallEvent, details: UsageDetails) -> None:
        usage = _mapping(_mapping(event.kwargs.get("response")).get("usage"))
        openai = _mapping(usage.get("prompt_tokens_details")).get("cached_tokens")
        anthropic = [usage.get("cache_read_input_tokens"), usage.get("cache_creation_input_tokens")]
        if isinstance(openai, int):
            details.cached_tokens = openai
        elif isinstance(anthropic[0], int):
            details.cached_tokens = anthropic[0]
            details.beside_prompt = sum(tokens for tokens in anthropic if isinstance(tokens, int))


_listener = _Listener()


@contextmanager
def overhear_usage() -> Generator[UsageDetails]:
    """Listen while a client is called.

    Yields:
        UsageDetails: Filled in when the client logs the end of the call.
    """
    logging.getLogger(EVENT_LOGGER_NAME).addFilter(_listener)  # adding the same filter again changes nothing
    details = UsageDetails()
    token = _listening.set(details)
    try:
        yield details
    finally:
        _listening.reset(token)


def reports_when_asked(client: ChatCompletionClient) -> bool:
    """Whether a client's streams report usage only when it is asked for: those of OpenAI's, inside any wrappers.

    Args:
        client (ChatCompletionClient): Any client. Wrappers are seen through that keep theirs under `client`.
    """
    while isinstance(inner := getattr(client, "client", None), ChatCompletionClient):
        client = inner
    # Where the module was never loaded there is no such client; loading it would need the `openai` extra.
    kind = getattr(sys.modules.get("autogen_ext.models.openai"), "BaseOpenAIChatCompletionClient", None)
    return kind is not None and isinstance(client, kind)


def _mapping(value: object) -> Mapping[str, object]:
    return cast(Mapping[str, object], value) if isinstance(value, Mapping) else {}
