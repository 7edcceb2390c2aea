"""Render what is known of dropped turns within a token limit."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from autogen_budget._background import in_background
from autogen_budget._counting import TokenCounter
from autogen_budget._cut import cut_middle
from autogen_budget._history import DroppedTurns, History
from autogen_budget._turns import Turn, text_of

from ._allocation import SHARES
from ._protocol import CompactionContext

MIN_FACTS, TOKENS_PER_FACT = 500, 3
"""How many facts are remembered: one for so many tokens of the limit, twice as many as can be rendered in it, and at
least so many. A long run keeps what a request can use; whole turns stay in the store."""


_GAP = 2
"""Tokens between facts and the working set, at most."""


@dataclass(frozen=True, slots=True)
class Focus:
    """What decides which facts are rendered first.

    Args:
        visible (tuple[str, ...]): Texts that stay in the request: what they say is not repeated.
        shortened (tuple[Turn, ...]): Turns that stay, with parts of them cut away: these parts are facts as well.
        parameters (Collection[str]): Names of what may be asked for next; facts of that name come first.
        about (str): What is talked about now: facts that have to do with it come first. Empty for nothing.
        working_set (int): Tokens that the working set may take of the limit.
        kept (tuple[Turn, ...]): All turns that stay: rules that they replace are not rendered beside them.
        people (frozenset[str]): Names under which people speak, beside "user", "customer" and the like.
    """

    visible: tuple[str, ...] = ()
    shortened: tuple[Turn, ...] = ()
    parameters: Collection[str] = ()
    about: str = ""
    working_set: int = 0
    kept: tuple[Turn, ...] = ()
    people: frozenset[str] = frozenset()


def render(dropped: DroppedTurns, limit: int, counter: TokenCounter, focus: Focus | None = None) -> DroppedTurns:
    """Render the facts of dropped turns; facts that are far from being rendered are forgotten.

    `focus`: What decides which facts come first. `None` means nothing does.
    """
    focus, limit = focus or Focus(), max(0, limit)
    digest = dropped.digest.extended(turn.uncut for turn in focus.shortened).amended(focus.kept, focus.people)
    inherited = cut_middle(f"{dropped.inherited}\n", limit // 2, counter) if dropped.inherited else ""
    limit -= counter.count_text(inherited)
    seen, share = "\n".join(focus.visible), min(focus.working_set, limit // 3)
    # Facts tell of a thing what it belongs to. The working set adds what they leave out, within its share.
    most = _tokens(digest.working_set.render(share, counter, digest.turns, seen), counter)
    gone = dropped.turns if focus.shortened else None
    facts = max(0, limit - most)
    text = digest.render(facts, counter, visible=seen, wanted=focus.parameters, about=focus.about, dropped=gone)
    working_set = digest.working_set.render(max(0, most - _GAP), counter, digest.turns, f"{seen}\n{text}")
    remembered = dropped.digest.best(max(MIN_FACTS, limit // TOKENS_PER_FACT))
    rendered = f"{inherited}{text}".rstrip("\n")
    return replace(dropped, rendered=rendered, working_set=working_set, digest=remembered, hidden=False, due=0)


def _tokens(working_set: str, counter: TokenCounter) -> int:
    return counter.count_text(working_set) + _GAP if working_set else 0


def read_ahead(history: History) -> None:
    """Read the facts of the turns that a compaction may drop, so that it only has to rank and render them."""
    turns = (turn.uncut for place, turn in enumerate(history.turns) if place != history.task)
    (history.past or DroppedTurns()).digest.read_ahead(turns)


async def render_for(history: History, dropped: DroppedTurns, limit: int, context: CompactionContext) -> DroppedTurns:
    """Render the facts of dropped turns that a request does not hold anyway, those about its newest words first."""
    messages = (*history.system, *(message for turn in history.turns for message in turn.messages))
    newest = history.turns[history.request or 0 :]
    focus = Focus(
        visible=(dropped.summary, *map(text_of, messages)),
        shortened=tuple(turn for turn in history.turns if turn.whole is not None),
        parameters=context.parameters,
        about="\n".join(text_of(turn.head) for turn in newest),
        working_set=int(context.room_of(history) * SHARES.working_set),
        kept=history.turns,
        people=history.people,
    )
    return await in_background(lambda: render(dropped, limit, context.counter, focus), limit)


async def with_due_rendered(history: History, context: CompactionContext) -> History:
    """Render facts that are due still: of cleared results, where no turn was dropped after that."""
    past = history.past
    if past is None or not past.due:
        return history
    beside = context.tokens_of(history) - past.due
    past = await render_for(history, past, min(past.due, context.cap - beside), context)
    # Without dropped turns there is no message: it would say that none were left out.
    return replace(history, past=past if past.rendered or past.turns else None)
