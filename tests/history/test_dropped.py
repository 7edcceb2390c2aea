"""What stands for dropped turns, and what the parts of a request weigh."""

import json
from dataclasses import replace
from typing import Any

import pytest
from autogen_core import Image
from autogen_core.models import AssistantMessage, LLMMessage, SystemMessage, UserMessage
from hypothesis import given
from PIL import Image as Picture

from autogen_budget import History, Tally, TiktokenCounter
from autogen_budget._history import (
    DroppedTurns,
    TokenBreakdown,
    images_in,
    measure_turn,
    sizes_of_extras,
    sizes_of_history,
    sizes_of_turns,
    stands_for_dropped,
)
from autogen_budget._turns import NOTE_SOURCE, note
from builders import order_turn
from histories import messages, tool_schemas

COUNTER = TiktokenCounter()
ORDER = order_turn("#W2378156", '{"order_id": "#W2378156", "email": "yusuf@example.com", "total": 164.28}')


@pytest.mark.parametrize(
    ("past", "text"),
    [
        (DroppedTurns(1, 20), "1 earlier turn (20 tokens) left out"),
        (DroppedTurns(1_200, 65_000), "1,200 earlier turns (65,000 tokens)"),
    ],
)
def test_tells_how_much_is_gone(past: DroppedTurns, text: str) -> None:
    """Without facts, one message from this library says how much is gone."""
    message = past.message()
    assert text in str(message.content)
    assert message.source == NOTE_SOURCE


def test_a_loaded_past_is_the_one_that_was_saved() -> None:
    """All that is known and told comes back from a file."""
    past = replace(
        DroppedTurns().extended([note("[Facts from 7 earlier turns]"), ORDER], 60),
        rendered="[Facts from 1 earlier turn]",
    )
    loaded = DroppedTurns.load(json.loads(json.dumps(past.save())))
    assert loaded == past
    assert loaded.digest == past.digest


@pytest.mark.parametrize("change", [{"turns": "7"}, {"rendered": None}, {"digest": 7}, {"digest": {}}, {"turns": True}])
def test_what_is_no_past_is_refused(change: dict[str, object]) -> None:
    """Garbage is an error that names it."""
    with pytest.raises(ValueError, match=r"not (a )?saved"):
        DroppedTurns.load({**DroppedTurns().save(), **change})


@pytest.mark.parametrize(
    "past",
    [
        DroppedTurns(1, 20),
        DroppedTurns(1_200, 9),
        DroppedTurns(3, 60, rendered="[Facts from 3 earlier turns]\nx"),
        DroppedTurns(2, 9, summary="Goal: x"),
    ],
)
def test_what_stands_for_the_past_is_known_as_such(past: DroppedTurns) -> None:
    """Every message that tells of turns that are gone is recognised when it comes back without its state."""
    assert stands_for_dropped(note(str(past.message().content)))
    assert not stands_for_dropped(note("[The conversation began before this point.]"))


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
