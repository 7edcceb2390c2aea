"""The mildest cut: over-long results of calls are shortened by their kind, and the whole is kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ._artifacts import READ_ARTIFACT
from ._counting import TokenCounter
from ._cut import cut_text, reference_in
from ._declared import DeclaredStrategy
from ._history import History
from ._need import Need
from ._sizes import measure_turn
from ._turns import Turn, text_of


@dataclass(frozen=True)
class TruncateToolOutputs(DeclaredStrategy):
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
        hints = hints_of(history)
        left = need.measure(history)
        turns = list(history.turns)
        for i, turn in enumerate(turns):
            if need.counter.tokens(left) <= need.target:
                break
            turns[i] = await cut_results(turn, lambda tool: self._limit(tool, need), need, hints)
            if turns[i] is not turn:
                left = left - measure_turn(turn, need.counter) + measure_turn(turns[i], need.counter)
        if all(new is old for new, old in zip(turns, history.turns, strict=True)):
            return history
        return replace(history, turns=tuple(turns))

    def _limit(self, tool: str, need: Need) -> int:
        return self.per_tool.get(tool) or self.max_tokens or max(1, need.cap // 4)


async def cut_results(turn: Turn, limit_of: Callable[[str], int], need: Need, hints: Sequence[str]) -> Turn:
    """The turn with each of its results within its limit, and the whole of it kept.

    Args:
        turn (Turn): Any turn.
        limit_of (Callable[[str], int]): Tokens that a result of a tool may hold, by the tool's name.
        need (Need): Counts, and keeps the whole.
        hints (Sequence[str]): Texts that tell what matters, beside the arguments of each call.

    Returns:
        Turn: This object when nothing had to be cut. Answers of the read-back tool stay as they are.
    """
    if turn.results is None:
        return turn
    arguments = {call.id: call.arguments for call in turn.calls}
    contents: list[str] = []
    for result in turn.results.content:
        text, limit = result.content, limit_of(result.name)
        if result.name != READ_ARTIFACT and not _fits(text, limit, need.counter):
            reference = reference_in(text) or await need.keep(text)
            text = cut_text(text, limit, need.counter, hints=(arguments[result.call_id], *hints), reference=reference)
        contents.append(text)
    return turn.with_results(contents)


def hints_of(history: History) -> list[str]:
    """The words that tell what matters in a conversation: the task and the newest request."""
    asked = dict.fromkeys(place for place in (history.task, history.request) if place is not None)
    return [text_of(history.turns[place].head) for place in asked]


def _fits(text: str, limit: int, counter: TokenCounter) -> bool:
    return counter.tokens(counter.measure_text(text, limit=limit)) <= limit
