"""The hard guarantee: whole turns go, oldest first, and the facts in them stay."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ._history import History
from ._need import Need
from ._past import Past
from ._sizes import measure_turn
from ._turns import Turn, text_of

LARGEST_SHARE = 0.7
"""Share of the room for turns and facts that facts may take at most. Measured by argument recall on transcripts of
agents: values with their names are worth more, token for token, than whole turns of long ago."""

WORTH = 0.25
"""Tokens of facts for each token that is dropped: more repeats what a reader does not need, less loses what he does."""

SLACK = 1.25
"""How far facts may exceed their share when the turns leave room."""


@dataclass(frozen=True)
class TrimOldest:
    """Drops whole turns, oldest first, and tells the facts in them; the task, the newest request and turn stay.

    The hard guarantee at the end of every list of strategies: what it leaves are the parts that may not be dropped.

    Args:
        facts (bool): Whether to tell the facts in what is dropped, in up to 70 % of the room that turns have. Without
            them, only how much is gone is told.
    """

    facts: bool = True

    async def __call__(self, history: History, need: Need) -> History:
        """Drop turns until the target is reached or nothing is left to drop."""
        if need.tokens <= need.target:
            return history
        counter, kept = need.counter, history.kept
        sizes = [counter.tokens(measure_turn(turn, counter)) for turn in history.turns]
        droppable = [i for i in range(len(sizes)) if i not in kept]
        if not droppable:
            return history
        bare = replace(history, turns=tuple(history.turns[i] for i in sorted(kept)), past=None)
        gone = history.past or Past()
        material = gone.tokens + sum(sizes[i] for i in droppable)
        # The notice grows with the figures in it, so the one for dropping everything is room enough for any.
        notice = Past(gone.turns + len(droppable), material).message()
        room = need.target - need.tokens_of(bare) - counter.tokens(counter.measure_message(notice))
        facts = _room_for_facts(room, material) if self.facts else 0
        dropped = _oldest(droppable, sizes, room - facts)
        smaller = history.without(frozenset(dropped), sum(sizes[i] for i in dropped), facts=self.facts)
        if not self.facts:
            return smaller
        left = room - sum(sizes[i] for i in droppable if i not in dropped)
        return replace(smaller, past=_told(smaller, smaller.past or Past(), min(left, int(facts * SLACK)), need))


def _room_for_facts(room: int, material: int) -> int:
    """Tokens set aside for facts, if half of the room goes to turns and the rest of all that was said is dropped."""
    return max(0, min(int(room * LARGEST_SHARE), int((material - room / 2) * WORTH)))


def _oldest(droppable: Sequence[int], sizes: Sequence[int], room: int) -> list[int]:
    """Positions of the turns that go, so that those left over, the newest, fit."""
    for place in range(len(droppable) - 1, -1, -1):
        room -= sizes[droppable[place]]
        if room < 0:
            return list(droppable[: place + 1])
    return []


def _told(history: History, past: Past, limit: int, need: Need) -> Past:
    visible = [text_of(message) for message in (*history.system, *(m for t in history.turns for m in t.messages))]
    shortened: list[Turn] = [turn for turn in history.turns if turn.whole is not None]
    return past.telling(limit, need.counter, visible=visible, shortened=shortened, wanted=need.names)
