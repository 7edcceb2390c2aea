"""Drop whole turns, oldest first, and render the facts in them: the hard guarantee."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from autogen_budget._background import in_background
from autogen_budget._cut import cut_middle
from autogen_budget._history import DroppedTurns, History
from autogen_budget._turns import Turn

from ._allocation import SHARES, Allocation
from ._component import DeclaredStrategy
from ._force_fit import ALLOWANCE, shrink_protected
from ._protocol import CompactionContext
from ._recap import render_for
from ._truncate import cut_results, hints_of


@dataclass(frozen=True, slots=True)
class Dropped:
    """What dropping turns left, before anything is rendered of them.

    Args:
        history (History): The smaller history; its `past` accounts for the dropped turns.
        turns (tuple[Turn, ...]): The turns that were dropped, oldest first; empty where fewer facts are enough.
        rendering_limit (int | None): Tokens that facts and a summary of all turns that were ever dropped may take
            together. `None` means there was nothing to do.
        uncut (History | None): The history before texts in it were cut, where it holds protected turns alone: the texts
            may take what facts leave. `None` means it holds others, or nothing was cut.
    """

    history: History
    turns: tuple[Turn, ...] = ()
    rendering_limit: int | None = None
    uncut: History | None = None


@dataclass(frozen=True)
class TrimOldest(DeclaredStrategy):
    """Drops whole turns, oldest first, and renders the facts in them.

    The task, the newest request, what that replies to, and the newest turns stay. Where the results of a turn at the
    edge are what does not fit, they are cut, and the turn stays. It is the hard guarantee at the end of every list of
    strategies: what it leaves are the parts that may not be dropped.

    Args:
        facts (bool): Whether to render the facts in what is dropped, in up to three quarters of the room that turns
            have. Without them, the request only says how much was dropped.
    """

    facts: bool = True

    async def __call__(self, history: History, context: CompactionContext) -> History:
        """Drop turns until the target is reached or nothing is left to drop."""
        dropped = await drop_oldest(history, context, facts=self.facts)
        return await with_dropped_rendered(dropped, context) if self.facts else dropped.history


async def drop_oldest(history: History, context: CompactionContext, *, facts: bool, summary: int = 0) -> Dropped:
    """Choose the turns to drop, oldest first, and drop them."""
    droppable = sorted(set(range(len(history.turns))) - history.kept)
    if context.tokens <= context.target or not (droppable or (facts and context.over_cap)):
        return Dropped(history)
    sizes = {i: context.tokens_of_turn(history.turns[i]) for i in droppable}
    allocation = _allocation(history, context, sizes, facts=facts, summary=summary)
    left = await _shrunk_protected(history, allocation, context)
    protected = context.tokens_of(_only(history.with_turns(left.get(i, t) for i, t in enumerate(history.turns)), left))
    replied = await _cut_exchange(history, allocation.exchange_limit(protected), context)
    exchange = sum(map(context.tokens_of_turn, replied.values()))
    older = [i for i in droppable if i not in replied]
    newest = await _newest_that_fit(history, older, sizes, allocation.turns_limit(protected, exchange), context)
    left |= replied | newest
    shortened = history.with_turns(left.get(i, turn) for i, turn in enumerate(history.turns))
    places = frozenset(i for i in older if i not in newest)
    tokens = sum(sizes[i] for i in places)
    # In a thread: the facts of a long history take a second to read, in which other agents go on.
    smaller = await in_background(lambda: shortened.without(places, tokens), tokens)
    kept = sum(map(context.tokens_of_turn, newest.values()))
    limit = allocation.facts_limit(protected, exchange, kept) + allocation.summary + sum(allocation.reserved.values())
    if not allocation.summary:  # facts take the place of the notice's words; a summary has a message of its own
        limit += context.counter.count_text(str(_notice(history, len(droppable), allocation.dropped).message().content))
    uncut = history if smaller.turns != history.turns and not droppable and history.past is None else None
    return Dropped(smaller, tuple(history.turns[i] for i in sorted(places)), limit, uncut)


async def with_dropped_rendered(dropped: Dropped, context: CompactionContext, summary: str = "") -> History:
    """Render the facts of dropped turns into the history that is left.

    `summary`: Prose about all turns that were ever dropped, placed before the facts. Empty means that the summary
    there is still holds.
    """
    history = dropped.history
    if dropped.rendering_limit is None:
        return history
    past = history.past or DroppedTurns()
    past = replace(past, summary=summary or past.summary)
    limit = dropped.rendering_limit - context.counter.count_text(past.summary)
    past = await render_for(history, past, limit, context)
    rendered = replace(history, past=past) if past.turns or past.rendered or past.summary else history
    return rendered if dropped.uncut is None else await _filled(rendered, dropped.uncut, limit, context)


async def _filled(history: History, uncut: History, limit: int, context: CompactionContext) -> History:
    """Cut texts less, by what facts left of the cap; facts that are visible then are not rendered."""
    spare = context.cap - context.reserved - context.tokens_of(history)
    if spare < context.cap * SHARES.worth_filling:
        return history
    goal = context.tokens_of(replace(history, past=None)) + spare
    longer = await shrink_protected(uncut, context, goal, results=goal)
    if history.past is not None:
        past = await render_for(longer, history.past, limit, context)
        with_facts = replace(longer, past=past if past.rendered else None)
        longer = with_facts if context.tokens_of(with_facts) <= context.cap else replace(longer, past=history.past)
    return longer if context.tokens_of(longer) <= context.cap else history


def _allocation(
    history: History, context: CompactionContext, sizes: Mapping[int, int], *, facts: bool, summary: int
) -> Allocation:
    """Return what the parts of a request ask for, if everything is dropped that may be."""
    counter, earlier = context.counter, history.past or DroppedTurns()
    works = facts and (earlier.digest.working_set.items or any(turn.calls for turn in history.turns))
    protected = context.tokens_of(_only(history, history.kept))
    dropped = earlier.tokens + sum(sizes.values()) + max(0, protected - context.cap)
    return Allocation(
        target=context.target,
        cap=context.cap,
        fixed=context.cap - context.room_of(history),
        dropped=dropped,
        notice=counter.tokens(counter.measure_message(_notice(history, len(sizes), dropped).message())),
        summary=summary or counter.count_text(earlier.summary),
        facts=facts,
        recall=context.reserved,
        reserved={"working set": int(context.room_of(history) * SHARES.working_set)} if works else {},
    )


def _notice(history: History, turns: int, tokens: int) -> DroppedTurns:
    """Return the notice of dropped turns without facts. It grows with its figures: that of all turns is the largest."""
    return DroppedTurns((history.past or DroppedTurns()).turns + turns, tokens)


def _only(history: History, places: Iterable[int]) -> History:
    return replace(history, turns=tuple(history.turns[i] for i in sorted(places)), past=None)


async def _shrunk_protected(history: History, allocation: Allocation, context: CompactionContext) -> dict[int, Turn]:
    """Return the protected turns by position, their longest texts cut where facts would get too few tokens."""
    places = sorted(history.kept)
    protected = _only(history, places)
    if allocation.facts:
        limit, results = allocation.protected_limit, allocation.protected_results_limit
        protected = await shrink_protected(protected, context, limit, results=results)
    return dict(zip(places, protected.turns, strict=True))


async def _cut_exchange(history: History, limit: int, context: CompactionContext) -> dict[int, Turn]:
    """Return the turns of the newest exchange that are not protected anyway, each within what is left of a limit."""
    left: dict[int, Turn] = {}
    for i in history.exchange:
        if i not in history.kept:
            turn = await _cut_to(history.turns[i], limit, history, context)
            size = context.tokens_of_turn(turn)
            if size <= limit:
                left[i], limit = turn, limit - size
    return left


async def _cut_to(turn: Turn, limit: int, history: History, context: CompactionContext) -> Turn:
    """Cut the middle of a turn's text or results, if that brings it within a limit with something left."""
    size, text = context.tokens_of_turn(turn), turn.head.content
    if size <= limit or limit < 2 * ALLOWANCE.min_tokens:
        return turn
    if turn.results:
        return await cut_results(turn, limit // (2 * len(turn.calls)), context, hints_of(history))
    if not isinstance(text, str):
        return turn
    allowance = max(0, limit - (size - context.counter.count_text(text)) - 1)
    reference = await context.store(text)
    cut = cut_middle(text, allowance, context.counter, reference=reference)
    context.remember_cut(cut, reference)
    return turn.with_head(turn.head.model_copy(update={"content": cut}))


async def _newest_that_fit(
    history: History, places: Sequence[int], sizes: Mapping[int, int], available: int, context: CompactionContext
) -> dict[int, Turn]:
    """Return the newest turns that fit, by their positions, with results cut where it is these that do not fit."""
    left: dict[int, Turn] = {}
    hints = hints_of(history)
    for i in reversed(places):
        turn, size = history.turns[i], sizes[i]
        if size > available and turn.results:
            limit = int(min(available, context.cap * SHARES.edge_result)) // len(turn.calls)
            turn = await cut_results(turn, limit, context, hints)
            size = context.tokens_of_turn(turn)
        if size > available:
            break
        left[i] = turn
        available -= size
    return left
