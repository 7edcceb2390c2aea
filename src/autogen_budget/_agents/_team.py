"""A whole team under budget: every participant, every nested team, and the manager's own model calls: `budget_team`."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TypeVar
from weakref import WeakKeyDictionary, WeakSet

from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.base import Team
from autogen_core.models import ChatCompletionClient

from autogen_budget._artifacts import ArtifactStore
from autogen_budget._budget import TokenBudget
from autogen_budget._checks import check_budget, kind_of
from autogen_budget._client import CallSettings
from autogen_budget._compaction import SummarizerChoice
from autogen_budget._hooks import Hook
from autogen_budget._introspection import has_outputs
from autogen_budget._limits import Limits
from autogen_budget._record_json import with_record_file
from autogen_budget._spend import SpendPool

from ._agent import BudgetedAgent
from ._covering import Coverage
from ._roster import Wrapper, roster_of
from ._sharing import Share, check_share

TeamT = TypeVar("TeamT", bound=Team)

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
    records: str | PathLike[str] | None = None,
    share: Share = "all",
    summarizer: SummarizerChoice = None,
    pin_tools: Sequence[str] = (),
    limits: Limits | None = None,
    per_agent_limits: Mapping[str, Limits] | None = None,
    larger: ChatCompletionClient | Mapping[str, ChatCompletionClient] | None = None,
) -> TeamT:
    """Put a whole team under budget, in place.

    A `BudgetedAgent` of the same name takes the place of each participant with a model client, tools or a code
    executor, and a `BudgetedChatCompletionClient` that of the client by which a team chooses speakers or plans. This
    goes down to any depth: nested teams, the inner team of a `SocietyOfMindAgent`, the agent behind a
    `MessageFilterAgent`, agents and teams that are offered as tools. What holds no such thing stays as it is, but for
    the limits of a `UserProxyAgent`'s wait; so does an agent that calls a provider's own SDK, such as an `OpenAIAgent`:
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
        hooks (Sequence[Hook]): Called with each record as it is made: of model calls, and of outputs of tools that
            were cut.
        records (str | PathLike[str] | None): A file that each record is written to; see `BudgetedAgent`. `None` means
            none.
        share (Share): What each participant is given of the others' messages; see `BudgetedAgent`.
        summarizer (ChatCompletionClient | Literal["own"] | None): Who writes the summaries of the participants'
            conversations: a client, or `"own"` for each participant's own model. `None` means nobody; see
            `BudgetedAgent`.
        pin_tools (Sequence[str]): Names of the tools that are always offered; see `BudgetedAgent`.
        limits (Limits | None): How long, how often and how much at once all of them call models and tools; they share
            its bounds. Its `run_timeout` is for a whole run of the team, which raises a `RunTimeoutError` with what was
            said, and can run again. Its `max_turns` ends a run as well; where that is not set and the team has neither
            a limit nor a termination condition, 1,000 turns do, with a warning. `None` means `Limits()`.
        per_agent_limits (Mapping[str, Limits] | None): Limits by participants' names, as in `per_agent`. `None` means
            `limits` are for all.
        larger (ChatCompletionClient | Mapping[str, ChatCompletionClient] | None): Who answers single calls that do not
            fit: one client for all, or clients by participants' names, as in `per_agent`. `None` means they are errors.

    Returns:
        TeamT: The same team. A `BudgetedAgent` among its participants keeps its own settings and is only given the
        pool if it has none, and the budget that `per_agent` names for it.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A name in `per_agent` is unknown or not unique; `share` is none of its values; the team is running;
            it has begun to run where its agents cannot be reached; it or a team in it is on AutoGen's distributed
            runtime, where teams cannot run; it is under budget already and more than budgets is given; or a client in
            it charges another part of the same pool.
    """
    if not isinstance(team, Team):
        raise TypeError(_right_call(team))
    for each in (budget, *(per_agent or {}).values()):
        check_budget(each)
    check_share(share)
    roster = roster_of(team)
    calls = CallSettings(
        hooks=with_record_file(hooks, records),
        artifacts=ArtifactStore() if artifacts is None else artifacts,
        pool=pool,
        pin_tools=pin_tools,
        summarizer=summarizer,
        limits=Limits() if limits is None else limits,
        larger=None if isinstance(larger, Mapping) else larger,
    )
    others = (pool, artifacts, calls.hooks, summarizer, limits, per_agent_limits, larger)
    if team in _given and (any(others) or share != "all"):
        raise ValueError(
            f"team {team.name!r} is under budget already, and a second call changes budgets only: pool, artifacts, "
            "hooks, records, share, summarizer, limits and larger are for the first call to give"
        )
    given = _given.get(team, WeakSet())
    coverage = Coverage(
        budget,
        calls,
        budgets=roster.by_path(per_agent or {}),
        limits=roster.by_path(per_agent_limits or {}, "per_agent_limits"),
        larger=roster.by_path(larger, "larger") if isinstance(larger, Mapping) else {},
        # Where nothing is ever cut, no model needs the tool that reads what was.
        read_back=artifacts is not None or share != "all" or any(map(has_outputs, roster.owners)),
        share=share,
    )
    for member in roster.members:
        wrapper = member.under_budget
        if wrapper is not None and wrapper in given and member.path not in coverage.budgets:
            wrapper.budget = budget
    for _, wrapper in coverage.cover(roster, BudgetedAgent):
        given.add(wrapper)
    _given[team] = given
    return team


def _right_call(value: object) -> str:
    """Return what to call instead for something that is no team."""
    if isinstance(value, BaseChatAgent):
        return f"{value.name!r} is an agent, not a team: use BudgetedAgent(agent, budget)"
    if isinstance(value, ChatCompletionClient):
        return "a model client is not a team: use BudgetedChatCompletionClient(client, budget)"
    return f"team must be a Team, such as a RoundRobinGroupChat, got {kind_of(value)}"
