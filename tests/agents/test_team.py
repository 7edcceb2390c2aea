"""`budget_team`: who is put under budget, by which name, with which settings, and what stays as it was."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from autogen_agentchat.agents import (
    AssistantAgent,
    BaseChatAgent,
    MessageFilterAgent,
    MessageFilterConfig,
    PerSourceFilter,
    SocietyOfMindAgent,
    UserProxyAgent,
)
from autogen_agentchat.base import ChatAgent, Response, Team
from autogen_agentchat.messages import BaseChatMessage, TextMessage
from autogen_agentchat.teams import MagenticOneGroupChat, RoundRobinGroupChat, SelectorGroupChat
from autogen_agentchat.tools import AgentTool, TeamTool
from autogen_core import CancellationToken, ComponentModel, SingleThreadedAgentRuntime
from autogen_core.models import ChatCompletionClient, CreateResult, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import (
    ArtifactStore,
    BudgetedAgent,
    BudgetedChatCompletionClient,
    RecordLog,
    SpendPool,
    SpendTermination,
    TokenBudget,
    budget_team,
)
from builders import held_by
from servers import Answer, Call, OpenAIServer, Received
from servers.clients import client_of

BUDGET = TokenBudget(2_000)
LOW, HIGH = TokenBudget(700), TokenBudget(3_000)


def replay(*replies: str) -> ReplayChatCompletionClient:
    """A client that answers from a list, tells what that cost, and can call functions."""
    usage = RequestUsage(10, 5)
    return ReplayChatCompletionClient(
        [
            CreateResult(finish_reason="stop", content=reply, usage=usage, cached=False)
            for reply in replies or ["aye"] * 40
        ],
        model_info={
            "vision": False,
            "function_calling": True,
            "json_output": True,
            "family": "unknown",
            "structured_output": True,
        },
    )


def assistants(*names: str, client: ChatCompletionClient | None = None) -> list[Any]:
    """Assistants without tools; typed so that teams of either kind take them."""
    return [AssistantAgent(name, client or replay(), description=f"Is {name}.") for name in names]


def agents_of(owner: object) -> dict[str, BudgetedAgent]:
    """The agents under budget that something works with, at any depth, by name."""
    found: dict[str, BudgetedAgent] = {}
    for runner in runners_of(owner.inner if isinstance(owner, BudgetedAgent) else owner):
        if isinstance(runner, BudgetedAgent):
            found[runner.name] = runner
        found.update(agents_of(runner))
    return found


def runners_of(owner: object) -> list[Any]:
    """The agents and teams that something holds, in order."""
    return held_by(owner, ChatAgent, Team)


def manager_of(team: Team) -> BudgetedChatCompletionClient:
    """The client by which a team chooses speakers or plans."""
    client: BudgetedChatCompletionClient
    (client,) = held_by(team, BudgetedChatCompletionClient)
    return client


def look() -> str:
    """Look around."""
    return "\n".join(f"ship {i}: {i * 7919 % 1000} tons, from port {i * 31 % 97}" for i in range(300))


# -- who is put under budget ------------------------------------------------------------------------------------------


def test_agents_are_wrapped_in_place_under_their_names() -> None:
    """The same team comes back; its agents are under budget, a person stays a person, the caller's list stays."""
    people: list[Any] = [*assistants("one", "two"), UserProxyAgent("person")]
    own_list = [*people]
    plain = RoundRobinGroupChat(people)
    team = budget_team(plain, BUDGET)
    assert team is plain
    runners = runners_of(team)
    assert [runner.name for runner in runners] == ["one", "two", "person"]
    assert [type(runner) for runner in runners] == [BudgetedAgent, BudgetedAgent, UserProxyAgent]
    assert people == own_list
    assert all(agent.budget == BUDGET for agent in agents_of(team).values())


def test_a_filter_stays_around_the_agent_that_it_filters_for() -> None:
    """Messages are filtered first, and what the filter lets through is put under budget."""
    keep_user = MessageFilterConfig(per_source=[PerSourceFilter(source="user")])
    (inner,) = assistants("writer")
    team = budget_team(RoundRobinGroupChat([MessageFilterAgent("writer", inner, keep_user)]), BUDGET)
    (outer,) = runners_of(team)
    assert isinstance(outer, MessageFilterAgent)
    assert agents_of(outer)["writer"].inner is inner


def test_goes_down_to_any_depth() -> None:
    """Nested teams, a society's inner team, agents and teams that are tools, in any order."""
    helper, sub = assistants("helper", "sub")
    tools: list[Any] = [AgentTool(helper), TeamTool(RoundRobinGroupChat([sub], name="subteam"), "subteam", "Helps.")]
    boss = AssistantAgent("boss", replay(), tools=tools)
    mind = SocietyOfMindAgent("mind", SelectorGroupChat(assistants("left", "right"), replay()), replay())
    nested = RoundRobinGroupChat([RoundRobinGroupChat([boss], name="a"), RoundRobinGroupChat([mind], name="b")])
    team = budget_team(nested, BUDGET, per_agent={"selector": LOW, "sub": LOW})
    agents = agents_of(team)
    assert set(agents) == {"boss", "helper", "sub", "mind", "left", "right"}
    assert agents["sub"].budget == LOW
    (inner_team,) = (runner for runner in runners_of(mind) if isinstance(runner, SelectorGroupChat))
    selector = manager_of(inner_team)
    assert (selector.budget, selector.name, selector.purpose) == (LOW, "selector", "selector")


async def test_agents_in_tools_do_their_work() -> None:
    """An agent that is a tool answers, within its budget and from the pool, and its own agent reads what it said."""
    pool = SpendPool()
    async with OpenAIServer() as server, client_of(server) as client:
        server.script(Answer(calls=(Call("helper", {"task": "look"}),)), "Nothing in sight.", "All clear.")
        tools: list[Any] = [AgentTool(AssistantAgent("helper", client))]
        boss = AssistantAgent("boss", client, tools=tools, reflect_on_tool_use=True)
        result = await budget_team(RoundRobinGroupChat([boss], max_turns=1), BUDGET, pool=pool).run(task="Look out.")
    assert result.messages[-1].to_text() == "All clear."
    assert "Nothing in sight." in str(server.requests[-1].messages)
    assert {name: spent.calls for name, spent in pool.report().by_agent.items()} == {"boss": 2, "helper": 1}


def test_an_agent_in_two_places_is_wrapped_once() -> None:
    """A participant that is also another one's tool is the same agent in both places."""
    (helper,) = assistants("helper")
    tools: list[Any] = [AgentTool(helper)]
    boss = AssistantAgent("boss", replay(), tools=tools)
    team = budget_team(RoundRobinGroupChat([boss, helper]), BUDGET)
    (in_tool,) = agents_of(boss).values()
    assert in_tool is runners_of(team)[1]


def test_the_orchestrator_is_under_budget() -> None:
    """Magentic-One's own calls go by the name and the purpose of its orchestrator."""
    team = budget_team(MagenticOneGroupChat(assistants("one"), replay()), BUDGET, per_agent={"orchestrator": HIGH})
    orchestrator = manager_of(team)
    assert (orchestrator.budget, orchestrator.name, orchestrator.purpose) == (HIGH, "orchestrator", "orchestrator")


# -- names -------------------------------------------------------------------------------------------------------------


def two_writers() -> RoundRobinGroupChat:
    """A team with a writer, and a team in it with another one."""
    inner = SelectorGroupChat(assistants("writer", "critic"), replay(), name="inner")
    return RoundRobinGroupChat([*assistants("writer", "boss"), inner], name="outer")


def test_names_that_are_not_unique_are_told_apart_by_what_is_around_them() -> None:
    """The end of the way to an agent is enough, and the longest end decides."""
    team = two_writers()
    with pytest.raises(ValueError, match="'outer/writer' or 'outer/inner/writer'"):
        budget_team(team, BUDGET, per_agent={"writer": LOW})
    budget_team(team, BUDGET, per_agent={"outer/writer": LOW, "inner/writer": HIGH, "selector": LOW})
    outer, inner = (runner for runner in runners_of(team) if runner.name in ("writer", "inner"))
    assert isinstance(outer, BudgetedAgent)
    assert outer.budget == LOW
    assert agents_of(inner)["writer"].budget == HIGH
    assert agents_of(inner)["critic"].budget == BUDGET
    budget_team(team, BUDGET, per_agent={"selector": LOW, "inner/selector": HIGH})
    assert isinstance(inner, SelectorGroupChat)
    assert manager_of(inner).budget == HIGH


def test_an_unknown_share_is_refused_before_anything_is_done() -> None:
    """The manager's client is still the user's."""
    share: Any = "some"
    team = SelectorGroupChat(assistants("one", "two"), replay())
    with pytest.raises(ValueError, match="share must be"):
        budget_team(team, BUDGET, share=share)
    assert not held_by(team, BudgetedChatCompletionClient)


def test_unknown_names_are_refused_before_anything_is_done() -> None:
    """The message lists the names there are, in their shortest form."""
    team = two_writers()
    with pytest.raises(ValueError, match=r"'wirter', .* known are: outer/writer, boss, selector, inner/writer, critic"):
        budget_team(team, BUDGET, per_agent={"wirter": LOW})
    assert agents_of(team) == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"team": replay()}, r"use BudgetedChatCompletionClient\(client, budget\)"),
        ({"team": 7}, "team must be a Team, such as a RoundRobinGroupChat, got int 7"),
        ({"budget": 8_000}, "budget must be a TokenBudget"),
        ({"per_agent": {"one": 700}}, "budget must be a TokenBudget"),
        ({"hooks": print}, r"hooks must be a list or tuple, for example hooks=\[print\]"),
        ({"limits": 60}, "limits must be a Limits"),
        ({"pool": 1_000}, "pool must be a SpendPool"),
    ],
)
def test_refuses_what_is_of_the_wrong_kind(arguments: dict[str, Any], message: str) -> None:
    """The message says what is expected."""
    usual: dict[str, Any] = {"team": RoundRobinGroupChat(assistants("one")), "budget": BUDGET}
    with pytest.raises(TypeError, match=message):
        budget_team(**{**usual, **arguments})


# -- a team that ran before, runs now, or is under budget already -----------------------------------------------------


def next_in_turn(received: Received) -> str:
    """A selector's answer, or somebody's long story."""
    prompt = str(received.messages[0]["content"])
    if "select the next role" not in prompt:
        return f"Story {len(received.messages)}: " + "and then the ship went on. " * 40
    latest = max(("three", "two", "one"), key=lambda name: prompt.rfind(f"\n{name}: Story"))
    return {"one": "two", "two": "three", "three": "one"}[latest]


@pytest.mark.parametrize("kind", ["round robin", "selector"])
async def test_a_team_that_ran_before_keeps_its_conversation(kind: str) -> None:
    """What AutoGen has made of the team for its runs is put under budget too, the manager's client with it."""
    cap, pool = TokenBudget(900), SpendPool()
    async with OpenAIServer() as server, client_of(server) as client:
        server.reply_with(next_in_turn)
        crew = assistants("one", "two", "three", client=client)
        team: Any = (
            RoundRobinGroupChat(crew, max_turns=6)
            if kind == "round robin"
            else SelectorGroupChat(crew, client, max_turns=6)
        )
        await team.run(task="Tell a story.")
        before = len(server.requests)
        assert max(request.prompt_tokens for request in server.requests) > 900
        budget_team(team, cap, pool=pool)
        await team.run(task="Tell the end.")
        after = server.requests[before:]
        assert max(request.prompt_tokens for request in after) <= 900
        assert pool.spent.calls == len(after)
        assert set(pool.report().by_agent) - {"one", "two", "three"} == ({"selector"} if kind == "selector" else set())
        state = await team.save_state()
    thread = json.dumps(state)
    assert "Tell a story." in thread
    assert "Tell the end." in thread
    assert "autogen_budget" in state["agent_states"]["one"]["agent_state"]
    assert all(agent.records for agent in agents_of(team).values())


class Elsewhere:
    """A runtime whose agents live where nobody can reach them."""

    def __init__(self) -> None:
        self.inner = SingleThreadedAgentRuntime()

    def __getattr__(self, name: str) -> Any:
        """Everything else is done by another runtime."""
        return getattr(self.inner, name)


async def test_a_team_whose_agents_are_out_of_reach_is_refused() -> None:
    """Before its first run it is put under budget like any other; after it, nothing is done by halves."""
    runtime: Any = Elsewhere()
    runtime.inner.start()
    team = RoundRobinGroupChat(assistants("one"), max_turns=1, runtime=runtime)
    await team.run(task="Go.")
    with pytest.raises(ValueError, match="before its first run"):
        budget_team(team, BUDGET)
    await runtime.inner.stop()
    assert agents_of(team) == {}
    assert agents_of(budget_team(RoundRobinGroupChat(assistants("one"), runtime=runtime), BUDGET))


class Impatient(BaseChatAgent):
    """Puts its own team under budget in the middle of a run."""

    team: Any = None

    @property
    def produced_message_types(self) -> Sequence[type[BaseChatMessage]]:
        """Texts."""
        return (TextMessage,)

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        """Tries it, and tells what came of it."""
        try:
            budget_team(self.team, BUDGET)
        except ValueError as error:
            return Response(chat_message=TextMessage(content=str(error), source=self.name))
        raise AssertionError("not refused")

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        """Has nothing to forget."""


async def test_a_running_team_is_refused() -> None:
    """The message says when to do it instead."""
    agent = Impatient("impatient", "Cannot wait.")
    agent.team = RoundRobinGroupChat([agent], max_turns=1)
    result = await agent.team.run(task="Go.")
    assert "is running: put it under budget before a run, or after it" in result.messages[-1].content
    assert budget_team(agent.team, BUDGET) is agent.team, "there is nothing to wrap, and nothing wrong with it"


async def test_a_second_call_gives_new_budgets() -> None:
    """Nothing is wrapped twice, records stay, and the new budgets hold from the next call on."""
    async with OpenAIServer() as server, client_of(server) as client:
        server.reply_with(next_in_turn)
        team = SelectorGroupChat(assistants("one", "two", client=client), client, max_turns=6)
        budget_team(team, HIGH)
        agents, selector = agents_of(team), manager_of(team)
        await team.run(task="Tell a story.")
        before, calls = len(server.requests), len(agents["one"].records)
        assert budget_team(team, TokenBudget(900), per_agent={"selector": LOW}) is team
        await team.run(task="Tell the end.")
        after = [request.prompt_tokens for request in server.requests[before:]]
    assert agents_of(team) == agents
    assert manager_of(team) is selector
    assert len(agents["one"].records) > calls
    assert 600 < max(after) <= 900
    assert max(record.tokens_sent for record in selector.records[-3:]) <= 700


@pytest.mark.parametrize(
    "more",
    [
        {"pool": SpendPool()},
        {"artifacts": ArtifactStore()},
        {"hooks": [print]},
        {"share": "summary"},
        {"summarizer": replay()},
    ],
)
def test_a_second_call_changes_nothing_but_budgets(more: dict[str, Any]) -> None:
    """Whoever gives more is told that it would not be used."""
    team = budget_team(RoundRobinGroupChat(assistants("one")), BUDGET)
    with pytest.raises(ValueError, match="a second call changes budgets only"):
        budget_team(team, LOW, **more)
    assert agents_of(team)["one"].budget == BUDGET


def test_agents_that_are_under_budget_keep_their_settings() -> None:
    """They are given the pool if they have none, and a budget only by name; so are those of a team inside."""
    pool, own_pool = SpendPool(), SpendPool()
    poor, rich = assistants("poor", "rich")
    poor, rich = BudgetedAgent(poor, LOW), BudgetedAgent(rich, LOW, pool=own_pool)
    inner = budget_team(SelectorGroupChat(assistants("deep", "deeper"), replay(), name="inner"), LOW)
    selector = manager_of(inner)
    team = budget_team(RoundRobinGroupChat([poor, rich, inner]), BUDGET, per_agent={"deep": HIGH}, pool=pool)
    assert runners_of(team)[:2] == [poor, rich]
    assert (poor.budget, rich.budget) == (LOW, LOW)
    assert (poor.pool, rich.pool) == (pool, own_pool)
    assert {name: agent.budget for name, agent in agents_of(inner).items()} == {"deep": HIGH, "deeper": LOW}
    assert manager_of(inner) is selector
    assert (selector.budget, selector.pool) == (LOW, pool)
    budget_team(team, HIGH)
    assert (poor.budget, selector.budget) == (LOW, LOW), (
        "another call for the outer team is about what that one wrapped"
    )


async def test_a_client_under_budget_that_all_share_is_paid_for_once() -> None:
    """Each caller gets a wrapper of its own around it, so that purposes and names are told apart."""
    pool = SpendPool()
    shared = BudgetedChatCompletionClient(replay(*["one", "aye", "two", "aye"] * 3), HIGH, name="shared")
    team = SelectorGroupChat(assistants("one", "two", client=shared), shared, max_turns=4)
    await budget_team(team, BUDGET, pool=pool).run(task="Go.")
    report = pool.report()
    assert report.spent.calls == len(shared.records)
    assert set(report.by_purpose) == {"reply", "selector"}
    assert set(report.by_agent) == {"one", "two", "selector"}


# -- what they have in common -----------------------------------------------------------------------------------------


async def test_a_cut_output_can_be_read_by_everybody() -> None:
    """All keep what they cut in one store, and whoever reads a reference is offered the tool for it."""
    store = ArtifactStore()
    async with OpenAIServer() as server, client_of(server) as client:
        server.script(Answer(calls=(Call("look"),)), "I see.")
        scout = AssistantAgent("scout", client, tools=[look])
        team = RoundRobinGroupChat([scout, *assistants("reader", client=client)], max_turns=2)
        await budget_team(team, BUDGET, artifacts=store).run(task="Look around.")
        reader = server.requests[-1]
    assert "read_artifact(" in str(reader.messages)
    assert [tool["function"]["name"] for tool in reader.tools] == ["read_artifact"]  # type: ignore[index]  # a tool as it is on the wire
    assert {id(agent.artifacts) for agent in agents_of(team).values()} == {id(store)}


@pytest.mark.parametrize(
    ("options", "offered"), [({}, False), ({"share": "summary"}, True), ({"artifacts": ArtifactStore()}, True)]
)
async def test_where_nothing_is_cut_nothing_is_offered(options: dict[str, Any], offered: bool) -> None:
    """Agents without tools go on without tools, unless there is something to read."""
    async with OpenAIServer() as server, client_of(server) as client:
        team = RoundRobinGroupChat(assistants("one", "two", client=client), max_turns=2)
        await budget_team(team, BUDGET, **options).run(task="Go.")
    assert [bool(request.tools) for request in server.requests] == [offered, offered]


async def test_hooks_hear_of_every_call() -> None:
    """The manager's calls as well as the agents'."""
    told = RecordLog()
    client = replay("one", "aye", "two", "aye")
    team = SelectorGroupChat(assistants("one", "two", "three", client=client), client, max_turns=2)
    await budget_team(team, BUDGET, hooks=[told.add]).run(task="Go.")
    assert [(record.name, record.purpose) for record in told.calls] == [
        ("selector", "selector"),
        ("one", "reply"),
        ("selector", "selector"),
        ("two", "reply"),
    ]


async def test_a_share_of_the_conversation_is_enough() -> None:
    """What each participant is told is up to a function; the team's result has all that was said."""
    async with OpenAIServer() as server, client_of(server) as client:
        team = RoundRobinGroupChat(assistants("one", "two", "three", client=client), max_turns=6)
        budget_team(team, BUDGET, share=lambda messages: messages[-1:])
        result = await team.run(task="Go.")
        heard = [len(request.messages) for request in server.requests]
    assert len(result.messages) == 7
    assert heard == [2, 2, 2, 4, 4, 4], "instructions, what it has said and heard before, and the newest words"


# -- spending ---------------------------------------------------------------------------------------------------------


async def test_an_error_in_the_middle_of_a_turn_names_the_limit() -> None:
    """AutoGen makes a RuntimeError of it; books and state are in order, and a team that is built anew goes on.

    The team itself does not: after an error in a turn, AutoGen's manager waits for that turn for ever, reset or not.
    """
    budget, pool = TokenBudget(2_000, reply_reserve=50), SpendPool(max_tokens=900, name="purse")
    async with OpenAIServer() as server, client_of(server) as client:
        server.reply_with(next_in_turn)

        def build(pool: SpendPool) -> RoundRobinGroupChat:
            return budget_team(
                RoundRobinGroupChat(assistants("one", "two", client=client), max_turns=8), budget, pool=pool
            )

        team = build(pool)
        with pytest.raises(RuntimeError, match=r"^SpendLimitError: .*purse"):
            await team.run(task="Tell a story.")
        made = len(server.requests)
        assert made == pool.spent.calls > 0
        assert pool.reserved.tokens == 0
        assert pool.exhausted
        state = await team.save_state()
        await team.reset()
        with pytest.raises(RuntimeError, match=r"^SpendLimitError"):
            await team.run(task="Tell another.")
        assert len(server.requests) == made
        errors = [record.error for agent in agents_of(team).values() for record in agent.records if record.error]
        assert [error.partition(":")[0] for error in errors] == ["SpendLimitError"] * 2
        again = build(SpendPool())
        await again.load_state(state)
        result = await again.run(task="Go on.")
    assert result.stop_reason == "Maximum number of turns 8 reached."
    assert "Tell a story." in str(server.requests[-1].messages)


async def test_a_run_ends_before_a_call_that_cannot_be_paid_for() -> None:
    """With the termination nothing is raised, and the stop reason says what was spent."""
    pool = SpendPool(max_tokens=3_400, name="purse")
    async with OpenAIServer() as server, client_of(server) as client:
        server.reply_with(next_in_turn)
        crew = assistants("one", "two", client=client)
        team = SelectorGroupChat(crew, client, termination_condition=SpendTermination(pool))
        result = await budget_team(team, TokenBudget(900, reply_reserve=300), pool=pool).run(task="Tell a story.")
    assert result.stop_reason is not None
    assert result.stop_reason.startswith("Spend limit: pool 'purse'")
    assert pool.spent.tokens <= 3_400


# -- state ------------------------------------------------------------------------------------------------------------


def without_budget(state: Mapping[str, object]) -> str:
    """A state without what this library adds to it, and without what differs from run to run."""
    left_out = ("autogen_budget", "id", "created_at")

    def stripped(pairs: list[tuple[str, object]]) -> dict[str, object]:
        return {key: value for key, value in pairs if key not in left_out}

    return json.dumps(json.loads(json.dumps(state), object_pairs_hook=stripped))


async def test_states_are_those_of_the_team_without_budgets() -> None:
    """Either team loads what the other saved, and goes on from there; the pool has a state of its own."""
    script = ["one", "first", "two", "second", "one", "third", "two", "fourth"]

    def build() -> SelectorGroupChat:
        client = replay(*script)
        return SelectorGroupChat(assistants("one", "two", client=client), client, max_turns=2)

    plain, pool = build(), SpendPool(max_tokens=10_000, name="purse")
    team = budget_team(build(), BUDGET, pool=pool)
    await plain.run(task="Go.")
    await team.run(task="Go.")
    states = [json.loads(json.dumps(await each.save_state())) for each in (plain, team)]
    assert without_budget(states[0]) == without_budget(states[1])
    assert "autogen_budget" in json.dumps(states[1])
    assert "autogen_budget" not in json.dumps(states[0])
    for state in states:
        for again in (build(), budget_team(build(), BUDGET)):
            await again.load_state(state)
            assert without_budget(await again.save_state()) == without_budget(states[0])
    other = SpendPool(max_tokens=10_000, name="purse")
    other.load_state(json.loads(json.dumps(pool.save_state())))
    assert other.spent == pool.spent
    assert pool.spent.calls > 0


async def test_reset_begins_anew_and_keeps_the_books() -> None:
    """Conversations are forgotten, as without budgets; records and what was spent are not."""
    pool = SpendPool()
    async with OpenAIServer() as server, client_of(server) as client:
        team = budget_team(RoundRobinGroupChat(assistants("one", client=client), max_turns=1), BUDGET, pool=pool)
        await team.run(task="Remember the lighthouse.")
        await team.reset()
        await team.run(task="What was it?")
        assert "lighthouse" not in str(server.requests[-1].messages)
    assert len(agents_of(team)["one"].records) == pool.spent.calls == 2


class Pausable(AssistantAgent):
    """Notes that it was told to pause and to go on."""

    def __init__(self, name: str, client: ChatCompletionClient) -> None:
        super().__init__(name, client)
        self.told: list[str] = []

    async def on_pause(self, cancellation_token: CancellationToken) -> None:
        """Notes it."""
        self.told.append("pause")

    async def on_resume(self, cancellation_token: CancellationToken) -> None:
        """Notes it."""
        self.told.append("resume")


async def test_pause_and_resume_reach_the_agents() -> None:
    """As they do without budgets, in the middle of a run."""
    async with OpenAIServer() as server, client_of(server) as client:
        server.script(Answer("aye", delay=0.2))
        agents = [Pausable(name, client) for name in ("one", "two")]
        team = budget_team(RoundRobinGroupChat([*agents], max_turns=2), BUDGET)
        run = asyncio.create_task(team.run(task="Go."))
        await server.wait_for_requests(1)
        await team.pause()
        await team.resume()
        result = await run
    assert [agent.told for agent in agents] == [["pause", "resume"]] * 2
    assert len(result.messages) == 3


async def test_a_team_under_budget_dumps_and_loads() -> None:
    """Its declarative form, through JSON, is a team with the same budgets whose members share a pool again."""
    pool = SpendPool(max_tokens=50_000, name="purse")
    team = SelectorGroupChat(assistants("one", "two"), replay(*["two", "one"] * 9), max_turns=2)
    budget_team(team, BUDGET, per_agent={"one": LOW, "selector": HIGH}, pool=pool)
    dumped = json.loads(team.dump_component().model_dump_json())
    loaded = SelectorGroupChat.load_component(ComponentModel.model_validate(dumped))
    agents, selector = agents_of(loaded), manager_of(loaded)
    assert {name: agent.budget for name, agent in agents.items()} == {"one": LOW, "two": BUDGET}
    assert (selector.budget, selector.purpose, selector.name) == (HIGH, "selector", "selector")
    await loaded.run(task="Go.")
    assert selector.pool is not None
    assert set(selector.pool.report().by_purpose) == {"selector", "reply"}
    assert budget_team(loaded, BUDGET, per_agent={"two": LOW}) is loaded
    assert {name: agent.budget for name, agent in agents.items()} == {"one": LOW, "two": LOW}


async def test_streams_are_paid_for_by_what_the_provider_reports() -> None:
    """Agents and a selector that stream cost what the server counted, to the token."""
    pool = SpendPool()
    async with OpenAIServer() as server, client_of(server) as client:
        server.reply_with(next_in_turn)
        crew: list[Any] = [AssistantAgent(name, client, model_client_stream=True) for name in ("one", "two", "three")]
        team = SelectorGroupChat(crew, client, model_client_streaming=True, max_turns=3)
        await budget_team(team, BUDGET, pool=pool).run(task="Go.")
    assert pool.spent.prompt_tokens == sum(request.prompt_tokens for request in server.requests)
    assert pool.spent.estimated_tokens == 0
    assert all(request.body["stream"] for request in server.requests)


async def test_a_selector_is_asked_again_as_often_as_without_a_budget() -> None:
    """Answers that name nobody, or the last speaker, are held against it, within the cap."""
    async with OpenAIServer(window=601) as server, client_of(server) as client:
        team = SelectorGroupChat(assistants("one", "two", "three", client=client), client, max_turns=8)
        told = RecordLog()
        budget_team(team, TokenBudget(600), hooks=[told.add])
        wrong = iter(range(10_000))

        def answer(received: Received) -> str:
            first, last = (str(received.messages[at]["content"]) for at in (0, -1))
            if "select the next role" not in first:
                return "and then the ship went on. " * 30
            if last == first and next(wrong) % 2:
                return "Hard to say."
            spoken = [name for name in ("one", "two", "three") if f"\n{name}: and" in first]
            latest = max(spoken, key=lambda name: first.rfind(f"\n{name}: and"), default="three")
            return {"one": "two", "two": "three", "three": "one"}[latest]

        server.reply_with(answer)
        result = await team.run(task="Tell a story.")
    assert [message.source for message in result.messages[1:]] == ["one", "two", "three"] * 2 + ["one", "two"]
    selections = [record for record in told.calls if record.purpose == "selector"]
    assert len(selections) == 12
    assert max(request.prompt_tokens for request in server.requests) <= 600
