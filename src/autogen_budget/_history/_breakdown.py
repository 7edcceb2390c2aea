"""What the parts of a request weigh, by layer: the figures of records, errors and strategies."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from autogen_core import Image
from autogen_core.models import LLMMessage, UserMessage
from autogen_core.tools import Tool, ToolSchema
from pydantic import BaseModel

from autogen_budget._counting import Tally, TokenCounter
from autogen_budget._turns import Turn

from ._history import History

Layer = Literal[
    "system",
    "tools",
    "schema",
    "task",
    "history",
    "tool output",
    "summary",
    "digest",
    "working set",
    "recall",
    "images",
]
"""The parts of a request: instructions; tool and hand-off schemas; JSON schema, other prompt text and the request's own
frame; a user's first words; all other texts; results of calls; what a model wrote about dropped turns; facts of
dropped turns; what the calls in them worked with; passages of them that are brought back for one request; images."""


@dataclass(frozen=True, slots=True)
class TokenBreakdown:
    """Tallies of a request's parts, additive.

    Args:
        layers (Mapping[Layer, Tally]): What each layer holds; a layer that is missing holds nothing.
    """

    layers: Mapping[Layer, Tally] = field(default_factory=dict[Layer, Tally])

    @property
    def total(self) -> Tally:
        """All layers together."""
        return Tally.sum(self.layers.values())

    def __add__(self, other: "TokenBreakdown") -> "TokenBreakdown":
        merged = dict(self.layers)
        for layer, tally in other.layers.items():
            merged[layer] = merged.get(layer, Tally()) + tally
        return TokenBreakdown(merged)

    def __sub__(self, other: "TokenBreakdown") -> "TokenBreakdown":
        return self + TokenBreakdown({layer: Tally() - tally for layer, tally in other.layers.items()})

    def tokens(self, counter: TokenCounter) -> dict[str, int]:
        """Return the tokens of each layer that holds any, largest first."""
        counted: dict[str, int] = {layer: counter.tokens(tally) for layer, tally in self.layers.items()}
        return {layer: n for layer, n in sorted(counted.items(), key=lambda item: -item[1]) if n}


@dataclass(frozen=True, slots=True)
class MessageTallies:
    """What messages weigh, each measured once: a compaction looks at the same history a dozen times."""

    _known: dict[int, tuple[LLMMessage, Tally]] = field(default_factory=dict[int, tuple[LLMMessage, Tally]])

    def measure(self, message: LLMMessage, counter: TokenCounter) -> Tally:
        """Return what a message weighs."""
        known = self._known.get(id(message))  # which is no other message's, since this one is held
        if known is None:
            known = self._known[id(message)] = (message, counter.measure_message(message))
        return known[1]


def measure_turn(turn: Turn, counter: TokenCounter, measured: MessageTallies | None = None) -> Tally:
    """Return what a turn's messages weigh together.

    `measured`: What was measured before. `None` means nothing was.
    """
    tallies = measured or MessageTallies()
    return Tally.sum(tallies.measure(message, counter) for message in turn.messages)


def sizes_of_turns(
    turns: Iterable[Turn], counter: TokenCounter, *, task: Turn | None, measured: MessageTallies | None = None
) -> TokenBreakdown:
    """Return what turns weigh, by layer.

    `task`: The turn that is the task. `None` means it is not among them. `measured`: What was measured before.
    `None` means nothing was.
    """
    tallies = measured or MessageTallies()
    layers: dict[Layer, list[Tally]] = {}

    def add(layer: Layer, tally: Tally) -> None:
        layers.setdefault(layer, []).append(tally)

    for turn in turns:
        images = Tally.sum(map(counter.measure_image, images_in(turn.head)))
        if images != Tally():
            add("images", images)
        add("task" if turn is task else "history", tallies.measure(turn.head, counter) - images)
        if turn.results:
            add("tool output", tallies.measure(turn.results, counter))
    return TokenBreakdown({layer: Tally.sum(parts) for layer, parts in layers.items()})


def sizes_of_history(history: History, counter: TokenCounter, measured: MessageTallies | None = None) -> TokenBreakdown:
    """Return what a whole history weighs, by layer: instructions, turns and what stands for dropped ones.

    `measured`: What was measured before. `None` means nothing was.
    """
    task = None if history.task is None else history.turns[history.task]
    fixed: dict[Layer, Tally] = {"system": Tally.sum(map(counter.measure_message, history.system))}
    if history.past is not None and history.past.has_message:
        whole = counter.measure_message(history.past.message())
        prose = counter.measure_text(history.past.summary) if history.past.summary else Tally()
        works = counter.measure_text(history.past.working_set) if history.past.working_set else Tally()
        fixed |= {"summary": prose, "working set": works, "digest": whole - prose - works}
    return TokenBreakdown(fixed) + sizes_of_turns(history.turns, counter, task=task, measured=measured)


def sizes_of_extras(
    counter: TokenCounter,
    tools: Sequence[Tool | ToolSchema] = (),
    json_output: bool | type[BaseModel] | None = None,
    extra_create_args: Mapping[str, object] | None = None,
) -> TokenBreakdown:
    """Return what a request carries beside its messages, by layer.

    `json_output`: The structure asked for. `None` and booleans carry no schema. `extra_create_args`: Further
    arguments of the call. `None` means there are none.
    """
    whole = counter.measure_extras(tools, json_output=json_output, extra_create_args=extra_create_args or {})
    of_tools = counter.measure_extras(tools) - counter.measure_extras() if tools else Tally()
    return TokenBreakdown({"tools": of_tools, "schema": whole - of_tools})


def images_in(message: LLMMessage) -> list[Image]:
    """Return the images of a message; only a user's message can hold any."""
    if isinstance(message, UserMessage) and isinstance(message.content, list):
        return [part for part in message.content if isinstance(part, Image)]
    return []
