"""The promise of the books: any interleaving of calls over a tree of pools, checked against a plain model of it."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import uuid4

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from autogen_budget import Price, SpendLimitError, SpendPool
from autogen_budget._spend import Amount, Purpose, Reservation, Spent
from profiles import examples
from redis_server import RedisServer

PRICES = {"small": Price(input=0.15, output=0.6, cached_input=0.075), "large": Price(input=2.5, output=10)}

limits = st.tuples(
    st.none() | st.integers(1, 2_000), st.none() | st.sampled_from([0.001, 0.005]), st.none() | st.integers(1, 12)
)
tokens = st.integers(0, 700)
purposes: st.SearchStrategy[Purpose] = st.sampled_from(["reply", "selector", "orchestrator", "summary"])


@dataclass
class Held:
    """What the model knows of a reservation that was granted."""

    reservation: Reservation
    pools: tuple[int, ...]
    amount: Amount


@dataclass
class Expected:
    """What the model expects of one pool."""

    limits: tuple[int | None, float | None, int | None]
    spent: Amount = field(default_factory=Amount)
    beyond: Amount = field(default_factory=Amount)
    """How much more was used than reserved."""
    closed: bool = False

    def fits(self, used: Amount) -> bool:
        """Whether the limits allow it."""
        tokens, cost, calls = self.limits
        return (
            (tokens is None or used.tokens <= tokens)
            and (cost is None or used.cost <= Decimal(str(cost)))
            and (calls is None or used.calls <= calls)
        )

    def exhausted_unit(self) -> bool:
        """Whether it is closed to every call."""
        tokens, cost, calls = self.limits
        return (
            self.closed
            or (tokens is not None and self.spent.tokens >= tokens)
            or (cost is not None and self.spent.cost >= Decimal(str(cost)))
            or (calls is not None and self.spent.calls >= calls)
        )


async def ask(
    pool: SpendPool, prompt: int, reply: int, agent: str, purpose: Purpose, model: str, *, seconds: float
) -> Reservation | SpendLimitError | None:
    """Reserve now, or wait so many seconds for room; `None` means that it was cancelled while it waited."""
    try:
        if not seconds:
            return pool.reserve(prompt, reply, agent=agent, purpose=purpose, model=model)
        return await asyncio.wait_for(pool.acquire(prompt, reply, agent=agent, purpose=purpose, model=model), seconds)
    except SpendLimitError as refusal:
        return refusal
    except asyncio.TimeoutError:
        return None


class Pools(RuleBasedStateMachine):
    """Reserves, settles, releases, fails, cancels, saves and loads in any order."""

    held: Bundle[Held] = Bundle("held")

    @initialize(allowances=st.tuples(limits, limits, limits, limits, limits))
    def plant(self, allowances: Sequence[tuple[int | None, float | None, int | None]]) -> None:
        """A root, two shares of it, and a share of each of those."""
        root = self.root(*allowances[0])
        one, two = root.child("one", *allowances[1]), root.child("two", *allowances[3])
        self.pools = [root, one, one.child("deep", *allowances[2]), two, two.child("deep", *allowances[4])]
        self.above = [(0,), (1, 0), (2, 1, 0), (3, 0), (4, 3, 0)]
        self.expected = [Expected(allowance) for allowance in allowances]
        self.open: list[Held] = []
        self.loop = asyncio.new_event_loop()

    def root(self, tokens: int | None, cost: float | None, calls: int | None) -> SpendPool:
        """The root of the tree, with books in this process."""
        return SpendPool(tokens, cost, calls, name="root", prices=PRICES)

    def teardown(self) -> None:
        """Close the event loop, and what the pool has open."""
        if hasattr(self, "loop"):
            self.loop.close()
            self.pools[0].close()

    def under_way(self, pool: int) -> Amount:
        """What calls under way hold in a pool."""
        return sum((held.amount for held in self.open if pool in held.pools), Amount())

    @rule(
        target=held,
        pool=st.integers(0, 4),
        prompt=tokens,
        reply=tokens,
        agent=st.sampled_from(["a", "b"]),
        purpose=purposes,
        model=st.sampled_from(["small", "large"]),
        waits=st.booleans(),
    )
    def reserve(
        self, pool: int, prompt: int, reply: int, agent: str, purpose: Purpose, model: str, waits: bool
    ) -> Held | MultipleResults[Held]:
        """Reserve, or wait a moment for room and then be cancelled; granted exactly when the model says so."""
        path = self.above[pool]
        asked = Amount(prompt + reply, PRICES[model].cost(prompt, reply), 1)
        ways = [(at, self.expected[at]) for at in path]
        closed = next((at for at, way in ways if way.exhausted_unit() or not way.fits(way.spent + asked)), None)
        fits = closed is None and all(way.fits(way.spent + self.under_way(at) + asked) for at, way in ways)
        patience = 60 if fits or closed is not None else 0.001  # seconds; only what has to wait is cancelled
        asking = ask(self.pools[pool], prompt, reply, agent, purpose, model, seconds=patience if waits else 0)
        answer = self.loop.run_until_complete(asking)
        assert isinstance(answer, Reservation) == fits
        if isinstance(answer, Reservation):
            held = Held(answer, path, asked)
            self.open.append(held)
            return held
        if closed is None:
            assert waits if answer is None else not answer.final
        else:
            assert answer is not None
            assert answer.final
            assert answer.pool == self.pools[closed].name
            self.expected[closed].closed |= purpose != "summary"
        return multiple()

    @rule(held=consumes(held), prompt=tokens, reply=tokens, cached=tokens, estimated=st.booleans())
    def settle(self, held: Held, prompt: int, reply: int, cached: int, estimated: bool) -> None:
        """Settle for any figures, more or less than reserved."""
        spent = held.reservation.settle(prompt, reply, cached_tokens=cached, estimated=estimated)
        self.open.remove(held)
        over = spent.amount.larger(held.amount) - held.amount
        for at in held.pools:
            self.expected[at].spent += spent.amount
            self.expected[at].beyond += over

    @rule(held=consumes(held), crash=st.booleans())
    def give_back(self, held: Held, crash: bool) -> None:
        """Release, or fail in the middle of the call; then try both again in vain."""
        try:
            with held.reservation:
                if crash:
                    raise ConnectionError
        except ConnectionError:
            pass
        held.reservation.release()
        self.open.remove(held)

    @rule(at=st.integers(0, 4))
    def save_and_load(self, at: int) -> None:
        """Put the state through JSON and load it through any pool of the tree: nothing changes."""
        state = json.loads(json.dumps(self.pools[0].save_state()))
        self.pools[at].load_state(state)
        assert self.pools[4].save_state() == state

    @invariant()
    def sums_match(self) -> None:
        """Each pool has spent and holds what the model says, and its splits add up to it."""
        for at, pool in enumerate(self.pools):
            report = pool.report()
            assert report.spent.amount == self.expected[at].spent
            assert report.reserved == self.under_way(at)
            for split in (report.by_agent, report.by_purpose, report.by_model, report.lines):
                assert sum(split.values(), Spent()) == report.spent

    @invariant()
    def children_are_part_of_their_parents(self) -> None:
        """A parent has spent what its children spent and what was spent on itself."""
        for parent, children in ((0, (1, 3)), (1, (2,)), (3, (4,))):
            report = self.pools[parent].report()
            path = self.pools[parent].account.limits[0].path
            own = sum((spent for line, spent in report.lines.items() if line.pool == path), Spent())
            assert sum((self.pools[child].spent for child in children), own) == report.spent

    @invariant()
    def never_negative_and_never_over(self) -> None:
        """Nothing is below zero, and only what replies used beyond their reservation can be above a limit."""
        for at, pool in enumerate(self.pools):
            report, expected = pool.report(), self.expected[at]
            total = report.spent.amount + report.reserved
            for amount in (total, report.reserved):
                assert amount == amount.larger(Amount())
            assert expected.fits(total - expected.beyond)
            left = report.remaining
            assert all(amount is None or amount >= 0 for amount in (left.tokens, left.cost, left.calls))
            ways_up = [self.expected[above] for above in self.above[at]]
            assert report.exhausted == any(way.exhausted_unit() for way in ways_up)
            assert not (report.exhausted and report.affords_another)


class SharedPools(Pools):
    """The same, with the books on a Redis server."""

    url = ""

    def root(self, tokens: int | None, cost: float | None, calls: int | None) -> SpendPool:
        """The root of a tree that no other example knows."""
        return SpendPool(tokens, cost, calls, name=f"root-{uuid4().hex}", prices=PRICES, url=self.url)


@pytest.fixture(autouse=True, scope="module")
def shared_url(redis_server: RedisServer) -> None:
    """Where the shared pools are."""
    SharedPools.url = redis_server.url


TestSharedPools = SharedPools.TestCase
TestSharedPools.settings = settings(max_examples=examples(0.2), stateful_step_count=20)

TestPools = Pools.TestCase
TestPools.settings = settings(max_examples=examples(0.8), stateful_step_count=30)
