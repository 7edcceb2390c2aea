"""The one place that reaches into other people's agents and teams: finds what they hold to work with, and replaces it.

AutoGen has no public way to swap the model client, the tools or the code executor of an agent that exists, nor the
participants of a team, but each reads its attributes anew for every message. Any attribute counts, whatever its name,
so that agents of the user's own are found as well.
"""

import asyncio
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast

from autogen_agentchat.base import ChatAgent, Handoff, Team, TerminationCondition
from autogen_core import AgentId
from autogen_core.code_executor import CodeExecutor
from autogen_core.model_context import ChatCompletionContext
from autogen_core.models import ChatCompletionClient
from autogen_core.tools import BaseTool, StaticWorkbench, Workbench


def find_clients(owner: object) -> dict[str, ChatCompletionClient]:
    """Return the model clients an object holds, by the name of the attribute that holds them.

    Returns:
        dict[str, ChatCompletionClient]: Empty if it holds none.
    """
    return {name: value for name, value in vars(owner).items() if isinstance(value, ChatCompletionClient)}


def clients_within(client: ChatCompletionClient) -> list[ChatCompletionClient]:
    """Return a model client and those inside it, at any depth: what wrappers such as a cache hold."""
    found = [client]
    for outer in found:  # grows as it is read
        known = {id(known) for known in found}
        found += [inner for inner in find_clients(outer).values() if id(inner) not in known]
    return found


def find_workbenches(owner: object) -> dict[str, Workbench | Sequence[Workbench]]:
    """Return the workbenches an object holds, one by one or in lists, by the name of the attribute that holds them.

    Returns:
        dict[str, Workbench | Sequence[Workbench]]: The values as they are; empty if it holds none.
    """
    return {name: value for name, value in vars(owner).items() if isinstance(value, Workbench) or _is_row(value)}


def find_contexts(owner: object) -> dict[str, ChatCompletionContext]:
    """Return the model contexts an object holds, by the name of the attribute that holds them.

    Returns:
        dict[str, ChatCompletionContext]: Empty if it holds none.
    """
    return {name: value for name, value in vars(owner).items() if isinstance(value, ChatCompletionContext)}


def find_executors(owner: object) -> dict[str, CodeExecutor]:
    """Return the code executors an object holds, by the name of the attribute that holds them.

    Returns:
        dict[str, CodeExecutor]: Empty if it holds none.
    """
    return {name: value for name, value in vars(owner).items() if isinstance(value, CodeExecutor)}


def find_handoffs(owner: object) -> list[str]:
    """Return the names of the tools by which an agent hands over to others."""
    rows = (cast("Mapping[object, object]", value) for value in vars(owner).values() if isinstance(value, dict))
    return [value.name for row in rows for value in row.values() if isinstance(value, Handoff)]


def find_runners(owner: object) -> list[ChatAgent | Team]:
    """Return the agents and teams an object works with, each once: its own, and those its tools run."""
    found = (value for place in _places(owner) for value in _values(place) if isinstance(value, (ChatAgent, Team)))
    return list({id(runner): runner for runner in found}.values())


def find_runner_tools(workbench: Workbench) -> frozenset[str]:
    """Return the names of the tools in a workbench that run agents or teams."""
    tools: list[BaseTool[Any, Any]] = [
        value for place in _places(workbench) for value in _values(place) if isinstance(value, BaseTool)
    ]
    return frozenset(tool.name for tool in tools if any(isinstance(part, (ChatAgent, Team)) for part in _values(tool)))


def has_outputs(owner: object) -> bool:
    """Return whether an object has tools or runs code, so that there may be outputs to cut."""
    benches = (place for place in _places(owner) if isinstance(place, Workbench))
    # Every assistant has a static workbench, with or without tools; what another kind offers cannot be seen from here.
    return bool(find_executors(owner)) or any(
        not isinstance(bench, StaticWorkbench) or any(isinstance(value, BaseTool) for value in _values(bench))
        for bench in benches
    )


def live_parts(team: Team) -> list[object]:
    """Return what a team made at its first run and uses since: its manager, and the holders of its participants.

    Returns:
        list[object]: Empty before the first run, and for teams that make nothing of that kind.

    Raises:
        ValueError: They are out of reach, in another process perhaps.
    """
    attributes = _attributes(team)
    if not attributes.get("_initialized"):
        return []
    live = cast("Mapping[AgentId, object]", _attributes(attributes["_runtime"]).get("_instantiated_agents", {}))
    own = [part for key, part in live.items() if key.key == attributes["_team_id"]]
    if len(own) <= len(find_runners(team)):  # one for each participant, and the manager
        raise ValueError(
            f"team {team.name!r} has begun to run where its agents cannot be reached. Put it under budget before its "
            "first run: build it again, and load the state that its save_state() gives"
        )
    return own


def check_runtime(team: Team) -> None:
    """Refuse a team on AutoGen's distributed runtime, where its first run would wait for ever (AutoGen 0.7.5).

    Raises:
        ValueError: It is to run on a `GrpcWorkerAgentRuntime`.
    """
    runtime = type(_attributes(team).get("_runtime"))
    # By the name of its package: importing the class takes gRPC, which not everybody has.
    if any(kind.__module__.startswith("autogen_ext.runtimes.grpc") for kind in runtime.__mro__):
        raise ValueError(
            f"team {team.name!r} is on a {runtime.__name__}, where AgentChat teams cannot run: it cannot read their "
            "messages, whose types are abstract, and the first run would wait for ever. Leave out runtime= to run the "
            "team in one process; to spread agents over processes, register core RoutedAgents that hold a "
            "BudgetedAgent each, and call them with send_remote"
        )


def is_running(team: Team) -> bool:
    """Return whether a team is in the middle of a run."""
    return bool(_attributes(team).get("_is_running"))


def turn_bound(team: Team) -> tuple[int | None, bool] | None:
    """Return what ends a run of a team: its own bound on turns, and whether it has a termination condition.

    Returns:
        tuple[int | None, bool] | None: `None` means that it counts no turns.
    """
    attributes = _attributes(team)
    if "_max_turns" not in attributes:
        return None
    return cast("int | None", attributes["_max_turns"]), attributes.get("_termination_condition") is not None


def set_turn_bound(team: Team, turns: int) -> None:
    """Let the runs of a team end after so many turns."""
    for holder in (team, *live_parts(team)):
        if "_max_turns" in _attributes(holder):
            setattr(holder, "_max_turns", turns)  # noqa: B010  # as everything here is set


def find_conditions(team: Team) -> list[TerminationCondition]:
    """Return the conditions that end a team's runs, those in others included."""
    found = [value for value in _values(team) if isinstance(value, TerminationCondition)]
    for condition in found:  # grows as it is read
        found += [value for value in _values(condition) if isinstance(value, TerminationCondition)]
    return found


def add_condition(team: Team, condition: TerminationCondition) -> None:
    """Let a condition end the runs of a team as well, beside the one that it has."""
    for holder in (team, *live_parts(team)):
        if "_termination_condition" in (attributes := _attributes(holder)):
            own = attributes["_termination_condition"]
            both = own | condition if isinstance(own, TerminationCondition) else condition
            setattr(holder, "_termination_condition", both)  # noqa: B010  # as everything here is set


def turns_left(team: Team) -> int | None:
    """Return how many turns a run of a team may still take, the one that is under way included.

    Returns:
        int | None: `None` means that its turns have no bound, or that they cannot be seen.
    """
    with suppress(ValueError):  # its manager is out of reach
        for part in map(_attributes, live_parts(team)):
            bound, taken = part.get("_max_turns"), part.get("_current_turn")
            if isinstance(bound, int) and isinstance(taken, int):
                return bound - taken
    return None


def forget_speakers(team: Team) -> None:
    """Let a team forget who spoke when its last run was cancelled or failed: AutoGen 0.7.5 would wait for them."""
    with suppress(ValueError):  # its manager is out of reach
        for part in live_parts(team):
            if isinstance(_attributes(part).get("_active_speakers"), list):
                set_parts(part, {"_active_speakers": []})


def has_own_threads(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether a program gave its event loop threads; those that asyncio makes by itself do not count."""
    executor = _attributes(loop).get("_default_executor")
    return executor is not None and _attributes(executor).get("_thread_name_prefix") != "asyncio"


def max_calls_of(agent: object) -> int | None:
    """Return how many model calls an agent makes in one turn at most, where AutoGen counts them.

    Returns:
        int | None: `None` means that nothing counts them.
    """
    attributes = _attributes(agent)
    iterations = attributes.get("_max_tool_iterations")
    if not isinstance(iterations, int):
        return None
    return iterations + bool(attributes.get("_reflect_on_tool_use"))


def replace_parts(owner: object, parts: Mapping[int, object]) -> None:
    """Put others in the place of parts that an object holds, wherever `find_runners` would find them."""
    for place in _places(owner):
        for name, value in list(_attributes(place).items()):
            if id(value) in parts:
                setattr(place, name, parts[id(value)])
            elif isinstance(value, (list, tuple)):
                items = cast("Sequence[object]", value)
                if any(id(item) in parts for item in items):
                    new = [parts.get(id(item), item) for item in items]
                    setattr(place, name, new if isinstance(value, list) else tuple(new))


def set_parts(owner: object, parts: Mapping[str, object]) -> None:
    """Put parts into the attributes of an object."""
    for name, part in parts.items():
        setattr(owner, name, part)


@contextmanager
def originals_restored(owner: object, originals: Mapping[str, object]) -> Generator[None]:
    """For a moment, an object holds its own parts again; nothing may be awaited meanwhile."""
    current = {name: vars(owner)[name] for name in originals}
    set_parts(owner, originals)
    try:
        yield
    finally:
        set_parts(owner, current)


def _places(owner: object) -> list[object]:
    """Return an object, and the workbenches and tools that it holds, with those that they hold."""
    places = [owner]
    for place in places:  # grows as it is read
        known = {id(known) for known in places}
        places += [value for value in _values(place) if _is_tool(value) and id(value) not in known]
    return places


def _values(owner: object) -> Iterator[object]:
    """Yield what stands in an object's attributes, and in lists there."""
    for value in _attributes(owner).values():
        if isinstance(value, (list, tuple)):
            yield from cast("Sequence[object]", value)
        else:
            yield value


def _is_tool(value: object) -> bool:
    return isinstance(value, (Workbench, BaseTool))


def _attributes(owner: object) -> Mapping[str, object]:
    return vars(owner) if hasattr(owner, "__dict__") else {}


def _is_row(value: object) -> bool:
    """Return whether a value is a list of nothing but workbenches; an empty one may be a list of anything."""
    if not isinstance(value, (list, tuple)):
        return False
    items = cast("Sequence[object]", value)
    return bool(items) and all(isinstance(item, Workbench) for item in items)
