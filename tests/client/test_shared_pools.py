"""A client whose pool is on a server: the event loop goes on while it reserves, settles and gives back."""

import asyncio
import gc
import logging
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Any
from uuid import uuid4

import pytest
from autogen_core.models import CreateResult, LLMMessage, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import BudgetedChatCompletionClient, SpendPool, TokenBudget
from builders import user
from redis_server import RedisServer

HELLO: list[LLMMessage] = [user("Hello there, how many ships came in today?")]

PAUSE = 300
"""Milliseconds for which the server answers nothing that may write."""


class Pausing(ReplayChatCompletionClient):
    """Answers, but lets the server of the pool pause first."""

    def __init__(self, server: RedisServer) -> None:
        super().__init__(["never"])
        self.server = server
        self.answered = asyncio.Event()

    async def create(self, messages: Sequence[LLMMessage], **_: Any) -> CreateResult:
        """Nine tokens there, three back."""
        self.server.command("CLIENT", "PAUSE", PAUSE, "WRITE")
        self.answered.set()
        return CreateResult(finish_reason="stop", content="three ships", usage=RequestUsage(9, 3), cached=False)

    async def create_stream(self, messages: Sequence[LLMMessage], **_: Any) -> AsyncGenerator[str | CreateResult, None]:
        """The same, in pieces."""
        yield "three "
        yield await self.create(messages)


class Uncached(ReplayChatCompletionClient):
    """A replay that says that each answer is new."""

    async def create(self, messages: Sequence[LLMMessage], **_: Any) -> CreateResult:
        """The next answer."""
        return (await super().create(messages)).model_copy(update={"cached": False})


@pytest.fixture
def pool(redis_server: RedisServer) -> Iterator[SpendPool]:
    """A pool that nobody else has."""
    pool = SpendPool(max_tokens=10_000, name=f"pool-{uuid4().hex}", url=redis_server.url)
    yield pool
    pool.close()


async def test_the_event_loop_goes_on_while_a_call_is_settled(redis_server: RedisServer, pool: SpendPool) -> None:
    """A server that is slow to answer holds up the one call that asks it, and nobody else."""
    inner = Pausing(redis_server)
    client = BudgetedChatCompletionClient(inner, TokenBudget(500), pool=pool)
    beats = 0

    async def heart() -> None:
        nonlocal beats
        await inner.answered.wait()
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    beating = asyncio.create_task(heart())
    assert (await client.create(HELLO)).content == "three ships"
    assert beats > 3
    beating.cancel()
    assert (pool.spent.tokens, pool.spent.calls, pool.reserved.tokens) == (12, 1, 0)


async def test_a_call_that_is_cancelled_while_it_settles_is_settled(redis_server: RedisServer, pool: SpendPool) -> None:
    """It was answered, so it is charged, and it holds nothing any more; as often as it may be cancelled."""
    inner = Pausing(redis_server)
    client = BudgetedChatCompletionClient(inner, TokenBudget(500), pool=pool)
    calling = asyncio.create_task(client.create(HELLO))
    await inner.answered.wait()
    await asyncio.sleep(PAUSE / 3_000)  # it has taken the answer, and waits for the server
    for _ in range(3):
        await asyncio.sleep(0)
        calling.cancel()
    await asyncio.wait([calling])
    assert calling.cancelled()
    del calling, client
    gc.collect()
    until = time.monotonic() + 20
    while pool.reserved.tokens and time.monotonic() < until:
        await asyncio.sleep(0.01)
    assert (pool.spent.tokens, pool.spent.calls, pool.reserved.tokens) == (12, 1, 0)


@pytest.mark.parametrize("paid", [True, False])
def test_a_stream_that_is_dropped_with_its_loop_holds_nothing(
    redis_server: RedisServer, pool: SpendPool, paid: bool
) -> None:
    """What came of it is charged, with or without an event loop that still runs."""
    streams: list[AsyncGenerator[str | CreateResult, None]] = []

    async def listen(*, close: bool) -> None:
        inner = Pausing(redis_server)
        client = BudgetedChatCompletionClient(inner, TokenBudget(500), pool=pool if paid else None)
        stream = client.create_stream(HELLO)
        await anext(stream)
        if close:
            await stream.aclose()
        else:
            streams.append(stream)

    asyncio.run(listen(close=True))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(listen(close=False))
    loop.close()  # without asking its generators to end
    streams.clear()
    gc.collect()
    assert pool.reserved.tokens == 0
    assert pool.spent.calls == (2 if paid else 0)


async def test_a_charge_that_fails_fails_no_call(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong with the books is one line in the log; the answer is there, and nothing stays reserved."""
    pool = SpendPool(max_tokens=10_000)

    def fail(*_: object) -> None:
        raise RuntimeError("the books are closed")

    asked = pool.reserve(1, 0, agent="clerk")
    asked.release()
    monkeypatch.setattr(type(asked), "settle", fail)
    client = BudgetedChatCompletionClient(Uncached(["aye"]), TokenBudget(500), pool=pool)
    with caplog.at_level(logging.WARNING, "autogen_budget"):
        assert (await client.create(HELLO)).content == "aye"
    assert [record.message for record in caplog.records][-1] == "a call could not be charged to its pool"
    assert pool.reserved.tokens == 0
