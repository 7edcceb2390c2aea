"""Pools that processes share, on a real Redis: the sum holds whatever happens to a process, the server, or the line."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from redis.crc import key_slot

import spend_worker
from autogen_budget import PoolUnavailableError, Price, SpendLimitError, SpendPool
from lossy_line import LossyLine
from profiles import examples
from redis_server import PATIENCE, RedisServer


@pytest.fixture
def name() -> str:
    """A pool that nobody else has."""
    return f"pool-{uuid4().hex}"


def worker(url: str, name: str, limit: int, mode: str, *more: str) -> "subprocess.Popen[str]":
    """Another process that opens the pool."""
    return subprocess.Popen(
        [sys.executable, spend_worker.__file__, url, name, str(limit), mode, *more],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )


def wait_until(done: Callable[[], bool]) -> None:
    """Wait for what comes by itself; a machine that is busy may take long."""
    until = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


def end_lease(server: RedisServer, leases: str) -> None:
    """Let the first lease end long ago."""
    server.command("ZADD", leases, 1, server.command("ZRANGE", leases, 0, 0)[0])


_opened: list[SpendPool] = []


@pytest.fixture(autouse=True)
def _close_pools() -> Iterator[None]:
    """No test leaves a connection, or a lease that somebody renews."""
    yield
    while _opened:
        _opened.pop().close()


def shared(url: str, name: str, **settings: object) -> SpendPool:
    """The pool, as one more process opens it."""
    pool = SpendPool(**{"max_tokens": 1_000, "name": name, "url": url, **settings})  # type: ignore[arg-type]  # keywords
    _opened.append(pool)
    return pool


def test_sixteen_processes_never_exceed_the_limit(redis_server: RedisServer, name: str) -> None:
    """Whatever the interleaving: not one token over, at least 95 % used, and the books agree with the spenders."""
    limit = 50_000 if examples(1) >= 100 else 8_000  # tokens
    spent = [int(tokens) for tokens in worker(redis_server.url, name, limit, "16").communicate()[0].split()]
    settled = sum(spent)
    assert len(spent) == 16
    report = shared(redis_server.url, name, max_tokens=limit).report()
    assert settled == report.spent.tokens <= limit
    assert settled >= 0.95 * limit
    assert report.reserved.tokens == 0
    assert report.exhausted


async def test_a_call_takes_two_round_trips(own_server: RedisServer, name: str) -> None:
    """One to reserve and one to settle, however many callers there are at once."""
    pool = shared(own_server.url, name, max_tokens=100_000)

    async def call() -> None:
        await (await pool.acquire(10, 0, agent="a")).asettle(10, 0)

    await call()
    own_server.command("CONFIG", "RESETSTAT")
    await asyncio.gather(*(call() for _ in range(100)))
    assert own_server.command("INFO", "commandstats")["cmdstat_evalsha"]["calls"] == 200
    own_server.command("CONFIG", "RESETSTAT")
    with pytest.raises(SpendLimitError):
        pool.reserve(1_000_000, 0, agent="a")
    stats = own_server.command("INFO", "commandstats")
    assert stats["cmdstat_hgetall"]["calls"] == 1, "a refusal reads the figures of pools, and not those of all agents"


def test_what_a_killed_process_held_is_charged_when_its_lease_ends(redis_server: RedisServer, name: str) -> None:
    """A call under way when its process is killed was most likely made: it is spent, as an estimate."""
    process = worker(redis_server.url, name, 1_000, "hold", "1")
    assert process.stdout is not None
    assert process.stdout.readline() == "holds\n"
    pool = shared(redis_server.url, name)
    assert (pool.reserved.tokens, pool.spent.tokens) == (100, 0)
    process.kill()
    process.communicate()
    wait_until(lambda: pool.reserved.tokens == 0)
    spent = pool.spent
    assert (spent.calls, spent.prompt_tokens, spent.estimated_tokens, spent.unpriced_tokens) == (1, 100, 100, 0)


def test_a_process_that_settles_after_its_lease_is_charged_what_it_used(redis_server: RedisServer, name: str) -> None:
    """A machine that slept comes back: the charge is replaced by the truth, and counts once."""
    pool = shared(redis_server.url, name)
    reservation = pool.reserve(100, 0, agent="sleeper")
    leases = f"autogen_budget:{{{name}}}:leases"
    end_lease(redis_server, leases)  # its lease ended long ago
    assert pool.spent.tokens == 100
    reservation.settle(40, 0)
    assert (pool.spent.tokens, pool.spent.calls, pool.reserved.tokens) == (40, 1, 0)
    late = pool.reserve(100, 0, agent="sleeper")
    end_lease(redis_server, leases)
    assert pool.spent.tokens == 140
    late.release()
    assert pool.spent.tokens == 40


@pytest.mark.parametrize("settles", [True, False])
def test_an_answer_that_was_lost_counts_once(redis_server: RedisServer, name: str, settles: bool) -> None:
    """What the server did, and the caller was not told, is said to it again: it counts once, at every step."""
    with LossyLine(redis_server.port) as line:
        pool = shared(f"redis://127.0.0.1:{line.port}/0", name)
        pool.reserve(5, 0, agent="writer").release()
        line.lose_answers(1)
        reservation = pool.reserve(100, 0, agent="writer")
        assert pool.reserved.tokens == 100
        line.lose_answers(2)  # more than a step is taken again by itself
        if settles:
            reservation.settle(70, 5)
            with pytest.raises(RuntimeError, match="settled or released already"):
                reservation.settle(70, 5)
        else:
            reservation.release()
            reservation.release()
        assert (pool.spent.tokens, pool.spent.calls, pool.reserved.tokens) == ((75, 1, 0) if settles else (0, 0, 0))
        assert line.lost == 3


def test_a_restart_with_its_data_goes_on(own_server: RedisServer, name: str) -> None:
    """Reservations and sums that the server wrote to disk are there again."""
    pool = shared(own_server.url, name)
    pool.reserve(300, 0, agent="a").settle(250, 0)
    under_way = pool.reserve(100, 0, agent="a")
    own_server.command("SAVE")
    own_server.stop()
    own_server.start()
    assert (pool.spent.tokens, pool.reserved.tokens) == (250, 100)
    under_way.settle(90, 0)
    assert (pool.spent.tokens, pool.reserved.tokens) == (340, 0)


def test_a_restart_without_its_data_books_what_comes(own_server: RedisServer, name: str) -> None:
    """A server that has lost all of it counts from zero, and what is settled then counts once."""
    pool = shared(own_server.url, name)
    under_way = pool.reserve(100, 0, agent="a")
    own_server.stop()
    own_server.start()
    under_way.settle(90, 0)
    assert (pool.spent.tokens, pool.reserved.tokens) == (90, 0)


def test_away_means_refused(own_server: RedisServer, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """While the server is away no call is made, in one line of the log, and it recovers by itself."""
    pool = shared(own_server.url, name)
    under_way = pool.reserve(100, 0, agent="a")
    own_server.stop()
    for _ in range(3):
        with pytest.raises(PoolUnavailableError, match=r'It was not made.*when_away="local"'):
            pool.reserve(10, 0, agent="a")
    with pytest.raises(PoolUnavailableError):
        pool.report()
    under_way.settle(80, 0)  # cannot fail the call
    own_server.start()
    assert pool.reserve(10, 0, agent="a").amount.tokens == 10
    assert pool.spent.tokens == 80
    lines = [record.message for record in caplog.records if record.message.startswith("shared pool")]
    assert [line.split(" at ")[0].rstrip() for line in lines] == [
        f"shared pool {name!r} cannot be reached",
        f"shared pool {name!r} can be reached again",
    ]


@pytest.mark.parametrize("closed", [True, False])
def test_what_was_settled_meanwhile_is_sent_without_another_call(
    own_server: RedisServer, name: str, closed: bool
) -> None:
    """A process that makes no further call still sends what it settled while the server was away."""
    pool = shared(own_server.url, name, lease_seconds=300 if closed else 0.3)
    under_way = pool.reserve(100, 0, agent="a")
    own_server.stop()
    under_way.settle(80, 0)
    time.sleep(0 if closed else 0.25)  # longer than until it is sent again for the first time
    own_server.start()
    if closed:
        pool.close()
        assert shared(own_server.url, name).spent.tokens == 80
    else:
        other = shared(own_server.url, name)
        wait_until(lambda: other.spent.tokens == 80)


def test_away_may_mean_local(own_server: RedisServer, name: str) -> None:
    """The limits hold for what this process itself spent; what it spent meanwhile is settled with the server later."""
    pool = shared(own_server.url, name, when_away="local")
    pool.reserve(600, 0, agent="a").settle(600, 0)
    own_server.command("SAVE")
    own_server.stop()
    first = pool.reserve(300, 0, agent="a")
    with pytest.raises(SpendLimitError, match="no room"):
        pool.reserve(300, 0, agent="a")
    first.settle(250, 0)
    pool.reserve(100, 0, agent="a").release()
    assert pool.spent.tokens == 850
    own_server.start()
    assert (pool.spent.tokens, pool.reserved.tokens, pool.spent.calls) == (850, 0, 2)


async def test_a_connection_that_hangs_holds_nobody_up(name: str) -> None:
    """A server that takes a question and never answers counts as away, and the event loop goes on meanwhile.

    Whoever calls next is not made to wait for it as well.
    """
    with socket.create_server(("127.0.0.1", 0)) as silent:
        pool = shared(f"redis://127.0.0.1:{silent.getsockname()[1]}/0?socket_timeout=0.3", name)
        beats = 0

        async def heart() -> None:
            nonlocal beats
            while True:
                await asyncio.sleep(0.01)
                beats += 1

        beating = asyncio.create_task(heart())
        with pytest.raises(PoolUnavailableError):
            await pool.acquire(10, 0, agent="a")
        assert beats > 5
        beating.cancel()
        silent.setblocking(False)
        silent.accept()[0].close()
        for _ in range(5):
            with pytest.raises(PoolUnavailableError):
                pool.reserve(10, 0, agent="a")
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_a_full_server_counts_as_away(own_server: RedisServer, name: str) -> None:
    """A server without memory left refuses what would be written; settlements wait until it can take them."""
    pool = shared(own_server.url, name)
    held = pool.reserve(100, 0, agent="a")
    own_server.command("CONFIG", "SET", "maxmemory", 1)
    with pytest.raises(PoolUnavailableError):
        pool.reserve(10, 0, agent="a")
    held.settle(60, 0)
    own_server.command("CONFIG", "SET", "maxmemory", 0)
    assert (pool.spent.tokens, pool.reserved.tokens) == (60, 0)


def test_the_servers_clock_decides(redis_server: RedisServer, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose clock is a minute ahead neither ends the leases of others nor keeps its own for longer."""
    here = shared(redis_server.url, name)
    held = here.reserve(100, 0, agent="a")
    monkeypatch.setattr(time, "time", lambda: 60 + time.monotonic())
    there = shared(redis_server.url, name)
    ahead = there.reserve(200, 0, agent="b")
    assert here.reserved.tokens == there.reserved.tokens == 300
    key = f"autogen_budget:{{{name}}}:leases"
    leases = [redis_server.command("ZSCORE", key, lease) for lease in redis_server.command("ZRANGE", key, 0, -1)]
    seconds, microseconds = redis_server.command("TIME")
    ends = [float(score) - (int(seconds) * 1e6 + int(microseconds)) for score in leases]
    assert len(ends) == 2
    assert all(0 < end <= 60e6 for end in ends)
    held.release()
    ahead.release()


async def test_waiting_for_another_process(redis_server: RedisServer, name: str) -> None:
    """A call that only other processes' calls are in the way of waits for them; cancelled, it leaves nothing behind."""
    here, there = shared(redis_server.url, name), shared(redis_server.url, name)
    held = await there.acquire(900, 0, agent="b")
    waiting = asyncio.create_task(here.acquire(500, 0, agent="a"))
    done, _ = await asyncio.wait([waiting], timeout=0.1)
    assert not done
    await held.asettle(100, 0)
    reservation = await waiting
    await reservation.arelease()
    blocking = await there.acquire(900, 0, agent="b")
    for pause in (0, 0.001, 0.002, 0.005):
        late = asyncio.create_task(here.acquire(900 if pause else 1, 0, agent="a"))
        await asyncio.sleep(pause)
        late.cancel()
        await asyncio.wait([late])
    await blocking.arelease()
    await asyncio.to_thread(wait_until, lambda: here.reserved.tokens == 0)


def test_the_mistakes_that_others_made(redis_server: RedisServer, name: str) -> None:
    """Adding after checking, lost increments, sums that are set anew, stale reads, and seeds that count twice."""
    pools = [shared(redis_server.url, name, max_tokens=30) for _ in range(3)]
    granted = 0
    for pool in pools * 4:
        try:
            pool.reserve(9, 0, agent="a").settle(9, 0)
            granted += 9
        except SpendLimitError:
            assert pool.exhausted
    assert granted == 27, "99 spent on a budget of 30 is what check-then-add brings"
    assert {pool.spent.tokens for pool in pools} == {27}, "no process reads a sum of its own"
    assert shared(redis_server.url, name, max_tokens=30).spent.tokens == 27, "opening a pool changes nothing"
    pools[0].load_state(pools[0].save_state())
    assert pools[1].spent.tokens == 27, "a state that is loaded counts nothing twice"


def test_money_is_exact(redis_server: RedisServer, name: str) -> None:
    """Thousands of small sums add up to the last digit, and the limit in dollars holds."""
    price = Price(input=0.15, output=0.6, cached_input=0.075)
    pool = shared(redis_server.url, name, max_tokens=None, max_cost=0.001, prices={"small": price})
    for _ in range(10):
        pool.reserve(300, 20, agent="a", model="small").settle(301, 19, cached_tokens=7)
    assert pool.spent.cost == 10 * price.cost(301, 19, 7)
    with pytest.raises(SpendLimitError, match=r"Limit: \$0\.001"):
        pool.reserve(10_000, 0, agent="a", model="small")


def test_one_node_of_a_cluster_holds_a_tree(redis_server: RedisServer, name: str) -> None:
    """All keys of a tree carry one hash tag."""
    pool = shared(redis_server.url, name)
    pool.child("one").reserve(1, 1, agent="a").settle(1, 1)
    pool.reserve(1, 1, agent="a")
    keys: list[str] = redis_server.command("KEYS", f"*{name}*")
    assert len(keys) == 5
    assert {key_slot(key.encode()) for key in keys} == {key_slot(name.encode())}


def test_a_cluster_of_two(tmp_path: Path) -> None:
    """Whichever node a URL names, a pool is on the one that has its keys."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on this machine")
    nodes: list[RedisServer] = []
    try:
        for number, slots in enumerate(((0, 8_191), (8_192, 16_383))):
            (tmp_path / str(number)).mkdir()
            nodes.append(RedisServer(tmp_path / str(number), cluster=True))
            nodes[-1].start()
            nodes[-1].command("CLUSTER", "ADDSLOTSRANGE", *slots)
        nodes[0].command("CLUSTER", "MEET", "127.0.0.1", nodes[1].port, nodes[1].bus_port)
        wait_until(
            lambda: all(
                "cluster_state:ok" in node.command("CLUSTER", "INFO")
                and len(node.command("CLUSTER", "SLOTS")) == len(nodes)
                for node in nodes
            )
        )
        for name in ("harbour", "tug", "pilot", "buoy"):
            first, second = (shared(node.url, name) for node in nodes)
            first.reserve(100, 0, agent="a").settle(40, 0)
            assert (first.spent.tokens, second.spent.tokens) == (40, 40)
        assert all(node.command("DBSIZE") for node in nodes), "they are spread over both"
    finally:
        for node in nodes:
            node.stop()


def test_passwords_are_never_shown(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a dump, nor a log line, nor an error holds one; it may come from the environment."""
    server = RedisServer(tmp_path, password="hush-hush")  # noqa: S106
    server.start()
    try:
        with_password = server.url.replace("redis://", "redis://:hush-hush@")
        pool = shared(with_password, name)
        pool.reserve(10, 0, agent="a").settle(10, 0)
        dumped = json.dumps(pool.dump_component().model_dump())
        assert "hush" not in dumped
        monkeypatch.setenv("AUTOGEN_BUDGET_REDIS_PASSWORD", "hush-hush")
        assert SpendPool.load_component(pool.dump_component()).spent.tokens == 10
    finally:
        server.stop()
    with pytest.raises(PoolUnavailableError) as refused:
        pool.reserve(10, 0, agent="a")
    assert "hush" not in str(refused.value)


def test_a_shared_pool_needs_a_name(redis_server: RedisServer) -> None:
    """Without one nobody else could open it; a child is where its root is."""
    with pytest.raises(ValueError, match="needs a name"):
        SpendPool(max_tokens=10, url=redis_server.url)
    with pytest.raises(ValueError, match="url"):
        SpendPool(max_tokens=10, url="http://127.0.0.1", name="x")
    with pytest.raises(ValueError, match="the url is that of the root"):
        SpendPool(max_tokens=10, url=redis_server.url, name="x", parent=SpendPool(name="y"))


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for a shared pool without the extra reads what to install."""
    monkeypatch.setitem(sys.modules, "autogen_budget._shared._redis", None)
    with pytest.raises(ImportError, match=r"autogen-budget\[redis\]"):
        SpendPool(max_tokens=10, url="redis://127.0.0.1:1", name="x")


def test_leases_are_renewed_while_a_call_runs(
    own_server: RedisServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A call may take longer than a lease; a renewal that fails is noted, and fails nothing."""
    pool = shared(own_server.url, name, lease_seconds=3)
    held = pool.reserve(100, 0, agent="a")
    lease = f"autogen_budget:{{{name}}}:leases"

    def ends() -> list[float]:
        return [float(own_server.command("ZSCORE", lease, each)) for each in own_server.command("ZRANGE", lease, 0, -1)]

    first = ends()
    wait_until(lambda: ends() > first)
    own_server.stop()
    wait_until(lambda: "cannot be reached" in caplog.text)
    own_server.start()
    held.settle(60, 0)
    assert (pool.spent.tokens, pool.reserved.tokens) == (60, 0)


@pytest.mark.parametrize("closed", [True, False])
def test_nobody_renews_what_a_closed_or_forgotten_pool_held(redis_server: RedisServer, name: str, closed: bool) -> None:
    """Its lease ends, as that of a process that died."""
    pool = SpendPool(max_tokens=1_000, name=name, url=redis_server.url, lease_seconds=0.3)
    pool.reserve(10, 0, agent="a")
    if closed:
        pool.close()
    else:
        del pool
    other = shared(redis_server.url, name)
    wait_until(lambda: other.reserved.tokens == 0)
    assert other.spent.tokens == 10


def test_a_step_at_the_end_of_the_interpreter_is_taken_all_the_same(redis_server: RedisServer, name: str) -> None:
    """Where no thread takes work any more, a call is settled by the caller itself."""

    class EndingLoop(asyncio.SelectorEventLoop):
        """A loop whose threads take no more work."""

        def run_in_executor(self, executor: object, func: object, *args: object) -> "asyncio.Future[Any]":
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    pool = shared(redis_server.url, name)
    held = pool.reserve(100, 0, agent="a")
    loop = EndingLoop()
    loop.run_until_complete(held.asettle(40, 0))
    loop.close()
    assert (pool.spent.tokens, pool.reserved.tokens) == (40, 0)
