"""Files of records that agents, teams and clients write by one word."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_agentchat.tools import AgentTool
from autogen_core import FunctionCall
from autogen_core.models import CreateResult, FunctionExecutionResultMessage, LLMMessage, ModelInfo, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import (
    BudgetedAgent,
    BudgetedChatCompletionClient,
    Report,
    TokenBudget,
    budget_team,
    read_records,
)
from builders import user


def replay() -> ReplayChatCompletionClient:
    """A model with one answer."""
    return ReplayChatCompletionClient(
        [CreateResult(finish_reason="stop", content="aye", usage=RequestUsage(0, 0), cached=False)]
    )


class Asks(ReplayChatCompletionClient):
    """Calls the tool `helper` once, and says what it said."""

    def __init__(self) -> None:
        info = ModelInfo(
            vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False
        )
        super().__init__([], model_info=info)

    async def create(self, messages: Sequence[LLMMessage], **_: Any) -> CreateResult:
        """Answer by what came last."""
        asked = not isinstance(messages[-1], FunctionExecutionResultMessage)
        call = FunctionCall(id="1", name="helper", arguments='{"task": "Which ships?"}')
        return CreateResult(
            finish_reason="function_calls" if asked else "stop",
            content=[call] if asked else "None.",
            usage=RequestUsage(0, 0),
            cached=False,
        )


async def test_agents_teams_and_clients_write_what_they_record(tmp_path: Path) -> None:
    """The same records as in memory, and nothing of what was said."""
    agent = BudgetedAgent(AssistantAgent("clerk", replay()), TokenBudget(500), records=tmp_path / "agent.jsonl")
    await agent.run(task="My code is 4711.")
    assert tuple(read_records(tmp_path / "agent.jsonl")) == agent.log.all
    assert "4711" not in (tmp_path / "agent.jsonl").read_text()
    team = RoundRobinGroupChat([AssistantAgent("clerk", replay())], max_turns=1)
    await budget_team(team, TokenBudget(500), records=tmp_path / "team.jsonl").run(task="hello")
    assert Report.read(tmp_path / "team.jsonl") == Report.of(team)
    assert Report.of(team).calls == 1
    client = BudgetedChatCompletionClient(replay(), TokenBudget(500), records=str(tmp_path / "client.jsonl"))
    await client.create([user("hello")])
    assert tuple(read_records(tmp_path / "client.jsonl")) == client.log.all


async def test_what_works_inside_an_agent_is_in_its_report_once(tmp_path: Path) -> None:
    """An agent that is offered as a tool tells its records to the one that calls it."""
    helper = AssistantAgent("helper", replay(), description="Knows ships.")
    outer = AssistantAgent("clerk", Asks(), tools=[AgentTool(helper)], max_tool_iterations=2)
    agent = BudgetedAgent(outer, TokenBudget(2_000), records=tmp_path / "x.jsonl")
    await agent.run(task="Which ships came in?")
    report = Report.of(agent)
    assert {name: share.calls for name, share in report.by_agent.items()} == {"clerk": 2, "helper": 1}
    assert Report.read(tmp_path / "x.jsonl").calls == 3
