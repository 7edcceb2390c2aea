"""A drop-in wrapper around any agent: the same agent, whose model calls fit."""

from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage
from autogen_core import CancellationToken, Component, ComponentModel
from autogen_core.code_executor import CodeExecutor
from autogen_core.models import ChatCompletionClient
from autogen_core.tools import Workbench
from pydantic import BaseModel, ConfigDict
from typing_extensions import Self

from ._adoption import give, given_back, held_clients, held_executors, held_workbenches
from ._artifacts import ArtifactStore
from ._budget import TokenBudget
from ._client import MAX_RECORDS, BudgetedChatCompletionClient, check_arguments
from ._counting import TiktokenCounter, TokenCounter
from ._executor import BudgetedCodeExecutor
from ._need import Strategy
from ._outputs import MAX_CUTS, OutputCutter, cap_of
from ._report import CallRecord, Hook, OutputCut
from ._spend import SpendPool
from ._workbench import BudgetedWorkbench, ReadBack

T = TypeVar("T")
W = TypeVar("W")

LEAST_CAP_TO_READ_BACK = 600
"""Tokens a budget must allow for `read_artifact` to be offered, since its schema takes about 140 of each request."""

STATE_KEY = "autogen_budget"
"""Key beside the inner agent's own state, so that either loads without the other."""


class BudgetedAgentConfig(BaseModel):
    """The declarative form of a `BudgetedAgent`."""

    model_config = ConfigDict(extra="forbid")

    agent: ComponentModel
    budget: TokenBudget
    artifacts: ComponentModel | None = None
    read_back: bool = True
    pool: ComponentModel | None = None


class BudgetedAgent(BaseChatAgent, Component[BudgetedAgentConfig]):
    """Wraps an agent that exists, so that each of its model calls fits a token budget.

    It keeps the agent's name, description and behaviour, and works wherever the agent did. The agent's model client is
    replaced by a `BudgetedChatCompletionClient` around it, its tools by a `BudgetedWorkbench` around them, and the
    output of code it runs is cut like that of a tool.

    .. code-block:: python

        from autogen_agentchat.agents import AssistantAgent
        from autogen_budget import BudgetedAgent, TokenBudget
        from autogen_ext.models.openai import OpenAIChatCompletionClient

        assistant = AssistantAgent("assistant", OpenAIChatCompletionClient(model="gpt-4o"))
        agent = BudgetedAgent(assistant, TokenBudget(8_000))

    Args:
        agent (BaseChatAgent): Any agent that holds a `ChatCompletionClient`, a `Workbench` or a `CodeExecutor`.
        budget (TokenBudget): The cap of each model call and how to keep it.
        strategies (Sequence[Strategy] | None): How to make a history smaller. `None` means
            `default_strategies(budget)`.
        counter (TokenCounter | None): How to count. `None` means a `TiktokenCounter` for the client's model.
        hooks (Sequence[Hook]): Called with the record of each finished model call.
        artifacts (ArtifactStore | None): Where the whole of what is cut is kept. Agents that share a store read what
            another one's tools put out, and are always offered the tool for it. `None` means a store of its own in
            memory.
        read_back (bool): Whether a model that can call functions is offered the tool `read_artifact`, behind the
            agent's other tools. It never is under a cap of less than 600 tokens.
        pool (SpendPool | None): What pays for the agent's model calls. `None` means nothing does.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: The agent holds nothing to put under budget, or is a `BudgetedAgent` already.
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
        artifacts: ArtifactStore | None = None,
        read_back: bool = True,
        pool: SpendPool | None = None,
    ) -> None:
        check_arguments(budget, strategies, counter, hooks, artifacts)
        if not isinstance(agent, BaseChatAgent):
            raise TypeError(f"agent must be a BaseChatAgent, got {type(agent).__name__}")
        if isinstance(agent, BudgetedAgent):
            raise ValueError(f"agent {agent.name!r} is a BudgetedAgent already: wrap its .inner, or use it as it is")
        clients, workbenches, executors = held_clients(agent), held_workbenches(agent), held_executors(agent)
        self._originals: dict[str, object] = {**clients, **workbenches, **executors}
        if not self._originals:
            raise ValueError(
                f"agent {agent.name!r} ({type(agent).__name__}) holds no ChatCompletionClient, so there is no model "
                "call to put under budget, and no tools or code either. Use it as it is; if it wraps another agent, "
                "put BudgetedAgent around that"
            )
        super().__init__(agent.name, agent.description)
        self._inner = agent
        self._budget = budget
        self._own_store = artifacts is None
        self._artifacts = ArtifactStore() if artifacts is None else artifacts
        self._read_back = read_back
        self._pool = pool
        self._asked: tuple[str, ...] = ()
        self._records: deque[CallRecord] = deque(maxlen=MAX_RECORDS)
        self._cuts: deque[OutputCut] = deque(maxlen=MAX_CUTS)

        def under_budget(client: ChatCompletionClient) -> BudgetedChatCompletionClient:
            return BudgetedChatCompletionClient(
                client,
                budget,
                name=agent.name,
                strategies=strategies,
                counter=counter,
                hooks=(self._records.append, *hooks),
                artifacts=self._artifacts,
                pool=pool,
            )

        self._clients = _each_once(clients, under_budget)
        self._counter = counter or next((client.counter for client in self._clients.values()), TiktokenCounter())
        self._forgetful: list[Callable[[], None]] = [client.forget for client in self._clients.values()]
        give(agent, self._clients)
        give(agent, self._wrap_workbenches(workbenches))
        give(agent, _each_once(executors, self._wrap_executor))

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
    def artifacts(self) -> ArtifactStore:
        """Where the whole of each tool output is kept that was cut, by the reference in its place."""
        return self._artifacts

    @property
    def cuts(self) -> tuple[OutputCut, ...]:
        """One record for each of the latest 1,000 outputs of tools or code that were cut, oldest first."""
        return tuple(self._cuts)

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        """The inner agent's."""
        return self._inner.produced_message_types

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        """Let the inner agent answer."""
        self._remember(messages)
        # A copy: teams clear the list they pass in.
        return await self._inner.on_messages(list(messages), cancellation_token)

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        """Let the inner agent answer, and pass on all it says on the way."""
        self._remember(messages)
        async for item in self._inner.on_messages_stream(list(messages), cancellation_token):
            yield item

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        """Reset the inner agent and forget its conversations; what was learned about the model stays."""
        await self._inner.on_reset(cancellation_token)
        self._asked = ()
        for forget in self._forgetful:
            forget()

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
        with given_back(self._inner, self._originals):
            return BudgetedAgentConfig(
                agent=self._inner.dump_component(),
                budget=self._budget,
                artifacts=None if self._own_store else self._artifacts.dump_component(),
                read_back=self._read_back,
                pool=None if self._pool is None else self._pool.dump_component(),
            )

    @classmethod
    def _from_config(cls, config: BudgetedAgentConfig) -> Self:
        artifacts = None if config.artifacts is None else ArtifactStore.load_component(config.artifacts)
        agent = BaseChatAgent.load_component(config.agent)
        pool = None if config.pool is None else SpendPool.load_component(config.pool)
        return cls(agent, config.budget, artifacts=artifacts, read_back=config.read_back, pool=pool)

    def _remember(self, messages: Sequence[BaseChatMessage]) -> None:
        """Note what is asked, the first words and the newest: it tells what to keep of an output."""
        self._asked = (*self._asked[:1], *(message.to_model_text() for message in messages[-1:]))

    def _cap(self) -> int:
        return min((client.cap for client in self._clients.values()), default=cap_of(self._budget))

    def _wrap_workbenches(self, held: Mapping[str, Workbench | Sequence[Workbench]]) -> dict[str, object]:
        """What to put in the place of an agent's workbenches; one of them offers the tool that reads back."""
        rows = {name: [value] if isinstance(value, Workbench) else list(value) for name, value in held.items()}
        plain = {id(workbench): workbench for row in rows.values() for workbench in row}
        wrapped = {
            key: self._wrap_workbench(workbench, self._place_of_read_back(list(plain.values()), workbench))
            for key, workbench in plain.items()
        }
        new = {name: [wrapped[id(workbench)] for workbench in row] for name, row in rows.items()}
        return {name: new[name][0] if isinstance(value, Workbench) else new[name] for name, value in held.items()}

    def _place_of_read_back(self, workbenches: Sequence[Workbench], workbench: Workbench) -> ReadBack:
        """Which of an agent's workbenches offers the tool that reads back: the last, if any does."""
        calls_functions = any(client.model_info.get("function_calling", False) for client in self._clients.values())
        roomy = cap_of(self._budget) >= LEAST_CAP_TO_READ_BACK
        offered = any(isinstance(other, BudgetedWorkbench) for other in workbenches)  # by the user's own
        if not (self._read_back and calls_functions and roomy) or offered or workbench is not workbenches[-1]:
            return "never"
        return "with tools" if self._own_store and len(workbenches) == 1 else "always"

    def _wrap_workbench(self, workbench: Workbench, read_back: ReadBack) -> Workbench:
        if isinstance(workbench, BudgetedWorkbench):
            return workbench
        wrapper = BudgetedWorkbench(
            workbench,
            self._budget,
            artifacts=self._artifacts,
            counter=self._counter,
            read_back=read_back,
            cap=self._cap,
            hints=lambda: self._asked,
            hooks=(self._cuts.append,),
        )
        self._forgetful.append(wrapper.forget)
        return wrapper

    def _wrap_executor(self, executor: CodeExecutor) -> CodeExecutor:
        cutter = OutputCutter(
            self._budget,
            self._artifacts,
            self._counter,
            cap=self._cap,
            hints=lambda: self._asked,
            hooks=(self._cuts.append,),
        )
        self._forgetful.append(cutter.keeper.release)
        return BudgetedCodeExecutor(executor, cutter)


def _each_once(held: Mapping[str, T], wrap: Callable[[T], W]) -> dict[str, W]:
    """Wrap what an object holds; what it holds under two names gets one wrapper."""
    wrapped = {id(part): part for part in held.values()}
    wrappers = {key: wrap(part) for key, part in wrapped.items()}
    return {name: wrappers[id(part)] for name, part in held.items()}
