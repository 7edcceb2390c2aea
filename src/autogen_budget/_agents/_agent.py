"""A drop-in wrapper around any agent: the same agent, whose model calls fit."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from os import PathLike
from typing import Any, cast

from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import BaseChatMessage
from autogen_core import CancellationToken, Component
from autogen_core.code_executor import CodeExecutor
from autogen_core.models import ChatCompletionClient
from autogen_core.tools import Workbench
from typing_extensions import Self

from autogen_budget._artifacts import ArtifactStore
from autogen_budget._budget import TokenBudget
from autogen_budget._checks import check_budget
from autogen_budget._client import BudgetedChatCompletionClient, CallSettings
from autogen_budget._compaction import Strategy, SummarizerChoice
from autogen_budget._counting import TiktokenCounter, TokenCounter
from autogen_budget._hooks import Hook, tell
from autogen_budget._introspection import (
    find_clients,
    find_contexts,
    find_executors,
    find_handoffs,
    find_runners,
    find_workbenches,
    max_calls_of,
    originals_restored,
    set_parts,
)
from autogen_budget._limits import Limits
from autogen_budget._record_json import with_record_file
from autogen_budget._records import Record
from autogen_budget._spend import SpendPool
from autogen_budget._tools import ToolOutputLimiter, ToolWrapping, cap_of, wrap_unique
from autogen_budget._turns import Pin

from ._checks import check_agent, note_wrapped, nothing_to_wrap
from ._config import BudgetedAgentConfig
from ._contexts import Contexts, Phase
from ._covered import AgentUnderBudget
from ._covering import Coverage
from ._roster import roster_of
from ._run import DEADLINE, RunGuard
from ._sharing import Share, Sharing, dump_share
from ._turn import InnerTurns, TurnItem

STATE_KEY = "autogen_budget"
"""Key beside the inner agent's own state, so that either loads without the other."""


class BudgetedAgent(AgentUnderBudget, Component[BudgetedAgentConfig]):
    """Wraps an agent that exists, so that each of its model calls fits a token budget.

    It keeps the agent's name, description and behaviour, and works wherever the agent did. The agent's model client is
    replaced by a `BudgetedChatCompletionClient` around it, its tools by a `BudgetedWorkbench` around them, and the
    output of code it runs is cut like that of a tool. What works inside the agent, such as the team of a
    `SocietyOfMindAgent` or agents and teams that are offered as tools, is put under budget as `budget_team` does it.

    A turn that is cancelled, by its token or its task, ends within a second, and so does one that is over its time.
    What goes on in spite of that, such as a function in a thread, is left behind: nobody waits for it.

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
        hooks (Sequence[Hook]): Called with each record as it is made: of model calls, and of outputs of tools and of
            code that were cut.
        records (str | PathLike[str] | None): A file that each record is written to, as a line of JSON without what
            messages say; see `RecordFile`. `None` means none.
        artifacts (ArtifactStore | None): Where the whole of what is cut is kept. Agents that share a store read what
            another one's tools put out, and are always offered the tool for it. `None` means a store of its own in
            memory.
        read_back (bool): Whether a model that can call functions is offered the tool `read_artifact`, behind the
            agent's other tools: 70 tokens of each request. It never is under a cap of less than 600 tokens.
        pool (SpendPool | None): What pays for the agent's model calls. `None` means nothing does.
        pins (Sequence[Pin]): What may not be dropped, beside the task, the newest request and turns; see `pin`.
        pin_tools (Sequence[str]): Names of the tools that are always offered, over `max_tool_schema_tokens` too.
        summarizer (ChatCompletionClient | Literal["own"] | None): Who writes the summaries of the default strategies: a
            client, which its owner closes, or `"own"` for the agent's own model. `None` means nobody: no
            model is called, and the facts in dropped turns stand in their place. See `Summarize`.
        share (Share): What the agent is told of what others said since it spoke last: `"all"` of it, as AutoGen has it;
            a `"summary"`: the first message it ever gets, what a user says, hand-offs, the newest message, and of the
            rest the facts; or what a function makes of these messages. Such an agent cannot be dumped.
        bounded_memory (bool): Whether to fold the agent's own context as well: after each turn it holds the compacted
            form of its conversation, so that neither memory nor saved states grow on. What went is in `artifacts`, and
            `read_history` reads it. Only AutoGen's default context is folded.
        limits (Limits | None): How long, how often and how much at once models and tools are called, by the agent and
            all that works inside it. `None` means `Limits()`.
        per_agent (Mapping[str, TokenBudget] | None): Budgets of what works inside the agent, by names as in
            `budget_team`. `None` means that all have the same.
        fallback (ChatCompletionClient | None): Who is asked once, instead, when the agent repeats itself. `None`
            means that this is an error.
        larger (ChatCompletionClient | None): A model with a larger window for single calls that do not fit; see
            `BudgetedChatCompletionClient`. `None` means they are errors.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: The agent holds nothing to put under budget, is a `BudgetedAgent` already, or works with a team on
            AutoGen's distributed runtime, where teams cannot run.
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
        records: str | PathLike[str] | None = None,
        artifacts: ArtifactStore | None = None,
        read_back: bool = True,
        pool: SpendPool | None = None,
        pins: Sequence[Pin] = (),
        pin_tools: Sequence[str] = (),
        summarizer: SummarizerChoice = None,
        share: Share = "all",
        bounded_memory: bool = False,
        limits: Limits | None = None,
        per_agent: Mapping[str, TokenBudget] | None = None,
        fallback: ChatCompletionClient | None = None,
        larger: ChatCompletionClient | None = None,
    ) -> None:
        check_budget(budget)
        settings = self._settings = CallSettings(
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
        check_agent(agent)
        clients, workbenches, executors = find_clients(agent), find_workbenches(agent), find_executors(agent)
        inside = roster_of(*find_runners(agent), inside=agent.name)
        self._originals: dict[str, object] = {**clients, **workbenches, **executors}
        if not self._originals and not inside.members:
            raise ValueError(nothing_to_wrap(agent))
        super().__init__(agent)
        self._artifacts = ArtifactStore() if artifacts is None else artifacts
        self._read_back = read_back
        self._share: Share = share
        budgets = inside.by_path(per_agent or {})
        self._own_budgets = frozenset(budgets)
        covered = replace(settings, artifacts=self._artifacts, hooks=(self.log.add, *settings.hooks))
        self._inside = Coverage(
            budget,
            replace(covered, strategies=None, counter=None, pins=(), fallback=None),
            budgets,
            read_back=read_back,
            share=share,
        ).cover(inside, BudgetedAgent)
        own = replace(covered, pin_tools=(*pin_tools, *find_handoffs(agent))).arguments()
        self._clients = wrap_unique(
            clients, lambda client: BudgetedChatCompletionClient(client, budget, name=agent.name, **own)
        )
        counter = counter or next((client.counter for client in self._clients.values()), TiktokenCounter())
        budgeted = list(dict.fromkeys(self._clients.values()))
        self._contexts = Contexts(agent.name, lambda: find_contexts(agent), budgeted, counter, fold=bounded_memory)
        self._outputs = self._limit_outputs(budget, counter)
        sharing = Sharing(share, self._artifacts, counter, self._cap)
        self._turns = InnerTurns(agent, self._outputs, sharing, self._contexts)
        self.runs = RunGuard("agent", agent.name, settings.limits, self._report, max_calls=max_calls_of(agent))
        set_parts(agent, self._clients)
        self._wrap_tools(workbenches, executors)
        note_wrapped(agent)

    @property
    def budget(self) -> TokenBudget:
        """The budget of each model call. Another one, once it is set, holds from the next call on, of tools too."""
        return self._outputs.budget

    @budget.setter
    def budget(self, budget: TokenBudget) -> None:
        check_budget(budget)
        self._outputs.budget = budget
        for client in self._clients.values():
            client.budget = budget
        for member, wrapper in self._inside:
            if member.path not in self._own_budgets:
                wrapper.budget = budget

    @property
    def pool(self) -> SpendPool | None:
        """What pays for the agent's model calls. Another one, once it is set, pays from the next call on."""
        return self._settings.pool

    @pool.setter
    def pool(self, pool: SpendPool | None) -> None:
        for client in self._clients.values():
            client.pool = pool
        for _, wrapper in self._inside:
            wrapper.pool = pool
        self._settings = replace(self._settings, pool=pool)

    @property
    def artifacts(self) -> ArtifactStore:
        """Where the whole of each tool output is kept that was cut, by the reference in its place."""
        return self._artifacts

    @property
    def contexts(self) -> Contexts:
        """The agent's model contexts, and what is known of the conversations in them."""
        return self._contexts

    async def read_history(self) -> str:
        """Return all that was said up to the newest turn that was left out or cut, as text: what `read_artifact` reads.

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
        """Let the inner agent answer.

        Raises:
            RunTimeoutError: It did not in time; what it said until then is with the error.
            RuntimeError: It was called from inside its own run.
        """
        items = self.runs.run(self._turns.answer(messages), cancellation_token)
        responses = [item async for item in items if isinstance(item, Response)]
        if not responses:
            raise RuntimeError(f"agent {self.name!r} ended its turn without a response")
        return responses[-1]

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[TurnItem, None]:
        """Let the inner agent answer, and pass on all it says on the way; raises as `on_messages` does."""
        async with aclosing(self.runs.run(self._turns.stream(messages), cancellation_token)) as items:
            async for item in items:
                yield item

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        """Reset the inner agent and forget its conversations; what was learned about the model stays."""
        await self._inner.on_reset(cancellation_token)
        self._turns.forget()
        for client in self._clients.values():
            client.forget()

    async def save_state(self) -> Mapping[str, Any]:
        """Return the inner agent's state, with the state of its clients under a key of its own; store pending texts."""
        state = dict(await self._inner.save_state())
        known: dict[str, object] = {name: dict(client.save_state()) for name, client in self._clients.items()}
        if (deadline := self.runs.save()) is not None:
            known[DEADLINE] = deadline
        state[STATE_KEY] = known
        await self._artifacts.flush()
        return state

    async def load_state(self, state: Mapping[str, Any]) -> None:
        """Load a state saved with this wrapper or without it."""
        await self._inner.load_state({key: value for key, value in state.items() if key != STATE_KEY})
        known = state.get(STATE_KEY)
        learned: Mapping[str, object] = cast("Mapping[str, object]", known) if isinstance(known, Mapping) else {}
        for name, client in self._clients.items():
            part = learned.get(name)
            client.load_state(cast("Mapping[str, object]", part) if isinstance(part, Mapping) else {})
        deadline = learned.get(DEADLINE)
        self.runs.load(deadline if isinstance(deadline, float) else None)

    async def close(self) -> None:
        """Close the inner agent, stop what is being written in the background, and wait until texts are stored."""
        for client in self._clients.values():
            await client.stop()
        await self._inner.close()

    def _to_config(self) -> BudgetedAgentConfig:
        with originals_restored(self._inner, self._originals):
            return BudgetedAgentConfig(
                agent=self._inner.dump_component(),
                budget=self.budget,
                read_back=self._read_back,
                bounded_memory=self._contexts.folding,
                share=dump_share(self._share),
                **self._settings.dump(),
            )

    @classmethod
    def _from_config(cls, config: BudgetedAgentConfig) -> Self:
        return cls(
            BaseChatAgent.load_component(config.agent),
            config.budget,
            read_back=config.read_back,
            bounded_memory=config.bounded_memory,
            share=config.share,
            **config.settings().arguments(),
        )

    def _limit_outputs(self, budget: TokenBudget, counter: TokenCounter) -> ToolOutputLimiter:
        return ToolOutputLimiter(
            budget,
            self._artifacts,
            counter,
            name=self.name,
            cap=self._cap,
            records=self.log,
            hooks=self._settings.hooks,
            history=self.read_history,
            left=lambda: self._contexts.references,
        )

    def _wrap_tools(
        self, workbenches: Mapping[str, Workbench | Sequence[Workbench]], executors: Mapping[str, CodeExecutor]
    ) -> None:
        """Put the agent's tools and the code it runs under budget."""
        calls_tools = any(client.model_info.get("function_calling", False) for client in self._clients.values())
        wrapping = ToolWrapping(
            self._outputs,
            read_back=self._read_back and calls_tools,
            find_tools=calls_tools,
            shared=self._settings.artifacts is not None,
            limits=self._settings.limits,
        )
        set_parts(self._inner, wrapping.wrap_workbenches(workbenches))
        set_parts(self._inner, wrapping.wrap_executors(executors))

    def _report(self, record: Record) -> None:
        self.log.add(record)
        tell(record, self._settings.hooks)

    def _cap(self) -> int:
        return min((client.cap for client in self._clients.values()), default=cap_of(self.budget))
