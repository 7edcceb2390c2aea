"""Tools over their cap: what a request needs is offered, nothing is over the cap, and a schema keeps what is called."""

import copy
import logging
from typing import cast

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import ToolCallExecutionEvent
from autogen_core import FunctionCall
from autogen_core.models import CreateResult, LLMMessage, ModelInfo, RequestUsage, UserMessage
from autogen_core.tools import FunctionTool, ParametersSchema, Tool, ToolSchema
from autogen_ext.models.replay import ReplayChatCompletionClient
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget import BudgetedAgent, BudgetedChatCompletionClient, TokenBudget
from autogen_budget._fixed import FIND_TOOLS_SCHEMA, Selection, ToolContext, Toolset, select_tools, tool_tokens
from autogen_budget._fixed._schemas import schema_of
from builders import COUNTER, user
from made_up_tools import made_up_tools

TOOLS = made_up_tools()
SCHEMAS = [tool.schema for tool in TOOLS]
TOOLSET = Toolset([*SCHEMAS, FIND_TOOLS_SCHEMA], COUNTER)
ABILITIES = ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)


def names_of(selection: Selection) -> set[str]:
    """The names of the tools that are offered."""
    return {tool["name"] if isinstance(tool, dict) else tool.name for tool in selection.tools}


def test_the_tool_that_a_request_is_about_is_offered() -> None:
    """For at least 95 % of requests, each alone and one after the other in one conversation, never over the cap."""
    alone, together, before = 0, 0, None
    said: list[LLMMessage] = []
    for tool in TOOLS[::-1][:60]:
        said.append(user(tool.request))
        selection = select_tools(TOOLSET, ToolContext.of([said[-1]]), 1_500)
        before = select_tools(TOOLSET, ToolContext.of(said), 1_500, before=before)
        assert max(selection.tokens, before.tokens) <= 1_500
        alone += tool.name in names_of(selection)
        together += tool.name in names_of(before)
    assert min(alone, together) >= 57


def test_a_tool_of_no_service_is_offered_beside_those_of_one() -> None:
    """No word of a request leads to `ponder`; it is needed in all of them."""
    parameters = ParametersSchema(type="object", properties={"note": {"type": "string"}}, required=["note"])
    ponder = ToolSchema(name="ponder", description="Writes a thought down.", parameters=parameters)
    toolset = Toolset([*SCHEMAS, ponder, FIND_TOOLS_SCHEMA], COUNTER)
    requests = [select_tools(toolset, ToolContext.of([user(tool.request)]), 1_500) for tool in TOOLS[::8]]
    assert sum("ponder" in names_of(selection) for selection in requests) >= 0.9 * len(requests)


def test_what_is_offered_stays_as_long_as_nothing_is_missing() -> None:
    """The same request again, and small talk about nothing, leave the very same selection."""
    first = select_tools(TOOLSET, ToolContext.of([user(TOOLS[3].request)]), 1_500)
    again = [user(TOOLS[3].request), user("Thanks, and so on.")]
    assert select_tools(TOOLSET, ToolContext.of(again[:1]), 1_500, before=first) is first
    assert first.withheld
    assert first.shortened


def test_everything_under_the_cap_is_offered_as_it_came() -> None:
    """There is nothing to find then, and the schemas are the very objects."""
    selection = select_tools(TOOLSET, ToolContext.of([user("hello")]), 100_000)
    assert all(offered is came for offered, came in zip(selection.tools, SCHEMAS, strict=True))
    assert (selection.withheld, selection.shortened) == ((), ())
    assert select_tools(TOOLSET, ToolContext.of([user("bye")]), 100_000, before=selection) is selection


def test_descriptions_go_before_tools_do() -> None:
    """Where short forms of all fit, none is left out."""
    selection = select_tools(TOOLSET, ToolContext.of([user("hello")]), 12_000)
    assert not selection.withheld
    assert selection.shortened
    assert selection.tokens <= 12_000


def test_a_description_without_an_end_is_cut_between_words() -> None:
    """Beside tools that have none, or no parameters."""
    endless = ToolSchema(name="look", description="about the quay and the crane of it " * 40)
    tools = [endless, ToolSchema(name="ping"), ToolSchema(name="spin", description="x" * 2_000)]
    selection = select_tools(Toolset(tools, COUNTER), ToolContext.of([user("hello")]), 200)
    assert not selection.withheld
    look, ping, spin = (schema_of(tool) for tool in selection.tools)
    assert str(endless.get("description")).startswith(f"{look['description']} ")
    assert set(ping) == {"name"}
    assert set(str(spin["description"])) == {"x"}


prose = st.text(max_size=60)
leaves = st.fixed_dictionaries(
    {"type": st.sampled_from(["string", "integer", "boolean"])},
    optional={
        "description": prose,
        "title": prose,
        "examples": st.lists(prose, max_size=2),
        "enum": st.lists(prose, min_size=1, max_size=3),
    },
)
# Parameters may have the names of keywords.
parameter_names = st.sampled_from(["title", "description", "examples", "properties", "id", "größe", "items"])


def objects(inner: st.SearchStrategy[dict[str, object]]) -> st.SearchStrategy[dict[str, object]]:
    """Schemas of objects and lists."""

    def object_of(named: dict[str, dict[str, object]]) -> dict[str, object]:
        return {"type": "object", "properties": named, "required": list(named)}

    def list_of(item: dict[str, object]) -> dict[str, object]:
        return {"type": "array", "items": item}

    def optional(one: dict[str, object]) -> dict[str, object]:
        return {"anyOf": [one, {"type": "null"}]}

    return st.one_of(
        st.dictionaries(parameter_names, inner, max_size=3).map(object_of), inner.map(list_of), inner.map(optional)
    )


def skeleton(schema: object) -> object:
    """A schema without its prose, read by rules of its own: keys by where they stand."""
    if isinstance(schema, list):
        return [skeleton(item) for item in cast("list[object]", schema)]
    if not isinstance(schema, dict):
        return schema
    values = cast("dict[str, object]", schema)
    kept = {key: value for key, value in values.items() if key in ("type", "required", "enum")}
    if isinstance(named := values.get("properties"), dict):
        kept["properties"] = {name: skeleton(part) for name, part in cast("dict[str, object]", named).items()}
    return kept | {key: skeleton(values[key]) for key in ("items", "anyOf") if key in values}


@given(st.lists(st.recursive(leaves, objects, max_leaves=6), min_size=1, max_size=6), st.integers(1, 600), prose)
def test_any_schema_keeps_what_is_called(parts: list[dict[str, object]], limit: int, description: str) -> None:
    """Names, types, required parameters and choices are as they came, the input is not changed, the cap holds."""
    tools = [
        ToolSchema(
            name=f"tool_{i}",
            description=description,
            parameters=ParametersSchema(type="object", properties={"value": part}, required=["value"]),
        )
        for i, part in enumerate(parts)
    ]
    came = copy.deepcopy(tools)
    selection = select_tools(Toolset(tools, COUNTER), ToolContext.of([user(description)]), limit)
    assert tools == came
    assert tool_tokens(selection.tools, COUNTER) == selection.tokens <= limit or not selection.tools
    by_name = {tool["name"]: tool for tool in came}
    for tool in selection.tools:
        assert isinstance(tool, dict)
        assert skeleton(tool.get("parameters")) == skeleton(by_name[tool["name"]].get("parameters"))
    offered = [place for place, _ in selection.forms]
    assert offered == sorted(offered)
    assert {*names_of(selection), *selection.withheld} == set(by_name)


def function(name: str, description: str) -> FunctionTool:
    """A tool that says its own name."""

    def run(text: str) -> str:
        return f"{name} was called with {text}"

    return FunctionTool(run, description, name=name)


def call(name: str, arguments: str) -> CreateResult:
    """A reply that calls a tool."""
    content = [FunctionCall(id="1", name=name, arguments=arguments)]
    return CreateResult(
        finish_reason="function_calls",
        content=content,
        usage=RequestUsage(prompt_tokens=0, completion_tokens=0),
        cached=False,
    )


async def test_an_agent_finds_and_calls_what_was_not_offered() -> None:
    """`find_tools` brings a tool into the next request; hand-offs, pinned tools and `read_artifact` are in each."""
    client = ReplayChatCompletionClient(
        [
            call("calibrate_sensor", '{"text": "at once"}'),  # not offered, and called all the same
            call("find_tools", '{"query": "lock the door"}'),
            call("lock_door", '{"text": "front"}'),
            "Done.",
        ],
        model_info=ABILITIES,
    )
    tools = [function(tool.name, tool.schema.get("description", "")) for tool in TOOLS]
    assistant = AssistantAgent("clerk", client, tools=[*tools], handoffs=["boss"], max_tool_iterations=5)
    budget = TokenBudget(4_000, max_tool_schema_tokens=900)
    agent = BudgetedAgent(assistant, budget, pin_tools=("play_track",))
    result = await agent.run(task="How is the weather in Oslo?")
    answers = [m.content[0].content for m in result.messages if isinstance(m, ToolCallExecutionEvent)]
    assert answers[0] == "calibrate_sensor was called with at once"
    assert "\n- lock_door: Lock or unlock a door" in answers[1]
    assert answers[2] == "lock_door was called with front"
    first, second, third, _ = agent.records
    assert {"current_weather", "play_track", "transfer_to_boss", "read_artifact", "find_tools"} <= first.tools.keys()
    assert "calibrate_sensor" in first.tools_withheld
    assert "calibrate_sensor" in second.tools
    assert "lock_door" in third.tools
    for record in agent.records:
        assert record.layers_sent["tools"] <= 900 < record.layers_before["tools"]
        assert len(record.tools) + len(record.tools_withheld) == len(TOOLS) + 3
    sent = client.create_calls[2]["tools"]
    assert [tool["name"] if isinstance(tool, dict) else tool.name for tool in sent] == list(third.tools)


async def test_a_client_keeps_the_tool_that_must_be_called() -> None:
    """`tool_choice` names it; without a cap all tools go out as the very list that came."""
    tools = [function(tool.name, tool.schema.get("description", "")) for tool in TOOLS]
    client = ReplayChatCompletionClient(["yes", "yes"], model_info=ABILITIES)
    budgeted = BudgetedChatCompletionClient(client, TokenBudget(8_000, max_tool_schema_tokens=600))
    asked = [UserMessage(content="How warm is it?", source="user")]
    await budgeted.create(asked, tools=tools, tool_choice=tools[-1])
    assert tools[-1].name in budgeted.records[-1].tools
    assert budgeted.records[-1].layers_sent["tools"] <= 600
    budgeted.budget = TokenBudget(100_000)
    await budgeted.create(asked, tools=tools)
    assert client.create_calls[1]["tools"] is tools
    assert budgeted.records[-1].tools_withheld == ()


async def test_pinned_tools_over_the_cap_are_offered_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Once, with both figures and what to do."""
    model = ReplayChatCompletionClient(["aye", "aye"])
    names = [tool.name for tool in TOOLS[:20]]
    client = BudgetedChatCompletionClient(model, TokenBudget(8_000, max_tool_schema_tokens=100), pin_tools=names)
    with caplog.at_level(logging.WARNING, logger="autogen_budget"):
        for _ in range(2):
            await client.create([user("Good morning.")], tools=SCHEMAS)
    (warning,) = [record.getMessage() for record in caplog.records if "always offered" in record.getMessage()]
    assert "over max_tool_schema_tokens=100: raise it, or pin fewer" in warning
    assert set(names) <= set(client.records[-1].tools)


def test_a_tool_that_cannot_tell_its_schema_is_read_as_one_without() -> None:
    """Its failure is no failure of the call."""

    class Broken:
        """A tool whose schema cannot be made."""

        @property
        def schema(self) -> ToolSchema:
            """Fail."""
            raise RuntimeError("no schema today")

    assert schema_of(cast("Tool", Broken())) == {}
    assert schema_of(cast("Tool", _WithoutMapping())) == {}


class _WithoutMapping:
    """A tool whose schema is no mapping."""

    schema = "play_track(name)"
