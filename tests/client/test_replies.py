"""Calls whose arguments no agent can read: they end in an answer, where AutoGen would wait forever."""

import asyncio

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_core.tools import FunctionTool, StaticStreamWorkbench
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import BudgetedAgent, BudgetedChatCompletionClient, BudgetedWorkbench, TokenBudget
from builders import user

INFO = ModelInfo(vision=False, function_calling=True, json_output=True, family="unknown", structured_output=False)
ODD = ["[1]", '"all"', "7", "NaN", "1" * 5_000, '{"place": ' + "7" * 5_000, '{"place": ' + "[" * 50_000]


def reply(tool: str, arguments: str) -> CreateResult:
    """A reply that calls a tool."""
    call = FunctionCall(id="1", name=tool, arguments=arguments)
    usage = RequestUsage(prompt_tokens=9, completion_tokens=3)
    return CreateResult(finish_reason="function_calls", content=[call], usage=usage, cached=False)


def look(place: str = "here") -> str:
    """Look somewhere."""
    return f"nothing {place}"


async def answer(tool: str, arguments: str) -> str:
    """What an agent says that is brought such a call."""
    client = ReplayChatCompletionClient([reply(tool, arguments)], model_info=INFO)
    agent = BudgetedAgent(AssistantAgent("clerk", client, tools=[look], handoffs=["boss"]), TokenBudget(2_000))
    run = await asyncio.wait_for(agent.run(task="Look."), 60)
    return run.messages[-1].to_text()


@pytest.mark.parametrize("arguments", ODD, ids=range(len(ODD)))
@pytest.mark.parametrize("tool", ["look", "transfer_to_boss"])
async def test_what_is_no_object_is_an_error(tool: str, arguments: str) -> None:
    """Of the tool and of the hand-off alike; the model can call again."""
    assert (await answer(tool, arguments)).startswith("Error: ")


async def test_no_arguments_are_none() -> None:
    """As models write that have nothing to say."""
    assert await answer("look", " null ") == "nothing here"
    assert await answer("transfer_to_boss", "null") == "Transferred to boss, adopting the role of boss immediately."


@pytest.mark.parametrize("arguments", ['{"place": "there"}', "{broken", ""])
async def test_what_can_be_read_or_answered_is_the_very_same(arguments: str) -> None:
    """Nothing is changed that an agent can work with."""
    sent = reply("look", arguments)
    client = BudgetedChatCompletionClient(ReplayChatCompletionClient([sent]), TokenBudget(900))
    assert (await client.create([user("Look.")])).content is sent.content


async def test_a_workbench_answers_whatever_it_is_given() -> None:
    """Its caller may have read a list."""
    bench = BudgetedWorkbench(StaticStreamWorkbench([FunctionTool(look, "Look somewhere.")]), TokenBudget(900))
    for arguments in ([1], "all", 7):
        assert (await bench.call_tool("look", arguments)).is_error  # type: ignore[arg-type]  # as AutoGen passes it on
        *_, last = [item async for item in bench.call_tool_stream("look", arguments)]  # type: ignore[arg-type]  # too
        assert last.is_error
