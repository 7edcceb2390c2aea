"""A made-up run that shows everything: a small team with a tool that returns too much, written without any network."""

from collections.abc import Sequence
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import FunctionCall
from autogen_core.models import CreateResult, FunctionExecutionResultMessage, LLMMessage, ModelInfo, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import Record, RecordLog, TokenBudget, budget_team

CAP = 3_000
"""Tokens of the demo's requests."""


_MODEL_INFO = ModelInfo(
    vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False
)


class _Model(ReplayChatCompletionClient):
    """Calls a tool, then says a few words about it."""

    def __init__(self, *, calls_tool: bool) -> None:
        super().__init__([], model_info=_MODEL_INFO)
        self._calls_tool = calls_tool
        self._asked = 0

    async def create(self, messages: Sequence[LLMMessage], **_: Any) -> CreateResult:
        """Answer by the latest message."""
        self._asked += 1
        usage = RequestUsage(0, 0)
        if self._calls_tool and not isinstance(messages[-1], FunctionExecutionResultMessage):
            call = FunctionCall(id=str(self._asked), name="fetch_page", arguments=f'{{"number": {self._asked}}}')
            return CreateResult(finish_reason="function_calls", content=[call], usage=usage, cached=False)
        what = "Page" if self._calls_tool else "Report"
        text = f"{what} {self._asked}: the ships on this page carry salt, tar and rope; the largest is the Aurora. "
        return CreateResult(finish_reason="stop", content=text * 3, usage=usage, cached=False)


def fetch_page(number: int) -> str:
    """Fetch a page of the harbour's register."""
    ships = range(30 + number)
    return "\n".join(f"ship {number}-{i}: {(i + 7) * 7919 * number % 1_000} tons of salt, berth {i % 9}" for i in ships)


def translate(text: str, language: str) -> str:
    """Translate a text into another language, keeping names of ships and berths as they are."""
    return f"{text} ({language})"


async def demo_run(turns: int = 24) -> list[Record]:
    """Run the demo's team.

    Returns:
        list[Record]: What was recorded, oldest first.
    """
    log = RecordLog()
    researcher = AssistantAgent(
        "researcher",
        _Model(calls_tool=True),
        tools=[fetch_page, translate],
        reflect_on_tool_use=True,
        system_message="You read the register of the harbour and note what the ships carry.",
    )
    writer = AssistantAgent("writer", _Model(calls_tool=False), system_message="You write the report of the harbour.")
    team = RoundRobinGroupChat([researcher, writer], max_turns=turns)
    budget_team(team, TokenBudget(CAP, context_window=8_192), hooks=[log.add])
    await team.run(task="What lies in the harbour, and for whom? Write a report of all ships and their cargo.")
    return list(log.all)
