"""Limits: times that hold for whole runs, and the gate that calls wait at."""

import asyncio
import gc
import math
import random
import threading

import pytest
from autogen_core import CancellationToken
from autogen_ext.models.replay import ReplayChatCompletionClient
from hypothesis import given, settings
from hypothesis import strategies as st

import simulated_time
from autogen_budget import Limits
from autogen_budget._limits import (
    Gate,
    Run,
    TimeLimitReached,
    current_run,
    enter_run,
    gate_of,
    gate_of_client,
    new_ticket,
    run_limits,
    shortened,
    unix_time,
)
from profiles import examples


async def pass_through(gate: Gate, tokens: int, seconds: float, log: list[int], number: int = 0) -> float:
    """Hold a place for a while; when it was given."""
    async with gate.admit(tokens, new_ticket()):
        begun = asyncio.get_running_loop().time()
        log.append(number)
        await asyncio.sleep(seconds)
        gate.succeeded()
    return begun


@settings(max_examples=examples(2))
@given(
    st.integers(1, 4),
    st.integers(10, 100),
    st.lists(st.tuples(st.integers(0, 150), st.integers(1, 9), st.booleans()), min_size=1, max_size=20),
)
def test_bounds_hold_order_stays_and_nothing_starves(
    calls: int, tokens: int, wanted: list[tuple[int, int, bool]]
) -> None:
    """Never more than the bounds are under way, places are given in order, whoever is cancelled is out of the way."""

    async def main() -> None:
        gate = Gate(calls=calls, tokens=tokens)
        under_way: list[int] = []
        order: list[int] = []

        async def caller(number: int, size: int, seconds: int) -> None:
            async with gate.admit(size, new_ticket()):
                under_way.append(size)
                order.append(number)
                assert len(under_way) <= calls
                assert sum(under_way) <= tokens or len(under_way) == 1
                try:
                    await asyncio.sleep(seconds)
                finally:
                    under_way.remove(size)

        tasks = [asyncio.create_task(caller(number, size, seconds)) for number, (size, seconds, _) in enumerate(wanted)]
        await asyncio.sleep(1.5)
        for task, (_, _, given_up) in zip(tasks, wanted, strict=True):
            if given_up:
                task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(error is None or isinstance(error, asyncio.CancelledError) for error in ended)
        assert order == sorted(order)
        assert {number for number, (_, _, given_up) in enumerate(wanted) if not given_up} <= set(order)
        assert (gate.under_way, gate.waiting) == (0, 0)

    simulated_time.run(main())


def test_a_large_request_is_not_overtaken() -> None:
    """Small ones that come later wait behind it, though they would fit."""

    async def main() -> list[int]:
        gate, log = Gate(tokens=100), list[int]()
        await asyncio.gather(
            *(pass_through(gate, size, 5, log, number) for number, size in enumerate((60, 90, 10, 10)))
        )
        return log

    assert simulated_time.run(main()) == [0, 1, 2, 3]


def test_one_that_is_tried_again_keeps_its_turn() -> None:
    """Its ticket is older than those of who came meanwhile."""

    async def main() -> list[str]:
        gate, log = Gate(calls=1), list[str]()

        async def caller(name: str, ticket: int) -> None:
            async with gate.admit(1, ticket):
                log.append(name)
                await asyncio.sleep(1)

        tickets = [new_ticket() for _ in range(3)]
        await asyncio.gather(caller("busy", tickets[1]), caller("new", tickets[2]), caller("again", tickets[0]))
        return log

    assert simulated_time.run(main()) == ["busy", "again", "new"]


@settings(max_examples=examples(1))
@given(st.integers(1, 5), st.integers(0, 1_000_000))
def test_no_minute_holds_more_than_its_rate(rate: int, seed: int) -> None:
    """However calls come and whatever they take on their way: no 60 seconds at the server's side hold more."""
    rng = random.Random(seed)

    async def main() -> list[float]:
        gate = Gate(requests_per_minute=rate)
        arrivals: list[float] = []

        async def caller() -> None:
            await asyncio.sleep(rng.uniform(0, 30))
            async with gate.admit(1, new_ticket()):
                await asyncio.sleep(rng.uniform(0, 0.9))
                arrivals.append(asyncio.get_running_loop().time())

        await asyncio.gather(*(caller() for _ in range(4 * rate)))
        return sorted(arrivals)

    arrivals = simulated_time.run(main())
    assert all(later - earlier >= 60 for earlier, later in zip(arrivals, arrivals[rate:], strict=False))


def test_tokens_of_a_minute_count_replies_as_well() -> None:
    """What an answer held is spent, too; a prompt that is more than a minute's tokens goes alone."""

    async def main() -> list[float]:
        gate, log = Gate(tokens_per_minute=100), list[int]()
        times = [await pass_through(gate, 40, 0, log)]
        gate.spend(50)
        times.append(await pass_through(gate, 40, 0, log))
        times.append(await pass_through(gate, 500, 0, log))
        return times

    assert simulated_time.run(main()) == [0, 61, 122]


def test_a_back_off_holds_for_all() -> None:
    """Whoever comes waits until the server wants to be asked again; the longest wish counts."""

    async def main() -> list[float]:
        gate, log = Gate(), list[int]()
        gate.hold(30)
        gate.hold(10)
        return await asyncio.gather(*(pass_through(gate, 1, 1, log) for _ in range(3)))

    assert simulated_time.run(main()) == [30, 30, 30]


def test_a_bound_that_nobody_set_is_learned_and_recovers() -> None:
    """The first overload makes a bound of what was under way; successes let it grow while it is used."""

    async def main() -> None:
        gate, log = Gate(), list[int]()
        async with gate.admit(10, new_ticket()) as first:
            assert not gate.overloaded(first)
            assert gate.max_calls == math.inf
            async with gate.admit(10, new_ticket()) as second:
                assert gate.overloaded(first)
                assert gate.max_calls == pytest.approx(1.8)
                assert gate.overloaded(second)  # sent before the bound shrank: it tells of the same overload
                assert gate.max_calls == pytest.approx(1.62)
        bound = gate.max_calls
        await asyncio.gather(*(pass_through(gate, 10, 1, log) for _ in range(4)))
        assert gate.max_calls > bound
        assert gate.max_tokens > 18

    simulated_time.run(main())


def test_failures_of_one_overload_halve_a_bound_at_most() -> None:
    """However many fail together; and what was set is not exceeded by growing."""

    async def main() -> None:
        gate, log = Gate(calls=64), list[int]()

        async def fails() -> None:
            async with gate.admit(1, new_ticket()) as permit:
                await asyncio.sleep(1)
                gate.overloaded(permit)

        await asyncio.gather(*(fails() for _ in range(64)))
        assert gate.max_calls == 32
        for _ in range(100):
            await asyncio.gather(*(pass_through(gate, 1, 1, log) for _ in range(40)))
        assert gate.max_calls == 64

    simulated_time.run(main())


def test_waiting_ends_with_the_token_and_with_the_run() -> None:
    """A place is not waited for any longer than the run may take, and not after a cancellation."""

    async def main() -> None:
        gate, log = Gate(calls=1), list[int]()
        busy = asyncio.create_task(pass_through(gate, 1, 100, log))
        await asyncio.sleep(0)
        token = CancellationToken()
        asyncio.get_running_loop().call_later(5, token.cancel)
        with pytest.raises(asyncio.CancelledError):
            async with gate.admit(1, new_ticket(), token=token):
                log.append(1)
        enter_run(Run("agent", shortened(3)))
        with pytest.raises(TimeLimitReached):
            async with gate.admit(1, new_ticket()):
                log.append(2)
        enter_run(None)
        await busy
        assert log == [0]
        assert gate.waiting == 0

    simulated_time.run(main())


def test_a_place_that_is_given_to_who_gives_up_goes_to_the_next() -> None:
    """Cancelled in the very moment in which its turn has come."""

    async def main() -> list[int]:
        gate, log = Gate(calls=1), list[int]()
        first = asyncio.create_task(pass_through(gate, 1, 5, log, 0))
        await asyncio.sleep(0)
        second = asyncio.create_task(pass_through(gate, 1, 5, log, 1))
        third = asyncio.create_task(pass_through(gate, 1, 5, log, 2))
        await asyncio.sleep(0)
        first.add_done_callback(lambda _: second.cancel())
        await asyncio.wait({first, second, third})
        assert second.cancelled()
        assert gate.under_way == 0
        return log

    assert simulated_time.run(main()) == [0, 2]


def test_threads_share_a_gate() -> None:
    """Event loops in several threads take turns."""
    gate = Gate(calls=1)
    under_way: list[int] = []
    most: list[int] = []

    async def caller() -> None:
        for _ in range(20):
            async with gate.admit(1, new_ticket()):
                under_way.append(1)
                most.append(len(under_way))
                await asyncio.sleep(0.0005)
                under_way.pop()

    threads = [threading.Thread(target=lambda: asyncio.run(caller())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 80
    assert max(most) == 1


def test_the_object_of_limits_is_what_is_shared() -> None:
    """Equal limits have gates of their own, which go with them; agents of a client share that of the client."""
    first, second = Limits(max_concurrent_calls=2), Limits(max_concurrent_calls=2)
    assert first == second
    gate = gate_of(first)
    assert gate_of(first) is gate
    assert gate_of(second) is not gate
    assert gate.max_calls == 2
    client = ReplayChatCompletionClient([])
    assert gate_of_client(client) is gate_of_client(client)
    del first
    gc.collect()
    assert gate_of(Limits()) is not gate


def test_the_defaults_end_hangs_and_no_work() -> None:
    """Ten minutes for an answer, two between chunks, five for a tool; nothing is bounded that nobody bounds."""
    limits = Limits()
    assert limits.model_dump(exclude_none=True) == {
        "model_timeout": 600,
        "idle_timeout": 120,
        "tool_timeout": 300,
        "tool_timeouts": {},
        "max_repeats": 5,
        "retries": 2,
        "lease_seconds": 60.0,
        "when_away": "refuse",
    }


def test_tools_have_times_of_their_own() -> None:
    """By name; None means no limit."""
    limits = Limits(tool_timeout=10, tool_timeouts={"build": 900, "wait_for_user": None})
    assert (limits.for_tool("build"), limits.for_tool("wait_for_user"), limits.for_tool("ls")) == (900, None, 10)


@pytest.mark.parametrize(
    "settings",
    [
        {"model_timeout": 0},
        {"tool_timeout": -1},
        {"run_timeout": float("inf")},
        {"max_concurrent_calls": 0},
        {"max_repeats": 1},
        {"retries": -1},
        {"tool_timeouts": {"build": 0}},
        {"url": "http://127.0.0.1", "name": "gpu", "max_concurrent_calls": 1},
        {"lease_seconds": 0},
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, object]) -> None:
    """By name, when it is set."""
    with pytest.raises(ValueError, match=next(iter(settings))):
        Limits.model_validate(settings)


def test_limits_are_values() -> None:
    """Equal ones are equal, hash alike, cannot be changed, and survive JSON."""
    limits = Limits(tool_timeouts={"build": 900}, retries=0)
    same = Limits.model_validate_json(limits.model_dump_json())
    assert same == limits
    assert len({same, limits, Limits()}) == 2
    with pytest.raises(ValueError, match="frozen"):
        limits.retries = 3


def test_a_deadline_only_comes_nearer() -> None:
    """A run inside another ends with it at the latest; a saved one comes back."""

    async def main() -> None:
        assert shortened(None) is None
        assert current_run() is None
        enter_run(Run("agent", shortened(10)))
        enter_run(Run("agent", shortened(99)))
        assert [limit.ends for limit in run_limits()] == [10]
        inner = shortened(4)
        assert inner is not None
        saved = unix_time(inner)
        enter_run(None)
        again = shortened(None, until=saved)
        assert again is not None
        assert again.seconds == pytest.approx(4, abs=1)

    simulated_time.run(main())
