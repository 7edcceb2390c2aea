"""A compacted conversation as values that JSON can hold, and back once its messages come again.

What did not change is saved as its place among the messages as received, which the agent's own state holds anyway;
only the rest is written out. The instructions in front of a conversation are no part of it: an agent may begin with
another date in them after a restart.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from autogen_core.models import AssistantMessage, FunctionExecutionResultMessage, LLMMessage
from pydantic import BaseModel, ConfigDict

from autogen_budget._counting import Tally, TokenCounter, parts
from autogen_budget._turns import Turn

from ._breakdown import Layer, TokenBreakdown
from ._conversation import Conversation
from ._dropped import DroppedTurns
from ._history import History, leading_system


class SavedTurn(BaseModel):
    """A turn that differs from what was received.

    Args:
        messages (list[int | LLMMessage]): Its messages, or their places.
        note (bool): As for `Turn`.
        whole (int | SavedTurn | None): As for `Turn`.
    """

    model_config = ConfigDict(extra="forbid")

    messages: list[int | LLMMessage]
    note: bool = False
    whole: "int | SavedTurn | None" = None


class SavedConversation(BaseModel):
    """A conversation that was compacted.

    Args:
        count (int): How many messages were received, behind the instructions.
        fingerprint (str): What they were.
        mixed (bool): Whether system messages were left where they stood.
        turns (list[int | SavedTurn]): What is sent of them; of unchanged turns, only the position.
        past (dict[str, object] | None): What is known of the others.
        came (dict[str, list[int]]): The sizes of everything received, by layer.
        written (int): How many of the leading turns are in the archive.
        unstored (list[int | SavedTurn]): Turns that left or were cut and could not be stored.
    """

    model_config = ConfigDict(extra="forbid")

    count: int
    fingerprint: str
    mixed: bool
    turns: list[int | SavedTurn]
    past: dict[str, object] | None
    came: dict[str, list[int]]
    written: int
    unstored: list[int | SavedTurn] = []


def saved(conversation: Conversation, *, mixed: bool) -> SavedConversation | None:
    """Return what a state holds of a conversation.

    Returns:
        SavedConversation | None: `None` means what is sent follows from what was received.
    """
    history, known = conversation.history, conversation.known
    if not conversation.projection.is_compacted or not history.turns:
        return None
    body = known.messages[len(history.system) :]
    places = {id(message): place for place, message in enumerate(body)}
    return SavedConversation(
        count=len(body),
        fingerprint=fingerprints(body, {len(body)})[len(body)],
        mixed=mixed,
        turns=[_saved(turn, places) for turn in history.turns],
        past=None if history.past is None else dict(history.past.save()),
        came={layer: list(parts(tally)) for layer, tally in conversation.projection.original.layers.items()},
        written=conversation.archived,
        unstored=[_saved(turn, places) for turn in conversation.unstored],
    )


def restored(
    state: SavedConversation, empty: Conversation, messages: Sequence[LLMMessage], counter: TokenCounter
) -> Conversation:
    """Return the conversation that was saved, made of its messages as received again.

    Raises:
        ValueError: What was saved does not go with them.
    """
    system = leading_system(messages)
    body = messages[len(system) : len(system) + state.count]
    past = None if state.past is None else DroppedTurns.load(state.past)
    turns = tuple(_turn(turn, body) for turn in state.turns)
    history = History(system, turns, past=past, keep=empty.history.keep)
    original = _sizes(state.came)
    projection = empty.projection.compacted(history, counter, multiple_system_messages=state.mixed)
    return replace(
        empty,
        projection=replace(projection, original=original),
        known=empty.known.extended(messages[: len(system) + state.count]),
        latest=replace(empty.latest, original=original.total),
        archived=state.written,
        unstored=tuple(_turn(turn, body) for turn in state.unstored),
    )


def _sizes(came: Mapping[str, Sequence[int]]) -> TokenBreakdown:
    try:
        return TokenBreakdown({cast(Layer, layer): Tally(*numbers) for layer, numbers in came.items()})
    except TypeError as error:
        raise ValueError(f"not the sizes of a conversation: {error}") from error


def fingerprints(messages: Sequence[LLMMessage], counts: Iterable[int]) -> dict[int, str]:
    """Return what lists of messages begin with, in one pass."""
    wanted = {count for count in counts if 0 <= count <= len(messages)}
    running, found = hashlib.sha256(), dict[int, str]()
    for count in range(max(wanted, default=-1) + 1):
        if count:
            running.update(json.dumps(messages[count - 1].model_dump(), sort_keys=True).encode())
        if count in wanted:
            found[count] = running.hexdigest()
    return found


def _saved(turn: Turn, places: Mapping[int, int]) -> int | SavedTurn:
    """Return the position of an unchanged turn, or else what a turn is made of."""
    messages = [places.get(id(message), message) for message in turn.messages]
    first, plain = messages[0], not turn.note and turn.whole is None
    if plain and isinstance(first, int) and all(isinstance(message, int) for message in messages):
        return first
    whole = None if turn.whole is None else _saved(turn.whole, places)
    return SavedTurn(messages=messages, note=turn.note, whole=whole)


def _turn(saved: int | SavedTurn, body: Sequence[LLMMessage]) -> Turn:
    if isinstance(saved, int):
        head = _message(saved, body)
        with_calls = isinstance(head, AssistantMessage) and isinstance(head.content, list)
        return _made_of([head, _message(saved + 1, body)] if with_calls else [head])
    turn = _made_of([_message(message, body) for message in saved.messages])
    return replace(turn, note=saved.note, whole=None if saved.whole is None else _turn(saved.whole, body))


def _made_of(messages: Sequence[LLMMessage]) -> Turn:
    head, results = messages[0] if messages else None, messages[1] if len(messages) == 2 else None
    if head is None or isinstance(head, FunctionExecutionResultMessage) or len(messages) > 2:
        raise ValueError(f"no turn is made of {[type(message).__name__ for message in messages]}")
    if results is not None and not isinstance(results, FunctionExecutionResultMessage):
        raise ValueError(f"a turn has no second message of type {type(results).__name__}")
    return Turn(head, results)


def _message(saved: int | LLMMessage, body: Sequence[LLMMessage]) -> LLMMessage:
    if not isinstance(saved, int):
        return saved
    if not 0 <= saved < len(body):
        raise ValueError(f"message {saved} is not among {len(body)}")
    return body[saved]
