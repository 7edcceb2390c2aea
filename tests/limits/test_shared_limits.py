"""Bounds, rates and back-off that processes share, on a real Redis: they hold together, first come, first served."""

import asyncio
import gc
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable
from uuid import uuid4

import pytest
from autogen_core import CancellationToken
from autogen_ext.models.replay import ReplayChatCompletionClient
from redis.crc import key_slot

import limits_worker
from autogen_budget import (
    BudgetedChatCompletionClient,
    Limits,
    PoolUnavailableError,
    Record,
    RunTimeoutError,
    TokenBudget,
    WaitRecord,
)
from autogen_budget._limits import Run, Sender, enter_run, shortened
from builders import user
from profiles import examples
from redis_server import PATIENCE, RedisServer


class Caller:
    """One process' limits, and what is reported to it.

    Args:
        server (RedisServer): Where the limits are shared.
        name (str): Under which name.
        settings (object): Settings of `Limits`.
    """

    def __init__(self, server: RedisServer, name: str, **settings: object) -> None:
        self.reported: list[Record] = []
        self.sent: list[int] = []
        limits = Limits(**{"url": server.url, "name": name, **settings})  # type: ignore[arg-type]  # keywords
        self._sender = Sender(
            "agent",
            limits,
            ReplayChatCompletionClient([]),
            read_trouble=lambda _: None,
            report=self.reported.append,
        )

    async def call(
        self,
        number: int = 0,
        tokens: int = 1,
        *,
        until: asyncio.Event | None = None,
        replied: int = 0,
        token: CancellationToken | None = None,
    ) -> None:
        """Make a call that is answered at once, or once something has happened."""

        async def ask() -> AsyncGenerator[str, None]:
            self.sent.append(number)
            if until is not None:
                await until.wait()
            yield "aye"

        async for _ in self._sender.send(
            ask, tokens=tokens, streamed=False, token=token, reply_tokens=lambda _: replied
        ):
            pass

    @property
    def waits(self) -> list[str]:
        """What calls waited for."""
        return [record.reason for record in self.reported if isinstance(record, WaitRecord)]


class Gate:
    """What the server holds of shared limits.

    Args:
        server (RedisServer): The server.
        name (str): The name of the limits.
    """

    def __init__(self, server: RedisServer, name: str) -> None:
        self._server = server
        self._prefix = f"autogen_budget:{{{name}}}:gate:"

    def held(self) -> tuple[int, int]:
        """Calls and tokens under way."""
        calls, tokens = self._server.command("HMGET", f"{self._prefix}held", "calls", "tokens")
        return int(calls or 0), int(tokens or 0)

    def waiting(self) -> int:
        """How many calls wait."""
        return int(self._server.command("ZCARD", f"{self._prefix}queue"))

    def all_keys(self) -> list[str]:
        """All keys that are there."""
        return list(self._server.command("KEYS", f"{self._prefix}*"))

    def age(self, seconds: int) -> None:
        """Let all that was sent have been sent so much earlier."""
        key = f"{self._prefix}minute"
        for field in list[str](self._server.command("HKEYS", key)):
            sent = self._server.command("HGET", key, field)
            self._server.command("HDEL", key, field)
            self._server.command("HINCRBY", key, f"{int(field[:-1]) - seconds}{field[-1]}", sent)

    def end_leases(self) -> None:
        """Let all leases end."""
        key = f"{self._prefix}leases"
        for call in self._server.command("ZRANGE", key, 0, -1):
            self._server.command("ZADD", key, 1, call)


async def until(done: Callable[[], bool]) -> None:
    """Wait for what comes by itself; a machine that is busy may take long."""
    ends = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < ends, "it never came"
        await asyncio.sleep(0.01)


@pytest.fixture
def name() -> str:
    """Limits that nobody else has."""
    return f"limits-{uuid4().hex}"


@pytest.fixture
def gate(redis_server: RedisServer, name: str) -> Gate:
    """What the server holds of them."""
    return Gate(redis_server, name)


def worker(url: str, name: str, mode: str) -> "subprocess.Popen[str]":
    """Another process, or many."""
    return subprocess.Popen(
        [sys.executable, limits_worker.__file__, url, name, mode],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )


async def test_processes_stay_within_their_bounds_together(redis_server: RedisServer, name: str, gate: Gate) -> None:
    """Whatever comes at once, and whoever gives up: never more calls or tokens than may be, and not one by one."""
    processes = 16 if examples(1) >= 100 else 4
    calls, tokens = map(int, worker(redis_server.url, name, str(processes)).communicate()[0].split())
    assert 2 <= calls <= limits_worker.CALLS
    assert tokens <= limits_worker.TOKENS
    assert (gate.held(), gate.waiting()) == ((0, 0), 0)


async def test_first_come_first_served(redis_server: RedisServer, name: str, gate: Gate) -> None:
    """A large call is not overtaken by small ones of another process, though they would fit."""
    callers = [Caller(redis_server, name, max_tokens_in_flight=100) for _ in range(4)]
    order: list[int] = []
    go = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []
    for number, (caller, tokens) in enumerate(zip(callers, (60, 90, 20, 20), strict=True)):
        caller.sent = order
        tasks.append(asyncio.create_task(caller.call(number, tokens, until=go)))
        await until(lambda: bool(order) and gate.waiting() == len(tasks) - 1)
    assert (order, gate.held()) == ([0], (1, 60))
    go.set()
    await asyncio.gather(*tasks)
    assert (order[:2], sorted(order)) == ([0, 1], [0, 1, 2, 3])
    assert [caller.waits for caller in callers] == [[], *[["concurrency"]] * 3]
    await until(lambda: gate.held() == (0, 0))


async def test_a_call_larger_than_the_bound_goes_alone(redis_server: RedisServer, name: str) -> None:
    """It waits until nothing else is under way, and then goes."""
    here, there = (Caller(redis_server, name, max_tokens_in_flight=100, max_tokens_per_minute=100) for _ in range(2))
    await here.call(tokens=500)
    assert here.sent == [0]
    waiting = asyncio.create_task(there.call(tokens=500))
    await until(lambda: Gate(redis_server, name).waiting() == 1)
    Gate(redis_server, name).age(70)
    await waiting
    assert there.waits == ["rate"]


@pytest.mark.parametrize(
    "rate", [{"max_requests_per_minute": 3}, {"max_tokens_per_minute": 300}], ids=["requests", "tokens"]
)
async def test_no_minute_holds_more_than_its_rate(
    redis_server: RedisServer, name: str, gate: Gate, rate: dict[str, int]
) -> None:
    """What processes send together counts until a minute has gone by, and not a second less."""
    callers = [Caller(redis_server, name, **rate) for _ in range(3)]
    for caller in callers:
        await caller.call(tokens=100)
    waiting = asyncio.create_task(callers[0].call(tokens=100))
    await until(lambda: gate.waiting() == 1)
    gate.age(58)
    done, _ = await asyncio.wait([waiting], timeout=1.2)
    assert not done, "59 seconds are no minute"
    gate.age(10)
    await waiting
    assert callers[0].waits == ["rate"]
    key = next(key for key in gate.all_keys() if key.endswith(":minute"))
    assert redis_server.command("HLEN", key) <= 4, "however much is sent, a second has two figures"


async def test_replies_count_for_the_minute(redis_server: RedisServer, name: str, gate: Gate) -> None:
    """Tokens of answers are tokens: the next call waits for them."""
    here, there = (Caller(redis_server, name, max_tokens_per_minute=300) for _ in range(2))
    await here.call(tokens=100, replied=150)
    minute = f"autogen_budget:{{{name}}}:gate:minute"
    await until(lambda: sum(map(int, redis_server.command("HVALS", minute))) == 1 + 100 + 150)
    waiting = asyncio.create_task(there.call(tokens=100))
    await until(lambda: gate.waiting() == 1)
    gate.age(70)
    await waiting
    assert there.waits == ["rate"]


async def test_wrappers_within_each_other_take_one_place(redis_server: RedisServer, name: str, gate: Gate) -> None:
    """With the same limits on both, a call does not wait for itself."""
    limits = Limits(url=redis_server.url, name=name, max_concurrent_calls=1)
    inner = BudgetedChatCompletionClient(ReplayChatCompletionClient(["aye"]), TokenBudget(500), limits=limits)
    client = BudgetedChatCompletionClient(inner, TokenBudget(500), limits=limits)
    assert (await client.create([user("Is the tide out?")])).content == "aye"
    await until(lambda: (gate.held(), gate.waiting()) == ((0, 0), 0))


@pytest.mark.parametrize("how", ["task", "token", "deadline"])
async def test_who_gives_up_leaves_nothing_behind(redis_server: RedisServer, name: str, gate: Gate, how: str) -> None:
    """Neither a turn nor a place, whenever it ends: while it asks, while it waits, as it is admitted."""
    here, there = (Caller(redis_server, name, max_concurrent_calls=1) for _ in range(2))
    go = asyncio.Event()
    holding = asyncio.create_task(here.call(until=go))
    await until(lambda: gate.held()[0] == 1)
    for pause in (0, 0.001, 0.002, 0.005, 0.05):
        token = CancellationToken()
        if how == "deadline":
            enter_run(Run("agent", shortened(pause or 0.0001)))
        waiting = asyncio.create_task(there.call(token=token))
        enter_run(None)
        await asyncio.sleep(pause)
        if how != "deadline":
            (waiting if how == "task" else token).cancel()
        with pytest.raises(RunTimeoutError if how == "deadline" else asyncio.CancelledError):
            await waiting
    go.set()
    await holding
    await until(lambda: (gate.held(), gate.waiting()) == ((0, 0), 0))
    assert there.sent == []


@pytest.mark.parametrize("mode", ["hold", "wait"])
async def test_a_killed_process_holds_nobody_up(redis_server: RedisServer, name: str, gate: Gate, mode: str) -> None:
    """Its place or its turn is free when its lease ends, and who waits behind it goes on."""
    here = Caller(redis_server, name, max_concurrent_calls=1)
    go = asyncio.Event()
    holding = asyncio.create_task(here.call(until=go)) if mode == "wait" else None
    if holding is not None:
        await until(lambda: gate.held()[0] == 1)
    process = worker(redis_server.url, name, mode)
    assert process.stdout is not None
    assert await asyncio.to_thread(process.stdout.readline) == f"{mode}s\n"
    if mode == "wait":
        await until(lambda: gate.waiting() == 1)
    process.kill()
    await asyncio.to_thread(process.communicate)
    go.set()
    if holding is not None:
        await holding
    gate.end_leases()
    await here.call(7)
    assert here.sent[-1] == 7
    await until(lambda: (gate.held(), gate.waiting()) == ((0, 0), 0))


async def test_a_long_call_keeps_its_place_even_on_a_server_that_lost_it(own_server: RedisServer, name: str) -> None:
    """Its lease is renewed while it runs; a server that was started again without its data is told of it."""
    here = Caller(own_server, name, max_concurrent_calls=1, lease_seconds=0.6)
    gate, go = Gate(own_server, name), asyncio.Event()
    holding = asyncio.create_task(here.call(tokens=40, until=go))
    await until(lambda: gate.held() == (1, 40))
    own_server.command("FLUSHALL")
    await until(lambda: gate.held() == (1, 40))
    own_server.stop()
    await asyncio.sleep(0.3)
    own_server.start()
    await until(lambda: gate.held() == (1, 40))
    go.set()
    await holding
    await until(lambda: gate.held() == (0, 0))


async def test_a_call_that_ends_while_it_is_renewed_keeps_nothing(own_server: RedisServer, name: str) -> None:
    """Its place is given back, whatever comes first."""
    here = Caller(own_server, name, max_concurrent_calls=1, lease_seconds=0.6)
    gate, go = Gate(own_server, name), asyncio.Event()
    holding = asyncio.create_task(here.call(until=go))
    await until(lambda: gate.held()[0] == 1)
    own_server.command("CLIENT", "PAUSE", 1_000, "WRITE")
    await asyncio.sleep(0.5)  # a renewal waits for the server
    go.set()
    await holding
    await until(lambda: gate.held()[0] == 0)
    await asyncio.sleep(0.3)
    assert gate.held() == (0, 0)


async def test_away_means_refused(own_server: RedisServer, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """No call is made while nobody can say whether it may be; one line says so, and it recovers by itself."""
    here = Caller(own_server, name, max_concurrent_calls=1)
    own_server.stop()
    for _ in range(3):
        with pytest.raises(PoolUnavailableError, match=r"shared limits.*It was not made.*when_away"):
            await here.call()
    own_server.start()
    await here.call(1)
    assert here.sent == [1]
    lines = [record.message for record in caplog.records if record.message.startswith("shared limits")]
    assert [line.split(" at ")[0] for line in lines] == [
        f"shared limits {name!r} cannot be reached",
        f"shared limits {name!r} can be reached again",
    ]


async def test_away_may_mean_local(own_server: RedisServer, name: str) -> None:
    """The bounds hold for the process alone; what it began meanwhile counts as soon as the server is back."""
    here = Caller(own_server, name, max_concurrent_calls=1, when_away="local", lease_seconds=0.6)
    own_server.stop()
    go = asyncio.Event()
    first, second = (asyncio.create_task(here.call(number, until=go)) for number in range(2))
    await until(lambda: here.sent == [0])
    own_server.start()
    await until(lambda: Gate(own_server, name).held()[0] == 1)
    assert here.sent == [0]
    go.set()
    await asyncio.gather(first, second)
    await until(lambda: Gate(own_server, name).held()[0] == 0)


async def test_a_client_with_shared_limits(redis_server: RedisServer, name: str, gate: Gate) -> None:
    """The limits of a budgeted client are shared by their URL; all keys of a gate carry one hash tag."""
    limits = Limits(
        url=redis_server.url, name=name, max_concurrent_calls=1, max_tokens_per_minute=10_000, max_requests_per_minute=9
    )
    client = BudgetedChatCompletionClient(ReplayChatCompletionClient(["aye"]), TokenBudget(500), limits=limits)
    assert (await client.create([user("Is the tide out?")])).content == "aye"
    keys = gate.all_keys()
    assert any(key.endswith(":minute") for key in keys)
    assert {key_slot(key.encode()) for key in keys} == {key_slot(name.encode())}
    del client, limits
    gc.collect()


def test_passwords_are_never_shown() -> None:
    """Neither a dump nor a text of the limits holds one; equal settings are equal wherever they come from."""
    limits = Limits(url="redis://me:hush-hush@127.0.0.1:1/0", name="gpu", max_concurrent_calls=1)
    assert "hush" not in f"{limits!r} {limits} {limits.model_dump_json()}"
    assert limits.server_url == "redis://me:hush-hush@127.0.0.1:1/0"
    loaded = Limits.model_validate_json(limits.model_dump_json())
    assert (loaded.url, loaded.server_url) == ("redis://127.0.0.1:1/0",) * 2


def test_shared_limits_need_a_name_and_something_to_share() -> None:
    """Without a name nobody else could share them, and without a bound there is nothing to share."""
    with pytest.raises(ValueError, match="need a name"):
        Limits(url="redis://127.0.0.1", max_concurrent_calls=1)
    with pytest.raises(ValueError, match="nothing to share"):
        Limits(url="redis://127.0.0.1", name="gpu")
