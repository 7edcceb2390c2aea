"""Put all that works in a team, or inside an agent, under budget: agents, managers, nested teams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from autogen_agentchat.agents import BaseChatAgent, UserProxyAgent
from autogen_core.models import ChatCompletionClient

from autogen_budget._artifacts import ArtifactStore
from autogen_budget._budget import TokenBudget
from autogen_budget._client import BudgetedChatCompletionClient
from autogen_budget._compaction import SummarizerChoice, TrimOldest, TrimSelectorThread
from autogen_budget._hooks import Hook, tell
from autogen_budget._introspection import find_conditions, replace_parts
from autogen_budget._limits import Limits, LoopTermination
from autogen_budget._records import Record
from autogen_budget._spend import SpendPool

from ._covered import AgentUnderBudget
from ._human import guard_input
from ._roster import Member, Roster, Wrapper
from ._sharing import Share
from ._team_run import guard_runs


class WrapAgent(Protocol):
    """Puts one agent under budget: `BudgetedAgent` does."""

    def __call__(
        self,
        agent: BaseChatAgent,
        budget: TokenBudget,
        *,
        hooks: Sequence[Hook],
        artifacts: ArtifactStore,
        read_back: bool,
        pool: SpendPool | None,
        share: Share,
        summarizer: SummarizerChoice,
        pin_tools: Sequence[str],
        limits: Limits,
        larger: ChatCompletionClient | None,
    ) -> AgentUnderBudget:
        """The wrapper."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """What all members have in common, and what single ones are given instead.

    Args:
        budget (TokenBudget): The budget of each model call.
        per_agent (Mapping[str, TokenBudget]): Budgets of single members, by path.
        limits (Limits): How long, how often and how much at once models and tools are called.
        per_agent_limits (Mapping[str, Limits]): The same for single members, by path.
        pool (SpendPool | None): What pays. `None` means nothing does.
        artifacts (ArtifactStore): Where the whole of what is cut is kept.
        read_back (bool): Whether models are offered the tool that reads it.
        hooks (Sequence[Hook]): Called with each record.
        share (Share): What agents are told of what others said.
        summarizer (SummarizerChoice): Who writes summaries.
        larger (ChatCompletionClient | None): Who answers single calls that do not fit. `None` means nobody does.
        per_agent_larger (Mapping[str, ChatCompletionClient]): The same for single members, by path.
        pin_tools (Sequence[str]): Names of the tools that are always offered.
    """

    budget: TokenBudget
    per_agent: Mapping[str, TokenBudget] = field(default_factory=dict[str, TokenBudget])
    limits: Limits = field(default_factory=Limits)
    per_agent_limits: Mapping[str, Limits] = field(default_factory=dict[str, Limits])
    pool: SpendPool | None = None
    artifacts: ArtifactStore = field(default_factory=ArtifactStore)
    read_back: bool = True
    hooks: Sequence[Hook] = ()
    share: Share = "all"
    summarizer: SummarizerChoice = None
    larger: ChatCompletionClient | None = None
    per_agent_larger: Mapping[str, ChatCompletionClient] = field(default_factory=dict[str, ChatCompletionClient])
    pin_tools: Sequence[str] = ()

    def cover(self, roster: Roster, wrap_agent: WrapAgent) -> list[tuple[Member, Wrapper]]:
        """Put all members under budget that are not; the others are given the pool if they have none."""
        made: list[tuple[Member, Wrapper]] = []
        for member in reversed(roster.members):
            wrapper = member.under_budget
            if wrapper is None:
                wrapper = self._wrap(member, roster, wrap_agent)
                made.append((member, wrapper))
                for holder in member.holders:
                    replace_parts(holder, {id(member.part): wrapper})
                continue
            if member.path in self.per_agent:
                wrapper.budget = self.per_agent[member.path]
            if wrapper.pool is None:
                wrapper.pool = self.pool
        self._guard(roster)
        return made

    def _guard(self, roster: Roster) -> None:
        """Guard the runs of teams, and the waits for people in them."""

        def report(record: Record) -> None:
            tell(record, self.hooks)

        guard_runs(roster.teams, self.limits, report)
        for team in roster.teams:
            for condition in find_conditions(team):
                if isinstance(condition, LoopTermination):
                    condition.report_to(team.name, report)
        for owner in roster.owners:
            if isinstance(owner, UserProxyAgent):
                guard_input(owner, self.limits, report)

    def _wrap(self, member: Member, roster: Roster, wrap_agent: WrapAgent) -> Wrapper:
        """Put an agent, or a manager's client, under budget; agents have names of their own."""
        budget = self.per_agent.get(member.path, self.budget)
        limits = self.per_agent_limits.get(member.path, self.limits)
        larger = self.per_agent_larger.get(member.path, self.larger)
        if isinstance(member.part, BaseChatAgent):
            return wrap_agent(
                member.part,
                budget,
                hooks=self.hooks,
                artifacts=self.artifacts,
                read_back=self.read_back,
                pool=self.pool,
                share=self.share,
                summarizer=self.summarizer,
                pin_tools=self.pin_tools,
                limits=limits,
                larger=larger,
            )
        selects = member.role == "selector"  # all of its prompt is one message, of which nothing is to be summarised
        return BudgetedChatCompletionClient(
            member.part,
            budget,
            name=roster.name_of(member),
            strategies=(TrimSelectorThread(tuple(roster.speakers)), TrimOldest()) if selects else None,
            hooks=self.hooks,
            artifacts=self.artifacts,
            pool=self.pool,
            purpose=member.role,
            summarizer=None if selects else self.summarizer,
            limits=limits,
            larger=larger,
        )
