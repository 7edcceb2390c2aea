"""How a history is made smaller: the contract of a strategy, and the strategies that need no model.

A strategy is a function from history to history. It is told what is needed, works on whole turns only, and gives the
same object back when there is nothing to do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from ._budget import TokenBudget
from ._counting import TokenCounter
from ._cut import cut_text, reference_in
from ._history import History
from ._keeper import Keeper
from ._read_artifact import READ_ARTIFACT
from ._sizes import measure_turn, sizes_of_history
from ._tally import Tally
from ._turns import Turn, text_of


@dataclass(frozen=True, slots=True)
class Need:
    """What a strategy is told: how much there is, how much there should be, and how to count.

    Args:
        tokens (int): Tokens the whole request holds now.
        target (int): Tokens it should shrink to.
        cap (int): Tokens it must not exceed.
        extras (Tally): What the request carries beside its messages: schemas and its own frame.
        counter (TokenCounter): Counts for the model that is called.
        keeper (Keeper | None): Keeps the whole of what is cut. `None` means there is no store.
    """

    tokens: int
    target: int
    cap: int
    extras: Tally
    counter: TokenCounter
    keeper: Keeper | None = None

    @property
    def hard(self) -> bool:
        """Whether the request is over the cap and must shrink. Otherwise it is over the target and merely should."""
        return self.tokens > self.cap

    def tokens_of(self, history: History) -> int:
        """Tokens the whole request would hold with this history."""
        return self.counter.tokens(self.measure(history))

    def measure(self, history: History) -> Tally:
        """What the whole request would weigh with this history."""
        return self.extras + sizes_of_history(history, self.counter).total

    def after(self, history: History) -> "Need":
        """The need that is left with this history."""
        return replace(self, tokens=self.tokens_of(history))

    async def keep(self, text: str) -> str | None:
        """Store a text before it is cut.

        Args:
            text (str): The whole of it.

        Returns:
            str | None: The reference to name in its place. `None` means there is no store, or that it failed.
        """
        return None if self.keeper is None else (await self.keeper.keep(text)).reference


@runtime_checkable
class Strategy(Protocol):
    """One way to make a history smaller; usually a frozen dataclass with this one method."""

    async def __call__(self, history: History, need: Need) -> History:
        """Make a history smaller.

        Args:
            history (History): The conversation as it would be sent.
            need (Need): What to reach, and the counter to measure it with.

        Returns:
            History: A smaller one; the same object means there is nothing to do.
        """
        ...


@dataclass(frozen=True)
class TruncateToolOutputs:
    """Cuts over-long results of calls, oldest first, and says in the text how much was left out and where it is kept.

    What was cut when it came in keeps the reference it has. Answers of the read-back tool stay as they are.

    Args:
        max_tokens (int | None): Tokens one result may keep. `None` means a quarter of the cap.
        per_tool (Mapping[str, int]): The same for single tools, by name.
    """

    max_tokens: int | None = None
    per_tool: Mapping[str, int] = field(default_factory=dict[str, int], hash=False)

    def __post_init__(self) -> None:
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1, got {self.max_tokens}")
        for tool, tokens in self.per_tool.items():
            if tokens < 1:
                raise ValueError(f"per_tool must hold at least 1 for each tool, got {tokens} for {tool!r}")

    async def __call__(self, history: History, need: Need) -> History:
        """Cut results until the target is reached or none is over-long."""
        asked = dict.fromkeys(place for place in (history.task, history.request) if place is not None)
        hints = [text_of(history.turns[place].head) for place in asked]
        left = need.measure(history)
        turns = list(history.turns)
        for i, turn in enumerate(turns):
            if need.counter.tokens(left) <= need.target:
                break
            turns[i] = await self._cut(turn, need, hints)
            if turns[i] is not turn:
                left = left - measure_turn(turn, need.counter) + measure_turn(turns[i], need.counter)
        if all(new is old for new, old in zip(turns, history.turns, strict=True)):
            return history
        return replace(history, turns=tuple(turns))

    async def _cut(self, turn: Turn, need: Need, said: Sequence[str]) -> Turn:
        """The turn with each of its results within its limit."""
        if turn.results is None:
            return turn
        arguments = {call.id: call.arguments for call in turn.calls}
        contents: list[str] = []
        for result in turn.results.content:
            limit = self.per_tool.get(result.name) or self.max_tokens or max(1, need.cap // 4)
            text = result.content
            if result.name != READ_ARTIFACT and not _fits(text, limit, need.counter):
                reference = reference_in(text) or await need.keep(text)
                text = cut_text(
                    text, limit, need.counter, hints=(arguments[result.call_id], *said), reference=reference
                )
            contents.append(text)
        return turn.with_results(contents)


@dataclass(frozen=True)
class TrimOldest:
    """Drops whole turns, oldest first; the task, the newest request and the newest turn stay.

    The hard guarantee at the end of every list of strategies: what it leaves are the parts that may not be dropped.
    """

    async def __call__(self, history: History, need: Need) -> History:
        """Drop turns until the target is reached or nothing is left to drop."""
        if need.tokens <= need.target:
            return history
        kept = history.kept
        droppable = [i for i in range(len(history.turns)) if i not in kept]
        weights = [measure_turn(history.turns[i], need.counter) for i in droppable]
        everything = history.without(frozenset(droppable), sum(map(need.counter.tokens, weights)))
        if everything.past is None:
            return history
        # The notice grows with the figures in it, so the one for dropping everything is room enough for any.
        left = need.measure(replace(history, past=everything.past))
        dropped: set[int] = set()
        tokens = 0
        for i, weight in zip(droppable, weights, strict=True):
            if need.counter.tokens(left) <= need.target:
                break
            left -= weight
            tokens += need.counter.tokens(weight)
            dropped.add(i)
        return history.without(frozenset(dropped), tokens)


def default_strategies(budget: TokenBudget) -> tuple[Strategy, ...]:
    """The strategies used when none are given: cheapest and least lossy first.

    Args:
        budget (TokenBudget): The budget they work for.
    """
    return (TruncateToolOutputs(budget.max_tool_output_tokens, budget.tool_output_tokens), TrimOldest())


def _fits(text: str, limit: int, counter: TokenCounter) -> bool:
    return counter.tokens(counter.measure_text(text, limit=limit)) <= limit
