"""A whole team under budget: every participant, every nested team, and the manager's own model calls: `budget_team`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakKeyDictionary, WeakSet

from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.base import Team
from autogen_core.models import ChatCompletionClient

from ._adoption import exchange, has_outputs
from ._agent import BudgetedAgent
from ._artifacts import ArtifactStore
from ._budget import TokenBudget
from ._checks import check_budget, kind_of
from ._client import BudgetedChatCompletionClient
from ._members import Member, roster_of
from ._report import Hook
from ._selector import TrimSelectorThread
from ._share import Share, check_share
from ._spend import SpendPool
from ._trim import TrimOldest

TeamT = TypeVar("TeamT", bound=Team)

Wrapper = BudgetedAgent | BudgetedChatCompletionClient

_given: "WeakKeyDictionary[Team, WeakSet[Wrapper]]" = WeakKeyDictionary()
"""What `budget_team` has put into which team: what a later call for it may change."""


def budget_team(
    team: TeamT,
    budget: TokenBudget,
    *,
    per_agent: Mapping[str, TokenBudget] | None = None,
    pool: SpendPool | None = None,
    artifacts: ArtifactStore | None = None,
    hooks: Sequence[Hook] = (),
    share: Share = "all",
    summarizer: ChatCompletionClient | None = None,
) -> TeamT:
    """Put a whole team under budget, in place.

    A `BudgetedAgent` of the same name takes the place of each participant with a model client, tools or a code
    executor, and a `BudgetedChatCompletionClient` that of the client by which a team chooses speakers or plans. This
    goes down to any depth: nested teams, the inner team of a `SocietyOfMindAgent`, the agent behind a
    `MessageFilterAgent`, agents and teams that are offered as tools. What holds no such thing, for example a
    `UserProxyAgent`, stays as it is; so does an agent that calls a provider's own SDK, such as an `OpenAIAgent`:
    nothing can be put around its calls.

    Called again for the same team, between runs, it gives new budgets to what it wrapped before.

    .. code-block:: python

        from autogen_budget import SpendPool, SpendTermination, TokenBudget, budget_team

        pool = SpendPool(max_tokens=200_000)
        team = SelectorGroupChat([planner, coder], client, termination_condition=SpendTermination(pool))
        budget_team(team, TokenBudget(8_000), per_agent={"selector": TokenBudget(2_000)}, pool=pool)

    Args:
        team (TeamT): Any team that is not running. One that ran before keeps its conversation.
        budget (TokenBudget): The budget of each model call of all that `per_agent` does not name.
        per_agent (Mapping[str, TokenBudget] | None): Budgets by participants' names, nested ones included. `"selector"`
            and `"orchestrator"` stand for the managers' own calls, in nested teams too. Where a name is not unique, the
            names of the teams and agents around it lead to it: `"inner_team/writer"`; the longest that fits decides.
            `None` means `budget` is for all.
        pool (SpendPool | None): What pays for all model calls; end runs with a `SpendTermination`. A call that is
            refused in the middle of a turn becomes a `RuntimeError` that begins with `SpendLimitError:`, and AutoGen's
            team is no use after that: build it again, and load its state. `None` means nothing pays.
        artifacts (ArtifactStore | None): Where the whole of what is cut is kept, for all of them. `None` means a store
            in memory.
        hooks (Sequence[Hook]): Called with the record of each model call.
        share (Share): What each participant is told of what others said; see `BudgetedAgent`.
        summarizer (ChatCompletionClient | None): Who writes the summaries of the participants' conversations; see
            `BudgetedAgent`. `None` means each participant's own model.

    Returns:
        TeamT: The same team. A `BudgetedAgent` among its participants keeps its own settings and is only given the
        pool if it has none, and the budget that `per_agent` names for it.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A name in `per_agent` is unknown or not unique; `share` is none of its values; the team is running;
            it has begun to run where its agents cannot be reached; it is under budget already and more than budgets is
            given; or a client in it charges another part of the same pool.
    """
    if not isinstance(team, Team):
        raise TypeError(f"team must be a Team, such as a RoundRobinGroupChat, got {kind_of(team)}")
    for each in (budget, *(per_agent or {}).values()):
        check_budget(each)
    check_share(share)
    roster = roster_of(team)
    own = roster.budgets(per_agent or {})
    if team in _given and (pool or artifacts or hooks or summarizer or share != "all"):
        raise ValueError(
            f"team {team.name!r} is under budget already, and a second call changes budgets only: pool, artifacts, "
            "hooks, share and summarizer are for the first call to give"
        )
    given = _given.get(team, WeakSet())
    settings = _Settings(
        pool=pool,
        artifacts=ArtifactStore() if artifacts is None else artifacts,
        # Where nothing is ever cut, no model needs the tool that reads what was.
        read_back=artifacts is not None or share != "all" or any(map(has_outputs, roster.owners)),
        hooks=tuple(hooks),
        share=share,
        summarizer=summarizer,
        speakers=tuple(roster.speakers),
    )
    for member in roster.members:
        wrapper = member.under_budget
        if wrapper is None:
            wrapper = settings.wrap(member, own.get(member.path, budget), roster.name_of(member))
            given.add(wrapper)
            for holder in member.holders:
                exchange(holder, {id(member.part): wrapper})
            continue
        if member.path in own or wrapper in given:
            wrapper.budget = own.get(member.path, budget)
        if wrapper.pool is None:
            wrapper.pool = pool
    _given[team] = given
    return team


@dataclass(frozen=True, slots=True)
class _Settings:
    """What all members of a team have in common."""

    pool: SpendPool | None
    artifacts: ArtifactStore
    read_back: bool
    hooks: tuple[Hook, ...]
    share: Share
    summarizer: ChatCompletionClient | None
    speakers: tuple[str, ...]

    def wrap(self, member: Member, budget: TokenBudget, name: str) -> Wrapper:
        """Put an agent, or a manager's client, under budget; agents have names of their own."""
        if isinstance(member.part, BaseChatAgent):
            return BudgetedAgent(
                member.part,
                budget,
                hooks=self.hooks,
                artifacts=self.artifacts,
                read_back=self.read_back,
                pool=self.pool,
                share=self.share,
                summarizer=self.summarizer,
            )
        selects = member.role == "selector"  # all of its prompt is one message, of which nothing is to be summarised
        return BudgetedChatCompletionClient(
            member.part,
            budget,
            name=name,
            strategies=(TrimSelectorThread(self.speakers), TrimOldest()) if selects else None,
            hooks=self.hooks,
            artifacts=self.artifacts,
            pool=self.pool,
            purpose=member.role,
            summarizer=None if selects else self.summarizer,
        )
