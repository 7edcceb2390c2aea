"""One call's share of a pool: reserved, settled, given back, waited for."""

import asyncio
import sys
import threading
from dataclasses import astuple
from decimal import Decimal
from functools import partial

import pytest

from autogen_budget import BudgetError, Price, SpendLimitError, SpendPool


def test_a_reservation_is_replaced_by_what_was_used() -> None:
    """Settling gives back what was reserved and books what was used, cached tokens at their price."""
    prices = {"mine": Price(input=2, output=10, cached_input=1)}
    pool = SpendPool(max_tokens=10_000, prices=prices)
    reservation = pool.reserve(3_000, 1_000, agent="writer", model="mine")
    assert reservation.amount == pool.reserved
    assert astuple(pool.reserved) == (4_000, Decimal("0.016"), 1)
    assert astuple(pool.remaining) == (6_000, None, None)
    booked = reservation.settle(2_900, 200, cached_tokens=900)
    assert astuple(pool.reserved) == (0, 0, 0)
    assert booked == pool.spent
    assert astuple(booked)[:5] == (1, 2_900, 200, 900, Decimal("0.0069"))
    assert astuple(pool.remaining) == (6_900, None, None)


def test_what_does_not_fit_is_refused_before_the_call() -> None:
    """A reservation beyond the limit raises an error that carries the numbers, and reserves nothing."""
    pool = SpendPool(max_tokens=10_000, name="team")
    pool.reserve(8_000, 0, agent="writer", model="gpt-4o").settle(8_000, 500)
    with pytest.raises(SpendLimitError) as caught:
        pool.reserve(1_000, 501, agent="critic", purpose="selector", model="gpt-4o")
    error = caught.value
    assert isinstance(error, BudgetError)
    assert (error.pool, error.unit, error.final) == ("team", "tokens", True)
    assert (error.limit, error.spent, error.reserved, error.asked) == (10_000, 8_500, 0, 1_501)
    text = str(error)
    assert text.startswith("pool 'team' has no room for a call of 'critic' (selector, model 'gpt-4o')")
    for number in ("Asked: 1,501 tokens", "Spent: 8,500 tokens", "under way: 0 tokens", "Limit: 10,000 tokens"):
        assert number in text
    assert astuple(pool.reserved) == (0, 0, 0)


def test_the_last_token_can_be_reserved() -> None:
    """A limit may be reached exactly."""
    pool = SpendPool(max_tokens=10)
    assert pool.reserve(6, 4, agent="writer").amount.tokens == 10


def test_calls_under_way_take_room_for_now_only() -> None:
    """What calls under way hold refuses a further call, but not for good."""
    pool = SpendPool(max_tokens=1_000)
    under_way = pool.reserve(900, 0, agent="writer")
    with pytest.raises(SpendLimitError, match=r"acquire\(\) waits for that") as caught:
        pool.reserve(200, 0, agent="critic")
    assert (caught.value.final, caught.value.reserved) == (False, 900)
    assert not pool.exhausted
    under_way.settle(100, 0)
    pool.reserve(200, 0, agent="critic")


@pytest.mark.parametrize("unit", ["tokens", "cost", "calls"])
def test_each_limit_stops_calls(unit: str) -> None:
    """Tokens, dollars and calls are each a limit of their own."""
    pool = SpendPool(**{f"max_{unit}": 1}, prices={"mine": Price(input=1_000_000, output=0)})  # type: ignore[arg-type]  # keywords or purposes that are wrong on purpose
    pool.reserve(1, 0, agent="writer", model="mine").settle(1, 0)
    assert pool.exhausted
    with pytest.raises(SpendLimitError) as caught:
        pool.reserve(1, 0, agent="writer", model="mine")
    assert (caught.value.unit, caught.value.limit, caught.value.asked) == (unit, 1, 1)


def test_a_longer_reply_than_reserved_is_booked_as_it_is() -> None:
    """Spending above the reservation is recorded, even over the limit, and then nothing more fits."""
    pool = SpendPool(max_tokens=100)
    pool.reserve(50, 50, agent="writer").settle(50, 90)
    assert pool.spent.tokens == 140
    assert pool.remaining.tokens == 0
    assert pool.exhausted


def test_a_released_reservation_leaves_no_trace() -> None:
    """A call that failed, or came from a cache, is not charged, not even as a call."""
    pool = SpendPool(max_tokens=100, max_calls=1)
    pool.reserve(50, 50, agent="writer").release()
    assert (pool.spent.calls, pool.reserved.calls, astuple(pool.remaining)) == (0, 0, (100, None, 1))


@pytest.mark.parametrize("ending", [RuntimeError, asyncio.CancelledError, KeyboardInterrupt])
def test_a_block_that_fails_releases(ending: type[BaseException]) -> None:
    """However a block ends without settling, its reservation is given back."""
    pool = SpendPool(max_tokens=100)
    with pytest.raises(ending), pool.reserve(50, 50, agent="writer"):
        raise ending
    assert astuple(pool.reserved) == (0, 0, 0)


def test_a_block_that_settled_keeps_what_was_booked() -> None:
    """Leaving the block after settling changes nothing, and neither does releasing again."""
    pool = SpendPool()
    with pool.reserve(50, 50, agent="writer") as reservation:
        reservation.settle(40, 10)
    reservation.release()
    assert pool.spent.tokens == 50


@pytest.mark.parametrize("first", ["settle", "release"])
def test_nothing_is_booked_twice(first: str) -> None:
    """Settling a reservation that is settled or released already is an error that books nothing."""
    pool = SpendPool()
    reservation = pool.reserve(50, 50, agent="writer")
    if first == "settle":
        reservation.settle(1, 1)
    else:
        reservation.release()
    before = pool.spent
    with pytest.raises(RuntimeError, match="the reservation of 'writer' is settled or released already"):
        reservation.settle(1, 1)
    assert pool.spent == before


def test_bad_figures_are_refused() -> None:
    """Negative tokens and unknown purposes raise a ValueError; a reservation stays open after one."""
    pool = SpendPool()
    with pytest.raises(ValueError, match="reply_tokens must be 0 or more, got -1"):
        pool.reserve(1, -1, agent="writer")
    with pytest.raises(ValueError, match="purpose must be one of reply, selector, orchestrator, summary, got 'fun'"):
        pool.reserve(1, 1, agent="writer", purpose="fun")  # type: ignore[arg-type]  # keywords or purposes that are wrong on purpose
    reservation = pool.reserve(1, 1, agent="writer")
    with pytest.raises(ValueError, match="completion_tokens must be 0 or more, got -5"):
        reservation.settle(1, -5)
    reservation.settle(1, 1)


def test_more_cached_tokens_than_prompt_tokens_are_all_of_them() -> None:
    """A provider's odd figures cannot make a cost negative."""
    pool = SpendPool(prices={"mine": Price(input=2, output=0, cached_input=1)})
    assert pool.reserve(10, 0, agent="writer", model="mine").settle(10, 0, cached_tokens=99).cost == Decimal("0.00001")


def test_a_call_without_a_model_is_booked_as_unknown() -> None:
    """A client that does not tell its model is counted all the same, and can be given a price."""
    pool = SpendPool(max_cost=1, prices={"unknown": Price(input=1, output=1)})
    pool.reserve(10, 0, agent="writer").settle(10, 0)
    assert list(pool.report().by_model) == ["unknown"]


def test_a_limited_cost_needs_a_price() -> None:
    """Under a cost limit, its own or a parent's, a model without a price is refused; the pool goes on for others."""
    pool = SpendPool(max_cost=1, name="team")
    child = pool.child("research", max_tokens=1_000)
    with pytest.raises(SpendLimitError, match="the price of model 'mine' is not known") as caught:
        child.reserve(1, 1, agent="writer", model="mine")
    assert (caught.value.pool, caught.value.unit, caught.value.asked) == ("team", "cost", None)
    assert not pool.exhausted
    child.reserve(1, 1, agent="writer", model="gpt-4o")


def test_an_exhausted_pool_refuses_even_small_calls() -> None:
    """After a call that no release can make room for, the pool is closed for all, and says since when."""
    pool = SpendPool(max_tokens=100)
    with pytest.raises(SpendLimitError):
        pool.reserve(101, 0, agent="writer")
    assert pool.exhausted
    with pytest.raises(SpendLimitError, match="exhausted since a call asked for 101 tokens"):
        pool.reserve(1, 0, agent="critic")


def test_a_refused_summary_does_not_exhaust() -> None:
    """A run can do without a summary, so that one too large to pay for closes nothing."""
    pool = SpendPool(max_tokens=100)
    with pytest.raises(SpendLimitError):
        pool.reserve(101, 0, agent="writer", purpose="summary")
    assert not pool.exhausted
    pool.reserve(100, 0, agent="writer")


async def test_waiting_for_room() -> None:
    """A call that only calls under way are in the way of waits until one gives back enough."""
    pool = SpendPool(max_tokens=100)
    first, second = pool.reserve(60, 0, agent="a"), pool.reserve(40, 0, agent="b")
    waiting = asyncio.create_task(pool.acquire(70, 0, agent="c"))
    await asyncio.sleep(0.01)
    second.release()
    await asyncio.sleep(0.01)
    assert not waiting.done()
    first.settle(10, 0)
    reservation = await asyncio.wait_for(waiting, 5)
    assert (reservation.amount.tokens, pool.remaining.tokens) == (70, 20)


async def test_waiting_ends_when_there_is_no_hope() -> None:
    """Who waits is refused as soon as what was spent leaves too little, whatever is still given back."""
    pool = SpendPool(max_tokens=100)
    under_way = pool.reserve(90, 0, agent="a")
    waiting = asyncio.create_task(pool.acquire(70, 0, agent="b"))
    await asyncio.sleep(0.01)
    under_way.settle(90, 0)
    with pytest.raises(SpendLimitError, match="raise the limit, or end runs in time with SpendTermination"):
        await asyncio.wait_for(waiting, 5)


async def test_waiting_can_be_cancelled() -> None:
    """A cancelled waiter holds nothing and hinders nobody."""
    pool = SpendPool(max_tokens=100)
    under_way = pool.reserve(90, 0, agent="a")
    waiting = asyncio.create_task(pool.acquire(70, 0, agent="b"))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    under_way.release()
    assert astuple(pool.reserved) == (0, 0, 0)


def test_a_waiter_of_a_closed_loop_hinders_nobody() -> None:
    """An event loop that was closed while one of its tasks waited does not make a settlement fail."""
    pool = SpendPool(max_tokens=100)
    under_way = pool.reserve(90, 0, agent="a")

    async def give_up() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(pool.acquire(70, 0, agent="b"), 0.01)

    asyncio.run(give_up())
    under_way.settle(20, 0)
    assert pool.spent.tokens == 20


async def test_a_release_in_another_thread_wakes_a_waiter() -> None:
    """Agents may run in several threads: room made in one is seen in the others."""
    pool = SpendPool(max_tokens=100)
    under_way = pool.reserve(90, 0, agent="a")
    waiting = asyncio.create_task(pool.acquire(70, 0, agent="b"))
    await asyncio.sleep(0.01)
    await asyncio.to_thread(under_way.release)
    assert (await asyncio.wait_for(waiting, 5)).amount.tokens


async def test_fifty_callers_at_once_never_reserve_a_token_too_much() -> None:
    """Fifty concurrent callers fill a pool to the last token that fits, and not one beyond."""
    pool = SpendPool(max_tokens=1_000)
    peaks: list[int] = []

    async def call(number: int) -> str:
        await asyncio.sleep(0)
        try:
            reservation = pool.reserve(60, 30, agent=f"agent{number}")
        except SpendLimitError as error:
            return "for now" if not error.final else "for good"
        peaks.append(pool.spent.tokens + pool.reserved.tokens)
        await asyncio.sleep(0.001 * (number % 3))
        reservation.settle(60, 30)
        return "made"

    outcomes = await asyncio.gather(*map(call, range(50)))
    assert outcomes.count("made") == 11
    assert max(peaks) == 990
    assert (pool.spent.tokens, pool.reserved.tokens) == (990, 0)


async def test_fifty_waiting_callers_spend_all_that_fits() -> None:
    """Callers that wait are not refused for what others only hold: all are served, and never more is held than fits."""
    pool = SpendPool(max_tokens=1_000)
    peaks: list[int] = []

    async def call(number: int) -> None:
        with await pool.acquire(60, 240, agent=f"agent{number}") as reservation:
            peaks.append(pool.spent.tokens + pool.reserved.tokens)
            await asyncio.sleep(0)
            if number % 5 == 0:
                return  # failed: nothing is charged
            reservation.settle(10, 2)

    await asyncio.wait_for(asyncio.gather(*map(call, range(50))), 20)
    assert max(peaks) <= 1_000
    assert (pool.spent.calls, pool.spent.tokens, pool.reserved.calls) == (40, 480, 0)


def test_threads_never_reserve_a_token_too_much(request: pytest.FixtureRequest) -> None:
    """Threads that reserve and settle at the same time stay within the limit, and their sums are right."""
    request.addfinalizer(partial(sys.setswitchinterval, sys.getswitchinterval()))
    sys.setswitchinterval(1e-6)  # seconds: threads take turns in the middle of everything
    pool = SpendPool(max_tokens=8_000)
    child = pool.child("share", max_tokens=5_000)
    made: list[int] = []

    def work(number: int) -> None:
        for _ in range(200):
            try:
                reservation = (child if number % 2 else pool).reserve(7, 3, agent=f"thread{number}")
            except SpendLimitError:
                continue
            report = pool.report()
            assert report.spent.tokens + report.reserved.tokens <= 8_000
            reservation.settle(7, 3)
            made.append(10)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pool.spent.tokens == sum(made) == 8_000
    assert astuple(pool.reserved) == (0, 0, 0)
