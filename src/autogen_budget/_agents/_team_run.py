"""Guard the runs of a team: a deadline, cancellation that ends them, a bound on turns that always exists."""

import logging
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from functools import wraps
from typing import Any
from weakref import WeakKeyDictionary, ref

from autogen_agentchat.base import TaskResult, Team
from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage
from autogen_core import CancellationToken

from autogen_budget._introspection import (
    add_condition,
    find_conditions,
    find_runners,
    forget_speakers,
    is_running,
    set_parts,
    set_turn_bound,
    turn_bound,
    turns_left,
)
from autogen_budget._limits import Limits, LoopTermination
from autogen_budget._records import Record

from ._covered import AgentUnderBudget
from ._run import MIN_COUNTED, RunGuard

logger = logging.getLogger("autogen_budget")

DEFAULT_MAX_TURNS = 1_000
"""Turns of a run that nothing else would end: more than any run needs that gets somewhere."""

_guards: "WeakKeyDictionary[Team, RunGuard]" = WeakKeyDictionary()
"""What guards the runs of which team."""


def guard_runs(
    teams: Sequence[Team], limits: Limits, report: Callable[[Record], None], people: Iterable[str] = ()
) -> None:
    """Guard the runs of teams, and link the guards of the agents and teams inside them.

    `people`: The names of agents that people speak through.
    """
    for team in teams:
        bound_turns(team, limits)
        if team in _guards:
            continue
        _guards[team] = _guarded(team, limits, report)
        end_loops(team, limits)
        for condition in find_loop_terminations(team):
            condition.watch(team.name, report, people)
    for team in teams:
        for runner in find_runners(team):
            if isinstance(runner, AgentUnderBudget):
                runner.runs.within = _guards[team]
            elif isinstance(runner, Team) and runner in _guards:
                _guards[runner].within = _guards[team]


def _guarded(team: Team, limits: Limits, report: Callable[[Record], None]) -> RunGuard:
    """Put a guard around a team's `run_stream`, through which all its runs go."""
    known = ref(team)

    def left() -> int | None:
        counted = limits.max_turns is not None and limits.max_turns >= MIN_COUNTED
        team = known() if counted else None
        return None if team is None else turns_left(team)

    def repeated() -> str:
        team = known()
        return "" if team is None else next((loop.warning for loop in find_loop_terminations(team)), "")

    guard = RunGuard("team", team.name, limits, report, turns_left=left, repeated=repeated)
    run_stream = team.run_stream

    @wraps(run_stream)
    async def guarded(
        *, cancellation_token: CancellationToken | None = None, **settings: Any
    ) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | TaskResult, None]:
        def work(token: CancellationToken) -> AsyncGenerator[BaseAgentEvent | BaseChatMessage | TaskResult, None]:
            return run_stream(cancellation_token=token, **settings)

        team = known()
        if team is not None and not is_running(team):
            forget_speakers(team)
        async with aclosing(guard.run(work, cancellation_token)) as items:
            async for item in items:
                yield item

    set_parts(team, {"run_stream": guarded})
    return guard


def bound_turns(team: Team, limits: Limits) -> None:
    """Let a run of a team end after so many turns.

    `limits`: Its `max_turns`, which never raises a bound that the team has.
    """
    from autogen_agentchat.teams import GraphFlow  # whoever has no team does not wait for it

    known = turn_bound(team)
    if known is None:
        return
    own, ends = known
    bounds = [turns for turns in (own, limits.max_turns) if turns is not None]
    if not bounds and not ends and not isinstance(team, GraphFlow):  # a graph ends where its edges end
        bounds = [DEFAULT_MAX_TURNS]
        logger.warning(
            "team %r has no termination condition: a run ends after %d turns. Give it one, such as "
            "TextMentionTermination('DONE'), or set max_turns in Limits",
            team.name,
            DEFAULT_MAX_TURNS,
        )
    if bounds and min(bounds) != own:
        set_turn_bound(team, min(bounds))


def end_loops(team: Team, limits: Limits) -> None:
    """Let a run of a team end in which nothing new is done, unless the team has a `LoopTermination` of its own.

    `limits`: Its `max_repeats`. `None` there means that a team may repeat itself.
    """
    from autogen_agentchat.teams import GraphFlow

    # A condition sees but one of the agents that work side by side in a graph: what is new may be with the others.
    if limits.max_repeats is None or isinstance(team, GraphFlow) or find_loop_terminations(team):
        return
    add_condition(team, LoopTermination(limits.max_repeats, changing=False))


def find_loop_terminations(team: Team) -> list[LoopTermination]:
    """Return the conditions of a team that end loops."""
    return [condition for condition in find_conditions(team) if isinstance(condition, LoopTermination)]
