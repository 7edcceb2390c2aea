"""Who is in a team: every agent and manager that calls models or tools, at any depth, and the names they go by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.base import ChatAgent, Team
from autogen_agentchat.teams import MagenticOneGroupChat
from autogen_core.models import ChatCompletionClient

from ._adoption import held_clients, held_executors, held_runners, held_workbenches, is_running, live_parts
from ._agent import BudgetedAgent
from ._budget import TokenBudget
from ._client import BudgetedChatCompletionClient
from ._spend import Purpose


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """An agent in a team, or the model client by which a team itself chooses speakers or plans.

    Args:
        path (str): The names of what is around it and its own, parted by `/`; a client's own name is its role.
        part (BaseChatAgent | ChatCompletionClient): The agent or client, perhaps under budget already.
        role (Purpose): What its model calls are for; `"reply"` for agents.
        holders (Sequence[object]): What may hold it.
    """

    path: str
    part: BaseChatAgent | ChatCompletionClient
    role: Purpose
    holders: Sequence[object]

    @property
    def under_budget(self) -> BudgetedAgent | BudgetedChatCompletionClient | None:
        """The agent or client, if it needs no wrapper. `None` means it needs one."""
        if isinstance(self.part, BudgetedAgent):
            return self.part
        if isinstance(self.part, BudgetedChatCompletionClient) and self.part.purpose == self.role:
            return self.part
        return None  # a client under budget may be one that agents use as well: their calls are for something else


@dataclass(slots=True)
class Roster:
    """All that is found in a team.

    Args:
        members (list[Member]): All that calls models or tools, each once.
        owners (list[object]): All that may hold an agent: teams, agents, and what teams made of themselves.
        speakers (list[str]): The names of all teams and agents, those included that call neither.
    """

    members: list[Member] = field(default_factory=list[Member])
    owners: list[object] = field(default_factory=list[object])
    speakers: list[str] = field(default_factory=list[str])
    _seen: set[int] = field(default_factory=set[int])

    def budgets(self, per_agent: Mapping[str, TokenBudget]) -> dict[str, TokenBudget]:
        """Budgets by path.

        Args:
            per_agent (Mapping[str, TokenBudget]): Budgets by names, or by the end of a path; the longest counts.

        Raises:
            ValueError: Nobody is called so, or more than one agent is.
        """
        found: dict[str, TokenBudget] = {}
        for name in sorted(per_agent, key=len):
            meant = [member for member in self.members if _ends_with(member.path, name)]
            agents = [repr(member.path) for member in meant if member.role == "reply"]
            if len(agents) > 1:
                raise ValueError(f"{name!r} in per_agent is not unique: it may be {' or '.join(agents)}")
            if not meant:
                known = ", ".join(map(self.name_of, self.members))
                raise ValueError(f"per_agent names {name!r}, but nobody is called so; known are: {known}")
            found.update({member.path: per_agent[name] for member in meant})
        return found

    def name_of(self, member: Member) -> str:
        """The shortest end of a member's path that no other's has; the whole where there is none."""
        parts = member.path.split("/")
        ends = ("/".join(parts[place:]) for place in range(len(parts) - 1, -1, -1))
        paths = [other.path for other in self.members]
        return next((end for end in ends if sum(_ends_with(path, end) for path in paths) == 1), member.path)

    def visit(self, runner: ChatAgent | Team, path: str) -> None:
        """Take in a team or an agent, and all that it works with.

        Args:
            runner (ChatAgent | Team): The team or agent.
            path (str): The names of what is around it and its own.

        Raises:
            ValueError: A team is running, or has begun to run where its agents cannot be reached.
        """
        inner = runner.inner if isinstance(runner, BudgetedAgent) else runner
        if self._seen & {id(runner), id(inner)}:
            return
        self._seen |= {id(runner), id(inner)}
        self.speakers.append(runner.name)
        self.owners.append(inner)
        if isinstance(inner, Team):
            self._take_team(inner, path)
        elif isinstance(runner, BaseChatAgent) and (
            held_clients(inner) or held_workbenches(inner) or held_executors(inner)
        ):
            self.members.append(Member(path, runner, "reply", self.owners))
        for held in held_runners(inner):
            self.visit(held, f"{path}/{held.name}")

    def _take_team(self, team: Team, path: str) -> None:
        if is_running(team):
            raise ValueError(f"team {team.name!r} is running: put it under budget before a run, or after it")
        made = live_parts(team)
        self.owners += made
        role: Purpose = "orchestrator" if isinstance(team, MagenticOneGroupChat) else "selector"
        clients = {id(client): client for client in held_clients(team).values()}
        self.members += [Member(f"{path}/{role}", client, role, (team, *made)) for client in clients.values()]


def roster_of(team: Team) -> Roster:
    """Find all that calls models or tools in a team. Nothing is changed.

    Args:
        team (Team): Any team.

    Raises:
        ValueError: It is running, or has begun to run where its agents cannot be reached; so may a nested team.
    """
    roster = Roster()
    roster.visit(team, team.name)
    return roster


def _ends_with(path: str, name: str) -> bool:
    return f"/{path}".endswith(f"/{name}")
