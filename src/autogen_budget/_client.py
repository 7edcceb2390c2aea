"""The seam that every caller of a model shares: a model client whose requests always fit."""

import logging
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Literal, cast

from autogen_core import CancellationToken, Component, ComponentModel
from autogen_core.models import ChatCompletionClient, CreateResult, LLMMessage
from autogen_core.tools import Tool, ToolSchema
from pydantic import BaseModel, ConfigDict
from typing_extensions import Self

from ._adoption import clients_within
from ._artifacts import ArtifactStore
from ._attempt import Attempt
from ._budget import TokenBudget
from ._checks import check_arguments, check_budget, kind_of, pool_to_charge
from ._counting import TiktokenCounter, TokenCounter
from ._declared import dump_strategies, load_strategies
from ._delegate import DelegatingClient
from ._keep import Pin, PinConfig, declared
from ._memory import Memory
from ._need import Strategy
from ._planner import Call, Planner
from ._report import CallRecord, Hook, tell
from ._spend import Price, Purpose, SpendPool
from ._strategies import default_strategies
from ._summary import Summarizer
from ._tally import Tally
from ._totals import Report
from ._usage import ASK_FOR_USAGE, STREAM_OPTIONS, overhear_usage, reports_when_asked
from ._windows import describe_client

logger = logging.getLogger("autogen_budget")

MAX_RECORDS = 1_000
"""How many records a client keeps; older ones have been told to the hooks and are forgotten."""


class BudgetedChatCompletionClientConfig(BaseModel):
    """The declarative form of a `BudgetedChatCompletionClient`; hooks and a counter are code, and not in it."""

    model_config = ConfigDict(extra="forbid")

    client: ComponentModel
    budget: TokenBudget
    name: str | None = None
    artifacts: ComponentModel | None = None
    pool: ComponentModel | None = None
    purpose: Purpose = "reply"
    pins: list[PinConfig] = []
    strategies: list[ComponentModel] | None = None
    summarizer: ComponentModel | None = None


class BudgetedChatCompletionClient(DelegatingClient, Component[BudgetedChatCompletionClientConfig]):
    """Wraps any model client so that every request fits its budget, stays valid, and is accounted for.

    .. code-block:: python

        from autogen_budget import BudgetedChatCompletionClient, TokenBudget
        from autogen_ext.models.openai import OpenAIChatCompletionClient

        client = BudgetedChatCompletionClient(OpenAIChatCompletionClient(model="gpt-4o"), TokenBudget(8_000))

    Args:
        client (ChatCompletionClient): The client to call.
        budget (TokenBudget): The cap of each request and how to keep it.
        name (str | None): Who calls, for the records. `None` means the model's name.
        strategies (Sequence[Strategy] | None): How to make a history smaller. `None` means
            `default_strategies(budget)`.
        counter (TokenCounter | None): How to count. `None` means a `TiktokenCounter` for the client's model.
        hooks (Sequence[Hook]): Called with the record of each finished call.
        artifacts (ArtifactStore | None): Where the whole of a tool's output is kept before it is cut. `None` means
            nowhere.
        pool (SpendPool | None): What pays for the calls: each is reserved before it is made and settled after it.
            `None` means nothing does. A client inside that charges the pool, or a child of it, goes on to do so alone.
        purpose (Purpose): What the calls are for, in the pool's report: `reply`, `selector`, `orchestrator`, `summary`.
        pins (Sequence[Pin]): What may not be dropped, beside the task, the newest request and turns; see `pin`.
        summarizer (ChatCompletionClient | None): Who writes the summaries of the default strategies; closing it is up
            to its owner. `None` means the wrapped client, if its model is known to handle it; see `Summarize`.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A client inside charges another part of the same pool.
    """

    component_type = "model"
    component_config_schema = BudgetedChatCompletionClientConfig
    component_provider_override = "autogen_budget.BudgetedChatCompletionClient"

    def __init__(
        self,
        client: ChatCompletionClient,
        budget: TokenBudget,
        *,
        name: str | None = None,
        strategies: Sequence[Strategy] | None = None,
        counter: TokenCounter | None = None,
        hooks: Sequence[Hook] = (),
        artifacts: ArtifactStore | None = None,
        pool: SpendPool | None = None,
        purpose: Purpose = "reply",
        pins: Sequence[Pin] = (),
        summarizer: ChatCompletionClient | None = None,
    ) -> None:
        check_arguments(budget, strategies, counter, hooks, artifacts, pins)
        if not isinstance(client, ChatCompletionClient):
            raise TypeError(f"client must be a ChatCompletionClient, got {kind_of(client)}")
        if summarizer is not None and strategies is not None:
            raise ValueError("summarizer goes with the default strategies: put Summarize(client) among your own")
        facts = describe_client(client)
        super().__init__(client)
        self.counter: TokenCounter = TiktokenCounter(facts.model) if counter is None else counter
        """Counts tokens, and learns from reported usage how this model counts them."""
        self._budget = budget
        self._name = name
        self._model = facts.model
        self._ask_for_usage = reports_when_asked(client) and not facts.stream_options
        self._strategies = strategies
        self._hooks = tuple(hooks)
        self._artifacts = artifacts
        self.purpose: Purpose = purpose
        """What the calls are for."""
        self._pins = tuple(pins)
        self._summarizer = summarizer

        def under_budget(writer: ChatCompletionClient | None) -> BudgetedChatCompletionClient:
            return BudgetedChatCompletionClient(
                writer or client,
                self.budget if writer is None else self.budget.model_copy(update={"context_window": None}),
                name=self.name,
                strategies=(),
                counter=self.counter if writer is None else None,
                hooks=(self._records.append, *hooks),
                pool=self._given_pool,
                purpose="summary",
            )

        self._summaries = Summarizer(under_budget, client)
        self.pool = pool
        self._records: deque[CallRecord] = deque(maxlen=MAX_RECORDS)
        self._planner = Planner(
            facts,
            budget,
            self._strategies_for(budget),
            self.counter,
            multiple_system_messages=bool(client.model_info.get("multiple_system_messages", False)),
            artifacts=artifacts,
            pins=pins,
            summarizer=self._summaries,
        )

    @property
    def budget(self) -> TokenBudget:
        """The budget of each request. Another one, once it is set, holds from the next call on.

        A larger one brings nothing back of what a conversation has lost to compaction.
        """
        return self._budget

    @budget.setter
    def budget(self, budget: TokenBudget) -> None:
        check_budget(budget)
        self._budget = budget
        self._planner.change_budget(budget, self._strategies_for(budget))
        self._summaries.renew()

    @property
    def name(self) -> str:
        """Who calls, as the records say."""
        return self._name or self._model or type(self.client).__name__

    @property
    def records(self) -> tuple[CallRecord, ...]:
        """One record for each of the latest 1,000 calls, oldest first."""
        return tuple(self._records)

    def report(self, *, prices: Mapping[str, Price] | None = None) -> Report:
        """What the calls in `records` add up to, and whether compaction paid.

        Args:
            prices (Mapping[str, Price] | None): Prices by model, before those of `genai-prices`. `None` means none.
        """
        return Report.of(self.records, prices=prices)

    @property
    def artifacts(self) -> ArtifactStore | None:
        """Where the whole of what is cut is kept. `None` means nowhere."""
        return self._artifacts

    @property
    def pool(self) -> SpendPool | None:
        """What pays for the calls. `None` means nothing does, or a client inside this one charges the pool already."""
        return self._pool

    @pool.setter
    def pool(self, pool: SpendPool | None) -> None:
        within = [inner for inner in clients_within(self.client) if isinstance(inner, BudgetedChatCompletionClient)]
        self._pool = pool_to_charge(pool, [inner.pool for inner in within if inner.pool is not None])
        self._given_pool = pool
        self._summaries.renew()

    @property
    def cap(self) -> int:
        """Tokens a request may hold, by what is known now; it changes when the provider tells the true window."""
        return self._planner.cap()

    def forget(self) -> None:
        """Forget the conversations, as after a reset; records and what was learned about the model stay."""
        self._planner.memory.forget()
        self._summaries.forget()

    async def learn_cap(self) -> int:
        """The `cap`, after asking the model's server for its window where nothing else tells it."""
        return await self._planner.learn_cap()

    @property
    def memory(self) -> Memory:
        """The conversations that went through this client, and what is kept of them."""
        return self._planner.memory

    def save_state(self) -> Mapping[str, object]:
        """What was learned about the model, and what its conversations were compacted to, as values for JSON."""
        return {"counter": dict(self.counter.save_state()), **self._planner.save_state()}

    def load_state(self, state: Mapping[str, object]) -> None:
        """Take over what another client knew; what is not understood is ignored.

        Args:
            state (Mapping[str, object]): What `save_state` returned.
        """
        counter = state.get("counter")
        if isinstance(counter, Mapping):
            self.counter.load_state(cast(Mapping[str, object], counter))
        self._planner.load_state(state)

    async def create(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Tool | ToolSchema] = (),
        tool_choice: Tool | Literal["auto", "required", "none"] = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] = {},
        cancellation_token: CancellationToken | None = None,
    ) -> CreateResult:
        """Create a reply with a request that fits; see `ChatCompletionClient.create`.

        Raises:
            ContextOverflowError: The request cannot be made to fit, or the provider refused it twice for its size.
            SpendLimitError: The pool cannot pay for it; nothing was sent.
        """
        attempt = self._begin(Call(messages, tools, json_output, extra_create_args))
        try:
            request = await attempt.request(cancellation_token)
            while True:
                try:
                    with overhear_usage() as attempt.usage:
                        attempt.result = await self.client.create(
                            request.messages,
                            tools=tools,
                            tool_choice=tool_choice,
                            json_output=json_output,
                            extra_create_args=extra_create_args,
                            cancellation_token=cancellation_token,
                        )
                    return attempt.result
                except Exception as error:
                    request = await attempt.smaller_request(error)
        except BaseException as error:
            attempt.error = error
            raise
        finally:
            await self._settle(attempt)

    async def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Tool | ToolSchema] = (),
        tool_choice: Tool | Literal["auto", "required", "none"] = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] = {},
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[str | CreateResult, None]:
        """Stream a reply with a request that fits; see `ChatCompletionClient.create_stream`.

        A refused request is made smaller and sent again only as long as nothing of the reply was passed on.

        Raises:
            ContextOverflowError: The request cannot be made to fit, or the provider refused it twice for its size.
            SpendLimitError: The pool cannot pay for it; nothing was sent.
        """
        attempt = self._begin(Call(messages, tools, json_output, extra_create_args))
        try:
            request = await attempt.request(cancellation_token)
            begun = False
            ask = self._ask_for_usage and STREAM_OPTIONS not in extra_create_args
            while True:
                stream = self.client.create_stream(
                    request.messages,
                    tools=tools,
                    tool_choice=tool_choice,
                    json_output=json_output,
                    extra_create_args={**extra_create_args, **ASK_FOR_USAGE} if ask else extra_create_args,
                    cancellation_token=cancellation_token,
                )
                try:
                    async with aclosing(stream):
                        async for item in stream:
                            begun = True
                            if isinstance(item, CreateResult):
                                attempt.result = item
                            else:
                                attempt.said.append(item)
                            yield item
                    return
                except Exception as error:
                    if begun:
                        raise
                    if ask and STREAM_OPTIONS in str(error):  # a server that knows no such option
                        ask = self._ask_for_usage = False
                    else:
                        request = await attempt.smaller_request(error)
        except BaseException as error:
            attempt.error = error
            raise
        finally:
            await self._settle(attempt)

    async def stop(self) -> None:
        """Stop what is being written in the background; the wrapped client stays open."""
        await self._summaries.close()

    async def close(self) -> None:
        """Stop what is being written in the background, and close the wrapped client."""
        await self.stop()
        await self.client.close()

    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Tool | ToolSchema] = ()) -> int:
        """Tokens of a request as this client counts them; never raises and needs no network."""
        counter = self.counter
        return counter.tokens(Tally.sum((counter.measure_extras(tools), *map(counter.measure_message, messages))))

    def remaining_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Tool | ToolSchema] = ()) -> int:
        """Tokens left under the cap beside these messages; negative when they are over it."""
        return self.cap - self.count_tokens(messages, tools=tools)

    def _to_config(self) -> BudgetedChatCompletionClientConfig:
        return BudgetedChatCompletionClientConfig(
            client=self.client.dump_component(),
            budget=self.budget,
            name=self._name,
            artifacts=None if self._artifacts is None else self._artifacts.dump_component(),
            pool=None if self._pool is None else self._pool.dump_component(),
            purpose=self.purpose,
            pins=declared(self._pins),
            strategies=dump_strategies(self._strategies),
            summarizer=None if self._summarizer is None else self._summarizer.dump_component(),
        )

    @classmethod
    def _from_config(cls, config: BudgetedChatCompletionClientConfig) -> Self:
        artifacts = None if config.artifacts is None else ArtifactStore.load_component(config.artifacts)
        client = ChatCompletionClient.load_component(config.client)
        pool = None if config.pool is None else SpendPool.load_component(config.pool)
        return cls(
            client,
            config.budget,
            name=config.name,
            artifacts=artifacts,
            pool=pool,
            purpose=config.purpose,
            pins=[pinned.pin() for pinned in config.pins],
            strategies=load_strategies(config.strategies),
            summarizer=None if config.summarizer is None else ChatCompletionClient.load_component(config.summarizer),
        )

    def _strategies_for(self, budget: TokenBudget) -> tuple[Strategy, ...]:
        return default_strategies(budget, self._summarizer) if self._strategies is None else tuple(self._strategies)

    def _begin(self, call: Call) -> Attempt:
        return Attempt(call, self._planner, name=self.name, model=self._model, pool=self._pool, purpose=self.purpose)

    async def _settle(self, attempt: Attempt) -> None:
        """Learn from a call, keep its record, tell the hooks, look ahead; nothing in here can fail the call."""
        record = attempt.record()
        attempt.settle()
        self._records.append(record)
        if record.steps:
            done = "; ".join(f"{step.strategy}: {step.detail}" for step in record.steps)
            logger.info("%s: %d -> %d tokens (%s)", record.name, record.tokens_before, record.tokens_sent, done)
        tell(record, self._hooks)
        await attempt.look_ahead()
