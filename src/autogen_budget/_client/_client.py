"""The seam that every caller of a model shares: a model client whose requests always fit."""

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from os import PathLike
from typing import Any, Literal

from autogen_core import CancellationToken, Component
from autogen_core.models import ChatCompletionClient, CreateResult, LLMMessage
from autogen_core.tools import Tool, ToolSchema
from pydantic import BaseModel
from typing_extensions import Self

from autogen_budget._artifacts import ArtifactStore
from autogen_budget._budget import TokenBudget
from autogen_budget._checks import check_budget, kind_of
from autogen_budget._compaction import (
    Strategy,
    SummarizerChoice,
    default_strategies,
    summarize_with,
)
from autogen_budget._counting import Tally, TiktokenCounter, TokenCounter, TokenSource, server_source
from autogen_budget._history import ConversationRegistry, HistoryArchive
from autogen_budget._hooks import CallStart, Hook, tell, traced, wants_content
from autogen_budget._introspection import clients_within
from autogen_budget._limits import Limits
from autogen_budget._model_facts import counts_as, describe_client
from autogen_budget._record_json import with_record_file
from autogen_budget._records import CallRecord, Record
from autogen_budget._spend import Purpose, SpendPool, pool_to_charge
from autogen_budget._summary import Summarizer
from autogen_budget._turns import Pin

from ._call import Caller, ModelCall
from ._delegate import DelegatingClient
from ._larger import Larger, LargerModel
from ._limited import LimitedCalls
from ._planner import Planner
from ._request import Ask
from ._send import Send, Sender
from ._settings import BudgetedChatCompletionClientConfig, CallSettings, check_kind

logger = logging.getLogger("autogen_budget")


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
        counter (TokenCounter | None): How to count. `None` means a `TiktokenCounter` for the client's model; where the
            client does not name it, for its family in `model_info`, which is counted safely unless it is OpenAI's.
        hooks (Sequence[Hook]): Called with each record as it is made.
        records (str | PathLike[str] | None): A file that each record is written to, as a line of JSON without what
            messages say; see `RecordFile`. `None` means none.
        artifacts (ArtifactStore | None): Where the whole of a tool's output is kept before it is cut. `None` means
            nowhere.
        pool (SpendPool | None): What pays for the calls: each is reserved before it is made and settled after it.
            `None` means nothing does. A client inside that charges the pool, or a child of it, goes on to do so alone.
        purpose (Purpose): What the calls are for, in the pool's report: `reply`, `selector`, `orchestrator`, `summary`.
        pins (Sequence[Pin]): What may not be dropped, beside the task, the newest request and turns; see `pin`.
        pin_tools (Sequence[str]): Names of the tools that are always offered, over `max_tool_schema_tokens` too.
        summarizer (ChatCompletionClient | Literal["own"] | None): Who writes the summaries of the default strategies: a
            client, `"own"` for the wrapped one, or `None` for no model at all: facts stand in. See `Summarize`.
        token_source (TokenSource | None): Counts first requests as the model does. `None` means the client's server, if
            it is a llama.cpp or vLLM server and no `counter` is given.
        limits (Limits | None): How long, how often and how much at once is asked. `None` means `Limits()`.
        fallback (ChatCompletionClient | None): Who is asked once, instead, when an agent repeats itself. `None`
            means that this is an error.
        larger (ChatCompletionClient | None): A model with a larger window, which answers single calls whose
            instructions, task and newest request do not fit, or that were refused for their size again and again. Its
            own window is its cap, unless it has a budget; it is charged to the pool. `None` means they are errors.

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
        records: str | PathLike[str] | None = None,
        artifacts: ArtifactStore | None = None,
        pool: SpendPool | None = None,
        purpose: Purpose = "reply",
        pins: Sequence[Pin] = (),
        pin_tools: Sequence[str] = (),
        summarizer: SummarizerChoice = None,
        token_source: TokenSource | None = None,
        limits: Limits | None = None,
        fallback: ChatCompletionClient | None = None,
        larger: ChatCompletionClient | None = None,
    ) -> None:
        check_budget(budget)
        check_kind(
            "token_source", token_source, TokenSource, "a TokenSource, for example AnthropicTokenSource(model, key)"
        )
        if not isinstance(client, ChatCompletionClient):
            raise TypeError(f"client must be a ChatCompletionClient, got {kind_of(client)}")
        if summarizer is not None and strategies is not None:
            raise ValueError("summarizer goes with the default strategies: put Summarize(client) among your own")
        settings = CallSettings(
            strategies=strategies,
            counter=counter,
            hooks=with_record_file(hooks, records),
            artifacts=artifacts,
            pool=pool,
            pins=pins,
            pin_tools=pin_tools,
            summarizer=summarizer,
            limits=Limits() if limits is None else limits,
            fallback=fallback,
            larger=larger,
        )
        facts = describe_client(client)
        super().__init__(client)
        self.counter: TokenCounter = TiktokenCounter(counts_as(client, facts.model)) if counter is None else counter
        """Counts tokens, and learns from reported usage how this model counts them."""
        self._budget, self._name, self._model = budget, name, facts.model
        self._settings = settings
        self.purpose: Purpose = purpose
        """What the calls are for."""
        self._summaries = Summarizer(self._summary_client, client)
        self.pool = pool
        self._calls = LimitedCalls(
            self.name,
            settings.limits,
            client,
            Sender(client, stream_options=facts.stream_options).send,
            self._keep,
            None if fallback is None else Sender(fallback).send,
        )
        self._planner = Planner(
            facts,
            budget,
            self._strategies_for(budget),
            self.counter,
            multiple_system_messages=bool(client.model_info.get("multiple_system_messages", False)),
            artifacts=artifacts,
            pins=pins,
            pin_tools=pin_tools,
            summarizer=self._summaries,
            source=token_source or (server_source(facts.base_url, facts.model) if counter is None else None),
            instructions=purpose == "reply",
            strategy_timeout=settings.limits.model_timeout,
        )
        self._larger = None if larger is None else LargerModel(larger, self._under_own_budget)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self.client).__name__} {self.name!r}, {self.budget!r})"

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
        self._summaries.invalidate_models()

    @property
    def name(self) -> str:
        """Who calls, as the records say."""
        return self._name or self._model or type(self.client).__name__

    @property
    def artifacts(self) -> ArtifactStore | None:
        """Where the whole of what is cut is kept. `None` means nowhere."""
        return self._settings.artifacts

    @property
    def pool(self) -> SpendPool | None:
        """What pays for the calls. `None` means nothing does, or a client inside this one charges the pool already."""
        return self._pool

    @pool.setter
    def pool(self, pool: SpendPool | None) -> None:
        within = [inner for inner in clients_within(self.client) if isinstance(inner, BudgetedChatCompletionClient)]
        self._pool = pool_to_charge(pool, [inner.pool for inner in within if inner.pool is not None])
        self._settings = replace(self._settings, pool=pool)
        self._summaries.invalidate_models()

    @property
    def cap(self) -> int:
        """Tokens a request may hold, by what is known now; it changes when the provider reports the true window."""
        return self._planner.cap.tokens()

    def forget(self) -> None:
        """Forget the conversations, as after a reset; records and what was learned about the model stay."""
        self._planner.forget()
        self._summaries.forget()

    async def learn_cap(self) -> int:
        """Return the `cap`, after asking the model's server for its window where it is not known otherwise."""
        await self._planner.cap.ask_server()
        return self.cap

    @property
    def conversations(self) -> ConversationRegistry:
        """The conversations that went through this client, as far as they are known."""
        return self._planner.conversations

    @property
    def archive(self) -> HistoryArchive:
        """What is kept of what left these conversations."""
        return self._planner.archive

    def save_state(self) -> Mapping[str, object]:
        """Return what was learned about the model, and what its conversations were compacted to, as values for JSON."""
        return self._planner.save_state()

    def load_state(self, state: Mapping[str, object]) -> None:
        """Take over what another client knew; what is not understood, or was learned of another model, is ignored.

        Args:
            state (Mapping[str, object]): What `save_state` returned.
        """
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
            ContextOverflowError: The request cannot be made to fit, or the provider went on refusing it for its size.
            SpendLimitError: The pool cannot pay for it; nothing was sent.
            ModelTimeoutError: The model did not answer in time, as often as it may be asked.
            LoopDetectedError: The agent, or the text, repeats itself.
        """
        ask = Ask([*messages], tools, tool_choice, json_output, extra_create_args, cancellation_token, stream=False)
        async with aclosing(self._answer(ask)) as items:
            return [item async for item in items if not isinstance(item, str)][-1]

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
            ContextOverflowError: The request cannot be made to fit, or the provider went on refusing it for its size.
            SpendLimitError: The pool cannot pay for it; nothing was sent.
            ModelTimeoutError: The model did not answer in time, as often as it may be asked.
            LoopDetectedError: The agent, or the text, repeats itself.
        """
        ask = Ask([*messages], tools, tool_choice, json_output, extra_create_args, cancellation_token, stream=True)
        async with aclosing(self._answer(ask)) as items:
            async for item in items:
                yield item

    async def stop(self) -> None:
        """Stop what is being written in the background, and wait until texts are stored."""
        await self._summaries.close()
        await self.archive.flush()

    async def close(self) -> None:
        """Stop as `stop` does, and close the wrapped client."""
        await self.stop()
        await self.client.close()

    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Tool | ToolSchema] = ()) -> int:
        """Return the tokens of a request as this client counts them; never raises and needs no network."""
        counter = self.counter
        return counter.tokens(Tally.sum((counter.measure_extras(tools), *map(counter.measure_message, messages))))

    def remaining_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Tool | ToolSchema] = ()) -> int:
        """Return the tokens left under the cap beside these messages; negative when they are over it."""
        return self.cap - self.count_tokens(messages, tools=tools)

    def _to_config(self) -> BudgetedChatCompletionClientConfig:
        return BudgetedChatCompletionClientConfig(
            client=self.client.dump_component(),
            budget=self.budget,
            name=self._name,
            purpose=self.purpose,
            **replace(self._settings, pool=self._pool).dump(),
        )

    @classmethod
    def _from_config(cls, config: BudgetedChatCompletionClientConfig) -> Self:
        client = ChatCompletionClient.load_component(config.client)
        return cls(client, config.budget, name=config.name, purpose=config.purpose, **config.settings().arguments())

    def _summary_client(self, writer: ChatCompletionClient | None) -> "BudgetedChatCompletionClient":
        """Return a client for summaries: another one, or the wrapped one as this client counts it."""
        own, settings = writer is None, self._settings
        return BudgetedChatCompletionClient(
            self.client if writer is None else writer,
            self.budget if own else self.budget.model_copy(update={"context_window": None}),
            name=self.name,
            strategies=(),
            counter=self.counter if own else None,
            hooks=(self.log.add, *settings.hooks),
            pool=settings.pool,
            purpose="summary",
            limits=settings.limits,
        )

    def _under_own_budget(self, client: ChatCompletionClient) -> "BudgetedChatCompletionClient":
        if isinstance(client, BudgetedChatCompletionClient):
            return client
        settings = self._settings
        return BudgetedChatCompletionClient(
            client, TokenBudget(), artifacts=settings.artifacts, pins=settings.pins, limits=settings.limits
        )

    def _strategies_for(self, budget: TokenBudget) -> tuple[Strategy, ...]:
        given = self._settings.strategies
        return default_strategies(budget, summarize_with(self._settings.summarizer)) if given is None else tuple(given)

    def call_for(self, caller: Caller, ask: Ask, send: Send | None = None, larger: Larger | None = None) -> ModelCall:
        """Return a call of this model on somebody's behalf: another client's, where that one's model is too small.

        Args:
            caller (Caller): Who pays, and takes the record.
            ask (Ask): What is asked for.
            send (Send | None): Sends a request once. `None` means as this client does.
            larger (Larger | None): Makes the call that takes the place of one that cannot fit. `None` means nothing.
        """
        return ModelCall(ask, self._planner, send or self._calls.send, model=self._model, caller=caller, larger=larger)

    def _answer(self, ask: Ask) -> AsyncGenerator[str | CreateResult, None]:
        call = self._call(ask)
        start = CallStart(self.name, self.purpose, self._model, ask.stream)
        return traced(self._settings.hooks, start, call.record())

    def _call(self, ask: Ask) -> ModelCall:
        send: Send | None = None
        if self.purpose == "reply":
            ask, send = self._calls.prepare(ask)
        caller = Caller(self.name, self._pool, self.purpose, self._keep, wants_content(self._settings.hooks))
        if self._larger is None:
            return self.call_for(caller, ask, send)
        return self.call_for(caller, ask, send, self._larger.taking_over(replace(caller, pool=self._settings.pool)))

    def _keep(self, record: Record) -> None:
        """Keep a record and call the hooks."""
        self.log.add(record)
        if isinstance(record, CallRecord) and record.steps:
            done = ", ".join(step.strategy for step in record.steps)  # details may quote the conversation
            logger.info("%s: %d -> %d tokens (%s)", record.name, record.tokens_before, record.tokens_sent, done)
        tell(record, self._settings.hooks)
