"""The last resort: when only what may not be dropped is left and it is still too large, its longest texts are cut.

Every text that may be cut gets the same allowance of tokens: short ones stay whole, only the longest give. Texts go
first, then images of all turns but the newest, then the long strings inside the arguments of calls.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeVar, cast

from autogen_core import FunctionCall, Image
from autogen_core.models import AssistantMessage, SystemMessage, UserMessage

from autogen_budget._background import in_background
from autogen_budget._cut import cut_middle
from autogen_budget._history import History
from autogen_budget._turns import Turn

from ._placeholder import IMAGE_LEFT_OUT
from ._protocol import CompactionContext
from ._truncate import SMALLEST, cut_or_leave_out, hints_of


@dataclass(frozen=True, slots=True)
class AllowanceSettings:
    """The figures by which protected texts are cut.

    Args:
        min_tokens (int): Tokens a text keeps before other means are tried: enough for a notice with a few words around
            it.
        min_texts (int): How many texts of that size a small cap holds at least: half of it is left for facts.
        results_factor (int): How many times more of a tool's output stays than of other words: the next call takes
            its values from there.
    """

    min_tokens: int = 64
    min_texts: int = 8
    results_factor: int = 2


ALLOWANCE = AllowanceSettings()

NO_REFERENCES: Mapping[str, str] = MappingProxyType({})
"""Nothing is kept whole."""

MessageT = TypeVar("MessageT", bound=SystemMessage | UserMessage | AssistantMessage)

_DATA = re.compile(r"\s{0,80}(?:\{\s{0,80}[\"'}]|\[\s{0,80}[\[{\"'\d\]])")
"""How structured data begins, as JSON or as Python writes it."""

Cut = Callable[[str, bool], str]
"""What happens to a text; the flag tells whether it is a tool's output, whose structure may be interpreted."""


async def shrink_protected(history: History, context: CompactionContext, goal: int, *, results: int) -> History:
    """Cut the longest texts of what may not be dropped, none of them to less than some words."""
    size = context.tokens_of(history)
    if size <= min(goal, results):
        return history
    stored = await references(history, context)
    return await in_background(lambda: _shrink(history, context, goal, results, stored), size)


def _shrink(
    history: History, context: CompactionContext, goal: int, results: int, stored: Mapping[str, str]
) -> History:
    """Cut the longest texts until the goal is reached, or nothing is left to cut."""
    least = max(SMALLEST.text, min(ALLOWANCE.min_tokens, context.room_of(history) // ALLOWANCE.min_texts))
    if context.tokens_of(history) > results:
        history = _cut_to_common_allowance(
            history, replace(context, target=results, cap=results), _cut_data, least, stored
        )
    gentle = replace(context, target=goal, cap=goal)
    for means in (_cut_words, _cut_arguments):
        if context.tokens_of(history) > goal:
            history = _cut_to_common_allowance(history, gentle, means, least, stored)
    return _with_fewer_calls(history, gentle) if context.tokens_of(history) > context.cap else history


async def references(history: History, context: CompactionContext) -> dict[str, str]:
    """Return where the results of calls are kept whole that may be cut, by their text."""
    if context.lease is None:
        return {}
    results = [result for turn in history.turns if turn.results for result in turn.results.content]
    kept = {result.content: await context.store(result.content) for result in results}
    return {text: reference for text, reference in kept.items() if reference is not None}


def force_fit(history: History, context: CompactionContext, stored: Mapping[str, str] = NO_REFERENCES) -> History:
    """Cut what is left until the request fits.

    `context`: The target to cut to, and the cap that must be kept.
    """
    for means, least in (
        (_cut_words, ALLOWANCE.min_tokens),
        (_cut_images, 0),
        (_cut_arguments, ALLOWANCE.min_tokens),
        (_drop_digest, 0),
        (_cut_words, 0),
    ):
        if context.tokens_of(history) <= context.cap:
            return history
        history = _cut_to_common_allowance(history, context, means, least, stored)
    history = _with_fewer_calls(history, context)
    return (
        history
        if context.tokens_of(history) <= context.cap
        else _cut_to_common_allowance(history, context, _cut_arguments, 0, stored)
    )


def _with_fewer_calls(history: History, context: CompactionContext) -> History:
    """Leave out calls with their results, the first of each turn first, until the request fits; one stays in each."""
    for place, turn in enumerate(history.turns):
        for left in range(len(turn.calls) - 1, 0, -1):
            if context.tokens_of(history) <= context.cap:
                return history
            history = history.with_turns((*history.turns[:place], turn.with_calls(left), *history.turns[place + 1 :]))
    return history


def _cut_to_common_allowance(
    history: History,
    context: CompactionContext,
    means: Callable[[History, Cut], History],
    least: int,
    stored: Mapping[str, str],
) -> History:
    """Cut all texts that these means reach to one allowance: the largest, within 5 %, that reaches the goal.

    The goal is the target, or where that cannot be reached, the cap.
    """
    hints = hints_of(history)

    def cut_to(allowance: int) -> History:
        def cut(text: str, output: bool) -> str:
            if not output:
                return cut_middle(text, max(least, allowance // ALLOWANCE.results_factor), context.counter)
            reference = stored.get(text)
            shorter = cut_or_leave_out(text, allowance, context.counter, hints=hints, reference=reference)
            if shorter is not text:
                context.remember_cut(shorter, reference)
            return shorter

        return means(history, cut)

    low, high = least, context.cap * ALLOWANCE.results_factor
    fitted = cut_to(low)
    goal = context.target if context.tokens_of(fitted) <= context.target else context.cap
    while high - low > 1 + low // 20:
        middle = (low + high) // 2
        longer = cut_to(middle)
        if context.tokens_of(longer) <= goal:
            low, fitted = middle, longer
        else:
            high = middle
    return fitted


def _cut_data(history: History, cut: Cut) -> History:
    def cut_data(text: str, output: bool) -> str:
        return cut(text, output) if _DATA.match(text) else text

    return _change_kept(history, lambda turn: _with_results(turn, cut_data))


def _cut_words(history: History, cut: Cut) -> History:
    if not history.turns:  # a selector's prompt is one system message that holds the whole conversation
        return replace(history, system=(*history.system[:-1], *(_words(last, cut) for last in history.system[-1:])))

    def with_words(turn: Turn) -> Turn:
        return _with_results(turn.with_head(_words(turn.head, cut)), cut)

    return _change_kept(history, with_words)


def _cut_images(history: History, _cut: Cut) -> History:
    newest = history.turns[-1] if history.turns else None
    return _change_kept(history, lambda turn: turn if turn is newest else _without_images(turn))


def _cut_arguments(history: History, cut: Cut) -> History:
    def with_arguments(turn: Turn) -> Turn:
        if not turn.calls:
            return turn
        calls = [replace(call, arguments=_arguments(call, cut)) for call in turn.calls]
        return turn.with_head(turn.head.model_copy(update={"content": calls}))

    return _change_kept(history, with_arguments)


def _drop_digest(history: History, _cut: Cut) -> History:
    # Where the assistant's turns come first, the notice is what makes a user's message lead.
    if history.past is None or history.task != 0:
        return history
    return replace(history, past=replace(history.past, rendered="", working_set="", hidden=True))


def _change_kept(history: History, change: Callable[[Turn], Turn]) -> History:
    kept = history.kept
    return history.with_turns(change(turn) if i in kept else turn for i, turn in enumerate(history.turns))


def _with_results(turn: Turn, cut: Cut) -> Turn:
    """Return the turn with its results cut."""
    return turn.with_results(cut(result.content, True) for result in turn.results.content) if turn.results else turn


def _words(message: MessageT, cut: Cut) -> MessageT:
    """Return the message with its texts cut; calls and images stay."""
    update: dict[str, object] = {}
    if isinstance(message.content, str):
        update["content"] = cut(message.content, False)
    elif isinstance(message, UserMessage):
        update["content"] = [cut(part, False) if isinstance(part, str) else part for part in message.content]
    if isinstance(message, AssistantMessage) and message.thought:
        update["thought"] = cut(message.thought, False)
    return cast(MessageT, message.model_copy(update=update))


def _without_images(turn: Turn) -> Turn:
    message = turn.head
    if not isinstance(message, UserMessage) or isinstance(message.content, str):
        return turn
    content = [IMAGE_LEFT_OUT if isinstance(part, Image) else part for part in message.content]
    return turn.with_head(message.model_copy(update={"content": content}))


def _arguments(call: FunctionCall, cut: Cut) -> str:
    """Return the call's arguments with the strings in them cut; still a JSON object."""

    def shorten(value: object) -> object:
        if isinstance(value, str):
            return cut(value, False)
        if isinstance(value, dict):
            return {key: shorten(item) for key, item in cast("dict[str, object]", value).items()}
        if isinstance(value, list):
            return [shorten(item) for item in cast("list[object]", value)]
        return value

    value = cast(object, json.loads(call.arguments))  # an object: parsing a history sees to that
    new = shorten(value)
    return call.arguments if new == value else json.dumps(new, ensure_ascii=False)
