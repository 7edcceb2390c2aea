"""The planner: runs strategies until a request fits, and says what each of them did."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from autogen_core.models import LLMMessage
from autogen_core.tools import Tool, ToolSchema

from ._artifacts import Keeper
from ._budget import TokenBudget
from ._counting import TiktokenCounter, TokenCounter
from ._cut import reference_in
from ._errors import ContextOverflowError
from ._history import History
from ._keep import Keep, Pin
from ._last_resort import references, squeeze
from ._need import Need, Strategy, parameter_names
from ._repair import Repair
from ._report import Step
from ._sizes import Sizes, sizes_of_extras, sizes_of_history
from ._strategies import default_strategies
from ._summary import Summarizer
from ._target import InputPrices, target_of
from ._trim import TrimOldest

logger = logging.getLogger("autogen_budget")

LEAST_GAIN = 0.02
"""Share of the cap that a step must free once the request is under the cap: for less, nothing more of it is changed."""

PARTS_IN_ERROR = 5
"""How many of a request's largest parts an error names."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be sent, and how it came to that.

    Args:
        history (History): The conversation that fits.
        tokens (int): Tokens of the whole request.
        steps (tuple[Step, ...]): What was done, in order; empty when nothing had to be.
    """

    history: History
    tokens: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Compaction:
    """What `compact` made of a list of messages.

    Args:
        messages (tuple[LLMMessage, ...]): The messages to send; the very same objects where nothing had to change.
        tokens_before (int): Tokens of the whole request as it came, schemas included.
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
        ValueError: The budget sets neither `max_prompt_tokens` nor `context_window`.
    """
    counter = counter or TiktokenCounter()
    history = History.parse(messages, keep=Keep(budget.keep_last_turns, tuple(pins)))
    extras = sizes_of_extras(counter, tools)
    sizes = extras + sizes_of_history(history, counter)
    before = counter.tokens(sizes.total)
    plan = await fit(
        history,
        tokens=before,
        cap=budget.cap(budget.context_window),
        compact_to=budget.compact_to,
        extras=extras,
        counter=counter,
        strategies=default_strategies(budget) if strategies is None else strategies,
        tools=tools,
    )
    steps = (*repair_steps(history.repairs, before), *plan.steps)
    return Compaction(tuple(plan.history.flatten()), before, plan.tokens, steps)


async def fit(
    history: History,
    *,
    tokens: int,
    cap: int,
    compact_to: float,
    extras: Sizes,
    counter: TokenCounter,
    strategies: Sequence[Strategy],
    tools: Sequence[Tool | ToolSchema] = (),
    keeper: Keeper | None = None,
    summarizer: Summarizer | None = None,
    prices: InputPrices | None = None,
) -> Plan:
    """Make a history fit under the cap; under it, nothing is touched.

    Args:
        history (History): The conversation.
        tokens (int): Tokens the whole request holds with it.
        cap (int): Tokens the whole request may hold.
        compact_to (float): Share of the cap to shrink to, once it has to shrink.
        extras (Sizes): What the request carries beside its messages.
        counter (TokenCounter): Counts for the model that is called.
        strategies (Sequence[Strategy]): Tried in order. One that fails, or makes nothing smaller, is passed over.
        tools (Sequence[Tool | ToolSchema]): What the model is offered; their sizes are in `extras`.
        keeper (Keeper | None): Keeps the whole of what is cut. `None` means there is no store.
        summarizer (Summarizer | None): Has a model write summaries. `None` means there is no model.
        prices (InputPrices | None): What tokens cost; compaction goes on until it pays. `None` means that is not known.

    Returns:
        Plan: A history under the cap.

    Raises:
        ContextOverflowError: There is none.
    """
    if tokens <= cap:
        return Plan(history, tokens, ())
    need = Need(
        tokens=tokens,
        target=target_of(history, cap=cap, compact_to=compact_to, extras=extras, counter=counter, prices=prices),
        cap=cap,
        extras=extras.total,
        counter=counter,
        keeper=keeper,
        names=parameter_names(tools),
        summarizer=summarizer,
    )
    steps: list[Step] = []
    for strategy in strategies:
        if need.tokens <= need.target:
            break
        history, need = await _step(strategy, history, need, steps)
    if need.hard:  # the guarantee: it stands on nothing that could fail
        history, need = await _step(TrimOldest(facts=False), history, need, steps)
    if need.hard and history.keep.last_turns > 1:  # the cap outranks the wish to keep more than the newest turn
        keep = history.keep
        history = replace(history, keep=replace(keep, last_turns=1))
        history, need = await _step(TrimOldest(facts=False), history, need, steps)
        history = replace(history, keep=keep)
    if need.hard:
        squeezed = squeeze(history, need, await references(history, need))
        left = need.after(squeezed)
        steps.append(Step("last resort", need.tokens, left.tokens, _difference(history, squeezed)))
        history, need = squeezed, left
    if need.hard:
        raise _overflow(history, need, extras)
    return Plan(history, need.tokens, tuple(steps))


def repair_steps(repairs: Iterable[Repair], tokens: int) -> tuple[Step, ...]:
    """What was mended in messages as they came, as steps.

    Args:
        repairs (Iterable[Repair]): What was mended.
        tokens (int): Tokens of the whole request.
    """
    return tuple(Step("repair", tokens, tokens, f"{repair.kind}: {repair.detail}") for repair in repairs)


async def _step(strategy: Strategy, history: History, need: Need, steps: list[Step]) -> tuple[History, Need]:
    """Try one strategy; what it did goes into `steps`. Its failure is never the agent's."""
    name = type(strategy).__name__
    said: list[str] = []
    try:
        smaller = await strategy(history, replace(need, tell=said.append))
        left = need.after(smaller)
    except Exception as error:
        logger.warning("%s failed and was passed over", name, exc_info=True)
        steps.append(Step(name, need.tokens, need.tokens, f"{type(error).__name__}: {error}", failed=True))
        return history, need
    least = 1 if need.hard else int(need.cap * LEAST_GAIN)
    if smaller is history or need.tokens - left.tokens < least:
        return history, need
    lost = "" if need.keeper is None else _not_kept(history, smaller)
    detail = "; ".join((_difference(history, smaller) + lost, *said))
    steps.append(Step(name, need.tokens, left.tokens, detail))
    return smaller, left


def _difference(old: History, new: History) -> str:
    """What a step did, in figures."""
    known = {id(turn) for turn in old.turns}
    changed = sum(id(turn) not in known for turn in new.turns)
    dropped = len(old.turns) - len(new.turns)
    parts = [
        f"{n:,} turn{'' if n == 1 else 's'} {what}" for n, what in ((dropped, "dropped"), (changed, "cut")) if n > 0
    ]
    if not parts:
        parts = ["less told of earlier turns" if old.past != new.past else "instructions cut"]
    return ", ".join(parts)


def _not_kept(old: History, new: History) -> str:
    """How many results were cut without a reference to the whole, which there is when it could be stored."""
    known = {id(result) for turn in old.turns if turn.results for result in turn.results.content}
    results = [result for turn in new.turns if turn.results for result in turn.results.content]
    lost = sum(id(result) not in known and reference_in(result.content) is None for result in results)
    return f", {lost:,} of them not kept whole" if lost else ""


def _overflow(history: History, need: Need, extras: Sizes) -> ContextOverflowError:
    layers = (extras + sizes_of_history(history, need.counter)).tokens(need.counter)
    parts = dict(list(layers.items())[:PARTS_IN_ERROR])
    named = ", ".join(f"{part} {tokens:,}" for part, tokens in parts.items())
    return ContextOverflowError(
        f"the request cannot be made to fit: its smallest form holds {need.tokens:,} tokens, the cap is {need.cap:,}. "
        f"Largest parts in tokens: {named}. Raise max_prompt_tokens, shorten the instructions, offer fewer tools or "
        "send fewer images.",
        cap=need.cap,
        size=need.tokens,
        parts=parts,
    )
