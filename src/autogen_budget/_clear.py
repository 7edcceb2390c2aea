"""Old results of calls become one line each, and the facts in them are told instead."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ._declared import DeclaredStrategy
from ._history import History
from ._need import Need
from ._past import Past
from ._sizes import measure_turn
from ._stand_in import call_in_short, stand_in
from ._telling import telling
from ._turns import Turn

FACTS, MOST_FACTS = 0.25, 0.5
"""Tokens of facts for each token that is cleared, as `TrimOldest` tells them of what it drops; more where clearing went
further than it had to."""


@dataclass(frozen=True)
class ClearToolOutputs(DeclaredStrategy):
    """Replaces old results of calls by one line each, oldest first: the call in short, the size, a reference.

    The calls stay as they were made. The facts in what is cleared are told once, right after the task, in a quarter of
    the tokens that it held, or half of them where there is room: a value that the model goes on to need is still there
    with its name.

    Args:
        keep_last (int): How many of the newest turns with calls keep their results, at least 0. The newest turns and
            pinned ones keep them in any case.

    Raises:
        ValueError: `keep_last` is negative.
    """

    keep_last: int = 3

    def __post_init__(self) -> None:
        if self.keep_last < 0:
            raise ValueError(f"keep_last must be 0 or more turns with calls, got {self.keep_last}")

    async def __call__(self, history: History, need: Need) -> History:
        """Clear results until the target is reached, facts included, or none is old enough."""
        counter, turns = need.counter, list(history.turns)
        left, cleared = need.measure(history), 0
        for i in self._old(history):
            if counter.tokens(left) + int(cleared * FACTS) <= need.target:
                break
            turns[i] = await _cleared(turns[i], need)
            saved = measure_turn(history.turns[i], counter) - measure_turn(turns[i], counter)
            left, cleared = left - saved, cleared + counter.tokens(saved)
        if not cleared:
            return history
        return _telling(replace(history, turns=tuple(turns)), cleared, need)

    def _old(self, history: History) -> Iterator[int]:
        """Positions of the turns whose results may be cleared, oldest first."""
        tools = [i for i, turn in enumerate(history.turns) if turn.kind == "tools"]
        kept = history.kept
        return (i for i in tools[: max(0, len(tools) - self.keep_last)] if i not in kept)


async def _cleared(turn: Turn, need: Need) -> Turn:
    """The turn with a line in place of each result that is longer than its line."""
    calls = {call.id: call for call in turn.calls}
    contents: list[str] = []
    for result in turn.results.content if turn.results else ():
        tokens = need.counter.tokens(need.counter.measure_text(result.content))
        what = f"{call_in_short(calls[result.call_id])}: {tokens:,} tokens"
        contents.append(await stand_in(result.content, what, need, tool=result.name))
    return turn.with_results(contents)


def _telling(history: History, cleared: int, need: Need) -> History:
    """The history with the facts of what was cleared told beside those that were told before.

    The past accounts for these tokens as well: what drops the turns later on leaves room for their facts by that.
    """
    counter, before = need.counter, history.past or Past()
    room = max(int(cleared * FACTS), min(int(cleared * MOST_FACTS), need.target - need.tokens_of(history)))
    limit = room + counter.tokens(counter.measure_text(before.told))
    past = telling(history, replace(before, tokens=before.tokens + cleared), limit, need)
    # Nothing is told of no turns: its message would say that none were left out.
    return replace(history, past=past if past.told or past.turns else None)
