"""Who is in a team: every agent and manager that calls models or tools, at any depth, and the names they go by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.base import ChatAgent, Team
from autogen_core.models import ChatCompletionClient

from autogen_budget._client import BudgetedChatCompletionClient
from autogen_budget._introspection import (
    check_runtime,
    find_clients,
    find_executors,
    find_runners,
    find_workbenches,
    is_running,
    live_parts,
)
from autogen_budget._spend import Purpose

from ._covered import AgentUnderBudget

Wrapper = AgentUnderBudget | BudgetedChatCompletionClient
"""What puts a member under budget."""

SettingT = TypeVar("SettingT")


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
    def under_budget(self) -> Wrapper | None:
        """The agent or client, if it needs no wrapper. `None` means it needs one."""
        if isinstance(self.part, AgentUnderBudget):
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

    @property
    def teams(self) -> list[Team]:
        """All teams, the outer ones first."""
        return [owner for owner in self.owners if isinstance(owner, Team)]

    def by_path(self, per_agent: Mapping[str, SettingT], argument: str = "per_agent") -> dict[str, SettingT]:
        """Return the settings by path.

        Raises:
            ValueError: Nobody is called so, or more than one agent is.
        """
        found: dict[str, SettingT] = {}
        for name in sorted(per_agent, key=len):
            meant = [member for member in self.members if _ends_with(member.path, name)]
            agents = [repr(member.path) for member in meant if member.role == "reply"]
            if len(agents) > 1:
                raise ValueError(f"{name!r} in {argument} is not unique: it may be {' or '.join(agents)}")
            if not meant:
                known = ", ".join(map(self.name_of, self.members))
                raise ValueError(f"{argument} names {name!r}, but nobody is called so; known are: {known}")
            found.update({member.path: per_agent[name] for member in meant})
        return found

    def name_of(self, member: Member) -> str:
        """Return the shortest end of a member's path that no other's has; the whole where there is none."""
        parts = member.path.split("/")
        ends = ("/".join(parts[place:]) for place in range(len(parts) - 1, -1, -1))
        paths = [other.path for other in self.members]
        return next((end for end in ends if sum(_ends_with(path, end) for path in paths) == 1), member.path)

    def visit(self, runner: ChatAgent | Team, path: str) -> None:
        """Take in a team or an agent, and all that it works with.

        Raises:
            ValueError: A team is running, has begun to run where its agents cannot be reached, or is on AutoGen's
                distributed runtime.
        """
        inner = runner.inner if isinstance(runner, AgentUnderBudget) else runner
        if self._seen & {id(runner), id(inner)}:
            return
        self._seen |= {id(runner), id(inner)}
        self.speakers.append(runner.name)
        self.owners.append(inner)
        if isinstance(inner, Team):
            self._take_team(inner, path)
        elif isinstance(runner, BaseChatAgent) and (
            find_clients(inner) or find_workbenches(inner) or find_executors(inner)
        ):
            self.members.append(Member(path, runner, "reply", self.owners))
        for held in find_runners(inner):
            self.visit(held, f"{path}/{held.name}")

    def _take_team(self, team: Team, path: str) -> None:
        from autogen_agentchat.teams import MagenticOneGroupChat  # whoever has no team does not wait for it

        check_runtime(team)
        if is_running(team):
            raise ValueError(f"team {team.name!r} is running: put it under budget before a run, or after it")
        made = live_parts(team)
        self.owners += made
        role: Purpose = "orchestrator" if isinstance(team, MagenticOneGroupChat) else "selector"
        clients = {id(client): client for client in find_clients(team).values()}
        self.members += [Member(f"{path}/{role}", client, role, (team, *made)) for client in clients.values()]


def roster_of(*runners: ChatAgent | Team, inside: str = "") -> Roster:
    """Find all that calls models or tools in teams and agents. Nothing is changed.

    `inside`: The name of that agent. Empty means they are in nobody.

    Raises:
        ValueError: A team is running, has begun to run where its agents cannot be reached, or is on AutoGen's
            distributed runtime; so may a nested one.
    """
    roster = Roster()
    for runner in runners:
        roster.visit(runner, f"{inside}/{runner.name}".lstrip("/"))
    return roster


def _ends_with(path: str, name: str) -> bool:
    return f"/{path}".endswith(f"/{name}")
