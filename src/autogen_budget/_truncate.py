"""The mildest cut: over-long results of calls are shortened by their kind, and the whole is kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ._artifacts import READ_ARTIFACT
from ._counting import TokenCounter
from ._cut import cut_text, reference_in
from ._cut._notice import Notice
from ._declared import DeclaredStrategy
from ._history import History
from ._need import Need
from ._sizes import measure_turn
from ._turns import Turn, text_of

SMALLEST_RECORD, SMALLEST_TEXT = 128, 32
"""Tokens of a cut record and of any other cut text that are worth keeping: less is little but notices."""


@dataclass(frozen=True)
class TruncateToolOutputs(DeclaredStrategy):
    """Cuts over-long results of calls, oldest first, and says in the text how much was left out and where it is kept.

    What was cut when it came in keeps the reference it has. Answers of the read-back tool stay as they are.

    Args:
        max_tokens (int | None): Tokens one result may keep. `None` means a quarter of the cap; where that is too little
            to hold anything, a notice alone.
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
            turns[i] = await cut_results(turn, need.cap // 4, need, hints, asked=self._asked)
            if turns[i] is not turn:
                left = left - measure_turn(turn, need.counter) + measure_turn(turns[i], need.counter)
        if all(new is old for new, old in zip(turns, history.turns, strict=True)):
            return history
        return replace(history, turns=tuple(turns))

    def _asked(self, tool: str) -> int | None:
        return self.per_tool.get(tool) or self.max_tokens


def nothing_asked(_tool: str) -> None:
    """Where nobody says how long the results of a tool may be."""


async def cut_results(
    turn: Turn,
    limit: int,
    need: Need,
    hints: Sequence[str],
    *,
    asked: Callable[[str], int | None] = nothing_asked,
) -> Turn:
    """The turn with each of its results within its limit, and the whole of it kept.

    Args:
        turn (Turn): Any turn.
        limit (int): Tokens that there are for one result; where they would hold little, a notice stands in its place.
        need (Need): Counts, and keeps the whole.
        hints (Sequence[str]): Texts that tell what matters, beside the arguments of each call.
        asked (Callable[[str], int | None]): Tokens that somebody set for the results of a tool, by the tool's name.
            `None` means nobody did.

    Returns:
        Turn: This object when nothing had to be cut. Answers of the read-back tool stay as they are.
    """
    if turn.results is None:
        return turn
    arguments = {call.id: call.arguments for call in turn.calls}
    contents: list[str] = []
    for result in turn.results.content:
        text, own = result.content, asked(result.name)
        if result.name != READ_ARTIFACT and not _fits(text, own or limit, need.counter):
            reference = reference_in(text) or await need.keep(text)
            cut = cut_text if own else cut_or_leave_out
            about = (arguments[result.call_id], *hints)
            text = cut(text, own or limit, need.counter, hints=about, reference=reference)
        contents.append(text)
    return turn.with_results(contents)


def cut_or_leave_out(
    text: str, limit: int, counter: TokenCounter, *, hints: Sequence[str] = (), reference: str | None = None
) -> str:
    """A text cut to a limit by its kind, or a notice in its place where little would be left of it.

    Args:
        text (str): The text.
        limit (int): Tokens it may hold. A notice that names a reference takes up to 20 tokens, whatever the limit.
        counter (TokenCounter): Counts them.
        hints (Sequence[str]): Texts that tell what matters.
        reference (str | None): Where the whole is kept. `None` means nowhere.
    """
    smallest = SMALLEST_RECORD if text.lstrip()[:1] in ("{", "[") else SMALLEST_TEXT
    if limit >= smallest or _fits(text, limit, counter):
        return cut_text(text, limit, counter, hints=hints, reference=reference)
    return min(text, Notice(0, len(text), reference).brief(), key=len)


def hints_of(history: History) -> list[str]:
    """The words that tell what matters in a conversation: the task and the newest request."""
    asked = dict.fromkeys(place for place in (history.task, history.request) if place is not None)
    return [text_of(history.turns[place].head) for place in asked]


def _fits(text: str, limit: int, counter: TokenCounter) -> bool:
    return counter.tokens(counter.measure_text(text, limit=limit)) <= limit
