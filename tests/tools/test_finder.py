"""`find_tools` over a real MCP server: listing, finding and calling under a cap on schemas."""

import sys
from pathlib import Path

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import ToolCallExecutionEvent
from autogen_core import FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient
from autogen_ext.tools.mcp import McpWorkbench, StdioServerParams  # pyright: ignore[reportMissingTypeStubs]  # no stubs

from autogen_budget import BudgetedAgent, TokenBudget


def call(name: str, arguments: str) -> CreateResult:
    """A reply that calls a tool."""
    usage = RequestUsage(prompt_tokens=0, completion_tokens=0)
    content = [FunctionCall(id="1", name=name, arguments=arguments)]
    return CreateResult(finish_reason="function_calls", content=content, usage=usage, cached=False)


async def test_120_tools_of_an_mcp_server() -> None:
    """The agent is offered what its task is about, and finds the rest; what is about nothing gets all the names."""
    script: list[str | CreateResult] = [
        call("track_parcel", '{"text": "1Z88"}'),
        call("find_tools", '{"query": "storm warnings"}'),
        call("storm_warnings", '{"text": "coast"}'),
        call("find_tools", '{"query": "zzz"}'),
        "It is on its way, and there are no storms.",
    ]
    abilities = ModelInfo(
        vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False
    )
    server = StdioServerParams(
        command=sys.executable, args=[str(Path(__file__).parents[1] / "mcp_many_tools.py")], read_timeout_seconds=60
    )
    async with McpWorkbench(server) as tools:
        assert len(await tools.list_tools()) == 120
        assistant = AssistantAgent(
            "clerk", ReplayChatCompletionClient(script, model_info=abilities), workbench=tools, max_tool_iterations=6
        )
        agent = BudgetedAgent(assistant, TokenBudget(4_000, max_tool_schema_tokens=1_500))
        result = await agent.run(task="Where is my parcel?")
    answers = [m.content[0].content for m in result.messages if isinstance(m, ToolCallExecutionEvent)]
    assert answers[0] == "track_parcel was called with 1Z88"
    assert "\n- storm_warnings: List the storm warnings in force for a region" in answers[1]
    assert answers[2] == "storm_warnings was called with coast"
    assert answers[3].startswith("No tool is about 'zzz'. All tools: create_event, ")
    records = agent.records
    assert "track_parcel" in records[0].tools
    assert "storm_warnings" in records[2].tools
    assert all(record.layers_sent["tools"] <= 1_500 for record in records)
    assert all(record.tokens_sent <= 4_000 for record in records)
    assert all(len(record.tools) + len(record.tools_withheld) == 122 for record in records)
