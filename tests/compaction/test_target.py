"""How far compaction shrinks, by the calls it spares and by prices, and what each part of a request may then hold."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from autogen_core.models import AssistantMessage, LLMMessage, SystemMessage, UserMessage
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget import History, TiktokenCounter, TokenBudget, TrimOldest
from autogen_budget._client import Ask, Planner
from autogen_budget._compaction import Allocation, input_prices
from autogen_budget._compaction._target import InputPrices, break_even_target, compaction_target
from autogen_budget._history import DroppedTurns, sizes_of_extras
from autogen_budget._model_facts import ClientFacts
from cache_simulation import CONVERSATIONS, play, play_blocks

COUNTER = TiktokenCounter()
EXTRAS = sizes_of_extras(COUNTER)


def conversation(calls: int, words: int, *, system: str = "Be brief.") -> History:
    """A conversation to which each call adds so many words, said by the user and by the assistant."""

    def messages() -> Iterator[LLMMessage]:
        yield SystemMessage(content=system)
        yield UserMessage(content="the task", source="user")
        for _ in range(calls):
            yield AssistantMessage(content="word " * (words // 2), source="a")
            yield UserMessage(content="word " * (words // 2), source="user")

    return History.parse(list(messages()))


def target(history: History, cap: int, compact_to: float = 0.6, prices: InputPrices | None = None) -> int:
    """The target under a cap."""
    return compaction_target(history, cap=cap, compact_to=compact_to, extras=EXTRAS, counter=COUNTER, prices=prices)


@pytest.mark.parametrize("compact_to", [0.3, 0.5, 0.6, 1.0])
def test_head_room_that_holds_many_calls_is_kept_whole(compact_to: float) -> None:
    """A conversation of small turns shrinks to the share of the cap that was asked for."""
    assert target(conversation(100, 60), 2_000, compact_to) == int(2_000 * compact_to)


def test_head_room_that_holds_hardly_a_call_is_given_up() -> None:
    """Where each call fills it, compaction comes with every call, and the room is better used."""
    assert target(conversation(10, 900), 2_000) == 2_000


def test_head_room_is_given_up_by_and_by() -> None:
    """The larger the calls, the less head-room; never less than none, never more than was asked for."""
    targets = [target(conversation(20, words), 2_000) for words in range(100, 600, 25)]
    assert targets == sorted(targets)
    assert targets[0] == 1_200
    assert targets[-1] == 2_000
    assert len(set(targets)) > 3


def test_one_huge_turn_is_no_pace() -> None:
    """A single huge message counts for what would be left of it, and does not cost the head-room."""
    history = conversation(60, 60)
    huge = History.parse([*history.flatten()[:-1], UserMessage(content="word " * 20_000, source="user")])
    assert target(huge, 4_000) == target(history, 4_000)


def test_messages_of_others_alone_have_a_pace_too() -> None:
    """Where an agent has not spoken yet, each message of the others counts as a call."""
    messages = [UserMessage(content="word " * 30, source=f"agent_{i % 3}") for i in range(100)]
    assert target(History.parse(messages), 2_000) == 1_200


def test_large_instructions_leave_room() -> None:
    """Instructions that fill most of the cap do not push the target below what a conversation needs."""
    history = conversation(100, 60, system="rule " * 1_500)
    assert 1_500 + 250 < target(history, 2_000) < 2_000


def test_an_empty_conversation_has_a_target() -> None:
    """A selector's prompt is one system message: there is no pace, and no room."""
    assert target(History.parse([SystemMessage(content="rule " * 3_000)]), 2_000) == 2_000


@pytest.mark.parametrize(("cached", "lower"), [(0.0, True), (0.1, True), (1.0, False), (2.0, False)])
def test_known_prices_lower_the_target_until_compaction_pays(cached: float, lower: bool) -> None:
    """A target near the cap frees too little to pay for reading the rest anew; without a discount, anything pays."""
    history = conversation(20, 900)
    priced = target(history, 2_000, prices=InputPrices(1.0, cached))
    assert (priced < target(history, 2_000)) is lower


def test_prices_never_raise_the_target() -> None:
    """Where compaction pays anyway, the target stays what was asked for."""
    history = conversation(100, 60)
    assert target(history, 2_000, prices=InputPrices(1.0, 0.9)) == target(history, 2_000)


def test_the_longer_a_conversation_went_on_the_less_compaction_has_to_free() -> None:
    """By Lindy's rule many calls made are many calls to come, which pay for it; those that went count as well."""
    prices = InputPrices(1.0, 0.1)
    short, long = conversation(4, 900), conversation(40, 900)
    assert target(short, 2_000, prices=prices) < target(long, 2_000, prices=prices) < 2_000
    went = replace(short, past=DroppedTurns(turns=72))
    assert target(went, 2_000, prices=prices) == target(long, 2_000, prices=prices)


@given(
    tokens=st.integers(1_000, 1_000_000),
    before=st.integers(0, 900),
    cached=st.floats(0, 0.99),
    calls=st.integers(1, 1_000),
)
def test_at_that_target_compaction_just_pays(tokens: int, before: int, cached: float, calls: int) -> None:
    """At the target, R > B (p - c) / (p + T c) holds but for rounding; some tokens above it, it does not."""
    prices = InputPrices(1.0, cached)

    def gain(shrunk: int) -> float:
        removed, behind = tokens - shrunk, shrunk - before
        return removed * (1 + calls * cached) - behind * (1 - cached)

    found = break_even_target(tokens, before, prices, calls)
    assert before <= found <= tokens
    assert gain(found) >= -1e-6 * tokens * calls
    assert gain(found + 2) < 0


def test_what_costs_nothing_always_pays() -> None:
    """A model of one's own has no prices to weigh."""
    assert break_even_target(5_000, 100, InputPrices(0.0, 0.0), 20) == 5_000


def rows() -> Sequence[tuple[str, int, int]]:
    """Conversations of 30 and 200 turns under small and large caps."""
    return [(name, turns, cap) for name in CONVERSATIONS for turns in (30, 200) for cap in (900, 2_000, 8_000)]


@pytest.mark.parametrize(("name", "turns", "cap"), rows())
async def test_a_growing_conversation_stays_cached(name: str, turns: int, cap: int) -> None:
    """Turn by turn, at least 79 % of the prompts repeat the one before, or as much as blocks can reach; facts and all.

    Compactions are not much more than those of trimming in blocks from the cap down to its half.
    """
    make = CONVERSATIONS[name]
    ours, blocks = await play(make(turns), cap), play_blocks(make(turns), cap)
    assert ours.largest <= cap
    assert ours.share >= min(0.79, blocks.share - 0.02)
    assert ours.compactions <= blocks.compactions * 1.35 + 1


def test_prices_are_those_of_the_model() -> None:
    """They are known by its name; where cached tokens have no price of their own, they cost what others do."""
    known, long = (input_prices("gpt-4o", tokens, own_server=True) for tokens in (8_000, 100_000))
    assert known == long == input_prices("gpt-4o", 8_000, own_server=False)
    assert known is not None
    assert 0 < known.cached < known.fresh
    undiscounted = input_prices("gpt-4", 8_000, own_server=False)
    assert undiscounted is not None
    assert undiscounted.cached == undiscounted.fresh


@pytest.mark.parametrize("model", [None, "my-own-model"])
def test_on_a_server_of_ones_own_time_is_the_price(model: str | None) -> None:
    """A token read from the cache takes none of it; of a hosted model that nobody knows, no price is known."""
    assert input_prices(model, 8_000, own_server=True) == InputPrices(1.0, 0.0)
    assert input_prices(model, 8_000, own_server=False) is None


async def test_a_server_of_ones_own_reads_less() -> None:
    """The client's configuration decides: to a server without a price, compaction sends at most half of what can go."""
    came: list[LLMMessage] = [SystemMessage(content="Be brief."), UserMessage(content="the task", source="user")]
    came += [UserMessage(content="word " * 30, source="user") for _ in range(200)]
    sent: list[int] = []
    for base_url in (None, "http://127.0.0.1:1/v1"):
        facts = ClientFacts(model="my-own-model", base_url=base_url)
        budget = TokenBudget(2_000, context_window=8_000)
        planner = Planner(facts, budget, [TrimOldest(facts=False)], TiktokenCounter(), multiple_system_messages=True)
        sent.append((await planner.plan(Ask(came))).tokens)
    assert 900 < sent[1] <= 1_030 < 1_100 < sent[0] <= 1_200


PLAIN = Allocation(target=600, cap=1_000, fixed=100, dropped=2_000, notice=20)


@pytest.mark.parametrize(
    ("allocation", "protected", "exchange", "turns", "facts"),
    [
        # 600 - 200 - 20 = 380 are left: facts may take three quarters of it, turns the rest; unused room goes to facts.
        (PLAIN, 200, 0, 95, 380),
        # Little was dropped: two fifths of it are worth rendering.
        (replace(PLAIN, dropped=400), 200, 0, 296, 160),
        # Without facts all of it goes to turns.
        (replace(PLAIN, facts=False), 200, 0, 380, 0),
        # A summary and reserved shares are taken off first.
        (replace(PLAIN, summary=80), 200, 0, 75, 300),
        (replace(PLAIN, reserved={"working set": 80}), 200, 0, 75, 300),
        # What is kept free for recall is taken off the cap, which an exchange is measured against.
        (replace(PLAIN, recall=150), 200, 600, -255, 30),
        (replace(PLAIN, recall=150), 640, 0, -60, 190),
        # The newest exchange takes the place of other turns; a larger one stands in the head-room up to the cap.
        (PLAIN, 200, 100, 0, 285),
        (PLAIN, 200, 400, 0, 285),
        (PLAIN, 200, 600, -105, 180),
        # Where protected turns leave nothing under the target, facts may take some of the head-room.
        (PLAIN, 640, 0, -60, 225),
        (PLAIN, 900, 0, -320, 80),
        (PLAIN, 1_000, 0, -420, 0),
    ],
)
def test_shares(allocation: Allocation, protected: int, exchange: int, turns: int, facts: int) -> None:
    """What turns and facts may hold beside protected turns and the newest exchange."""
    assert allocation.turns_limit(protected, exchange) == turns
    assert allocation.facts_limit(protected, exchange) == facts


def test_protected_turns_yield_to_some_facts() -> None:
    """Words yield to a quarter of the room beside instructions, data to 60 %, both to no more than is worth it."""
    assert PLAIN.min_facts == 225
    assert PLAIN.protected_limit == 1_000 - 20 - 225
    assert PLAIN.protected_results_limit == 1_000 - 20 - 540
    few = replace(PLAIN, dropped=100)
    assert few.protected_limit == few.protected_results_limit == 1_000 - 20 - 40
    assert replace(PLAIN, facts=False).protected_limit == 980


def test_reserved_shares_are_part_of_what_is_set_aside_for_facts_beside_protected_turns() -> None:
    """Beside other turns they are taken off first; protected turns yield to the larger of both only."""
    small, large = (replace(PLAIN, reserved={"working set": n}) for n in (100, 400))
    assert small.protected_limit == PLAIN.protected_limit
    assert small.protected_results_limit == PLAIN.protected_results_limit
    assert small.exchange_limit(200) == 1_000 - 20 - 200 - 210
    assert large.protected_limit == 1_000 - 20 - 400
    assert large.exchange_limit(200) == 1_000 - 20 - 200 - 400
    assert small.turns_limit(200) == 280 - 210


@pytest.mark.parametrize(("cap", "limit"), [(1_000, 1_000 - 20 - 200 - 285), (20_000, 20_000 - 20 - 200 - 1_000)])
def test_the_newest_exchange_is_measured_against_the_cap(cap: int, limit: int) -> None:
    """Facts keep their share beside it, and at most a thousand tokens."""
    assert replace(PLAIN, cap=cap, target=cap * 6 // 10, dropped=cap * 10).exchange_limit(200) == limit


@given(
    target=st.integers(0, 2_000),
    headroom=st.integers(0, 2_000),
    fixed=st.integers(0, 500),
    dropped=st.integers(0, 20_000),
    summary=st.integers(0, 300),
    protected=st.integers(0, 4_000),
    exchange=st.integers(0, 2_000),
    kept=st.integers(0, 2_000),
)
def test_no_part_is_over_the_cap(
    target: int, headroom: int, fixed: int, dropped: int, summary: int, protected: int, exchange: int, kept: int
) -> None:
    """Whatever is asked for, facts hold no more than is left under the cap, and never less than nothing."""
    allocation = Allocation(target, target + headroom, fixed, dropped, 20, summary)
    exchange = max(0, min(exchange, allocation.exchange_limit(protected)))
    kept = max(0, min(kept, allocation.turns_limit(protected, exchange)))
    facts = allocation.facts_limit(protected, exchange, kept)
    assert facts >= 0
    assert facts == 0 or allocation.overhead + protected + exchange + kept + facts <= allocation.cap
