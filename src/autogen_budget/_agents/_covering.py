"""Put all that works in a team, or inside an agent, under budget: agents, managers, nested teams."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from autogen_agentchat.agents import BaseChatAgent, UserProxyAgent
from autogen_core.models import ChatCompletionClient

from autogen_budget._budget import TokenBudget
from autogen_budget._client import BudgetedChatCompletionClient, CallSettings
from autogen_budget._compaction import TrimOldest, TrimSelectorThread
from autogen_budget._hooks import tell
from autogen_budget._introspection import replace_parts
from autogen_budget._limits import Limits
from autogen_budget._records import Record

from ._covered import AgentUnderBudget
from ._human import guard_input
from ._roster import Member, Roster, Wrapper
from ._sharing import Share
from ._team_run import guard_runs

WrapAgent = Callable[..., AgentUnderBudget]
"""Puts one agent under budget, with the arguments of `BudgetedAgent`."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What all members have in common, and what single ones are given instead.

    Args:
        budget (TokenBudget): The budget of each model call.
        settings (CallSettings): How calls are made.
        budgets (Mapping[str, TokenBudget]): Budgets of single members, by path.
        limits (Mapping[str, Limits]): Limits of single members, by path.
        larger (Mapping[str, ChatCompletionClient]): Larger models of single members, by path.
        read_back (bool): Whether models are offered the tool that reads what was cut.
        share (Share): What agents are given of the others' messages.
    """

    budget: TokenBudget
    settings: CallSettings
    budgets: Mapping[str, TokenBudget] = field(default_factory=dict[str, TokenBudget])
    limits: Mapping[str, Limits] = field(default_factory=dict[str, Limits])
    larger: Mapping[str, ChatCompletionClient] = field(default_factory=dict[str, ChatCompletionClient])
    read_back: bool = True
    share: Share = "all"

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
            if member.path in self.budgets:
                wrapper.budget = self.budgets[member.path]
            if wrapper.pool is None:
                wrapper.pool = self.settings.pool
        self._guard(roster)
        return made

    def _guard(self, roster: Roster) -> None:
        """Guard the runs of teams, and the waits for people in them."""

        def report(record: Record) -> None:
            tell(record, self.settings.hooks)

        proxies = [owner for owner in roster.owners if isinstance(owner, UserProxyAgent)]
        guard_runs(roster.teams, self.settings.limits, report, [proxy.name for proxy in proxies])
        for proxy in proxies:
            guard_input(proxy, self.settings.limits, report)

    def _wrap(self, member: Member, roster: Roster, wrap_agent: WrapAgent) -> Wrapper:
        """Put an agent, or a manager's client, under budget; agents have names of their own."""
        budget = self.budgets.get(member.path, self.budget)
        settings = replace(
            self.settings,
            limits=self.limits.get(member.path, self.settings.limits),
            larger=self.larger.get(member.path, self.settings.larger),
        )
        if isinstance(member.part, BaseChatAgent):
            return wrap_agent(member.part, budget, read_back=self.read_back, share=self.share, **settings.arguments())
        if member.role == "selector":  # all of its prompt is one message, of which nothing is to be summarised
            strategies = (TrimSelectorThread(tuple(roster.speakers)), TrimOldest())
            settings = replace(settings, strategies=strategies, summarizer=None)
        return BudgetedChatCompletionClient(
            member.part, budget, name=roster.name_of(member), purpose=member.role, **settings.arguments()
        )
