"""The one place that reaches into agents: finds what they work with, and gives it back."""

import pytest
from autogen_agentchat.agents import AssistantAgent, SocietyOfMindAgent
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_agentchat.tools import AgentTool
from autogen_core.tools import StaticStreamWorkbench, StaticWorkbench
from autogen_ext.code_executors.local import LocalCommandLineCodeExecutor
from autogen_ext.models.cache import ChatCompletionCache
from autogen_ext.models.replay import ReplayChatCompletionClient
from autogen_ext.tools.mcp import (  # pyright: ignore[reportMissingTypeStubs]  # AutoGen's extras ship no stubs
    McpWorkbench,
    StdioServerParams,
)

from autogen_budget import BudgetedWorkbench, TokenBudget
from autogen_budget._introspection import (
    clients_within,
    find_clients,
    find_executors,
    find_runners,
    find_workbenches,
    has_outputs,
    is_running,
    live_parts,
    originals_restored,
    replace_parts,
    set_parts,
)

pytestmark = pytest.mark.filterwarnings("ignore:Using LocalCommandLineCodeExecutor")


class Owner:
    """Something that holds model clients, tools and a code executor."""

    def __init__(self) -> None:
        self.first = ReplayChatCompletionClient(["a"])
        self._second = ReplayChatCompletionClient(["b"])
        self.tools = StaticWorkbench([])
        self.more_tools = [StaticWorkbench([]), StaticStreamWorkbench([])]
        self._runs = LocalCommandLineCodeExecutor()
        self.name = "owner"
        self.nothing: list[object] = []
        self.mixed = [StaticWorkbench([]), "a word"]


def test_finds_clients_under_any_name() -> None:
    """Public and private attributes count, whatever they are called; other things do not."""
    owner = Owner()
    assert set(find_clients(owner)) == {"first", "_second"}
    assert find_clients(owner)["first"] is owner.first


def test_finds_the_clients_inside_a_client() -> None:
    """Wrappers in wrappers are seen through, outer ones first; a client that holds itself is met once."""
    innermost = ReplayChatCompletionClient(["a"])
    innermost.me = innermost  # type: ignore[attr-defined]  # an attribute of its own
    inner = ChatCompletionCache(innermost)
    outer = ChatCompletionCache(inner)
    assert clients_within(outer) == [outer, inner, innermost]


def test_finds_workbenches_one_by_one_and_in_lists() -> None:
    """A list counts when it holds workbenches and nothing else; an empty one says nothing."""
    owner = Owner()
    held = find_workbenches(owner)
    assert set(held) == {"tools", "more_tools"}
    assert held["more_tools"] is owner.more_tools


def test_finds_code_executors() -> None:
    """What runs code is found as well."""
    assert set(find_executors(Owner())) == {"_runs"}


def test_gives_back_and_takes_again() -> None:
    """Inside the block the originals are in place, after it, even after an error, the others."""
    owner = Owner()
    originals = {**find_clients(owner), **find_workbenches(owner)}
    others = {name: ReplayChatCompletionClient(["c"]) for name in originals}
    set_parts(owner, others)
    with originals_restored(owner, originals):
        assert {**find_clients(owner), **find_workbenches(owner)} == originals
    assert find_clients(owner) == others
    with pytest.raises(RuntimeError), originals_restored(owner, originals):
        raise RuntimeError
    assert find_clients(owner) == others


def tool_team() -> tuple[RoundRobinGroupChat, AssistantAgent, AssistantAgent]:
    """A team of one agent, which has another one as a tool."""
    client = ReplayChatCompletionClient(
        ["a"] * 9,
        model_info={
            "vision": False,
            "function_calling": True,
            "json_output": False,
            "family": "unknown",
            "structured_output": False,
        },
    )
    helper = AssistantAgent("helper", client)
    boss = AssistantAgent("boss", client, tools=[AgentTool(helper)])
    return RoundRobinGroupChat([boss], max_turns=1), boss, helper


def test_finds_agents_and_teams() -> None:
    """In attributes, in lists, and behind workbenches and tools; each once, in order."""
    team, boss, helper = tool_team()
    assert find_runners(team) == [boss]
    assert find_runners(boss) == [helper]
    assert find_runners(SocietyOfMindAgent("mind", team, ReplayChatCompletionClient(["a"]))) == [team]
    assert find_runners(object()) == []


def test_knows_who_puts_out_what_may_be_cut() -> None:
    """Tools, code, and workbenches of which nothing is known; not the empty workbench that each assistant has."""
    _, boss, helper = tool_team()
    assert [has_outputs(owner) for owner in (boss, helper)] == [True, False]
    assert has_outputs(Owner())
    unknown = BudgetedWorkbench(McpWorkbench(StdioServerParams(command="none")), TokenBudget(500))
    helper.tools = [unknown]  # type: ignore[attr-defined]  # an attribute of its own
    assert has_outputs(helper)


def test_exchanges_parts_wherever_they_are_held() -> None:
    """Lists and tuples are made anew, since they may be the user's; attributes of tools are set."""
    team, boss, helper = tool_team()
    lists: list[list[object]] = [value for value in vars(team).values() if isinstance(value, list)]
    (before,) = (value for value in lists if boss in value)
    other = AssistantAgent("boss", ReplayChatCompletionClient(["a"]))
    replace_parts(team, {id(boss): other})
    assert find_runners(team) == [other]
    assert before == [boss]
    replace_parts(boss, {id(helper): other})
    assert find_runners(boss) == [other]

    class Pair:
        def __init__(self) -> None:
            self.pair = (boss, helper)

    pair = Pair()
    replace_parts(pair, {id(helper): other})
    assert pair.pair == (boss, other)


async def test_finds_what_a_team_made_of_itself() -> None:
    """Nothing before the first run; then a holder of each participant, and the manager."""
    team, boss, _ = tool_team()
    assert live_parts(team) == []
    assert not is_running(team)
    await team.run(task="Go.")
    parts = live_parts(team)
    assert len(parts) == 2
    assert [find_runners(part) for part in parts if find_runners(part)] == [[boss]]
