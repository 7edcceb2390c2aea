"""Runs of whole teams within limits: one deadline for all that works in them, cancellation, what is told of the end."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import TaskResult, Team
from autogen_agentchat.conditions import TextMentionTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_agentchat.tools import TeamTool
from autogen_core import CancellationToken, FunctionCall, SingleThreadedAgentRuntime
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient

import simulated_time
from autogen_budget import BudgetedAgent, Limits, Record, RunTimeoutError, TimeLimitRecord, TokenBudget, budget_team

BUDGET = TokenBudget(4_000)
INFO = ModelInfo(vision=False, function_calling=True, json_output=True, family="unknown", structured_output=False)
USAGE = RequestUsage(prompt_tokens=9, completion_tokens=3)
LOOKS = CreateResult(
    finish_reason="function_calls",
    content=[FunctionCall(id="1", name="look", arguments="{}")],
    usage=USAGE,
    cached=False,
)
ENDS = TextMentionTermination("DONE")


def says(text: str) -> CreateResult:
    """A reply in words."""
    return CreateResult(finish_reason="stop", content=text, usage=USAGE, cached=False)


async def look() -> str:
    """Look, for a minute."""
    await asyncio.sleep(60)
    return "a ship"


def scout(name: str, *results: CreateResult, **settings: Any) -> AssistantAgent:
    """An agent that looks."""
    client = ReplayChatCompletionClient(list(results), model_info=INFO)
    return AssistantAgent(name, client, tools=[look], description="A scout.", **settings)


def watch(**settings: Any) -> RoundRobinGroupChat:
    """Two scouts, each of which looks for a minute in each of its turns, until one says that it is done."""
    row = [LOOKS, says("DONE")]
    return RoundRobinGroupChat([scout("first", *row), scout("second", *row)], termination_condition=ENDS, **settings)


def inside_a_team() -> Team:
    """A team in a team."""
    return RoundRobinGroupChat([watch(name="watch")], termination_condition=ENDS)


def behind_a_tool() -> Team:
    """A team that an agent's tool runs."""
    calls = [FunctionCall(id="1", name="watch", arguments='{"task": "Look."}')]
    ask = CreateResult(finish_reason="function_calls", content=calls, usage=USAGE, cached=False)
    client = ReplayChatCompletionClient([ask, says("DONE")], model_info=INFO)
    tool = TeamTool(watch(), "watch", "Watches.")
    return RoundRobinGroupChat([AssistantAgent("captain", client, tools=[tool])], termination_condition=ENDS)


async def timed_out(work: Any) -> tuple[RunTimeoutError, float]:
    """The error that ends some work, and how long that took."""
    began = asyncio.get_running_loop().time()
    with pytest.raises(RunTimeoutError, match="run_timeout") as caught:
        await work
    return caught.value, asyncio.get_running_loop().time() - began


@pytest.mark.parametrize("make", [watch, inside_a_team, behind_a_tool])
def test_a_deadline_holds_for_all_that_a_team_calls(make: Callable[[], Team]) -> None:
    """Agents, teams in it and behind tools; the error keeps what was said; the team goes on in its next run."""
    told: list[Record] = []
    team = budget_team(make(), BUDGET, limits=Limits(run_timeout=90), hooks=[told.append])

    async def main() -> TaskResult:
        error, seconds = await timed_out(team.run(task="Look."))
        assert seconds == pytest.approx(90, abs=0.7)
        assert error.seconds == 90
        assert error.messages[0].to_text() == "Look."
        limits = [record for record in told if isinstance(record, TimeLimitRecord)]
        assert [record.limit for record in limits] == ["run"], limits
        return await team.run(task="Go on.")

    if make is behind_a_tool:
        assert simulated_time.run(main()).messages[-1].to_text() == "DONE"
    else:
        said = simulated_time.run(main()).messages
        assert [message.to_text() for message in said][-1] == "DONE"


def test_a_run_in_time_ends_as_it_would_without_limits() -> None:
    """Message for message, streamed or not."""

    async def main() -> None:
        plain, guarded, streamed = watch(), watch(), watch()
        for team in (guarded, streamed):
            budget_team(team, BUDGET, limits=Limits(run_timeout=900))
        expected = [message.to_text() for message in (await plain.run(task="Look.")).messages]
        assert [message.to_text() for message in (await guarded.run(task="Look.")).messages] == expected
        items = [item async for item in streamed.run_stream(task="Look.", output_task_messages=False)]
        assert [item.to_text() for item in items if not isinstance(item, TaskResult)] == expected[1:]

    simulated_time.run(main())


def test_a_deadline_holds_on_a_runtime_of_the_users_own() -> None:
    """Whose tasks began before the run, so that no context reaches them."""

    async def main() -> None:
        runtime = SingleThreadedAgentRuntime()
        runtime.start()
        team = budget_team(watch(runtime=runtime), BUDGET, limits=Limits(run_timeout=90))
        error, seconds = await timed_out(team.run(task="Look."))
        assert seconds == pytest.approx(90, abs=0.7)
        assert error.messages
        await runtime.stop()

    simulated_time.run(main())


def test_a_teams_deadline_is_saved_with_its_agents() -> None:
    """The run goes on elsewhere, and ends when it would have ended here."""

    async def main() -> None:
        team = budget_team(watch(), BUDGET, limits=Limits(run_timeout=100))
        run = asyncio.ensure_future(team.run(task="Look."))
        await asyncio.sleep(70)
        state: Mapping[str, Any] = await team.save_state()
        with pytest.raises(RunTimeoutError):
            await run
        other = budget_team(watch(), BUDGET)
        await other.load_state(state)
        _, seconds = await timed_out(other.run())
        assert seconds == pytest.approx(30, abs=1.5)
        assert (await other.run()).messages[-1].to_text() == "DONE"

    simulated_time.run(main())


@pytest.mark.parametrize("how", ["token", "task", "stream"])
def test_a_cancelled_team_ends_within_a_second_and_can_run_again(how: str) -> None:
    """By its token, by its task, by leaving its stream."""

    async def main() -> float:
        team, token = budget_team(watch(), BUDGET), CancellationToken()
        if how == "stream":
            stream = team.run_stream(task="Look.")
            async for _ in stream:
                break
            began = asyncio.get_running_loop().time()
            await stream.aclose()
        else:
            run = asyncio.ensure_future(team.run(task="Look.", cancellation_token=token))
            await asyncio.sleep(5)
            began = asyncio.get_running_loop().time()
            cancel: Callable[[], object] = token.cancel if how == "token" else run.cancel
            cancel()
            with pytest.raises(asyncio.CancelledError):
                await run
        seconds = asyncio.get_running_loop().time() - began
        assert (await team.run(task="Go on.")).messages[-1].to_text() == "DONE"
        return seconds

    assert simulated_time.run(main()) < 1


async def test_a_team_that_runs_itself_gets_an_error() -> None:
    """In place of a wait for itself."""
    held: list[Team] = []

    async def ask_all() -> str:
        """Ask everybody."""
        return str(await held[0].run(task="What do we think?"))

    ask = CreateResult(
        finish_reason="function_calls",
        content=[FunctionCall(id="1", name="ask_all", arguments="{}")],
        usage=USAGE,
        cached=False,
    )
    client = ReplayChatCompletionClient([ask], model_info=INFO)
    held.append(RoundRobinGroupChat([AssistantAgent("captain", client, tools=[ask_all])], max_turns=1, name="crew"))
    result = await budget_team(held[0], BUDGET).run(task="Think.")
    assert "team 'crew' was called from inside its own run (crew -> captain -> crew)" in result.messages[-1].to_text()


def requests(agent: AssistantAgent) -> list[tuple[str, bool]]:
    """The newest message of each request of an agent's model, and whether tools went with it."""
    client = agent._model_client  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    while not isinstance(client, ReplayChatCompletionClient):
        client = client.client  # type: ignore[attr-defined]  # wrappers hold one
    return [(str(call["messages"][-1].content), bool(call["tools"])) for call in client.create_calls]


@pytest.mark.parametrize(("most", "reflects"), [(6, False), (6, True), (4, False)])
def test_the_model_is_told_that_its_calls_end(most: int, reflects: bool) -> None:
    """Once, two calls before; the last is for an answer in words. Who has few calls may use them all."""
    inner = scout(
        "first", *[LOOKS] * (5 + reflects), says("One ship."), max_tool_iterations=most, reflect_on_tool_use=reflects
    )
    agent = BudgetedAgent(inner, BUDGET, limits=Limits(max_repeats=None))
    result = simulated_time.run(agent.run(task="Look."))
    sent = requests(inner)
    told = ["answer now" in text for text, _ in sent]
    if most == 4:
        assert len(sent) == 4
        assert told == [False] * 4
        assert all(tools for _, tools in sent)
    else:
        assert result.messages[-1].to_text() == "One ship."
        assert told == [False] * (4 + reflects) + [True, False]
        assert [tools for _, tools in sent] == [True] * (5 + reflects) + [False]


def test_a_teams_model_is_told_that_its_turns_end() -> None:
    """Of the last two turns that `Limits` allow; a team's own bound says nothing of an end."""
    told: dict[bool, list[bool]] = {}
    for ours in (True, False):
        agents = [scout(name, *(says(f"{name} {turn}") for turn in range(9))) for name in ("first", "second")]
        team = RoundRobinGroupChat([*agents], max_turns=None if ours else 6)
        budget_team(team, BUDGET, limits=Limits(max_turns=6) if ours else None)
        simulated_time.run(team.run(task="Look."))
        told[ours] = ["answer now" in text or "last answer" in text for agent in agents for text, _ in requests(agent)]
    assert told[True] == [False, False, True] * 2
    assert told[False] == [False] * 6
