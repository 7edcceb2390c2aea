"""Overhearing usage details: what AutoGen logs of a call, for that call only, and only if it is told to log."""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from autogen_core import EVENT_LOGGER_NAME
from autogen_core.logging import LLMCallEvent
from autogen_core.models import UserMessage

from autogen_budget import BudgetedChatCompletionClient, TokenBudget
from autogen_budget._client import UsageDetails, UsageListener
from servers import OpenAIServer
from servers.clients import client_of

EVENTS = logging.getLogger(EVENT_LOGGER_NAME)


@pytest.fixture
def events_on() -> Iterator[None]:
    """AutoGen's event logger at level INFO."""
    level = EVENTS.level
    EVENTS.setLevel(logging.INFO)
    yield
    EVENTS.setLevel(level)


def log_call(usage: Any) -> None:
    """Log a call as AutoGen's clients do."""
    EVENTS.info(LLMCallEvent(messages=[], response={"usage": usage}, prompt_tokens=1, completion_tokens=1))


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 70}}, UsageDetails(70, 0)),
        ({"cache_read_input_tokens": 50, "cache_creation_input_tokens": 20}, UsageDetails(50, 70, 20)),
        ({"cache_read_input_tokens": 50, "cache_creation_input_tokens": None}, UsageDetails(50, 50)),
        (
            {"prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 8}},
            UsageDetails(0, 0, reasoning_tokens=8),
        ),
        ({"prompt_tokens_details": None}, UsageDetails(None, 0)),
        (None, UsageDetails(None, 0)),
    ],
)
@pytest.mark.usefixtures("events_on")
def test_reads_what_providers_report(usage: Any, expected: UsageDetails) -> None:
    """OpenAI counts cached tokens in the prompt, Anthropic beside it; others say nothing."""
    with (listener := UsageListener()).listening():
        log_call(usage)
    assert listener.details == expected


@pytest.mark.usefixtures("events_on")
def test_hears_nothing_after_the_call() -> None:
    """Events outside the call, and events of other kinds, are not heard."""
    with (listener := UsageListener()).listening():
        EVENTS.info("not a call")
    log_call({"prompt_tokens_details": {"cached_tokens": 70}})
    assert listener.details == UsageDetails()


@pytest.mark.usefixtures("events_on")
async def test_calls_at_the_same_time_are_told_apart() -> None:
    """Each task hears its own call."""

    async def one(cached: int) -> int | None:
        with (listener := UsageListener()).listening():
            await asyncio.sleep(0.01)
            log_call({"prompt_tokens_details": {"cached_tokens": cached}})
            await asyncio.sleep(0.01)
        return listener.details.cached_tokens

    assert await asyncio.gather(*map(one, range(20))) == list(range(20))


def test_changes_nothing_about_autogens_logging() -> None:
    """The logger's level and propagation stay the application's; at the default level nothing is heard."""
    before = (EVENTS.level, EVENTS.propagate, EVENTS.disabled, list(EVENTS.handlers))
    with (listener := UsageListener()).listening():
        log_call({"prompt_tokens_details": {"cached_tokens": 70}})
    assert listener.details == UsageDetails()
    assert (EVENTS.level, EVENTS.propagate, EVENTS.disabled, EVENTS.handlers) == before


@pytest.mark.usefixtures("events_on")
def test_lets_every_event_pass(caplog: pytest.LogCaptureFixture) -> None:
    """The application's own handlers still see each event, heard or not, exactly once."""
    for _ in range(2):
        with UsageListener().listening():
            log_call({"prompt_tokens_details": {"cached_tokens": 70}})
    EVENTS.warning("something else")
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO", "WARNING"]


@pytest.mark.usefixtures("events_on")
async def test_records_tell_cached_tokens() -> None:
    """Against a server that reports them, cached tokens are in the record."""
    async with OpenAIServer() as server, client_of(server) as inner:
        client = BudgetedChatCompletionClient(inner, TokenBudget(5_000))
        messages = [UserMessage(content="word " * 50, source="user")]
        await client.create(messages)
        await client.create([*messages, UserMessage(content="more", source="user")])
    cached = [record.cached_tokens for record in client.records]
    assert cached[0] == 0
    assert cached[1] is not None
    assert cached[1] >= 50
