"""Ends a team's run when its spend pool is used up: `SpendTermination`."""

from collections.abc import Iterator, Sequence

from autogen_agentchat.base import TerminatedException, TerminationCondition
from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage, StopMessage
from autogen_core import Component, ComponentModel
from pydantic import BaseModel, ConfigDict
from typing_extensions import Self, override

from ._pool import SpendPool


class SpendTerminationConfig(BaseModel):
    """The declarative form of a `SpendTermination`."""

    model_config = ConfigDict(extra="forbid")

    pool: ComponentModel


class SpendTermination(TerminationCondition, Component[SpendTerminationConfig]):
    """Ends a run before a call has to be refused: a team turns the error of a refused call into a `RuntimeError`.

    It ends the run when the pool is exhausted, and also when one more call as large as the largest so far would not
    fit: the next prompt is rarely smaller. A refusal in the middle of a turn, of several calls, is not prevented.

    A reset makes the condition ready for the next run, as every run of a team does; it does not refill the pool. The
    next run with a task ends at once.

    .. code-block:: python

        from autogen_agentchat.conditions import TextMentionTermination
        from autogen_budget import SpendPool, SpendTermination

        pool = SpendPool(max_tokens=200_000)
        termination = TextMentionTermination("DONE") | SpendTermination(pool)

    Args:
        pool (SpendPool): The pool, or a child of one. A child is also used up when a pool above it is; a pool is not
            when only a child of it is.

    Raises:
        TypeError: `pool` is not a `SpendPool`.
    """

    component_config_schema = SpendTerminationConfig
    component_provider_override = "autogen_budget.SpendTermination"

    def __init__(self, pool: SpendPool) -> None:
        if not isinstance(pool, SpendPool):
            raise TypeError(f"pool must be a SpendPool, for example SpendPool(max_tokens=200_000), got {pool!r:.60}")
        self.pool = pool
        """The pool it watches."""
        self._terminated = False

    @property
    def terminated(self) -> bool:
        """Whether it has ended the run."""
        return self._terminated

    @override
    async def __call__(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> StopMessage | None:
        """End the run if the pool is used up.

        Returns:
            StopMessage | None: Says what was spent. `None` means the run may go on.

        Raises:
            TerminatedException: It has ended the run already.
        """
        if self._terminated:
            raise TerminatedException("Termination condition has already been reached")
        report = await self.pool.areport()
        if report.affords_another:
            return None
        self._terminated = True
        spent = "; ".join([str(await pool.areport()) for pool in _upwards(self.pool)])
        left = (
            "nothing more can be spent" if report.exhausted else "too little is left for another call like the largest"
        )
        return StopMessage(content=f"Spend limit: {spent}; {left}", source="SpendTermination")

    async def reset(self) -> None:
        """Make the condition ready for the next run; what the pool spent stays spent."""
        self._terminated = False

    def _to_config(self) -> SpendTerminationConfig:
        return SpendTerminationConfig(pool=self.pool.dump_component())

    @classmethod
    def _from_config(cls, config: SpendTerminationConfig) -> Self:
        return cls(SpendPool.load_component(config.pool))


def _upwards(pool: SpendPool) -> Iterator[SpendPool]:
    above: SpendPool | None = pool
    while above is not None:
        yield above
        above = above.parent
