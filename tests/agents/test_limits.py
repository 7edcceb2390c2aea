"""Turns of agents within limits: deadlines, cancellation, loops, calls inside calls, and all that works inside."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent, SocietyOfMindAgent, UserProxyAgent
from autogen_agentchat.base import TaskResult
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.messages import BaseChatMessage, TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat, Swarm
from autogen_agentchat.tools import AgentTool
from autogen_core import CancellationToken, FunctionCall
from autogen_core.models import (
    AssistantMessage,
    CreateResult,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    ModelInfo,
    RequestUsage,
    UserMessage,
)
from autogen_ext.models.replay import ReplayChatCompletionClient

import simulated_time
from autogen_budget import (
    BudgetedAgent,
    BudgetedChatCompletionClient,
    Limits,
    LoopDetectedError,
    LoopRecord,
    LoopTermination,
    Record,
    RunTimeoutError,
    SpendPool,
    TimeLimitRecord,
    TokenBudget,
    budget_team,
)
from builders import Recorder

BUDGET = TokenBudget(4_000)
INFO = ModelInfo(vision=False, function_calling=True, json_output=True, family="unknown", structured_output=False)
USAGE = RequestUsage(prompt_tokens=9, completion_tokens=3)


def calls(name: str, arguments: str = "{}") -> CreateResult:
    """A reply that calls a tool."""
    content = [FunctionCall(id="1", name=name, arguments=arguments)]
    return CreateResult(finish_reason="function_calls", content=content, usage=USAGE, cached=False)


def says(text: str) -> CreateResult:
    """A reply in words."""
    return CreateResult(finish_reason="stop", content=text, usage=USAGE, cached=False)


def replay(*results: CreateResult) -> ReplayChatCompletionClient:
    """A model that answers as it is told."""
    return ReplayChatCompletionClient(list(results), model_info=INFO)


async def look() -> str:
    """Look, for a minute."""
    await asyncio.sleep(60)
    return "a ship"


async def wait_forever() -> str:
    """Wait forever."""
    await asyncio.Event().wait()
    return "never"


async def answer() -> str:
    """Answer at once."""
    return "nothing new"


def assistant(*results: CreateResult, tool: Any = look, name: str = "scout", **settings: Any) -> AssistantAgent:
    """An assistant with a tool."""
    return AssistantAgent(name, replay(*results), tools=[tool], description="A scout.", **settings)


@pytest.mark.parametrize("streamed", [False, True])
def test_a_turn_ends_at_its_deadline_and_keeps_what_was_said(streamed: bool) -> None:
    """The error holds the messages so far; the agent is usable, and its history valid."""
    told: list[Record] = []
    agent = BudgetedAgent(
        assistant(calls("look"), says("I am back.")), BUDGET, limits=Limits(run_timeout=10), hooks=[told.append]
    )

    async def main() -> None:
        with pytest.raises(RunTimeoutError, match="run_timeout") as caught:
            if streamed:
                async for _ in agent.run_stream(task="Look."):
                    pass
            else:
                await agent.run(task="Look.")
        assert asyncio.get_running_loop().time() == pytest.approx(10, abs=0.7)
        assert caught.value.seconds == 10
        assert [type(message).__name__ for message in caught.value.messages] == ["ToolCallRequestEvent"]
        result = await agent.run(task="And now?")
        assert result.messages[-1].to_text() == "I am back."

    simulated_time.run(main())
    assert any(isinstance(record, TimeLimitRecord) and record.limit == "run" for record in told)


def test_a_slow_tool_is_an_error_result_that_the_model_can_act_on() -> None:
    """It names the tool and its limit; the next reply is about it."""
    told: list[Record] = []
    agent = BudgetedAgent(
        assistant(calls("wait_forever"), says("It takes too long."), tool=wait_forever, reflect_on_tool_use=True),
        BUDGET,
        limits=Limits(tool_timeouts={"wait_forever": 5}),
        hooks=[told.append],
    )

    async def main() -> TaskResult:
        return await agent.run(task="Look.")

    result = simulated_time.run(main())
    assert result.messages[-1].to_text() == "It takes too long."
    assert "wait_forever did not end within 5 s" in str(result.messages[-2])
    (limit,) = [record for record in told if isinstance(record, TimeLimitRecord)]
    assert (limit.name, limit.limit, limit.tool) == ("scout", "tool", "wait_forever")


@pytest.mark.parametrize("by_token", [False, True])
def test_a_cancelled_turn_ends_within_a_second_and_leaves_a_usable_agent(by_token: bool) -> None:
    """By its token or by its task; the dangling call is repaired in the next turn."""
    agent = BudgetedAgent(assistant(calls("wait_forever"), says("Here."), tool=wait_forever), BUDGET)

    async def main() -> float:
        token = CancellationToken()
        task = asyncio.ensure_future(agent.run(task="Look.", cancellation_token=token))
        await asyncio.sleep(5)
        cancel: Any = token.cancel if by_token else task.cancel
        cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        ended = asyncio.get_running_loop().time()
        assert (await agent.run(task="Still there?")).messages[-1].to_text() == "Here."
        return ended

    assert simulated_time.run(main()) - 5 < 1


def test_a_deadline_is_inherited_by_what_is_called() -> None:
    """An agent behind a tool cannot outlive the turn of the one that calls it."""
    inner = assistant(calls("look"), says("A ship."), name="lookout", reflect_on_tool_use=True)
    outer = AssistantAgent("captain", replay(calls("lookout", '{"task": "Look."}')), tools=[AgentTool(inner)])
    agent = BudgetedAgent(outer, BUDGET, limits=Limits(run_timeout=10))

    async def main() -> float:
        with pytest.raises(RunTimeoutError):
            await agent.run(task="Look.")
        return asyncio.get_running_loop().time()

    assert simulated_time.run(main()) == pytest.approx(10, abs=0.7)


def test_a_deadline_is_saved_with_the_turn_that_is_under_way() -> None:
    """A run that goes on elsewhere ends when it would have ended here."""
    agent = BudgetedAgent(assistant(calls("look")), BUDGET, limits=Limits(run_timeout=10))
    other = BudgetedAgent(assistant(calls("look")), BUDGET)

    async def main() -> float:
        turn = asyncio.ensure_future(agent.run(task="Look."))
        await asyncio.sleep(4)
        state = await agent.save_state()
        with pytest.raises(RunTimeoutError):
            await turn
        begun = asyncio.get_running_loop().time()
        await other.load_state(state)
        with pytest.raises(RunTimeoutError):
            await other.run(task="Go on.")
        assert "deadline" not in (await other.save_state())["autogen_budget"]
        return asyncio.get_running_loop().time() - begun

    assert simulated_time.run(main()) == pytest.approx(6, abs=1.5)


async def test_an_agent_that_goes_round_in_circles_is_told_and_ended() -> None:
    """A nudge in the third request after three equal calls, and an error after five; records say so."""
    told: list[Record] = []
    client = replay(*[calls("answer") for _ in range(9)])
    agent = BudgetedAgent(
        AssistantAgent("scout", client, tools=[answer], max_tool_iterations=9), BUDGET, hooks=[told.append]
    )
    with pytest.raises(LoopDetectedError, match="answer 5 times in a row with the same result") as caught:
        await agent.run(task="Look.")
    assert (caught.value.repeats, caught.value.cycle) == (5, 1)
    requests = [str(call["messages"]) for call in client.create_calls]
    assert ["You did this" in request for request in requests] == [False, False, False, True, True]
    loops = [(record.repeats, record.action) for record in told if isinstance(record, LoopRecord)]
    assert loops == [(3, "nudged"), (4, "nudged"), (5, "ended")]


async def test_a_client_by_itself_is_told_of_a_circle_and_goes_on() -> None:
    """Whether work goes on is for the agent or the program around it, which may be replaying what once happened."""
    model = replay(*[calls("answer") for _ in range(9)])
    told: list[Record] = []
    client = BudgetedChatCompletionClient(model, BUDGET, hooks=[told.append])
    messages: list[LLMMessage] = [UserMessage(content="Look.", source="user")]
    for _ in range(8):
        asked = await client.create(messages)
        assert isinstance(asked.content, list)
        result = FunctionExecutionResult(content="nothing new", name="answer", call_id="1", is_error=False)
        messages += [
            AssistantMessage(content=asked.content, source="scout"),
            FunctionExecutionResultMessage(content=[result]),
        ]
    assert [record.action for record in told if isinstance(record, LoopRecord)] == ["nudged"] * 5


async def test_a_fallback_is_asked_in_place_of_an_error() -> None:
    """For one call; what it says is the agent's."""
    fallback = replay(says("There is nothing to see."))
    agent = BudgetedAgent(
        assistant(*[calls("answer") for _ in range(9)], tool=answer, max_tool_iterations=9), BUDGET, fallback=fallback
    )
    assert (await agent.run(task="Look.")).messages[-1].to_text() == "There is nothing to see."


def test_the_model_is_told_that_its_time_ends() -> None:
    """Once while there is some time left; with the last of it tools are withdrawn."""
    client = replay(*[calls("look") for _ in range(7)], says("One ship."))
    agent = BudgetedAgent(
        AssistantAgent("scout", client, tools=[look], max_tool_iterations=9),
        BUDGET,
        limits=Limits(run_timeout=431, max_repeats=None),
    )

    async def main() -> str:
        return (await agent.run(task="Look.")).messages[-1].to_text()

    assert simulated_time.run(main()) == "One ship."
    last = [str(call["messages"][-1].content) for call in client.create_calls[-2:]]
    assert "time for" in last[1]
    assert [len(call["tools"]) > 0 for call in client.create_calls] == [True] * 7 + [False]


async def test_an_agent_that_calls_itself_gets_an_error() -> None:
    """In place of a wait for itself; its tool says why."""
    held: list[BudgetedAgent] = []

    async def ask_myself() -> str:
        """Ask yourself."""
        return str(await held[0].run(task="What do I think?"))

    held.append(BudgetedAgent(assistant(calls("ask_myself"), tool=ask_myself), BUDGET))
    result = await held[0].run(task="Think.")
    assert "called from inside its own run (scout -> scout)" in result.messages[-1].to_text()


async def test_all_that_works_inside_an_agent_is_covered() -> None:
    """An inner team, an agent behind a tool: the same budget, or one of their own, one pool, one report."""
    pool = SpendPool()
    inner = RoundRobinGroupChat(
        [assistant(says("A ship."), name="lookout"), assistant(says("Aye."), name="mate")],
        termination_condition=MaxMessageTermination(3),
    )
    society = BudgetedAgent(
        SocietyOfMindAgent("society", inner, replay(says("A ship was seen."))),
        BUDGET,
        pool=pool,
        per_agent={"mate": TokenBudget(900)},
    )
    assert (await society.run(task="Look.")).messages[-1].to_text() == "A ship was seen."
    assert {record.name for record in society.records} == {"lookout", "mate", "society"}
    assert {record.cap for record in society.records if record.name == "mate"} == {900}
    assert pool.spent.calls == 3
    society.budget = TokenBudget(700)
    other = SpendPool()
    society.pool = other
    assert repr(society).startswith("BudgetedAgent(SocietyOfMindAgent 'society', TokenBudget(max_prompt_tokens=700")


async def test_an_agent_behind_a_tool_is_covered_once() -> None:
    """Whether the agent or the team around it is wrapped."""
    inner = assistant(says("A ship."), name="lookout")
    outer = AssistantAgent(
        "captain", replay(calls("lookout", '{"task": "Look."}'), says("Good.")), tools=[AgentTool(inner)]
    )
    team = RoundRobinGroupChat([outer], max_turns=2)
    pool = SpendPool()
    budget_team(team, BUDGET, pool=pool, per_agent_limits={"lookout": Limits(retries=0)})
    await team.run(task="Look.")
    assert pool.spent.calls == 3


def test_what_is_wrapped_already_or_no_agent_names_the_right_call() -> None:
    """Errors that say what to do."""
    wrapper = BudgetedAgent(assistant(), BUDGET)
    client: Any = replay()
    team: Any = RoundRobinGroupChat([assistant()])
    with pytest.raises(ValueError, match="is inside a BudgetedAgent already"):
        BudgetedAgent(wrapper.inner, BUDGET)
    with pytest.raises(ValueError, match="is a BudgetedAgent already"):
        BudgetedAgent(wrapper, BUDGET)
    with pytest.raises(TypeError, match=r"use budget_team\(team, budget\)"):
        BudgetedAgent(team, BUDGET)
    with pytest.raises(TypeError, match=r"use BudgetedChatCompletionClient\(client, budget\)"):
        BudgetedAgent(client, BUDGET)
    with pytest.raises(TypeError, match=r"use BudgetedAgent\(agent, budget\)"):
        budget_team(wrapper, BUDGET)  # type: ignore[type-var]  # what a caller without a type checker does


async def test_a_team_that_nothing_ends_ends(caplog: pytest.LogCaptureFixture) -> None:
    """With a warning; one that has a bound keeps it, and limits can only lower it."""
    team = RoundRobinGroupChat([assistant(*[says(f"I saw {number}.") for number in range(9)])])
    budget_team(team, BUDGET)
    assert "has no termination condition: a run ends after 1000 turns" in caplog.text
    for turns, limits, expected in ((4, None, 4), (4, Limits(max_turns=2), 2), (None, Limits(max_turns=3), 3)):
        team = RoundRobinGroupChat([assistant(*[says(f"I saw {number}.") for number in range(9)])], max_turns=turns)
        budget_team(team, BUDGET, limits=limits)
        assert len((await team.run(task="Look.")).messages) == expected + 1


async def test_a_team_in_which_nothing_new_is_done_is_told_and_ended() -> None:
    """Two agents that hand over to each other; both are warned from the third round on, and the team can run again."""
    told: list[Record] = []
    clients = {name: replay(*[calls(f"transfer_to_{other}") for _ in range(20)]) for name, other in ("ab", "ba")}
    agents = [AssistantAgent(name, clients[name], handoffs=[other]) for name, other in ("ab", "ba")]
    team = budget_team(Swarm([*agents], max_turns=40), BUDGET, hooks=[told.append])
    budget_team(team, BUDGET)
    for _ in range(2):
        ended = (await team.run(task="Go.")).stop_reason
        assert ended == "Loop: a to b, b to a (2 steps by turns) 5 times in a row with the same result"
    requests = [str(call["messages"]) for client in clients.values() for call in client.create_calls[:5]]
    assert ["The team did this" in request for request in requests] == 2 * [False, False, False, True, True]
    loops = [(record.repeats, record.action) for record in told if isinstance(record, LoopRecord)]
    assert loops == 2 * [(3, "nudged"), (3, "nudged"), (4, "nudged"), (4, "nudged"), (5, "ended")]
    free = Swarm([AssistantAgent(name, clients[name], handoffs=[other]) for name, other in ("ab", "ba")], max_turns=20)
    budget_team(free, BUDGET, limits=Limits(max_repeats=None))
    assert str((await free.run(task="Go.")).stop_reason) == "Maximum number of turns 20 reached."


@pytest.mark.parametrize("termination", [None, LoopTermination()])
async def test_a_person_who_answers_the_same_is_something_new(termination: LoopTermination | None) -> None:
    """Whatever ends loops in a team that asks somebody to go on."""
    clerk = assistant(*[says("Shall I go on?") for _ in range(20)], name="clerk")
    boss = UserProxyAgent("boss", input_func=lambda _: "Yes.")
    team = budget_team(RoundRobinGroupChat([clerk, boss], termination_condition=termination, max_turns=24), BUDGET)
    assert str((await team.run(task="Go.")).stop_reason) == "Maximum number of turns 24 reached."


class Silent(Recorder):
    """An agent that says nothing in the end, or cancels itself."""

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[Any, None]:
        """Says something, and then no response."""
        yield TextMessage(content="on the way", source=self.name)
        raise asyncio.CancelledError


async def test_an_agent_that_cancels_itself_is_cancelled() -> None:
    """As it is without a wrapper."""
    agent = BudgetedAgent(Silent(replay()), BUDGET)
    with pytest.raises(asyncio.CancelledError):
        async for _ in agent.on_messages_stream([], CancellationToken()):
            pass


def test_clients_keep_their_limits() -> None:
    """A client around a client passes each gate once, and both keep working."""

    async def main() -> str:
        limits = Limits(max_concurrent_calls=1)
        inner = BudgetedChatCompletionClient(replay(says("Hello.")), BUDGET, limits=limits)
        outer = BudgetedChatCompletionClient(inner, BUDGET, limits=limits)
        return str((await outer.create([])).content)

    assert asyncio.run(main()) == "Hello."
