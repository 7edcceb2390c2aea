"""Planted leaks are named first and with the right size, in runs through the library; steady runs raise no alarm."""

from collections.abc import Sequence
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import FunctionCall
from autogen_core.memory import ListMemory, MemoryContent, MemoryMimeType
from autogen_core.models import (
    AssistantMessage,
    CreateResult,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    ModelInfo,
    RequestUsage,
    SystemMessage,
    UserMessage,
)
from autogen_core.tools import FunctionTool, ToolSchema
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import (
    BudgetedAgent,
    BudgetedChatCompletionClient,
    Finding,
    Report,
    TiktokenCounter,
    TokenBudget,
    budget_team,
)
from builders import said, user

LARGE = TokenBudget(100_000)
"""A cap that is never reached: what is found is in the history itself."""


class Model(ReplayChatCompletionClient):
    """Calls a tool when it is asked by somebody, and says a few words about the result."""

    def __init__(self, *, tool: str | None = None, echoes: bool = False) -> None:
        info = ModelInfo(
            vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False
        )
        super().__init__([], model_info={**info, "multiple_system_messages": True})
        self._tool = tool
        self._echoes = echoes
        self._asked = 0

    async def create(self, messages: Sequence[LLMMessage], **_: Any) -> CreateResult:
        """Answer by what came last."""
        self._asked += 1
        last = messages[-1]
        if self._tool is not None and not isinstance(last, FunctionExecutionResultMessage):
            calls = [FunctionCall(id=str(self._asked), name=self._tool, arguments="{}")]
            return CreateResult(finish_reason="function_calls", content=calls, usage=RequestUsage(0, 0), cached=False)
        text = f"Answer {self._asked}: nothing new today."
        if self._echoes and isinstance(last, UserMessage):
            text = f"{last.content}\nI agree with all of this, point {self._asked}: salt, tar, rope and oranges."
        return CreateResult(finish_reason="stop", content=text, usage=RequestUsage(0, 0), cached=False)


def findings(source: object) -> list[Finding]:
    """What is found in a run."""
    return list(Report.of(source).findings)


async def questions(agent: BudgetedAgent, number: int = 12) -> None:
    """Ask an agent so many questions."""
    for day in range(number):
        await agent.run(task=f"Day {day}: which ships came in?")


async def test_a_tool_that_returns_more_each_time() -> None:
    """It is named with its first and last size."""
    days: list[str] = []

    def log() -> str:
        """Read the harbour's log."""
        days.append(f"day {len(days)}: " + "the ships brought salt and tar. " * 12)
        return "\n".join(days)

    assistant = AssistantAgent("clerk", Model(tool="log"), tools=[log], max_tool_iterations=2)
    agent = BudgetedAgent(assistant, LARGE)
    await questions(agent)
    first = findings(agent)[0]
    assert (first.kind, first.agent) == ("rising results", "clerk")
    parts = [part.tokens for call in agent.records for part in call.new_parts if part.label == "result of log"]
    assert f"{parts[0]:,} tokens at first, {parts[-1]:,} after 12 times" in first.summary
    assert first.tokens == sum((size - parts[0]) * (24 - 2 * day - 1) for day, size in enumerate(parts))


async def test_memory_that_repeats() -> None:
    """Each turn AutoGen puts the same memory behind the history again."""
    memory = ListMemory()
    await memory.add(MemoryContent(content="The harbour opens at six. " * 30, mime_type=MemoryMimeType.TEXT))
    agent = BudgetedAgent(AssistantAgent("clerk", Model(), memory=[memory]), LARGE)
    await questions(agent)
    first = findings(agent)[0]
    assert (first.kind, first.agent) == ("repeated memory", "clerk")
    assert "up to 12 times" in first.summary
    sizes = [part.tokens for call in agent.records for part in call.new_parts if part.label == "memory"]
    assert f"{sum(sizes[1:]):,} tokens of repeats" in first.summary


async def test_bloated_instructions() -> None:
    """With their share of the cap."""
    instructions = "Always be polite to captains, and never promise a berth. " * 150
    agent = BudgetedAgent(AssistantAgent("clerk", Model(), system_message=instructions), TokenBudget(4_000))
    await questions(agent)
    first = findings(agent)[0]
    assert (first.kind, first.agent) == ("instructions", "clerk")
    counter = TiktokenCounter()
    tokens = counter.tokens(counter.measure_message(SystemMessage(content=instructions)))
    assert f"take {tokens:,} tokens of every request" in first.summary


async def test_an_echoing_pair() -> None:
    """Two agents that quote each other's whole messages."""
    agents = [AssistantAgent(name, Model(echoes=True)) for name in ("one", "two")]
    team = RoundRobinGroupChat(list(agents), max_turns=16)
    budget_team(team, LARGE)
    await team.run(task="Discuss the salt tax.")
    first = findings(team)[0]
    assert (first.kind, first.agent) == ("echo", "one and two")
    assert "ever longer texts" in first.summary


async def test_a_pair_that_says_the_same() -> None:
    """Two agents that answer with the very same words."""
    agents = [AssistantAgent(name, Model()) for name in ("one", "two")]
    team = RoundRobinGroupChat(list(agents), max_turns=16)
    budget_team(team, LARGE)
    await team.run(task="Discuss the salt tax.")
    (echo,) = [finding for finding in findings(team) if finding.kind == "echo"]
    assert "said the same 7 times" in echo.summary  # nobody is sent the last one


async def test_a_timestamp_in_the_prefix() -> None:
    """The instructions tell the time: the provider's cache is lost with each call."""
    client = BudgetedChatCompletionClient(Model(), LARGE, name="clerk")
    history: list[LLMMessage] = []
    for minute in range(12):
        history += [user(f"Which ships came in at {minute}? " + "salt and tar " * 40), said("None.")]
        clock = SystemMessage(content=f"It is 2026-11-24 10:{minute:02}:00. Be brief.")
        await client.create([clock, *history[:-1]])
    first = findings(client)[0]
    assert (first.kind, first.agent) == ("cache bust", "clerk")
    assert "lost in 11 of 12 calls of clerk by a time or date in the instructions" in first.summary
    assert first.tokens == sum(call.tokens_sent for call in client.records[1:])
    assert "newest message" in first.advice


async def test_tools_that_come_in_another_order() -> None:
    """The advice is about the tools."""
    client = BudgetedChatCompletionClient(Model(), LARGE, name="clerk")
    tools = [ToolSchema(name=name, description="Looks. " * 20) for name in ("f", "g")]
    history: list[LLMMessage] = []
    for day in range(8):
        history += [user(f"Day {day}"), said("None.")]
        tools.reverse()
        await client.create(history[:-1], tools=tools)
    first = next(finding for finding in findings(client) if finding.kind == "cache bust")
    assert "by the order of the tools" in first.summary
    assert first.advice == "offer the same tools in the same order with every call"


async def test_tools_that_nobody_calls() -> None:
    """They are named with what their schemas weigh, and the code names those that are called."""

    def look(place: str) -> str:
        """Look at a place."""
        return place

    others = [
        FunctionTool(look, "Looks closely at one of the many places of the harbour. " * 20, name=f"look_{i}")
        for i in range(6)
    ]

    def log() -> str:
        """Read the harbour's log."""
        return "no ships"

    model = Model(tool="log")
    assistant = AssistantAgent("clerk", model, tools=[log, *others], max_tool_iterations=2)
    agent = BudgetedAgent(assistant, TokenBudget(5_000))
    await questions(agent)
    first = findings(agent)[0]
    assert (first.kind, first.agent) == ("unused tools", "clerk")
    sizes = agent.records[-1].tools
    each = sum(sizes[f"look_{i}"] for i in range(6))
    assert f"take {each:,} tokens of every request" in first.summary
    assert first.tokens == each * len(agent.records)
    assert first.code.startswith("tools=[log")


async def test_an_old_result_that_is_still_sent() -> None:
    """One large result at the beginning, small talk for long after it."""
    client = BudgetedChatCompletionClient(Model(), TokenBudget(8_000), name="clerk")
    calls = AssistantMessage(content=[FunctionCall(id="1", name="fetch", arguments="{}")], source="clerk")
    result = FunctionExecutionResult(content="salt and tar " * 700, name="fetch", call_id="1", is_error=False)
    history: list[LLMMessage] = [user("Go."), calls, FunctionExecutionResultMessage(content=[result])]
    for day in range(14):
        await client.create(history)
        history += [said("None."), user(f"And on day {day}?")]
    first = findings(client)[0]
    assert (first.kind, first.agent) == ("old result", "clerk")
    tokens = next(part.tokens for part in client.records[0].new_parts if part.label == "result of fetch")
    assert f"a result of fetch of {tokens:,} tokens is still sent by clerk 13 calls after it came" in first.summary
    assert first.tokens == 13 * tokens


async def test_results_that_say_the_same() -> None:
    """A tool that is asked the same again and again."""

    def status() -> str:
        """Ask for the harbour's status."""
        return "all berths are taken by ships with salt, tar and rope; " * 20

    assistant = AssistantAgent("clerk", Model(tool="status"), tools=[status], max_tool_iterations=2)
    agent = BudgetedAgent(assistant, LARGE)
    await questions(agent)
    first = findings(agent)[0]
    assert (first.kind, first.agent) == ("duplicates", "clerk")
    assert "11 messages or results sent to clerk repeat earlier ones (results of status 11 times)" in first.summary


async def talk(parts: Sequence[LLMMessage], instructions: Sequence[str] = ("Be brief.",)) -> Finding:
    """The first finding of a talk in which each part follows the answer to the one before."""
    client = BudgetedChatCompletionClient(Model(), LARGE, name="clerk")
    history: list[LLMMessage] = []
    for day, part in enumerate(parts):
        history += [part]
        await client.create([SystemMessage(content=instructions[day % len(instructions)]), *history])
        history += [said("None.")]
    return findings(client)[0]


async def test_texts_that_grow() -> None:
    """An application that sends its whole log with each message; memory that adds to itself."""
    logs = ["salt and tar " * (40 + 30 * day) for day in range(10)]
    first = await talk([user(log) for log in logs])
    assert first.kind == "rising texts"
    assert first.summary.startswith("texts of user grow with each call of clerk")
    first = await talk([SystemMessage(content=log) for log in logs])
    assert first.summary.startswith("memory grows with each call of clerk")


async def test_a_user_who_says_the_same() -> None:
    """Long texts only: a short one is no leak."""
    first = await talk([user("salt and tar " * 40)] * 8)
    assert first.kind == "duplicates"
    assert "7 messages or results sent to clerk repeat earlier ones (texts of user 7 times)" in first.summary


async def test_an_id_in_the_prefix() -> None:
    """However the first character that differs looks, it is one leak."""
    instructions = [f"Help. Session {seed}. Be brief." for seed in ("1f0c", "zz9a", "a77b", "7d1e", "q0q1", "2c", "xy")]
    first = await talk([user(f"And on day {day}?") for day in range(7)], instructions)
    assert first.kind == "cache bust"
    assert "lost in 6 of 7 calls" in first.summary


async def test_a_circle_of_agents_that_quote_each_other() -> None:
    """Any number of them."""
    names = ("one", "three", "two")
    team = RoundRobinGroupChat([AssistantAgent(name, Model(echoes=True)) for name in names], max_turns=15)
    budget_team(team, LARGE)
    await team.run(task="Discuss the salt tax.")
    assert findings(team)[0].agent == "one and three and two"


async def test_growth_by_one_tool() -> None:
    """Results of about the same size, which soon fill the window."""

    class Pages:
        """Pages of different ships."""

        number = 0

        def fetch(self) -> str:
            """Fetch the next page."""
            self.number += 1
            return " ".join(f"ship {self.number * 1_000 + i}" for i in range(150 + self.number % 3))

    assistant = AssistantAgent("clerk", Model(tool="fetch"), tools=[Pages().fetch], max_tool_iterations=2)
    agent = BudgetedAgent(assistant, TokenBudget(16_000, context_window=24_000))
    await questions(agent)
    growth = next(finding for finding in findings(agent) if finding.kind == "growth")
    (measured,) = Report.of(agent).growth
    assert str(measured) == growth.summary
    assert "of it results of fetch" in growth.summary
    added = sum(part.tokens for call in agent.records[1:] for part in call.new_parts)
    assert measured.tokens_per_call == pytest.approx(added / (len(agent.records) - 1))
    assert "tool_output_tokens={" in growth.code


@pytest.mark.parametrize("cap", [2_000, 100_000])
async def test_no_false_alarm_on_steady_runs(cap: int) -> None:
    """Short questions and answers, a tool with small results of about the same size, two agents that talk."""

    class Log:
        """A log of different ships."""

        number = 0

        def log(self) -> str:
            """Read the log."""
            self.number += 1
            return f"{self.number * 7919 % 1_000} tons on ship {self.number}"

    assistant = AssistantAgent("clerk", Model(tool="log"), tools=[Log().log], max_tool_iterations=2)
    agent = BudgetedAgent(assistant, TokenBudget(cap))
    await questions(agent, 30)
    assert findings(agent) == []
    client = BudgetedChatCompletionClient(Model(), TokenBudget(cap), name="clerk")
    history: list[LLMMessage] = []
    for words in (20, 35, 60, 90, 30, 45, 80):  # neither four that rise by chance nor short replies are a leak
        history += [user("salt " * words)]
        await client.create(history)
        history += [said("None."), user("Go on.")]
    assert findings(client) == []
    team = RoundRobinGroupChat(
        [AssistantAgent("one", Model(tool="log"), tools=[Log().log], max_tool_iterations=2)], max_turns=16
    )
    budget_team(team, TokenBudget(cap))
    await team.run(task="Discuss the salt tax.")
    assert findings(team) == []
