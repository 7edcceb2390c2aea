"""A drop-in wrapper around any agent: the same agent, whose model calls fit."""

from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Literal, cast

from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage
from autogen_core import CancellationToken, Component, ComponentModel
from autogen_core.models import ChatCompletionClient
from pydantic import BaseModel, ConfigDict
from typing_extensions import Self

from ._adoption import give, given_back, held_clients, held_contexts, held_executors, held_workbenches
from ._artifacts import ArtifactStore
from ._budget import TokenBudget
from ._checks import check_arguments, check_budget
from ._client import MAX_RECORDS, BudgetedChatCompletionClient
from ._contexts import Contexts, Phase
from ._counting import TiktokenCounter, TokenCounter
from ._declared import dump_strategies, load_strategies
from ._equipment import Equipment, each_once
from ._keep import Pin, PinConfig, declared
from ._need import Strategy
from ._outputs import cap_of
from ._report import CallRecord, Hook, OutputCut
from ._share import Share, Sharing, dump_share
from ._spend import Price, SpendPool
from ._totals import Report

STATE_KEY = "autogen_budget"
"""Key beside the inner agent's own state, so that either loads without the other."""


class BudgetedAgentConfig(BaseModel):
    """The declarative form of a `BudgetedAgent`; hooks and a counter are code, and not in it."""

    model_config = ConfigDict(extra="forbid")

    agent: ComponentModel
    budget: TokenBudget
    artifacts: ComponentModel | None = None
    read_back: bool = True
    pool: ComponentModel | None = None
    pins: list[PinConfig] = []
    strategies: list[ComponentModel] | None = None
    summarizer: ComponentModel | None = None
    share: Literal["all", "summary"] = "all"
    bounded_memory: bool = False


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
        pins (Sequence[Pin]): What may not be dropped, beside the task, the newest request and turns; see `pin`.
        summarizer (ChatCompletionClient | None): Who writes the summaries of the default strategies, such as a cheaper
            model; closing it is up to its owner. `None` means the agent's own model, if it is known to handle it; see
            `Summarize`.
        share (Share): What the agent is told of what others said since it spoke last: `"all"` of it, as AutoGen has it;
            a `"summary"`: the first message it ever gets, what a user says, hand-offs, the newest message, and of the
            rest the facts; or what a function makes of these messages. Such an agent cannot be dumped.
        bounded_memory (bool): Whether to fold the agent's own context as well: after each turn it holds the compacted
            form of its conversation, so that neither memory nor saved states grow on. What went is in `artifacts`, and
            `read_history` reads it. Only AutoGen's default context is folded.

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
        pins: Sequence[Pin] = (),
        summarizer: ChatCompletionClient | None = None,
        share: Share = "all",
        bounded_memory: bool = False,
    ) -> None:
        check_arguments(budget, strategies, counter, hooks, artifacts, pins)
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
        self._strategies = None if strategies is None else tuple(strategies)
        self._summarizer = summarizer
        self._own_store = artifacts is None
        self._artifacts = ArtifactStore() if artifacts is None else artifacts
        self._read_back = read_back
        self._pool = pool
        self._pins = tuple(pins)
        self._share: Share = share
        self._records: deque[CallRecord] = deque(maxlen=MAX_RECORDS)

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
                pins=pins,
                summarizer=summarizer,
            )

        self._clients = each_once(clients, under_budget)
        own_counter = counter or next((client.counter for client in self._clients.values()), TiktokenCounter())
        self._sharing = Sharing(share, self._artifacts, own_counter, self._cap)
        self._equipment = Equipment(
            budget,
            self._artifacts,
            own_counter,
            cap=self._cap,
            read_back=read_back
            and any(client.model_info.get("function_calling", False) for client in clients.values()),
            shared=not self._own_store,
            history=self.read_history,
        )
        memories = [client.memory for client in dict.fromkeys(self._clients.values())]
        self._contexts = Contexts(agent.name, lambda: held_contexts(agent), memories, own_counter, fold=bounded_memory)
        give(agent, self._clients)
        give(agent, self._equipment.wrap_workbenches(workbenches))
        give(agent, self._equipment.wrap_executors(executors))

    @property
    def inner(self) -> BaseChatAgent:
        """The wrapped agent."""
        return self._inner

    @property
    def budget(self) -> TokenBudget:
        """The budget of each model call. Another one, once it is set, holds from the next call on, of tools too."""
        return self._equipment.budget

    @budget.setter
    def budget(self, budget: TokenBudget) -> None:
        check_budget(budget)
        self._budget = self._equipment.budget = budget
        for client in self._clients.values():
            client.budget = budget

    @property
    def pool(self) -> SpendPool | None:
        """What pays for the agent's model calls. Another one, once it is set, pays from the next call on."""
        return self._pool

    @pool.setter
    def pool(self, pool: SpendPool | None) -> None:
        for client in self._clients.values():
            client.pool = pool
        self._pool = pool

    @property
    def records(self) -> tuple[CallRecord, ...]:
        """One record for each of the latest 1,000 model calls, oldest first."""
        return tuple(self._records)

    def report(self, *, prices: Mapping[str, Price] | None = None) -> Report:
        """What the calls in `records` add up to, and whether compaction paid.

        Args:
            prices (Mapping[str, Price] | None): Prices by model, before those of `genai-prices`. `None` means none.
        """
        return Report.of(self.records, prices=prices)

    @property
    def artifacts(self) -> ArtifactStore:
        """Where the whole of each tool output is kept that was cut, by the reference in its place."""
        return self._artifacts

    @property
    def cuts(self) -> tuple[OutputCut, ...]:
        """One record for each of the latest 1,000 outputs of tools or code that were cut, oldest first."""
        return tuple(self._equipment.cuts)

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        """The inner agent's."""
        return self._inner.produced_message_types

    @property
    def contexts(self) -> Contexts:
        """The agent's model contexts, and what is known of the conversations in them."""
        return self._contexts

    async def read_history(self) -> str:
        """All that was said up to the newest turn that was left out or cut, as text: what `read_artifact` reads.

        Raises:
            ArtifactNotFoundError: Nothing was left out so far.
        """
        return await self._contexts.read_history()

    async def start_task(self, keep: Phase = "summary") -> None:
        """Make the agent ready for its next job.

        Args:
            keep (Phase): What stays of the last one: `"summary"`, what `handoff_summary` tells in a quarter of the cap,
                in place of the conversation; `"nothing"`, as after a reset; `"all"`, so that the conversation goes on.

        Raises:
            ValueError: It is none of these, or the agent holds no context that could begin with a summary.
        """
        if keep == "nothing":
            await self.on_reset(CancellationToken())
        await self._contexts.start_task(keep, self._cap())

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        """Let the inner agent answer."""
        self._equipment.remember(messages)
        # A copy: teams clear the list they pass in.
        shared = await self._sharing.choose(messages)
        async with self._contexts.turn():
            return await self._inner.on_messages(shared, cancellation_token)

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | Response, None]:
        """Let the inner agent answer, and pass on all it says on the way."""
        self._equipment.remember(messages)
        shared = await self._sharing.choose(messages)
        async with self._contexts.turn():
            async for item in self._inner.on_messages_stream(shared, cancellation_token):
                yield item

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        """Reset the inner agent and forget its conversations; what was learned about the model stays."""
        await self._inner.on_reset(cancellation_token)
        self._equipment.forget()
        self._sharing.forget()
        for client in self._clients.values():
            client.forget()

    async def on_pause(self, cancellation_token: CancellationToken) -> None:
        """Pause the inner agent."""
        await self._inner.on_pause(cancellation_token)

    async def on_resume(self, cancellation_token: CancellationToken) -> None:
        """Resume the inner agent."""
        await self._inner.on_resume(cancellation_token)

    async def save_state(self) -> Mapping[str, Any]:
        """The inner agent's state, with what the clients of its models know under a key of its own."""
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
        """Close the inner agent, and stop what is being written in the background."""
        for client in self._clients.values():
            await client.stop()
        await self._inner.close()

    def _to_config(self) -> BudgetedAgentConfig:
        with given_back(self._inner, self._originals):
            return BudgetedAgentConfig(
                agent=self._inner.dump_component(),
                budget=self._budget,
                artifacts=None if self._own_store else self._artifacts.dump_component(),
                read_back=self._read_back,
                pool=None if self._pool is None else self._pool.dump_component(),
                pins=declared(self._pins),
                bounded_memory=self._contexts.folding,
                strategies=dump_strategies(self._strategies),
                summarizer=None if self._summarizer is None else self._summarizer.dump_component(),
                share=dump_share(self._share),
            )

    @classmethod
    def _from_config(cls, config: BudgetedAgentConfig) -> Self:
        artifacts = None if config.artifacts is None else ArtifactStore.load_component(config.artifacts)
        agent = BaseChatAgent.load_component(config.agent)
        pool = None if config.pool is None else SpendPool.load_component(config.pool)
        return cls(
            agent,
            config.budget,
            artifacts=artifacts,
            read_back=config.read_back,
            pool=pool,
            pins=[pinned.pin() for pinned in config.pins],
            bounded_memory=config.bounded_memory,
            strategies=load_strategies(config.strategies),
            summarizer=None if config.summarizer is None else ChatCompletionClient.load_component(config.summarizer),
            share=config.share,
        )

    def _cap(self) -> int:
        return min((client.cap for client in self._clients.values()), default=cap_of(self._budget))
