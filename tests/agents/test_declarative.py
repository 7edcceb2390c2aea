"""Everything public goes through JSON and behaves the same afterwards, alone and in a team of AutoGen Studio's."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import TaskResult, Team, TerminationCondition
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.teams import BaseGroupChat, RoundRobinGroupChat, SelectorGroupChat
from autogen_core import ComponentLoader, ComponentModel
from autogen_core.models import AssistantMessage, CreateResult, LLMMessage, RequestUsage, SystemMessage, UserMessage
from autogen_core.tools import StaticWorkbench
from autogen_ext.models.replay import ReplayChatCompletionClient

import autogen_budget
from autogen_budget import (
    ArtifactStore,
    BudgetedAgent,
    BudgetedChatCompletionClient,
    BudgetedWorkbench,
    Limits,
    LoopTermination,
    SpendPool,
    SpendTermination,
    Strategy,
    TokenBudget,
    TrimOldest,
    TruncateToolOutputs,
    pin,
)


class Declared(Protocol):
    """Whatever can be dumped."""

    def dump_component(self) -> ComponentModel:
        """Its declarative form."""
        ...


BUDGET = TokenBudget(900, reply_reserve=50, compact_to=0.5, tool_output_tokens={"search": 200}, keep_last_turns=2)

YES = "yes " * 20

STRATEGIES: list[Strategy] = [TruncateToolOutputs(50), TrimOldest(facts=False)]


def replay() -> ReplayChatCompletionClient:
    """A client that answers from a list, with answers that are charged, and can call functions."""
    reply = CreateResult(content=YES, finish_reason="stop", usage=RequestUsage(0, 0), cached=False)
    return ReplayChatCompletionClient(
        [reply] * 40,
        model_info={
            "vision": False,
            "function_calling": True,
            "json_output": True,
            "family": "unknown",
            "structured_output": True,
        },
    )


def assistant(name: str = "writer") -> AssistantAgent:
    """An agent that can be dumped."""
    return AssistantAgent(name, replay(), system_message="Be brief.")


def everything() -> dict[str, Declared]:
    """One of each public component, with all settings that can be dumped."""
    pool = SpendPool(max_tokens=50_000, max_calls=90, name="team")
    store = ArtifactStore(max_bytes=1_000_000)
    pins = [pin(source="lawyer", contains="void"), pin(contains="TERMS")]
    client = BudgetedChatCompletionClient(
        replay(),
        BUDGET,
        name="clerk",
        strategies=STRATEGIES,
        artifacts=store,
        pool=pool.child("selection", max_tokens=9_000),
        purpose="selector",
        pins=pins,
    )
    agent = BudgetedAgent(
        assistant(), BUDGET, strategies=STRATEGIES, artifacts=store, read_back=False, pool=pool, pins=pins
    )
    return {
        "agent": agent,
        "agent with defaults": BudgetedAgent(assistant(), TokenBudget(900)),
        "agent with a summarizer": BudgetedAgent(
            assistant(), TokenBudget(900), summarizer=replay(), share="summary", bounded_memory=True
        ),
        "agent with limits": BudgetedAgent(
            assistant(), TokenBudget(900), limits=Limits(run_timeout=900), fallback=replay()
        ),
        "client": client,
        "client with a summarizer": BudgetedChatCompletionClient(replay(), BUDGET, summarizer=replay()),
        "client with limits": BudgetedChatCompletionClient(
            replay(), BUDGET, limits=Limits(retries=1, tool_timeouts={"build": 900}), fallback=replay()
        ),
        "client with defaults": BudgetedChatCompletionClient(replay(), TokenBudget(context_window=8_000)),
        "workbench": BudgetedWorkbench(StaticWorkbench([]), BUDGET, artifacts=store, read_back="always"),
        "store": store,
        "pool": pool,
        "child of a pool": pool.child("research", max_cost=0.5),
        "termination": SpendTermination(pool) | MaxMessageTermination(9) | LoopTermination(4),
        "strategy": TrimOldest(facts=False),
    }


EVERYTHING = everything()


def dumped(component: Declared) -> str:
    """A component as JSON text."""
    return json.dumps(component.dump_component().model_dump())


def loaded(text: str) -> Any:
    """What JSON text describes, whatever it is."""
    return ComponentLoader.load_component(json.loads(text), object)


def providers(value: object) -> Iterator[str]:
    """The providers named anywhere in a declaration."""
    if isinstance(value, Mapping):
        for key, part in cast("Mapping[str, object]", value).items():
            if key == "provider":
                yield str(part)
            yield from providers(part)
    elif isinstance(value, list):
        for part in cast("list[object]", value):
            yield from providers(part)


@pytest.mark.parametrize("name", EVERYTHING)
def test_comes_back_equal(name: str) -> None:
    """What is loaded from JSON dumps as it did before, and is of the same class."""
    component = EVERYTHING[name]
    again = loaded(dumped(component))
    assert type(again) is type(component)
    assert dumped(again) == dumped(component)


def test_every_public_component_is_among_them() -> None:
    """No component of the library is forgotten here; strategies have a test of their own."""
    public = {getattr(autogen_budget, name) for name in autogen_budget.__all__}
    components = {thing for thing in public if isinstance(thing, type) and hasattr(thing, "dump_component")}
    whole = {thing for thing in components if getattr(thing, "component_type", None) != "strategy"}
    seen = {provider for text in map(dumped, EVERYTHING.values()) for provider in providers(json.loads(text))}
    assert {f"autogen_budget.{thing.__name__}" for thing in whole} <= seen


def talk(turns: int) -> list[LLMMessage]:
    """A conversation that outgrows the budget."""
    messages: list[LLMMessage] = [SystemMessage(content="Be brief."), UserMessage(content="Count.", source="user")]
    for i in range(turns):
        said = "void if late " * (i % 3)
        messages += [
            AssistantMessage(content=f"answer {i} {said}" + "ship " * 30, source="lawyer"),
            UserMessage(content=f"question {i} " + "sea " * 30, source="user"),
        ]
    return messages


async def test_a_client_behaves_the_same() -> None:
    """It makes the same requests by the same steps, under the same name, and charges a pool of the same settings."""
    before, after = everything()["client"], loaded(dumped(EVERYTHING["client"]))
    assert isinstance(before, BudgetedChatCompletionClient)
    assert isinstance(after, BudgetedChatCompletionClient)
    for turns in range(2, 24, 3):
        await before.create(talk(turns))
        await after.create(talk(turns))
    sent = [[call["messages"] for call in cast(Any, client.client).create_calls] for client in (before, after)]
    assert sent[0] == sent[1]
    assert [record.steps for record in before.records] == [record.steps for record in after.records]
    assert any(record.steps for record in after.records)
    assert before.pool is not None
    assert after.pool is not None
    assert before.pool.spent == after.pool.spent
    assert after.pool.spent.calls == 8
    assert after.name == "clerk"


async def test_an_agent_behaves_the_same() -> None:
    """It says the same from the same requests."""
    before, after = everything()["agent"], loaded(dumped(EVERYTHING["agent"]))
    assert isinstance(before, BudgetedAgent)
    assert isinstance(after, BudgetedAgent)
    for i in range(12):
        answers = [(await agent.run(task=f"Excerpt {i}: " + "water " * 60)).messages[-1] for agent in (before, after)]
        assert [cast(TextMessage, answer).content for answer in answers] == [YES] * 2
    told = [[(record.layers_sent, record.steps) for record in agent.records] for agent in (before, after)]
    assert told[0] == told[1]
    assert any(steps for _, steps in told[1])


async def test_what_shared_a_pool_shares_one_again() -> None:
    """A team whose agents and termination share a pool is loaded with one pool for all of them."""
    pool = SpendPool(max_tokens=1_500, name="shared by a team")
    team = RoundRobinGroupChat(
        [BudgetedAgent(assistant(name), BUDGET, pool=pool) for name in ("writer", "critic")],
        termination_condition=SpendTermination(pool),
    )
    again = BaseGroupChat.load_component(json.loads(dumped(team)))
    results: list[TaskResult] = [await subject.run(task="Write about the sea.") for subject in (team, again)]
    assert len(results[0].messages) == len(results[1].messages)
    assert results[0].stop_reason == results[1].stop_reason
    assert "Spend limit" in str(results[1].stop_reason)


# -- AutoGen Studio --------------------------------------------------------------------------------------------------

MODEL = {
    "provider": "autogen_ext.models.replay.ReplayChatCompletionClient",
    "component_type": "model",
    "version": 1,
    "component_version": 1,
    "label": "A scripted model",
    "config": {
        "chat_completions": ["writer", "A poem.", "critic", "APPROVE"],
        "model_info": {
            "vision": False,
            "function_calling": True,
            "json_output": False,
            "family": "unknown",
            "structured_output": False,
        },
    },
}

POOL = {"provider": "autogen_budget.SpendPool", "config": {"max_tokens": 90_000, "name": "studio"}}


def studio_agent(name: str, said: Sequence[str]) -> dict[str, object]:
    """An assistant under budget as a gallery holds it."""
    model = {**MODEL, "config": {**cast("dict[str, object]", MODEL["config"]), "chat_completions": list(said)}}
    inner: dict[str, object] = {
        "provider": "autogen_agentchat.agents.AssistantAgent",
        "component_type": "agent",
        "version": 1,
        "component_version": 2,
        "label": name,
        "config": {
            "name": name,
            "model_client": model,
            "workbench": [
                {
                    "provider": "autogen_core.tools.StaticWorkbench",
                    "component_type": "workbench",
                    "config": {"tools": []},
                }
            ],
            "model_context": {
                "provider": "autogen_core.model_context.UnboundedChatCompletionContext",
                "component_type": "chat_completion_context",
                "config": {},
            },
            "description": f"The {name}.",
            "system_message": "Be brief.",
            "model_client_stream": False,
            "reflect_on_tool_use": False,
            "tool_call_summary_format": "{result}",
        },
    }
    return {
        "provider": "autogen_budget.BudgetedAgent",
        "component_type": "agent",
        "version": 1,
        "component_version": 1,
        "label": f"{name}, under budget",
        "config": {
            "agent": inner,
            "budget": {"max_prompt_tokens": 4000, "compact_to": 0.6},
            "pool": POOL,
            "strategies": [
                {"provider": "autogen_budget.TruncateToolOutputs", "config": {"max_tokens": 400}},
                {"provider": "autogen_budget.TrimOldest", "config": {}},
            ],
        },
    }


STOP = {
    "provider": "autogen_agentchat.base.OrTerminationCondition",
    "component_type": "termination",
    "config": {
        "conditions": [
            {
                "provider": "autogen_agentchat.conditions.TextMentionTermination",
                "component_type": "termination",
                "config": {"text": "APPROVE"},
            },
            {
                "provider": "autogen_budget.SpendTermination",
                "component_type": "termination",
                "config": {"pool": POOL},
            },
        ]
    },
}

TEAMS = {
    "RoundRobinGroupChat": {
        "provider": "autogen_agentchat.teams.RoundRobinGroupChat",
        "component_type": "team",
        "version": 1,
        "component_version": 1,
        "label": "In turns",
        "config": {
            "participants": [studio_agent("writer", ["A poem."]), studio_agent("critic", ["APPROVE"])],
            "termination_condition": STOP,
        },
    },
    "SelectorGroupChat": {
        "provider": "autogen_agentchat.teams.SelectorGroupChat",
        "component_type": "team",
        "version": 1,
        "component_version": 1,
        "label": "Chosen by a model",
        "config": {
            "participants": [studio_agent("writer", ["A poem."]), studio_agent("critic", ["APPROVE"])],
            "model_client": {
                "provider": "autogen_budget.BudgetedChatCompletionClient",
                "component_type": "model",
                "config": {
                    "client": {
                        **MODEL,
                        "config": {
                            **cast("dict[str, object]", MODEL["config"]),
                            "chat_completions": ["writer", "critic"],
                        },
                    },
                    "budget": {"max_prompt_tokens": 3000},
                    "purpose": "selector",
                    "pool": POOL,
                },
            },
            "termination_condition": STOP,
            "selector_prompt": "{roles}\n{history}\nChoose one of {participants}.",
            "allow_repeated_speaker": False,
        },
    },
}


@pytest.mark.parametrize("kind", TEAMS)
@pytest.mark.parametrize("loader", [BaseGroupChat, Team])
async def test_a_studio_team_loads_and_runs(kind: str, loader: type[Team]) -> None:
    """Plain JSON text with our components in it becomes a team that runs, charges its pool, and dumps again."""
    with SpendPool.loading():
        team = loader.load_component(json.loads(json.dumps(TEAMS[kind])))
        assert isinstance(team, (RoundRobinGroupChat, SelectorGroupChat))
        again = json.loads(dumped(team))
    result = await team.run(task="Write a poem.")
    assert [message.source for message in result.messages] == ["user", "writer", "critic"]
    assert "APPROVE" in str(result.stop_reason)
    termination = cast(Any, TerminationCondition.load_component(again["config"]["termination_condition"]))
    assert isinstance(termination, TerminationCondition)
    wanted = sorted(provider for provider in providers(TEAMS[kind]) if provider.startswith("autogen_budget."))
    assert sorted(provider for provider in providers(again) if provider.startswith("autogen_budget.")) == wanted


# -- the trusted namespaces of AutoGen's main branch -----------------------------------------------------------------

VARIABLE = "AUTOGEN_ALLOWED_PROVIDER_NAMESPACES"


def is_trusted(provider: str, allowed: str) -> bool:
    """The rule by which AutoGen's main branch loads a provider; the variable adds packages, separated by commas.

    Args:
        provider (str): What a component names as its provider.
        allowed (str): The variable's value.
    """
    names = ["autogen_core", "autogen_agentchat", "autogen_ext", "autogen_studio", "autogenstudio", *allowed.split(",")]
    return provider.startswith(tuple(f"{name.strip().removesuffix('.')}." for name in names if name.strip()))


def test_one_namespace_is_all_that_must_be_trusted() -> None:
    """All providers of ours are `autogen_budget.<name>`, so that naming this one package is enough, and is needed."""
    texts = [*map(dumped, EVERYTHING.values()), json.dumps(TEAMS)]
    found = {provider for text in texts for provider in providers(json.loads(text))}
    ours = {provider for provider in found if not is_trusted(provider, "")}
    assert ours
    assert {provider.rpartition(".")[0] for provider in ours} == {"autogen_budget"}
    assert all(is_trusted(provider, "my_company, autogen_budget") for provider in found)


def test_loads_where_the_namespace_is_trusted() -> None:
    """With the variable set, a process of its own loads a team, an agent and a pool from their JSON."""
    code = (
        "import json, sys\n"
        "from autogen_core import ComponentLoader\n"
        "for text in json.load(sys.stdin):\n"
        "    print(type(ComponentLoader.load_component(json.loads(text), object)).__name__)\n"
    )
    texts = [json.dumps(TEAMS["SelectorGroupChat"]), dumped(EVERYTHING["agent"]), dumped(EVERYTHING["pool"])]
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        env={**os.environ, VARIABLE: "autogen_budget"},
        check=True,
    )
    assert done.stdout.split() == ["SelectorGroupChat", "BudgetedAgent", "SpendPool"]
