"""What the parts of a request weigh: layers that add up to the whole."""

from dataclasses import replace
from typing import Any

from autogen_core import Image
from autogen_core.models import AssistantMessage, LLMMessage, SystemMessage, UserMessage
from hypothesis import given
from PIL import Image as Picture

from autogen_budget import History, Tally, TiktokenCounter
from autogen_budget._history import (
    TokenBreakdown,
    images_in,
    measure_turn,
    sizes_of_extras,
    sizes_of_history,
    sizes_of_turns,
)
from histories import messages, tool_schemas

COUNTER = TiktokenCounter()

TOOL: Any = {"name": "f", "description": "word " * 50, "parameters": {"type": "object", "properties": {}}}


def test_each_part_has_its_layer() -> None:
    """Instructions, task, history, facts, a model's prose and images are told apart."""
    picture = Image(Picture.new("RGB", (600, 600)))
    came: list[LLMMessage] = [
        SystemMessage(content="rules"),
        UserMessage(content=["look", picture], source="user"),
        AssistantMessage(content="gone", source="a"),
        AssistantMessage(content="ok", source="a"),
    ]
    history = History.parse(came).without(frozenset({1}), 5)
    tokens = sizes_of_history(history, COUNTER).tokens(COUNTER)
    assert set(tokens) == {"system", "images", "task", "history", "digest"}
    assert tokens["images"] == COUNTER.measure_image(picture).total
    assert list(tokens.values()) == sorted(tokens.values(), reverse=True)
    assert history.past is not None
    facts = replace(history.past, rendered="[Facts from 1 earlier turn]\na: gone")
    summarised = sizes_of_history(replace(history, past=replace(facts, summary="It went. " * 9)), COUNTER)
    digest = sizes_of_history(replace(history, past=facts), COUNTER).tokens(COUNTER)["digest"]
    assert summarised.tokens(COUNTER)["summary"] == COUNTER.count_text("It went. " * 9)
    assert digest <= summarised.tokens(COUNTER)["digest"] <= digest + 25, "the heading of the prose is no prose"
    used = sizes_of_history(replace(history, past=replace(facts, working_set="files read: a.py")), COUNTER)
    assert used.tokens(COUNTER)["working set"] == COUNTER.count_text("files read: a.py")
    assert digest <= used.tokens(COUNTER)["digest"] <= digest + 4, "what parts them is no thing of the agent's"
    assert images_in(came[1]) == [picture]
    assert images_in(came[0]) == images_in(came[2]) == []


def test_schemas_have_layers_of_their_own() -> None:
    """Tools, and all else that goes with a request, are told apart and add up."""
    bare = sizes_of_extras(COUNTER).tokens(COUNTER)
    assert set(bare) == {"schema"}
    with_tool = sizes_of_extras(COUNTER, [TOOL]).tokens(COUNTER)
    assert with_tool["schema"] == bare["schema"]
    assert with_tool["tools"] > 50
    assert sizes_of_extras(COUNTER, [TOOL]).total == COUNTER.measure_extras([TOOL])
    prompt = sizes_of_extras(COUNTER, (), None, {"response_format": {"type": "json_schema", "json_schema": TOOL}})
    assert prompt.tokens(COUNTER)["schema"] > 50


def test_sizes_add_and_subtract() -> None:
    """Layers missing on one side count as nothing."""
    a, b = (
        TokenBreakdown({"system": Tally(text=3)}),
        TokenBreakdown({"system": Tally(text=2), "task": Tally(text=5)}),
    )
    assert (a + b).layers == {"system": Tally(text=5), "task": Tally(text=5)}
    assert ((a + b) - b).tokens(COUNTER) == a.tokens(COUNTER)
    assert TokenBreakdown().total == Tally()


@given(messages())
def test_turns_add_up_to_the_history(came: list[LLMMessage]) -> None:
    """What turns weigh one by one is what they weigh by layer, whether or not the task is among them."""
    history = History.parse(came)
    one_by_one = Tally.sum(measure_turn(turn, COUNTER) for turn in history.turns)
    task = None if history.task is None else history.turns[history.task]
    with_task, without = (sizes_of_turns(history.turns, COUNTER, task=turn) for turn in (task, None))
    assert with_task.total == without.total == one_by_one
    assert "task" not in without.layers
    assert ("task" in with_task.layers) == (task is not None)


@given(messages(), tool_schemas())
def test_layers_add_up_to_the_request(came: list[LLMMessage], tools: Any) -> None:
    """All layers together are what the counter says of the whole request."""
    history = History.parse(came)
    sizes = sizes_of_extras(COUNTER, tools) + sizes_of_history(history, COUNTER)
    assert sum(sizes.tokens(COUNTER).values()) == COUNTER.count(history.flatten(), tools=tools)
