"""The same day at sea for every kind of team: unwrapped it outgrows the model, under budget it never does.

What was sent is counted by the server, which knows nothing of the library, checks that calls and results are paired,
and refuses what is over its window.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import pytest
from autogen_agentchat.agents import AssistantAgent, BaseChatAgent, SocietyOfMindAgent
from autogen_agentchat.base import Team
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import (
    DiGraphBuilder,
    GraphFlow,
    MagenticOneGroupChat,
    RoundRobinGroupChat,
    SelectorGroupChat,
    Swarm,
)
from autogen_core.models import ChatCompletionClient

from autogen_budget import SpendPool, TokenBudget, budget_team
from servers import Answer, Call, OpenAIServer, Received
from servers.clients import client_of

# The client's own, in structured answers; AutoGen sends them on.
pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")

CAP = 1_500
TASK = "Write down what the buoys say, all of them, and what is to be done about each."
PROSE = "The swell came from the north-west and the light was failing. "


async def survey(area: str) -> str:
    """Read all buoys of an area."""
    return "\n".join(f"buoy {area}-{i:03}: drift {i * 37 % 91} m, battery {i * 13 % 100} %" for i in range(90))


def agent(name: str, client: ChatCompletionClient, *, handoffs: list[str] | None = None) -> AssistantAgent:
    """A member of the crew; the scout has a tool with long answers."""
    tools = [survey] if name == "scout" else None
    return AssistantAgent(
        name,
        client,
        tools=tools,  # type: ignore[arg-type]  # lists of AutoGen's unions are invariant
        handoffs=handoffs,  # type: ignore[arg-type]  # lists of AutoGen's unions are invariant
        description=f"The {name} of the ship.",
        system_message=f"You are the {name}.",
    )


def crew(client: ChatCompletionClient, *names: str) -> list[AssistantAgent]:
    """Some members of the crew."""
    return [agent(name, client) for name in names]


def round_robin(client: ChatCompletionClient) -> Team:
    """One after the other."""
    return RoundRobinGroupChat([*crew(client, "scout", "writer", "critic")], max_turns=12)


def selector(client: ChatCompletionClient) -> Team:
    """A model chooses who speaks."""
    return SelectorGroupChat([*crew(client, "scout", "writer", "critic")], client, max_turns=12)


def swarm(client: ChatCompletionClient) -> Team:
    """Whoever speaks says who is next, and hands over what his tools told."""
    pair = [agent("scout", client, handoffs=["writer"]), agent("writer", client, handoffs=["scout"])]
    return Swarm([*pair], termination_condition=MaxMessageTermination(20))


def graph(client: ChatCompletionClient) -> Team:
    """Along the edges of a graph, again and again."""
    scout, writer, critic, clerk = everybody = crew(client, "scout", "writer", "critic", "clerk")
    builder = DiGraphBuilder()
    for node in everybody:
        builder.add_node(node)
    builder.add_edge(scout, writer).add_edge(writer, critic)
    builder.add_edge(critic, scout, condition="swell").add_edge(critic, clerk, condition="landfall")
    builder.set_entry_point(scout)
    return GraphFlow([*everybody], builder.build(), termination_condition=MaxMessageTermination(20))


def magentic(client: ChatCompletionClient) -> Team:
    """A model plans, keeps a ledger, and instructs."""
    return MagenticOneGroupChat([*crew(client, "scout", "writer")], client, max_turns=10)


def nested(client: ChatCompletionClient) -> Team:
    """A team in a team in a team."""
    inmost = RoundRobinGroupChat([*crew(client, "scout", "writer")], name="inmost", max_turns=2)
    inner = RoundRobinGroupChat([inmost, *crew(client, "clerk")], name="inner", max_turns=2)
    return RoundRobinGroupChat([inner, *crew(client, "critic")], max_turns=8)


def society(client: ChatCompletionClient) -> Team:
    """A team that speaks as one."""
    inner = RoundRobinGroupChat([*crew(client, "scout", "writer")], name="inner", max_turns=6)
    minds: list[BaseChatAgent] = [SocietyOfMindAgent("society", inner, client), *crew(client, "critic")]
    return RoundRobinGroupChat([*minds], max_turns=6)


@dataclass(frozen=True)
class Scenario:
    """A kind of team, and who calls models in it."""

    build: Callable[[ChatCompletionClient], Team]
    callers: frozenset[str]
    purposes: frozenset[str] = frozenset({"reply"})


THREE = frozenset({"scout", "writer", "critic"})
SCENARIOS = {
    "round robin": Scenario(round_robin, THREE),
    "selector": Scenario(selector, THREE | {"selector"}, frozenset({"reply", "selector"})),
    "swarm": Scenario(swarm, frozenset({"scout", "writer"})),
    "graph": Scenario(graph, THREE),
    "magentic": Scenario(
        magentic, frozenset({"scout", "writer", "orchestrator"}), frozenset({"reply", "orchestrator"})
    ),
    "nested": Scenario(nested, THREE | {"clerk"}),
    "society": Scenario(society, THREE | {"society"}),
}


class Model:
    """What the model behind the server says, by what it is asked."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def __call__(self, received: Received) -> Answer:
        """The answer to one request."""
        asked = str(received.messages[-1]["content"])
        first = str(received.messages[0]["content"])
        tools = [str(tool["function"]["name"]) for tool in received.tools]  # type: ignore[index]  # a tool as it is on the wire
        number = next(self._numbers)
        prose = f"Entry {number}. {PROSE * 14}"
        if "select the next role" in first:
            return Answer(self._next_speaker(first))
        if "pure JSON format" in asked:
            return Answer(self._ledger(number))
        if "survey" in tools:
            calls = [Call("survey", {"area": f"N{number}"}), *self._handoff(tools)]
            return Answer(calls=tuple(calls))
        if handoff := self._handoff(tools):
            return Answer(prose, tuple(handoff))
        return Answer(prose)

    @staticmethod
    def _handoff(tools: list[str]) -> list[Call]:
        return [Call(name, {}) for name in tools if name.startswith("transfer_to_")]

    @staticmethod
    def _next_speaker(prompt: str) -> str:
        roles = ["scout", "writer", "critic"]
        spoken = re.findall(rf"\n({'|'.join(roles)}): ", prompt)
        return roles[(roles.index(spoken[-1]) + 1) % 3] if spoken else "scout"

    @staticmethod
    def _ledger(number: int) -> str:
        answers: dict[str, object] = {
            "is_request_satisfied": False,
            "is_in_loop": False,
            "is_progress_being_made": True,
            "next_speaker": ("scout", "writer")[number % 4 // 2],
            "instruction_or_question": "Go on with the next area.",
        }
        return json.dumps({key: {"reason": "as planned", "answer": answer} for key, answer in answers.items()})


@pytest.mark.parametrize("name", SCENARIOS)
async def test_unwrapped_the_team_outgrows_the_cap(name: str) -> None:
    """Without a budget the scenario sends far more than the cap in one request."""
    async with OpenAIServer() as server, client_of(server) as client:
        server.reply_with(Model())
        await SCENARIOS[name].build(client).run(task=TASK)
    assert max(request.prompt_tokens for request in server.requests) > 1.5 * CAP


@pytest.mark.parametrize("name", SCENARIOS)
async def test_under_budget_no_request_is_over_the_cap(name: str) -> None:
    """With a budget every request of every caller fits and is valid, and all of them are in the pool's report."""
    scenario, pool = SCENARIOS[name], SpendPool()
    async with OpenAIServer(window=CAP + 1) as server, client_of(server) as client:
        server.reply_with(Model())
        result = await budget_team(scenario.build(client), TokenBudget(CAP), pool=pool).run(task=TASK)
    assert len(result.messages) > 6
    assert all(request.accepted for request in server.requests)
    assert max(request.prompt_tokens for request in server.requests) <= CAP
    report = pool.report()
    assert set(report.by_agent) == scenario.callers
    assert set(report.by_purpose) == scenario.purposes
    assert report.spent.calls == len(server.requests)
    assert report.spent.prompt_tokens == sum(request.prompt_tokens for request in server.requests)
