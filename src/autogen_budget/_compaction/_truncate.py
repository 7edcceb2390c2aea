"""Cut over-long results of calls by their kind, and keep the whole: the mildest strategy."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from autogen_budget._background import in_background
from autogen_budget._counting import TokenCounter
from autogen_budget._cut import Notice, cut_text
from autogen_budget._history import History
from autogen_budget._turns import Turn, text_of

from ._component import DeclaredStrategy
from ._protocol import CompactionContext


@dataclass(frozen=True, slots=True)
class SmallestCuts:
    """Tokens of a cut text that are worth keeping: fewer are little but notices.

    Args:
        record (int): Of JSON, whose keys and brackets take tokens too.
        text (int): Of any other text.
    """

    record: int = 128
    text: int = 32


SMALLEST = SmallestCuts()


@dataclass(frozen=True)
class TruncateToolOutputs(DeclaredStrategy):
    """Cuts over-long results of calls, oldest first, and says in the text how much was left out and where it is kept.

    Those of the newest turn and of the newest exchange are cut last, and only as long as the request is over its cap.
    What was cut when it came in keeps the reference it has.

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

    async def __call__(self, history: History, context: CompactionContext) -> History:
        """Cut results until the target is reached or none is over-long."""
        hints = hints_of(history)
        left = context.tokens
        turns = list(history.turns)
        newest = {*history.exchange, len(turns) - 1}  # what the next answer is about: not cut for head-room alone
        for i in sorted(range(len(turns)), key=lambda i: (i in newest, i)):
            turn = turns[i]
            if left <= (context.cap if i in newest else context.target):
                break
            turns[i] = await cut_results(turn, context.cap // 4, context, hints, asked=self._asked)
            if turns[i] is not turn:
                left += context.tokens_of_turn(turns[i]) - context.tokens_of_turn(turn)
        return history.with_turns(turns)

    def _asked(self, tool: str) -> int | None:
        return self.per_tool.get(tool) or self.max_tokens


def nothing_asked(_tool: str) -> None:
    """Set no limit for the results of any tool."""


async def cut_results(
    turn: Turn,
    limit: int,
    context: CompactionContext,
    hints: Sequence[str],
    *,
    asked: Callable[[str], int | None] = nothing_asked,
) -> Turn:
    """Cut each result of a turn to its limit, and keep the whole of it.

    `asked`: Tokens that somebody set for the results of a tool, by the tool's name. `None` means nobody did.
    """
    if turn.results is None:
        return turn
    arguments = {call.id: call.arguments for call in turn.calls}
    contents: list[str] = []
    for result in turn.results.content:
        text, own = result.content, asked(result.name)
        if not _fits(text, own or limit, context.counter):
            reference = await context.store(text)
            cut = cut_text if own else cut_or_leave_out
            about = (arguments[result.call_id], *hints)
            shorten = partial(cut, text, own or limit, context.counter, hints=about, reference=reference)
            text = await in_background(shorten, len(text))
            context.remember_cut(text, reference)
        contents.append(text)
    return turn.with_results(contents)


def cut_or_leave_out(
    text: str, limit: int, counter: TokenCounter, *, hints: Sequence[str] = (), reference: str | None = None
) -> str:
    """Cut a text to a limit by its kind, or put a notice in its place where little would be left of it.

    `reference`: Where the whole is kept. `None` means nowhere.
    """
    smallest = SMALLEST.record if text.lstrip()[:1] in ("{", "[") else SMALLEST.text
    if limit >= smallest or _fits(text, limit, counter):
        return cut_text(text, limit, counter, hints=hints, reference=reference)
    return min(text, Notice(0, len(text), reference).brief(), key=len)


def hints_of(history: History) -> list[str]:
    """Take the words that say what matters in a conversation: the task and the newest request."""
    positions = dict.fromkeys(position for position in (history.task, history.request) if position is not None)
    return [text_of(history.turns[position].head) for position in positions]


def _fits(text: str, limit: int, counter: TokenCounter) -> bool:
    return counter.count_text(text, limit=limit) <= limit
