"""Replace old results of calls by one line each, and render the facts in them instead."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from autogen_budget._background import pause
from autogen_budget._history import DroppedTurns, History
from autogen_budget._turns import Turn

from ._component import DeclaredStrategy
from ._placeholder import call_signature, placeholder_for
from ._protocol import CompactionContext
from ._recap import with_due_rendered


@dataclass(frozen=True, slots=True)
class ClearedShares:
    """How many tokens facts may take for each token that is cleared.

    Args:
        facts (float): Where the target leaves no more.
        most_facts (float): Where clearing went further than it had to.
    """

    facts: float = 0.25
    most_facts: float = 0.5


CLEARED = ClearedShares()


@dataclass(frozen=True)
class ClearToolOutputs(DeclaredStrategy):
    """Replaces old results of calls by one line each, oldest first: the call in short, the size, a reference.

    The calls stay as they were made. The facts in what is cleared are rendered once, right after the task, in a quarter
    of the tokens that it held, or half of them where the target leaves them: a value that the model still needs is
    there with its name.

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

    async def __call__(self, history: History, context: CompactionContext) -> History:
        """Clear results until the target is reached, facts included, or none is old enough."""
        turns, left, cleared = list(history.turns), context.tokens, 0
        for i in self._old(history):
            if left + int(cleared * CLEARED.facts) <= context.target:
                break
            turns[i] = await _cleared(turns[i], context)
            await pause(i)
            saved = context.tokens_of_turn(history.turns[i]) - context.tokens_of_turn(turns[i])
            left, cleared = left - saved, cleared + saved
        if not cleared:
            return history
        return await _with_facts(history.with_turns(turns), cleared, context)

    def _old(self, history: History) -> Iterator[int]:
        """Positions of the turns whose results may be cleared, oldest first."""
        tools = [i for i, turn in enumerate(history.turns) if turn.kind == "tools"]
        kept = history.kept.union(history.exchange)
        return (i for i in tools[: max(0, len(tools) - self.keep_last)] if i not in kept)


async def _cleared(turn: Turn, context: CompactionContext) -> Turn:
    """Replace each result of a turn that is longer than its line by that line."""
    calls = {call.id: call for call in turn.calls}
    contents: list[str] = []
    for result in turn.results.content if turn.results else ():
        tokens = context.counter.count_text(result.content)
        what = f"{call_signature(calls[result.call_id])}: {tokens:,} tokens"
        contents.append(await placeholder_for(result.content, what, context))
    return turn.with_results(contents)


async def _with_facts(history: History, cleared: int, context: CompactionContext) -> History:
    """Render the facts of what was cleared beside those that were rendered before.

    `past` accounts for the cleared tokens as well: what drops the turns later on leaves room for their facts by that.
    Where the request would be over its target with the facts, turns will be dropped, and all facts rendered then, once.
    """
    before, tokens = history.past or DroppedTurns(), context.tokens_of(history)
    past = replace(before, tokens=before.tokens + cleared)
    if tokens > context.cap:
        return replace(history, past=past)
    least = int(cleared * CLEARED.facts)
    facts_budget = max(least, min(int(cleared * CLEARED.most_facts), context.target - tokens))
    due = replace(history, past=replace(past, due=facts_budget + context.counter.count_text(before.rendered)))
    return due if tokens + least > context.target else await with_due_rendered(due, context)
