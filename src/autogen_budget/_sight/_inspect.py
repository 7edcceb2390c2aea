"""What fills a recorded conversation: tokens by layer and its largest parts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
)

from autogen_budget._counting import Tally, TokenCounter

from ._formats import Transcript

LARGEST = 10
"""How many of the largest parts are named."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One message, result or tool schema of a conversation.

    Args:
        label (str): What it is: `"result of fetch_page"`, `"text of writer"`, `"schema of search"`.
        layer (str): The layer of a request that it belongs to.
        place (int | None): Which message it is, from 1. `None` means it is a schema.
        tokens (int): What it weighs, in tokens.
    """

    label: str
    layer: str
    place: int | None
    tokens: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What fills one conversation.

    Args:
        name (str): Whose it is.
        tokens (int): Tokens of a request that sends all of it.
        messages (int): How many messages it has.
        layers (dict[str, int]): Tokens by layer, largest first; together they are `tokens`.
        labels (dict[str, int]): Tokens by what it is, largest first.
        largest (tuple[Piece, ...]): The largest parts, largest first.
    """

    name: str
    tokens: int
    messages: int
    layers: dict[str, int]
    labels: dict[str, int]
    largest: tuple[Piece, ...]

    def values(self) -> dict[str, object]:
        """Return the same as values that JSON can hold."""
        return asdict(self)


def contents_of(transcript: Transcript, counter: TokenCounter) -> Contents:
    """Weigh a conversation."""
    pieces = [*_schemas(transcript, counter), *_messages(transcript.messages, counter)]
    layers = {layer: Tally.sum(tally for piece, tally in pieces if piece.layer == layer) for layer in _layers(pieces)}
    sizes = {layer: counter.tokens(tally) for layer, tally in layers.items()}
    labels = Counter[str]()
    for piece, _ in pieces:
        labels[piece.label] += piece.tokens
    return Contents(
        name=transcript.name,
        tokens=counter.tokens(Tally.sum(layers.values())),
        messages=len(transcript.messages),
        layers=dict(sorted(sizes.items(), key=lambda item: -item[1])),
        labels=dict(labels.most_common()),
        largest=tuple(sorted((piece for piece, _ in pieces), key=lambda piece: -piece.tokens)[:LARGEST]),
    )


Weighed = tuple[Piece, Tally]


def _layers(pieces: Sequence[Weighed]) -> list[str]:
    return list(dict.fromkeys(piece.layer for piece, _ in pieces))


def _schemas(transcript: Transcript, counter: TokenCounter) -> Iterator[Weighed]:
    """Yield the frame of the request, and each schema by what it adds to those before it."""
    before = counter.measure_extras()
    yield Piece("frame of the request", "schema", None, counter.tokens(before)), before
    for number, tool in enumerate(transcript.tools, 1):
        with_tool = counter.measure_extras(transcript.tools[:number])
        tally = with_tool - before
        yield Piece(f"schema of {tool['name']}", "tools", None, counter.tokens(tally)), tally
        before = with_tool


def _messages(messages: Sequence[LLMMessage], counter: TokenCounter) -> Iterator[Weighed]:
    has_task = False
    for place, message in enumerate(messages, 1):
        whole = counter.measure_message(message)
        if isinstance(message, FunctionExecutionResultMessage):
            for result in message.content[1:]:  # the first one bears the message's frame
                tally = counter.measure_text(result.content)
                yield Piece(f"result of {result.name}", "tool output", place, counter.tokens(tally)), tally
                whole -= tally
            label, layer = f"result of {message.content[0].name if message.content else 'nothing'}", "tool output"
        elif isinstance(message, SystemMessage):
            label, layer = ("instructions", "system") if place == 1 else ("memory", "history")
        elif isinstance(message, AssistantMessage):
            label, layer = f"{'text' if isinstance(message.content, str) else 'calls'} of {message.source}", "history"
        else:
            label, layer = f"text of {message.source}", "history" if has_task else "task"
            has_task = True
        yield Piece(label, layer, place, counter.tokens(whole)), whole
