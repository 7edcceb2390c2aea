"""What the parts of a request weigh, by layer: the figures of records, errors and strategies."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from autogen_core import Image
from autogen_core.models import LLMMessage, UserMessage
from autogen_core.tools import Tool, ToolSchema
from pydantic import BaseModel

from ._counting import TokenCounter
from ._history import History
from ._tally import Tally
from ._turns import Turn

Layer = Literal["system", "tools", "schema", "task", "history", "tool output", "summary", "images"]
"""The parts of a request: instructions; tool and hand-off schemas; JSON schema, other prompt text and the request's own
frame; a user's first words; all else that was said; results of calls; what stands for dropped turns; images."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Tallies of a request's parts, additive.

    Args:
        layers (Mapping[Layer, Tally]): What each layer holds; a layer that is missing holds nothing.
    """

    layers: Mapping[Layer, Tally] = field(default_factory=dict[Layer, Tally])

    @property
    def total(self) -> Tally:
        """All layers together."""
        return Tally.sum(self.layers.values())

    def __add__(self, other: "Sizes") -> "Sizes":
        merged = dict(self.layers)
        for layer, tally in other.layers.items():
            merged[layer] = merged.get(layer, Tally()) + tally
        return Sizes(merged)

    def __sub__(self, other: "Sizes") -> "Sizes":
        return self + Sizes({layer: Tally() - tally for layer, tally in other.layers.items()})

    def tokens(self, counter: TokenCounter) -> dict[str, int]:
        """Tokens of each layer that holds any, largest first.

        Args:
            counter (TokenCounter): The counter that made the tallies.
        """
        counted: dict[str, int] = {layer: counter.tokens(tally) for layer, tally in self.layers.items()}
        return {layer: n for layer, n in sorted(counted.items(), key=lambda item: -item[1]) if n}


def measure_turn(turn: Turn, counter: TokenCounter) -> Tally:
    """What a turn's messages weigh together."""
    return Tally.sum(map(counter.measure_message, turn.messages))


def sizes_of_turns(turns: Iterable[Turn], counter: TokenCounter, *, task: Turn | None) -> Sizes:
    """What turns weigh, by layer.

    Args:
        turns (Iterable[Turn]): Turns of one conversation.
        counter (TokenCounter): Weighs the messages.
        task (Turn | None): The turn that is the task. `None` means it is not among them.
    """
    layers: dict[Layer, Tally] = {}

    def add(layer: Layer, tally: Tally) -> None:
        layers[layer] = layers.get(layer, Tally()) + tally

    for turn in turns:
        images = Tally.sum(map(counter.measure_image, images_in(turn.head)))
        if images != Tally():
            add("images", images)
        add("task" if turn is task else "history", counter.measure_message(turn.head) - images)
        if turn.results:
            add("tool output", counter.measure_message(turn.results))
    return Sizes(layers)


def sizes_of_history(history: History, counter: TokenCounter) -> Sizes:
    """What a whole history weighs, by layer: instructions, turns and what stands for dropped ones."""
    task = None if history.task is None else history.turns[history.task]
    fixed: dict[Layer, Tally] = {"system": Tally.sum(map(counter.measure_message, history.system))}
    if history.past:
        fixed["summary"] = counter.measure_message(history.past.message())
    return Sizes(fixed) + sizes_of_turns(history.turns, counter, task=task)


def sizes_of_extras(
    counter: TokenCounter,
    tools: Sequence[Tool | ToolSchema] = (),
    json_output: bool | type[BaseModel] | None = None,
    extra_create_args: Mapping[str, object] | None = None,
) -> Sizes:
    """What a request carries beside its messages, by layer.

    Args:
        counter (TokenCounter): Weighs the schemas.
        tools (Sequence[Tool | ToolSchema]): Tools and hand-offs offered to the model.
        json_output (bool | type[BaseModel] | None): The structure asked for. `None` and booleans carry no schema.
        extra_create_args (Mapping[str, object] | None): Further arguments of the call. `None` means there are none.
    """
    whole = counter.measure_extras(tools, json_output=json_output, extra_create_args=extra_create_args or {})
    of_tools = counter.measure_extras(tools) - counter.measure_extras() if tools else Tally()
    return Sizes({"tools": of_tools, "schema": whole - of_tools})


def images_in(message: LLMMessage) -> list[Image]:
    """The images of a message; only a user's message can hold any."""
    if isinstance(message, UserMessage) and isinstance(message.content, list):
        return [part for part in message.content if isinstance(part, Image)]
    return []
