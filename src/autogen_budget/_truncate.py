"""The mildest cut: over-long results of calls are shortened by their kind, and the whole is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ._artifacts import READ_ARTIFACT
from ._counting import TokenCounter
from ._cut import cut_text, reference_in
from ._history import History
from ._need import Need
from ._sizes import measure_turn
from ._turns import Turn, text_of


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


def _fits(text: str, limit: int, counter: TokenCounter) -> bool:
    return counter.tokens(counter.measure_text(text, limit=limit)) <= limit
