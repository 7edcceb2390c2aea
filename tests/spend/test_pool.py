"""The pool itself: its tree, its settings, its state, and how it is shared after a load."""

import asyncio
import contextvars
import json
from dataclasses import astuple
from decimal import Decimal

import pytest
from autogen_core import ComponentModel
from pydantic import ValidationError

from autogen_budget import Price, SpendLimitError, SpendPool


def through_json(component: ComponentModel) -> ComponentModel:
    """A dumped component as it comes back from a file."""
    return ComponentModel.model_validate_json(json.dumps(component.model_dump()))


def spend(pool: SpendPool, tokens: int) -> None:
    """Make a call that uses what it reserves."""
    pool.reserve(tokens, 0, agent="writer", model="gpt-4o").settle(tokens, 0)


def test_without_limits_a_pool_only_counts() -> None:
    """`None` everywhere means no limit: everything is counted and nothing refused."""
    pool = SpendPool()
    spend(pool, 10**9)
    assert (pool.spent.tokens, astuple(pool.remaining), pool.exhausted) == (10**9, (None, None, None), False)


def test_limits_may_be_given_in_order() -> None:
    """Tokens, dollars and calls are the first three arguments, and dollars are taken exactly."""
    assert astuple(SpendPool(5, 0.1, 3).report().limits) == (5, Decimal("0.1"), 3)


@pytest.mark.parametrize(
    "bad",
    [
        {"max_tokens": 0},
        {"max_tokens": 1.5},
        {"max_cost": 0},
        {"max_cost": float("nan")},
        {"max_calls": 0},
        {"name": ""},
    ],
)
def test_bad_settings_are_refused(bad: dict[str, int]) -> None:
    """A limit below its least value is a ValueError; `None` is how to say that there is none."""
    with pytest.raises(ValidationError, match=next(iter(bad))):
        SpendPool(**bad)  # type: ignore[arg-type]  # keywords from a dictionary


def test_a_child_counts_in_its_parents() -> None:
    """What a child reserves and spends counts in all pools above it at once."""
    pool = SpendPool(max_tokens=1_000, name="team")
    deep = pool.child("research", max_tokens=500).child("web", max_tokens=400)
    reservation = deep.reserve(100, 50, agent="scout")
    assert (deep.reserved.tokens, pool.reserved.tokens) == (150, 150)
    reservation.settle(100, 20)
    assert (deep.spent, pool.reserved.tokens) == (pool.spent, 0)
    assert deep.name == "team/research/web"
    assert [line.pool for line in pool.report().lines] == [("research", "web")]


def test_a_child_is_held_to_its_own_limit_and_to_those_above() -> None:
    """The pool that has too little is named, whichever it is, and nothing is reserved in any of them."""
    pool = SpendPool(max_tokens=1_000, name="team")
    small, large = pool.child("small", max_tokens=100), pool.child("large", max_tokens=5_000)
    with pytest.raises(SpendLimitError, match="pool 'team/small'"):
        small.reserve(101, 0, agent="writer")
    assert (small.exhausted, large.exhausted, pool.exhausted) == (True, False, False)
    with pytest.raises(SpendLimitError, match="pool 'team'"):
        large.reserve(1_001, 0, agent="writer")
    assert large.exhausted
    assert pool.reserved.tokens == 0


def test_a_child_has_no_more_left_than_its_parents() -> None:
    """What remains for a child is what remains in the tightest pool on the way up."""
    pool = SpendPool(max_tokens=1_000, max_calls=5)
    child = pool.child("research", max_tokens=800)
    spend(pool, 700)
    assert astuple(child.remaining) == (300, None, 4)


def test_the_same_child_can_be_asked_for_again() -> None:
    """A name stands for one share, however often it is asked for; other limits under the same name are an error."""
    pool = SpendPool(name="team")
    spend(pool.child("research", max_tokens=500), 100)
    assert pool.child("research", max_tokens=500).remaining.tokens == 400
    assert SpendPool(max_tokens=500, name="research", parent=pool).remaining.tokens == 400
    with pytest.raises(ValueError, match="pool 'team/research' is there already, with another allowance: 500 tokens"):
        pool.child("research", max_tokens=600)


def test_prices_belong_to_the_root() -> None:
    """A tree has one list of prices; a child that brings its own is refused, and uses its root's."""
    pool = SpendPool(max_cost=1, prices={"mine": Price(input=1, output=1)})
    with pytest.raises(ValueError, match="prices are those of the root"):
        SpendPool(prices={"mine": Price(input=0, output=0)}, parent=pool)
    pool.child("research").reserve(1, 1, agent="writer", model="mine")


def test_another_call_like_the_largest() -> None:
    """A pool knows whether one more call like its largest would fit, whatever calls under way still hold."""
    pool = SpendPool(max_tokens=1_000)
    child = pool.child("research")
    assert pool.report().affords_another
    pool.reserve(300, 100, agent="writer").settle(300, 10)
    under_way = pool.reserve(250, 100, agent="writer")
    assert pool.report().affords_another
    under_way.settle(250, 100)
    assert not pool.report().affords_another
    assert not pool.exhausted
    assert child.report().affords_another, "none of its own calls was that large"


def test_a_summary_says_nothing_about_the_next_call() -> None:
    """A large call for a summary does not make a pool look poorer: a run can do without."""
    pool = SpendPool(max_tokens=1_000)
    pool.reserve(600, 0, agent="writer", purpose="summary").settle(600, 0)
    assert pool.report().affords_another


def test_state_goes_through_json() -> None:
    """A new tree of the same pools goes on where the old one was, to the last digit."""
    old = SpendPool(max_tokens=1_000, max_cost=1)
    spend(old.child("research", max_tokens=500), 150)
    old.reserve(40, 20, agent="critic", purpose="selector", model="gpt-4o").settle(
        40, 3, cached_tokens=7, estimated=True
    )
    state = json.loads(json.dumps(old.save_state()))
    new = SpendPool(max_tokens=1_000, max_cost=1)
    new.load_state(state)
    assert new.report().lines == old.report().lines
    assert new.save_state() == state
    assert new.child("research", max_tokens=500).spent.tokens == 150


def test_an_exhausted_pool_stays_so_after_a_load() -> None:
    """Being exhausted is part of the state, and larger limits end it."""
    old = SpendPool(max_tokens=100)
    with pytest.raises(SpendLimitError):
        old.reserve(101, 0, agent="writer")
    same, larger = SpendPool(max_tokens=100), SpendPool(max_tokens=200)
    for pool in (same, larger):
        pool.load_state(old.save_state())
    assert (same.exhausted, larger.exhausted) == (True, False)


def test_a_state_loaded_again_replaces_what_was_spent() -> None:
    """Loading is not adding; calls under way keep what they hold, and any pool of the tree can load it."""
    pool = SpendPool()
    spend(pool, 100)
    state = pool.save_state()
    spend(pool, 50)
    under_way = pool.reserve(10, 0, agent="writer")
    pool.child("research").load_state(state)
    pool.load_state(state)
    assert (pool.spent.tokens, pool.reserved.tokens) == (100, 10)
    under_way.settle(10, 0)
    assert pool.spent.tokens == 110


@pytest.mark.parametrize("state", [{}, {"lines": [], "marks": 5}, {"lines": [[{"agent": "a"}, {}]], "marks": []}])
def test_a_state_that_is_not_understood_is_refused(state: dict[str, object]) -> None:
    """A wrong state raises rather than giving a budget back in full."""
    pool = SpendPool()
    spend(pool, 100)
    with pytest.raises(ValidationError):
        pool.load_state(state)
    assert pool.spent.tokens == 100


def test_a_negative_state_is_refused() -> None:
    """A state cannot hide spending behind negative amounts."""
    pool = SpendPool()
    spend(pool, 100)
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        pool.load_state(json.loads(json.dumps(pool.save_state()).replace("100", "-100")))


def test_a_loaded_pool_has_the_settings_and_nothing_spent() -> None:
    """Settings go through JSON, prices included; what was spent is state, not settings."""
    pool = SpendPool(1_000, 0.5, 7, name="team", prices={"mine": Price(input=1, output=2)})
    spend(pool, 100)
    loaded = SpendPool.load_component(through_json(pool.dump_component()))
    assert loaded is not pool
    assert loaded.dump_component() == pool.dump_component()
    assert loaded.report().limits == pool.report().limits
    assert loaded.spent.tokens == 0
    assert loaded.reserve(1_000, 0, agent="writer", model="mine").amount.cost == Decimal("0.001")


def test_components_loaded_together_share_their_pool() -> None:
    """Two components that shared a pool, or pools of one tree, share again after a load."""
    pool = SpendPool(max_tokens=1_000)
    one, other, share = (
        through_json(component.dump_component()) for component in (pool, pool, pool.child("research", max_tokens=100))
    )
    first, second, third = map(SpendPool.load_component, (one, other, share))
    assert first is second
    assert third.parent is first
    fourth = SpendPool.load_component(share)  # while nothing is reserved
    spend(third, 60)
    assert first.spent.tokens == 60
    assert fourth.remaining.tokens == 40


def test_pools_that_were_apart_stay_apart() -> None:
    """Two pools with equal limits are two pools after a load as well: their made-up names differ."""
    one, other = (SpendPool(max_tokens=1_000) for _ in range(2))
    assert SpendPool.load_component(one.dump_component()) is not SpendPool.load_component(other.dump_component())


def test_a_load_after_a_run_gets_a_pool_of_its_own() -> None:
    """Once something was reserved from a loaded pool, the same settings loaded again are a new budget."""
    settings = SpendPool(max_tokens=1_000).dump_component()
    first = SpendPool.load_component(settings)
    spend(first, 1_000)
    second = SpendPool.load_component(settings)
    assert second is not first
    assert not second.exhausted
    assert SpendPool.load_component(settings) is second


def test_loads_can_be_kept_apart() -> None:
    """Each `loading` block has pools of its own, shared within it, before any of them was used."""
    settings = SpendPool(max_tokens=1_000).dump_component()
    outside = SpendPool.load_component(settings)
    with SpendPool.loading():
        one, same = SpendPool.load_component(settings), SpendPool.load_component(settings)
    with SpendPool.loading():
        other = SpendPool.load_component(settings)
    assert one is same
    assert len({id(pool) for pool in (outside, one, other)}) == 3
    assert SpendPool.load_component(settings) is outside


async def test_tasks_that_load_the_same_settings_do_not_share() -> None:
    """Two requests served at the same time, each in a task of its own, have a budget each."""
    settings = SpendPool(max_tokens=1_000).dump_component()

    async def serve() -> tuple[SpendPool, SpendPool]:
        pool = SpendPool.load_component(settings)
        await asyncio.sleep(0)
        return pool, SpendPool.load_component(settings)

    one, other = await asyncio.gather(serve(), serve())
    assert one[0] is one[1]
    assert one[0] is not other[0]


def test_a_pool_that_nobody_holds_is_forgotten() -> None:
    """Loading keeps no pool alive; settings loaded later give a new one."""
    settings = SpendPool(max_tokens=1_000).dump_component()

    def load_twice() -> None:
        assert SpendPool.load_component(settings).spent.tokens == 0
        assert SpendPool.load_component(settings).spent.tokens == 0

    contextvars.Context().run(load_twice)
