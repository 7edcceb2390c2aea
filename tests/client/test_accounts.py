"""Accounts of single calls: odd usage, cancellations and broken streams leave no reservation and spoil no answer."""

import asyncio
import gc
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import pytest
from autogen_core import CancellationToken
from autogen_core.models import CreateResult, LLMMessage, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import BudgetedChatCompletionClient, SpendPool, Tally, TiktokenCounter, TokenBudget
from builders import user

HELLO: list[LLMMessage] = [user("Hello there, how many ships came in today?")]


def answer(prompt: Any, completion: Any) -> CreateResult:
    """An answer with a usage of any kind, as clients pass it on."""
    usage = RequestUsage(prompt, completion)
    return CreateResult(finish_reason="stop", content="three ships", usage=usage, cached=False)


class Scripted(ReplayChatCompletionClient):
    """A client whose calls do what a function says; streams bring two chunks and the result."""

    def __init__(self, reply: Callable[[], CreateResult], *, wait: float = 0.0) -> None:
        super().__init__(["never"])
        self.reply = reply
        self.wait = wait
        self.calls = 0

    async def create(self, messages: Sequence[LLMMessage], **_: Any) -> CreateResult:
        """What the function says."""
        self.calls += 1
        await asyncio.sleep(self.wait)
        return self.reply()

    async def create_stream(self, messages: Sequence[LLMMessage], **_: Any) -> AsyncGenerator[str | CreateResult, None]:
        """The same, in pieces."""
        self.calls += 1
        yield "three "
        await asyncio.sleep(self.wait)
        yield "ships"
        yield self.reply()


ODD = [(-5, 3), (3, -5), (None, None), (None, 3), (40, None), (True, False), ("7", 1.5), (0, 0), (10**30, 2)]


@pytest.mark.parametrize(("prompt", "completion"), ODD)
@pytest.mark.parametrize("stream", [False, True])
async def test_odd_usage_fails_no_answered_call(prompt: Any, completion: Any, stream: bool) -> None:
    """What a server reports is taken where it can be a number of tokens, and estimated where it cannot."""
    pool = SpendPool(max_tokens=10_000)
    client = BudgetedChatCompletionClient(Scripted(lambda: answer(prompt, completion)), TokenBudget(500), pool=pool)
    if stream:
        items = [item async for item in client.create_stream(HELLO)]
        assert isinstance(items[-1], CreateResult)
    else:
        assert (await client.create(HELLO)).content == "three ships"
    (record,) = client.records
    assert record.error is None
    assert pool.reserved.tokens == 0
    assert pool.spent.calls == 1
    assert pool.spent.tokens > 0
    assert pool.spent.estimated_tokens == pool.spent.tokens  # every part is what was counted, or less than it was


@pytest.mark.parametrize("usage", [(10**30, 3), (9, 10**30), (10_000_001, 10_000_001)])
async def test_absurd_usage_is_charged_as_it_was_counted(usage: tuple[int, int]) -> None:
    """A report that no model can have meant exhausts no pool; what was reserved for the prompt is the least."""
    pool = SpendPool(max_tokens=10_000)
    client = BudgetedChatCompletionClient(Scripted(lambda: answer(*usage)), TokenBudget(500), pool=pool)
    await client.create(HELLO)
    (record,) = client.records
    expected = 9 if usage[0] == 9 else record.tokens_sent
    assert pool.spent.prompt_tokens == expected
    assert 0 < pool.spent.tokens - expected < 10
    assert not pool.exhausted
    assert record.reported_prompt_tokens in (None, 9)


async def test_accounts_that_fail_fail_no_call(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong with the accounts is one line in the log, and nothing stays reserved."""

    class Forgetful(TiktokenCounter):
        def observe(self, tally: Tally, reported: int) -> None:
            raise RuntimeError("no idea")

    pool = SpendPool(max_tokens=10_000)
    inner = Scripted(lambda: answer(9, 3))
    client = BudgetedChatCompletionClient(inner, TokenBudget(500), pool=pool, counter=Forgetful())
    with caplog.at_level(logging.WARNING, "autogen_budget"):
        assert (await client.create(HELLO)).content == "three ships"
    assert "could not be accounted for" in caplog.text
    assert pool.reserved.tokens == 0


async def test_a_result_without_usage_is_estimated() -> None:
    """A client of a user's own may leave it out."""
    pool = SpendPool(max_tokens=10_000)
    inner = Scripted(lambda: answer(9, 3).model_copy(update={"usage": None}))
    await BudgetedChatCompletionClient(inner, TokenBudget(500), pool=pool).create(HELLO)
    assert pool.spent.estimated_tokens > 0


@pytest.mark.parametrize("asked", [{"max_tokens": -1}, {"max_tokens": 0}, {"max_completion_tokens": -1}])
async def test_a_reply_without_limit_reserves_the_usual_room(asked: dict[str, int]) -> None:
    """llama.cpp takes `max_tokens=-1` for no limit: that is no number of tokens."""
    pool = SpendPool(max_tokens=10_000)
    client = BudgetedChatCompletionClient(Scripted(lambda: answer(9, 3)), TokenBudget(500), pool=pool)
    assert (await client.create(HELLO, extra_create_args=asked)).content == "three ships"
    assert pool.spent.tokens == 12


async def test_a_cancelled_token_ends_waiting_for_a_pool() -> None:
    """Who waits for room that calls under way hold is let go at once, and takes nothing with it."""
    pool = SpendPool(max_tokens=1_000)
    client = BudgetedChatCompletionClient(Scripted(lambda: answer(9, 3)), TokenBudget(500), pool=pool)
    token = CancellationToken()
    with pool.reserve(900, 50, agent="other"):
        waiting = asyncio.ensure_future(
            client.create(HELLO, extra_create_args={"max_tokens": 100}, cancellation_token=token)
        )
        for _ in range(50):
            await asyncio.sleep(0)
        assert not waiting.done()
        token.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiting, 5)
    assert pool.reserved.tokens == 0
    assert client.records[-1].error is not None


async def test_a_reservation_that_comes_while_cancelled_goes_back() -> None:
    """Room that is given in the same moment as the call is cancelled is given back."""
    for stop in ("task", "token"):
        pool = SpendPool(max_tokens=1_000)
        client = BudgetedChatCompletionClient(Scripted(lambda: answer(9, 3)), TokenBudget(500), pool=pool)
        token = CancellationToken()
        held = pool.reserve(900, 50, agent="other")
        waiting = asyncio.ensure_future(
            client.create(HELLO, extra_create_args={"max_tokens": 100}, cancellation_token=token)
        )
        for _ in range(20):
            await asyncio.sleep(0)
        held.release()
        for _ in range(2):
            await asyncio.sleep(0)
        token.cancel() if stop == "token" else waiting.cancel()
        await asyncio.wait({waiting}, timeout=5)
        await asyncio.sleep(0)
        assert waiting.done()
        assert pool.reserved.tokens == 0


@pytest.mark.parametrize("stop", ["task", "token"])
@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_charged_whenever_the_call_is_cancelled(stop: str, stream: bool) -> None:
    """At whatever step a call is cancelled: what the model answered is charged, and nothing else."""
    warm = BudgetedChatCompletionClient(Scripted(lambda: answer(9, 3)), TokenBudget(500))
    await warm.create(HELLO)  # the vocabulary is loaded in a thread, once
    outcomes: set[tuple[int, bool]] = set()
    for steps in range(40):
        pool = SpendPool(max_tokens=10_000)
        answers = 0

        def reply() -> CreateResult:
            nonlocal answers
            answers += 1
            return answer(9, 3)

        client = BudgetedChatCompletionClient(Scripted(reply), TokenBudget(500), pool=pool)
        token = CancellationToken()

        async def ask(client: BudgetedChatCompletionClient = client, token: CancellationToken = token) -> object:
            if not stream:
                return await client.create(HELLO, cancellation_token=token)
            return [item async for item in client.create_stream(HELLO, cancellation_token=token)]

        call = asyncio.ensure_future(ask())
        for _ in range(steps):
            await asyncio.sleep(0)
        token.cancel() if stop == "token" else call.cancel()
        await asyncio.wait({call}, timeout=5)
        assert call.done()
        assert pool.reserved.tokens == 0
        assert pool.spent.calls >= answers, f"cancelled after {steps} steps, the answer was not charged"
        if answers:
            assert pool.spent.tokens == 12
        assert answers or stream or pool.spent.calls == 0
        outcomes.add((answers, call.cancelled() or call.exception() is not None))
    assert outcomes >= {(0, True), (1, True), (1, False)}  # before, at the instant of, and after the answer


def test_breaking_out_of_a_stream_and_closing_the_loop() -> None:
    """A stream that was dropped half-way holds nothing once its event loop is gone."""
    pool = SpendPool(max_tokens=10_000)

    async def listen() -> None:
        client = BudgetedChatCompletionClient(Scripted(lambda: answer(9, 3)), TokenBudget(500), pool=pool)
        async for _ in client.create_stream(HELLO):
            break

    asyncio.run(listen())
    gc.collect()
    assert pool.reserved.tokens == 0
    assert pool.spent.tokens > 0


async def test_cached_tokens_of_streams_are_known() -> None:
    """See `test_usage` for what is overheard; a consumer that works between chunks is not listened to."""
    seen: list[object] = []
    client = BudgetedChatCompletionClient(Scripted(lambda: answer(9, 3)), TokenBudget(500))
    async for item in client.create_stream(HELLO):
        seen.append(item)
        await client.create(HELLO)
    assert len(seen) == 3
    assert [record.error for record in client.records] == [None] * 4
