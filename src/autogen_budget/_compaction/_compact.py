"""Plan one request without sending it."""

from collections.abc import Sequence
from dataclasses import dataclass

from autogen_core.models import LLMMessage
from autogen_core.tools import Tool, ToolSchema

from autogen_budget._background import in_background
from autogen_budget._budget import TokenBudget
from autogen_budget._checks import check_budget, check_sequence, kind_of
from autogen_budget._counting import TiktokenCounter, TokenCounter
from autogen_budget._history import History, sizes_of_extras, sizes_of_history
from autogen_budget._recall import Hit, RecallIndex
from autogen_budget._records import Step
from autogen_budget._turns import Pin, RetentionPolicy, text_of

from ._defaults import default_strategies
from ._fit import fit, repair_steps
from ._instructions import InstructionFitter, instruction_step, with_sections
from ._protocol import CompactionContext, Strategy, parameter_names
from ._recall import (
    add_passages,
    asks_for_recall,
    dropped_passages,
    find_passages,
    least_of,
    numbered_from_end,
    recall,
    reserved_tokens,
    with_recalled,
)
from ._target import compaction_target


@dataclass(frozen=True, slots=True)
class Compaction:
    """What `compact` made of a list of messages.

    Args:
        messages (tuple[LLMMessage, ...]): The messages to send; the very same objects where nothing had to change.
        tokens_before (int): Tokens of the whole request as received, schemas included.
        tokens_after (int): Tokens of the whole request as it would be sent.
        steps (tuple[Step, ...]): What was done, in order; empty when the request came valid and within its cap.
    """

    messages: tuple[LLMMessage, ...]
    tokens_before: int
    tokens_after: int
    steps: tuple[Step, ...]


async def compact(
    messages: Sequence[LLMMessage],
    budget: TokenBudget,
    *,
    tools: Sequence[Tool | ToolSchema] = (),
    strategies: Sequence[Strategy] | None = None,
    counter: TokenCounter | None = None,
    pins: Sequence[Pin] = (),
) -> Compaction:
    """Plan one request without sending it: what a budget would make of these messages.

    Args:
        messages (Sequence[LLMMessage]): The messages of a request, instructions included. They are not changed.
        budget (TokenBudget): Its `max_prompt_tokens` or `context_window` gives the cap.
        tools (Sequence[Tool | ToolSchema]): Tools whose schemas go with the request.
        strategies (Sequence[Strategy] | None): How to make it smaller. `None` means `default_strategies(budget)`.
        counter (TokenCounter | None): How to count. `None` means a `TiktokenCounter` for OpenAI's current models.
        pins (Sequence[Pin]): What may not be dropped, beside the task, the newest request and turns; see `pin`.

    Returns:
        Compaction: The messages to send, sizes before and after, and what was done.

    Raises:
        ContextOverflowError: Even the parts that may not be dropped or cut are over the cap.
        TypeError: An argument is of the wrong kind.
        ValueError: The budget sets neither `max_prompt_tokens` nor `context_window`.
    """
    check_budget(budget)
    check_compaction(strategies, counter, pins)
    counter = counter or TiktokenCounter()
    history = History.parse(messages, keep=RetentionPolicy(budget.keep_last_turns, tuple(pins)))
    extras, cap = sizes_of_extras(counter, tools), budget.cap(budget.context_window)
    characters = sum(len(text_of(message)) for turn in history.turns for message in turn.messages)
    sizes = await in_background(lambda: sizes_of_history(history, counter), characters)
    before = counter.tokens((extras + sizes).total)
    repairs = repair_steps(history.repairs, before)
    history, guidance = await InstructionFitter(counter).fit(
        history,
        history.system,
        messages[len(history.system) :],
        limit=budget.max_instruction_tokens,
        cap=cap,
        extras=extras.total,
        readable=False,
    )
    extras = extras + guidance.sizes
    tokens = counter.tokens((extras + sizes_of_history(history, counter)).total)
    step = instruction_step(before, tokens, guidance, None)
    index, hits = RecallIndex(), tuple[Hit, ...]()
    if tokens > cap and asks_for_recall(history):
        left = least_of(history)
        await add_passages(index, await dropped_passages([*numbered_from_end(history)][::-1], left))
        hits = find_passages(index, left)
    context = CompactionContext(
        tokens=tokens,
        target=compaction_target(history, cap=cap, compact_to=budget.compact_to, extras=extras, counter=counter),
        cap=cap,
        extras=extras,
        counter=counter,
        parameters=parameter_names(tools),
        reserved=reserved_tokens(hits, history, cap, counter),
    )
    plan = await fit(history, context, default_strategies(budget) if strategies is None else strategies)
    steps = (*repairs, *(() if step is None else (step,)), *plan.steps)
    hits = find_passages(index, plan.history)
    note = recall(hits, "", (extras + sizes_of_history(plan.history, counter)).total, cap, counter)
    sent = with_sections(plan.history, guidance)
    if note is None:
        return Compaction(tuple(sent), before, plan.tokens, steps)
    messages = with_recalled(plan.history, note.text, sent)
    return Compaction(tuple(messages), before, note.tokens, (*steps, note.step))


def check_compaction(strategies: Sequence[Strategy] | None, counter: TokenCounter | None, pins: Sequence[Pin]) -> None:
    """Refuse what is none of them, with a message that says what is expected.

    `strategies`: How to make a history smaller. `None` passes. `counter`: How to count. `None` passes.

    Raises:
        TypeError: One of them is of the wrong kind.
    """
    check_sequence("strategies", strategies, "[TrimOldest()]")
    check_sequence("pins", pins, "[pin(source='lawyer')]")
    for strategy in strategies or ():
        if isinstance(strategy, type) or not callable(strategy):
            raise TypeError(f"strategies must be instances such as TrimOldest(), got {kind_of(strategy)}")
    if counter is not None and not isinstance(counter, TokenCounter):
        raise TypeError(
            f"counter must be a TokenCounter, for example TiktokenCounter('gpt-4o'), got {kind_of(counter)}"
        )
    for pinned in pins:
        if not isinstance(pinned, Pin):
            raise TypeError(f"pins must be made by pin(), for example pin(source='lawyer'), got {kind_of(pinned)}")
