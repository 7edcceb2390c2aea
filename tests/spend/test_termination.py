"""SpendTermination: a team's run ends cleanly when its pool is used up."""

import json
from collections.abc import Sequence

import pytest
from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.base import Response, TerminatedException, TerminationCondition
from autogen_agentchat.conditions import MaxMessageTermination, TextMentionTermination
from autogen_agentchat.messages import BaseChatMessage, StopMessage, TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken, ComponentModel
from typing_extensions import override

from autogen_budget import SpendPool, SpendTermination


class Spender(BaseChatAgent):
    """Pays for one call in each turn."""

    def __init__(self, name: str, pool: SpendPool, *, reserves: int = 400, uses: int = 300) -> None:
        super().__init__(name, "Pays for one call in each turn.")
        self._pool = pool
        self._reserves = reserves
        self._uses = uses

    @property
    @override
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        return (TextMessage,)

    @override
    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        with self._pool.reserve(self._reserves, 0, agent=self.name, model="gpt-4o") as reservation:
            reservation.settle(self._uses, 0)
        return Response(chat_message=TextMessage(content=f"after {len(messages)}", source=self.name))

    @override
    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        return None


async def test_a_team_ends_before_a_call_is_refused() -> None:
    """A run ends, without an error, when another call like the largest would not fit, and says what was spent."""
    pool = SpendPool(max_tokens=1_000, name="team")
    team = RoundRobinGroupChat([Spender("a", pool), Spender("b", pool)], termination_condition=SpendTermination(pool))
    result = await team.run(task="Spend.")
    assert [message.source for message in result.messages] == ["user", "a", "b", "a"]
    assert result.stop_reason == (
        "Spend limit: pool 'team' spent 900 of 1,000 tokens, $0.00225, 3 calls; "
        "too little is left for another call like the largest"
    )


async def test_without_it_the_refused_call_fails_the_run() -> None:
    """The same team without the condition ends with the refusal as an error, which names itself."""
    pool = SpendPool(max_tokens=1_000)
    team = RoundRobinGroupChat([Spender("a", pool), Spender("b", pool)])
    with pytest.raises(RuntimeError, match="SpendLimitError: pool"):
        await team.run(task="Spend.")
    assert pool.spent.tokens == 900


async def test_the_next_run_ends_at_once() -> None:
    """A run resets the condition, not the pool: the next one calls nobody."""
    pool = SpendPool(max_calls=2, name="team")
    team = RoundRobinGroupChat([Spender("a", pool)], termination_condition=SpendTermination(pool))
    await team.run(task="Spend.")
    await team.reset()
    result = await team.run(task="Again.")
    assert [message.source for message in result.messages] == ["user"]
    assert result.stop_reason == (
        "Spend limit: pool 'team' spent 600 tokens, $0.0015, 2 of 2 calls; nothing more can be spent"
    )


async def test_a_child_is_used_up_with_its_parent() -> None:
    """A condition on a share fires when a pool above it is used up, and tells of both."""
    pool = SpendPool(max_tokens=300, name="team")
    termination = SpendTermination(pool.child("research", max_tokens=900))
    assert await termination([]) is None
    pool.reserve(300, 0, agent="a").settle(300, 0)
    stop = await termination([])
    assert isinstance(stop, StopMessage)
    assert "pool 'team/research' spent 0 of 900 tokens, 0 calls; pool 'team' spent 300 of 300 tokens" in stop.content


async def test_it_fires_once_until_it_is_reset() -> None:
    """As AutoGen's own conditions: terminated after it fired, an error when asked again, ready after a reset."""
    pool = SpendPool(max_tokens=10)
    termination = SpendTermination(pool)
    assert not termination.terminated
    pool.reserve(10, 0, agent="a").settle(10, 0)
    assert not termination.terminated
    assert await termination([]) is not None
    assert termination.terminated
    with pytest.raises(TerminatedException):
        await termination([])
    await termination.reset()
    assert not termination.terminated
    assert await termination([]) is not None


async def test_it_combines_with_other_conditions() -> None:
    """`|` ends a run at the first condition, `&` at the last."""
    pool = SpendPool(max_tokens=300, name="team")
    either = SpendTermination(pool) | MaxMessageTermination(100)
    both = SpendTermination(pool) & TextMentionTermination("DONE")
    said = [TextMessage(content="Not yet.", source="a")]
    assert await either(said) is None
    assert await both(said) is None
    pool.reserve(300, 0, agent="a").settle(300, 0)
    stop = await either(said)
    assert stop is not None
    assert stop.source == "SpendTermination"
    assert await both(said) is None
    stop = await both([TextMessage(content="DONE", source="a")])
    assert stop is not None
    assert stop.content.startswith("Spend limit: pool 'team'")


async def test_it_goes_through_json_and_shares_its_pool_again() -> None:
    """A dumped condition loads with the pool's settings, and shares the pool with what is loaded beside it."""
    pool = SpendPool(max_tokens=300, name="team")
    condition = SpendTermination(pool) | (SpendTermination(pool.child("research")) & MaxMessageTermination(5))
    dumped = ComponentModel.model_validate_json(json.dumps(condition.dump_component().model_dump()))
    loaded = TerminationCondition.load_component(dumped)
    beside = SpendPool.load_component(pool.dump_component())
    assert loaded.dump_component() == condition.dump_component()
    assert await loaded([]) is None
    beside.reserve(300, 0, agent="a").settle(300, 0)
    stop = await loaded([])
    assert stop is not None
    assert "spent 300 of 300 tokens" in stop.content


def test_it_takes_a_pool() -> None:
    """Anything else is refused with a message that says what is expected."""
    with pytest.raises(
        TypeError, match=r"pool must be a SpendPool, for example SpendPool\(max_tokens=200_000\), got 5"
    ):
        SpendTermination(5)  # type: ignore[arg-type]  # the wrong kind on purpose
