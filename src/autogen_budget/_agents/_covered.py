"""The base of wrappers around agents: what others have to know of them, and what they pass on to the agent."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.messages import BaseChatMessage
from autogen_core import CancellationToken

from autogen_budget._budget import TokenBudget
from autogen_budget._hooks import RecordLog
from autogen_budget._records import OutputCut
from autogen_budget._report import KeepsRecords
from autogen_budget._spend import SpendPool

from ._run import RunGuard


class AgentUnderBudget(KeepsRecords, BaseChatAgent, ABC):
    """A wrapper that puts an agent under budget, with its name and description.

    Args:
        agent (BaseChatAgent): The wrapped agent.
    """

    def __init__(self, agent: BaseChatAgent) -> None:
        super().__init__(agent.name, agent.description)
        self._inner = agent
        self.runs: RunGuard
        """What guards its runs."""
        self.log = RecordLog()
        """The newest records of every kind: of the agent's own work, and of what works inside it."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self._inner).__name__} {self.name!r}, {self.budget!r})"

    @property
    def inner(self) -> BaseChatAgent:
        """The wrapped agent."""
        return self._inner

    @property
    @abstractmethod
    def budget(self) -> TokenBudget:
        """The budget of each model call."""

    @budget.setter
    @abstractmethod
    def budget(self, budget: TokenBudget) -> None: ...

    @property
    @abstractmethod
    def pool(self) -> SpendPool | None:
        """What pays for the agent's model calls. `None` means nothing does."""

    @pool.setter
    @abstractmethod
    def pool(self, pool: SpendPool | None) -> None: ...

    @property
    def cuts(self) -> tuple[OutputCut, ...]:
        """One record for each of the latest 1,000 outputs of tools or code that were cut, oldest first."""
        return self.log.cuts

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        """The inner agent's."""
        return self._inner.produced_message_types

    async def on_pause(self, cancellation_token: CancellationToken) -> None:
        """Pause the inner agent."""
        await self._inner.on_pause(cancellation_token)

    async def on_resume(self, cancellation_token: CancellationToken) -> None:
        """Resume the inner agent."""
        await self._inner.on_resume(cancellation_token)
