"""The hard guarantee: whole turns go, oldest first, and the facts in them stay."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import is_

from ._declared import DeclaredStrategy
from ._history import History
from ._last_resort import shorten
from ._need import Need
from ._past import Past
from ._sizes import measure_turn
from ._telling import telling
from ._truncate import cut_results, hints_of
from ._turns import Turn

LARGEST_SHARE = 0.7
"""Share of the room for turns and facts that facts may take at most. Measured by argument recall on transcripts of
agents: values with their names are worth more, token for token, than whole turns of long ago."""

WORTH = 0.25
"""Tokens of facts for each token that is dropped: more repeats what a reader does not need, less loses what he does."""

SLACK = 1.25
"""How far facts may exceed their share when the turns leave room."""

LEAST_SHARE, LEAST_BEFORE_RESULTS = 0.25, 0.6
"""Share of the room beside instructions and schemas that facts may take whatever stays, if there are that many: before
the words of the task and of the newest turns are cut, and before the results of the newest turns are."""

LARGEST_REST = 0.15
"""Share of the cap that the results of a turn at the edge may keep, where there is no room for all of them."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """What dropping turns left, before the model is told of them.

    Args:
        history (History): The smaller history; its past accounts for the turns that went, and tells nothing yet.
        turns (tuple[Turn, ...]): The turns that went, oldest first; empty where telling less is enough.
        room (int | None): Tokens that facts and a summary of all that ever went may take together. `None` means there
            was nothing to do: what the history's past tells still holds.
    """

    history: History
    turns: tuple[Turn, ...] = ()
    room: int | None = None


@dataclass(frozen=True)
class TrimOldest(DeclaredStrategy):
    """Drops whole turns, oldest first, and tells the facts in them; the task, the newest request and turn stay.

    Where the results of a turn at the edge are what does not fit, they are cut, and the turn stays. It is the hard
    guarantee at the end of every list of strategies: what it leaves are the parts that may not be dropped.

    Args:
        facts (bool): Whether to tell the facts in what is dropped, in up to 70 % of the room that turns have. Without
            them, only how much is gone is told.
    """

    facts: bool = True

    async def __call__(self, history: History, need: Need) -> History:
        """Drop turns until the target is reached or nothing is left to drop."""
        dropped = await drop_oldest(history, need, facts=self.facts)
        return told(dropped, need) if self.facts else dropped.history


async def drop_oldest(history: History, need: Need, *, facts: bool, summary: int = 0) -> Dropped:
    """Choose the turns that go, oldest first, and drop them.

    Args:
        history (History): The conversation.
        need (Need): The target to reach.
        facts (bool): Whether to remember the facts in what goes, and to leave room for telling them. Where what may not
            be dropped leaves too little room for them, they may take some of the head-room between target and cap, and
            its longest texts are cut if that is not enough.
        summary (int): Tokens of the room to leave for a new summary. 0 means the summary there is will be told again.

    Returns:
        Dropped: What is left; nothing went where the target is reached or nothing may go.
    """
    kept = history.kept
    droppable = [i for i in range(len(history.turns)) if i not in kept]
    if need.tokens <= need.target or not (droppable or (facts and need.hard)):
        return Dropped(history)
    counter, gone = need.counter, history.past or Past()
    sizes = [_tokens(turn, need) for turn in history.turns]
    stay = replace(history, turns=tuple(history.turns[i] for i in sorted(kept)), past=None)
    material = gone.tokens + sum(sizes[i] for i in droppable) + max(0, need.tokens_of(stay) - need.cap)
    # The notice grows with the figures in it, so the one for dropping everything is room enough for any.
    message = Past(gone.turns + len(droppable), material).message()
    notice = counter.tokens(counter.measure_message(message))
    prose = summary or counter.tokens(counter.measure_text(gone.summary))
    least = 0
    if facts:
        space = need.cap - need.tokens_of(History(history.system))
        most = int(material * WORTH)
        least = min(most, int(space * LEAST_SHARE))
        results = need.cap - notice - prose - min(most, int(space * LEAST_BEFORE_RESULTS))
        stay = await shorten(stay, need, need.cap - notice - prose - least, results=results)
    used = need.tokens_of(stay) + notice + prose
    least = least if need.target - used < least else 0  # head-room is touched only where the target leaves too little
    share = _room_for_facts(need.target - used, material) if facts else 0
    left = dict(zip(sorted(kept), stay.turns, strict=True))
    left |= await _newest(history, droppable, sizes, need.target - used - share, need)
    used += sum(_tokens(left[i], need) for i in droppable if i in left)
    places = frozenset(i for i in droppable if i not in left)
    turns = tuple(left.get(i, turn) for i, turn in enumerate(history.turns))
    same = all(map(is_, turns, history.turns))
    smaller = (history if same else replace(history, turns=turns)).without(
        places, sum(sizes[i] for i in places), facts=facts
    )
    wished = min(need.target - used, max(int(share * SLACK), int(material * WORTH)))
    room = max(0, wished, min(least - prose, need.cap - used)) + prose
    if not (summary or gone.summary):  # what is told takes the place of the notice's words; a summary has its own
        room += counter.tokens(counter.measure_text(str(message.content)))
    return Dropped(smaller, tuple(history.turns[i] for i in sorted(places)), room)


def told(dropped: Dropped, need: Need, summary: str = "") -> History:
    """The history that is left, with the model told of what went.

    Args:
        dropped (Dropped): What dropping turns left.
        need (Need): Counts what is told, and names what may be asked for next.
        summary (str): Prose about all that ever went, which is told before the facts. Empty means that the summary
            there is still holds.
    """
    history, counter = dropped.history, need.counter
    if dropped.room is None:
        return history
    past = history.past or Past()
    past = replace(past, summary=summary or past.summary)
    room = dropped.room - counter.tokens(counter.measure_text(past.summary))
    past = telling(history, past, room, need)
    return replace(history, past=past) if past.turns or past.told or past.summary else history


def _room_for_facts(room: int, material: int) -> int:
    """Tokens set aside for facts, if half of the room goes to turns and the rest of all that was said is dropped."""
    return max(0, min(int(room * LARGEST_SHARE), int((material - room / 2) * WORTH)))


async def _newest(
    history: History, droppable: Sequence[int], sizes: Sequence[int], room: int, need: Need
) -> dict[int, Turn]:
    """The newest turns that fit, by their positions, with results cut where it is these that do not."""
    left: dict[int, Turn] = {}
    hints = hints_of(history)
    for i in reversed(droppable):
        turn, size = history.turns[i], sizes[i]
        if size > room and turn.results:
            limit = int(min(room, need.cap * LARGEST_REST)) // len(turn.calls)
            turn = await cut_results(turn, limit, need, hints)
            size = _tokens(turn, need)
        if size > room:
            break
        left[i] = turn
        room -= size
    return left


def _tokens(turn: Turn, need: Need) -> int:
    return need.counter.tokens(measure_turn(turn, need.counter))
