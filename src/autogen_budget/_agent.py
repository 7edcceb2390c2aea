"""A drop-in wrapper around any agent: the same agent, whose model calls fit."""

from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, cast

from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage
from autogen_core import CancellationToken, Component, ComponentModel
from pydantic import BaseModel, ConfigDict
from typing_extensions import Self

from ._adoption import clients_given_back, give_clients, held_clients
from ._budget import TokenBudget
from ._client import MAX_RECORDS, BudgetedChatCompletionClient, check_arguments
from ._counting import TokenCounter
from ._report import CallRecord, Hook
from ._strategies import Strategy

STATE_KEY = "autogen_budget"
"""Key beside the inner agent's own state, so that either loads without the other."""


class BudgetedAgentConfig(BaseModel):
    """The declarative form of a `BudgetedAgent`."""

    model_config = ConfigDict(extra="forbid")

    agent: ComponentModel
    budget: TokenBudget


class BudgetedAgent(BaseChatAgent, Component[BudgetedAgentConfig]):
    """Wraps an agent that exists, so that each of its model calls fits a token budget.

    It keeps the agent's name, description and behaviour, and works wherever the agent did. The agent's model client is
    replaced by a `BudgetedChatCompletionClient` around it.

    .. code-block:: python

        from autogen_agentchat.agents import AssistantAgent
        from autogen_budget import BudgetedAgent, TokenBudget
        from autogen_ext.models.openai import OpenAIChatCompletionClient

        assistant = AssistantAgent("assistant", OpenAIChatCompletionClient(model="gpt-4o"))
        agent = BudgetedAgent(assistant, TokenBudget(8_000))

    Args:
        agent (BaseChatAgent): Any agent that holds a `ChatCompletionClient`.
        budget (TokenBudget): The cap of each model call and how to keep it.
        strategies (Sequence[Strategy] | None): How to make a history smaller. `None` means
            `default_strategies(budget)`.
        counter (TokenCounter | None): How to count. `None` means a `TiktokenCounter` for the client's model.
        hooks (Sequence[Hook]): Called with the record of each finished model call.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: The agent holds no `ChatCompletionClient`, or is a `BudgetedAgent` already.
    """

    component_config_schema = BudgetedAgentConfig
    component_provider_override = "autogen_budget.BudgetedAgent"

    def __init__(
        self,
        agent: BaseChatAgent,
        budget: TokenBudget,
        *,
        strategies: Sequence[Strategy] | None = None,
        counter: TokenCounter | None = None,
        hooks: Sequence[Hook] = (),
    ) -> None:
        check_arguments(budget, strategies, counter, hooks)
        if not isinstance(agent, BaseChatAgent):
            raise TypeError(f"agent must be a BaseChatAgent, got {type(agent).__name__}")
        if isinstance(agent, BudgetedAgent):
            raise ValueError(f"agent {agent.name!r} is a BudgetedAgent already: wrap its .inner, or use it as it is")
        self._originals = held_clients(agent)
        if not self._originals:
            raise ValueError(
                f"agent {agent.name!r} ({type(agent).__name__}) holds no ChatCompletionClient, so there is no model "
                "call to put under budget. Use it as it is; if it wraps another agent, put BudgetedAgent around that"
            )
        super().__init__(agent.name, agent.description)
        self._inner = agent
        self._budget = budget
        self._records: deque[CallRecord] = deque(maxlen=MAX_RECORDS)
        wrapped = {
            id(client): BudgetedChatCompletionClient(
                client,
                budget,
                name=agent.name,
                strategies=strategies,
                counter=counter,
                hooks=(self._records.append, *hooks),
            )
            for client in self._originals.values()
        }
        self._clients = {name: wrapped[id(client)] for name, client in self._originals.items()}
        give_clients(agent, self._clients)

    @property
    def inner(self) -> BaseChatAgent:
        """The wrapped agent."""
        return self._inner

    @property
    def budget(self) -> TokenBudget:
        """The budget of each model call."""
        return self._budget

    @property
    def records(self) -> tuple[CallRecord, ...]:
        """One record for each of the latest 1,000 model calls, oldest first."""
        return tuple(self._records)

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        """The inner agent's."""
        return self._inner.produced_message_types

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        """Let the inner agent answer."""
        # A copy: teams clear the list they pass in.
        return await self._inner.on_messages(list(messages), cancellation_token)

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        """Let the inner agent answer, and pass on all it says on the way."""
        async for item in self._inner.on_messages_stream(list(messages), cancellation_token):
            yield item

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        """Reset the inner agent and forget its conversations; what was learned about the model stays."""
        await self._inner.on_reset(cancellation_token)
        for client in self._clients.values():
            client.forget()

    async def on_pause(self, cancellation_token: CancellationToken) -> None:
        """Pause the inner agent."""
        await self._inner.on_pause(cancellation_token)

    async def on_resume(self, cancellation_token: CancellationToken) -> None:
        """Resume the inner agent."""
        await self._inner.on_resume(cancellation_token)

    async def save_state(self) -> Mapping[str, Any]:
        """The inner agent's state, with what was learned about its models under a key of its own."""
        state = dict(await self._inner.save_state())
        state[STATE_KEY] = {name: dict(client.save_state()) for name, client in self._clients.items()}
        return state

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Load a state saved with this wrapper or without it."""
        await self._inner.load_state({key: value for key, value in state.items() if key != STATE_KEY})
        learned = state.get(STATE_KEY)
        for name, client in self._clients.items():
            part = cast(Mapping[str, object], learned).get(name) if isinstance(learned, Mapping) else None
            client.load_state(cast(Mapping[str, object], part) if isinstance(part, Mapping) else {})

    async def close(self) -> None:
        """Close the inner agent."""
        await self._inner.close()

    def _to_config(self) -> BudgetedAgentConfig:
        for client in self._clients.values():
            client.dump_component()  # refuses what cannot be dumped, in its own words
        with clients_given_back(self._inner, self._originals):
            return BudgetedAgentConfig(agent=self._inner.dump_component(), budget=self._budget)

    @classmethod
    def _from_config(cls, config: BudgetedAgentConfig) -> Self:
        return cls(BaseChatAgent.load_component(config.agent), config.budget)
