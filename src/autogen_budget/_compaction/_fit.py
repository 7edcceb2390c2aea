"""Run strategies until a request fits, and record what each of them did."""

import asyncio
import logging
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from autogen_budget._background import in_background
from autogen_budget._errors import ContextOverflowError, error_text
from autogen_budget._history import History, sizes_of_history
from autogen_budget._records import Step
from autogen_budget._turns import Repair, Turn

from ._duplicates import without_stale_pointers
from ._force_fit import force_fit, references
from ._protocol import CompactionContext, Strategy
from ._recap import with_due_rendered
from ._selector import TrimSelectorThread
from ._trim import TrimOldest

logger = logging.getLogger("autogen_budget")


@dataclass(frozen=True, slots=True)
class FitSettings:
    """The figures by which steps are taken, and an overflow is explained.

    Args:
        min_gain (float): Share of the cap that a step must free once the request is under the cap: for less, the
            prefix is not broken.
        large_fixed_part (float): Share of the cap from which on an error says that instructions and schemas leave no
            tokens for a conversation.
        cap_of_layer (float): Share of the cap that an error advises for a layer with a cap of its own: two of them
            leave half of it for the conversation.
        parts_in_error (int): How many of a request's largest parts an error names.
    """

    min_gain: float = 0.02
    large_fixed_part: float = 0.8
    cap_of_layer: float = 0.25
    parts_in_error: int = 5


FIT = FitSettings()

CAPPED_LAYERS = {"system": "max_instruction_tokens", "tools": "max_tool_schema_tokens"}
"""The layers that have caps of their own, and how these are called in `TokenBudget`."""


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
    steps: tuple[Step, ...] = ()

    def after(self, history: History, tokens: int, step: Step) -> "Plan":
        """The plan after one more step."""
        return Plan(history, tokens, (*self.steps, step))


async def fit(
    history: History,
    context: CompactionContext,
    strategies: Sequence[Strategy],
    *,
    whole: bool = False,
    seconds: float | None = None,
) -> Plan:
    """Make a history fit under the cap; under it, nothing is touched.

    `strategies`: Tried in order until the target is reached. One that fails, makes nothing smaller or takes longer than
    `seconds` is passed over.

    Raises:
        ContextOverflowError: There is none.
    """
    plan = Plan(history, context.tokens)
    if context.tokens + context.reserved <= context.cap:
        return plan
    if whole and (least := context.tokens_of(_protected(history))) > context.cap:
        raise _overflow(Plan(_protected(history), least), context)
    for strategy in strategies:
        if plan.tokens <= context.target:
            break
        plan = await _apply(strategy, plan, context, seconds)
        await asyncio.sleep(0)  # each takes some milliseconds of the event loop: together they would hold it too long
    plan = await _guarantee(await _with_facts(plan, context), context)
    checked = without_stale_pointers(plan.history, context)
    if checked is not plan.history:
        plan = _adjusted(plan, checked, context.tokens_of(checked))
    if plan.tokens > context.cap:
        raise _overflow(plan, context)
    _warn_of_cut_task(history, plan, context)
    return plan


def _protected(history: History) -> History:
    """What stays whole as long as it can: instructions, the task, the newest request and the newest turn's words."""
    places = {history.task, history.request, len(history.turns) - 1 if history.turns else None}
    turns = (turn for place, turn in enumerate(history.turns) if place in places)
    return History(history.system, tuple(turn.with_results("" for _ in turn.calls) for turn in turns))


def repair_steps(repairs: Iterable[Repair], tokens: int) -> tuple[Step, ...]:
    """What was repaired in messages as received, as steps."""
    return tuple(Step("repair", tokens, tokens, f"{repair.kind}: {repair.detail}") for repair in repairs)


async def _with_facts(plan: Plan, context: CompactionContext) -> Plan:
    """Render the facts that strategies left to be rendered; they are left out where that fails."""
    history = plan.history
    try:
        history = await with_due_rendered(history, context)
    except Exception:
        logger.warning("the facts of cleared results could not be rendered", exc_info=True)
        history = replace(history, past=replace(history.past, due=0) if history.past and history.past.turns else None)
    return plan if history is plan.history else _adjusted(plan, history, context.tokens_of(history))


async def _guarantee(plan: Plan, context: CompactionContext) -> Plan:
    """Bring a request that is still over the cap under it, by means that depend on nothing that could fail."""
    if plan.tokens > context.cap:
        plan = await _apply(TrimOldest(facts=False), plan, context)
    if plan.tokens > context.cap and plan.history.keep.last_turns > 1:  # the cap outranks keep_last_turns
        keep = plan.history.keep
        plan = replace(plan, history=replace(plan.history, keep=replace(keep, last_turns=1)))
        plan = await _apply(TrimOldest(facts=False), plan, context)
        plan = replace(plan, history=replace(plan.history, keep=keep))
    if plan.tokens > context.cap:
        context = replace(context, tokens=plan.tokens)
        history, stored = plan.history, await references(plan.history, context)
        smaller = await in_background(lambda: force_fit(history, context, stored), plan.tokens)
        tokens = context.tokens_of(smaller)
        plan = plan.after(smaller, tokens, _step("force fit", plan, smaller, tokens, context))
    return plan


def _adjusted(plan: Plan, history: History, tokens: int) -> Plan:
    """The plan with another form of its history, which counts as the work of the last step that changed anything."""
    last = max((i for i, step in enumerate(plan.steps) if not step.failed), default=-1)
    steps = (replace(step, tokens_after=tokens) if i == last else step for i, step in enumerate(plan.steps))
    return Plan(history, tokens, tuple(steps))


async def _apply(strategy: Strategy, plan: Plan, context: CompactionContext, seconds: float | None = None) -> Plan:
    """Try one strategy. Its failure is never the agent's."""
    name = type(strategy).__name__
    notes: list[str] = []
    try:
        given = replace(context, tokens=plan.tokens, note=notes.append)
        smaller = await _in_time(strategy(plan.history, given), seconds)
        tokens = plan.tokens if smaller is plan.history else context.tokens_of(smaller)
    except Exception as error:
        logger.warning("%s failed and was passed over", name, exc_info=True)
        failure = Step(name, plan.tokens, plan.tokens, error_text(error), failed=True)
        return plan.after(plan.history, plan.tokens, failure)
    least = 1 if plan.tokens > context.cap else int(context.cap * FIT.min_gain)
    if smaller is plan.history or plan.tokens - tokens < least:
        return plan
    return plan.after(smaller, tokens, _step(name, plan, smaller, tokens, context, "; ".join(notes)))


async def _in_time(work: Awaitable[History], seconds: float | None) -> History:
    """Await a strategy; its own time-outs are errors of its own."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            return task.result()
    finally:
        task.cancel()
    raise TimeoutError(f"it took longer than {seconds:g} s")


def _step(name: str, plan: Plan, new: History, tokens: int, context: CompactionContext, note: str = "") -> Step:
    """What was done to a plan's history, in figures."""
    old = plan.history
    known = {id(turn) for turn in old.turns}
    changed = [turn for turn in new.turns if id(turn) not in known]
    return Step(
        name,
        plan.tokens,
        tokens,
        note,
        dropped=max(0, len(old.turns) - len(new.turns)),
        cut=len(changed),
        summarised=(new.past.summarised if new.past else 0) - (old.past.summarised if old.past else 0),
        not_stored=0 if context.lease is None else _not_stored(old, changed, context),
        task_cut=_task(new) is not _task(old),
        instructions_cut=new.system != old.system,
    )


def _task(history: History) -> Turn | None:
    return None if history.task is None else history.turns[history.task]


def _not_stored(old: History, changed: Sequence[Turn], context: CompactionContext) -> int:
    """How many results were cut whose whole is not stored."""
    known = {id(result) for turn in old.turns if turn.results for result in turn.results.content}
    cut = [pair for turn in changed for pair in turn.results_received if pair[0] is not pair[1]]
    return sum(id(now) not in known and not context.is_stored(received.content) for now, received in cut)


def _warn_of_cut_task(original: History, plan: Plan, context: CompactionContext) -> None:
    """Warn when a task that was whole so far is cut: once per conversation, as the cut form is what is sent on."""
    before, after = _task(original), _task(plan.history)
    if before is None or after is None or before.whole is not None or after.whole is None:
        return
    # A selector's only message is the thread of its team, not a task.
    if {step.strategy for step in plan.steps if step.task_cut} == {TrimSelectorThread.__name__}:
        return
    logger.warning(
        "the task was cut from %d to %d tokens to fit a cap of %d: raise max_prompt_tokens, shorten the task, or give "
        "long material through a tool or as a later message",
        context.tokens_of_turn(before),
        context.tokens_of_turn(after),
        context.cap,
    )


def _suggested(tokens: int) -> int:
    """A cap with room for a conversation beside what cannot be made smaller, in round figures."""
    return -(-tokens * 3 // 2 // 500) * 500


def _overflow(plan: Plan, context: CompactionContext) -> ContextOverflowError:
    layers = (context.extras + sizes_of_history(plan.history, context.counter)).tokens(context.counter)
    parts = dict(list(layers.items())[: FIT.parts_in_error])
    named = ", ".join(f"{part} {tokens:,}" for part, tokens in parts.items())
    fixed = sum(layers.get(part, 0) for part in ("system", "tools", "schema"))
    why = (
        f"instructions and schemas alone take {fixed:,} of them. " if fixed > context.cap * FIT.large_fixed_part else ""
    )
    return ContextOverflowError(
        f"the request cannot be made to fit: its smallest form holds {plan.tokens:,} tokens, the cap is "
        f"{context.cap:,}. {why}"
        f"Largest parts in tokens: {named}. {_caps_by_layer(layers, context.cap)}"
        f"Set TokenBudget(max_prompt_tokens={_suggested(plan.tokens):_}) or more, shorten the instructions, offer "
        "fewer tools or send fewer images, or name a model with a larger window for such calls: larger=client.",
        cap=context.cap,
        size=plan.tokens,
        parts=parts,
    )


def _caps_by_layer(layers: Mapping[str, int], cap: int) -> str:
    """What caps by layer would bring, and the code that sets them; empty where neither layer is large."""
    most = max(1, int(cap * FIT.cap_of_layer))
    large = {setting: layers[layer] for layer, setting in CAPPED_LAYERS.items() if layers.get(layer, 0) > most}
    if not large:
        return ""
    brought = ", ".join(f"{setting}={most:_} would free {tokens - most:,}" for setting, tokens in large.items())
    code = "".join(f", {setting}={most:_}" for setting in large)
    return f"Caps by layer make room: {brought}. Paste TokenBudget({cap:_}{code}). "
