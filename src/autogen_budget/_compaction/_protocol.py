"""The contract of a strategy: what it is given, and what it returns.

A strategy is a function from history to history. It works on whole turns only, and returns the same object when there
is nothing to do.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, cast, runtime_checkable

from autogen_core.tools import Tool, ToolSchema

from autogen_budget._artifacts import ArtifactLease, whole_of
from autogen_budget._counting import TokenCounter
from autogen_budget._history import History, MessageTallies, TokenBreakdown, measure_turn, sizes_of_history
from autogen_budget._summary import SummaryRequest, SummaryResult
from autogen_budget._turns import Turn

logger = logging.getLogger("autogen_budget")


class SummaryWriter(Protocol):
    """Has a model write summaries, now or ahead of time."""

    def pending_turns(self, turns: Iterable[Turn], previous: str) -> tuple[Turn, ...]:
        """Return the turns of a conversation that are in a draft, or will be: they should be dropped together."""
        ...

    def prepare(self, request: SummaryRequest, /) -> None:
        """Begin to write in the background."""
        ...

    async def write(self, request: SummaryRequest, /) -> SummaryResult:
        """Have a summary written; the result says what failed."""
        ...


def _discard(_words: str) -> None:
    """Take words that nobody records."""


@dataclass(frozen=True, slots=True)
class CompactionContext:
    """What a strategy is given beside the history: what to reach, and how to measure it.

    Args:
        tokens (int): Tokens the whole request holds now.
        target (int): Tokens it should shrink to.
        cap (int): Tokens it must not exceed.
        extras (TokenBreakdown): What the request carries beside its messages: schemas and its own frame.
        counter (TokenCounter): Counts for the model that is called.
        lease (ArtifactLease | None): Stores the whole of what is cut. `None` means there is no store.
        parameters (frozenset[str]): Names of the parameters of the tools offered: what the model may be asked for next.
        summarizer (SummaryWriter | None): Has a model write summaries. `None` means no model may be called.
        reserved (int): Tokens of the cap to keep free for what is recalled; what may not be dropped takes them first.
        note (Callable[[str], None]): Takes a few words for the step's record, beside the figures that follow from the
            histories.
    """

    tokens: int
    target: int
    cap: int
    extras: TokenBreakdown
    counter: TokenCounter
    lease: ArtifactLease | None = None
    parameters: frozenset[str] = frozenset()
    summarizer: SummaryWriter | None = None
    reserved: int = 0
    note: Callable[[str], None] = _discard
    _measured: MessageTallies = field(default_factory=MessageTallies, compare=False, repr=False)

    @property
    def over_cap(self) -> bool:
        """Whether the request is over the cap and must shrink. Otherwise it is over the target and merely should."""
        return self.tokens > self.cap

    def tokens_of(self, history: History) -> int:
        """Return the tokens the whole request would hold with this history, facts that are due included."""
        due = history.past.due if history.past else 0
        return self.counter.tokens((self.extras + sizes_of_history(history, self.counter, self._measured)).total) + due

    def room_of(self, history: History) -> int:
        """Return the tokens that a request may hold beside its instructions and schemas."""
        return max(0, self.cap - self.tokens_of(History(history.system)))

    def tokens_of_turn(self, turn: Turn) -> int:
        """Return the tokens of one turn with all its messages."""
        return self.counter.tokens(measure_turn(turn, self.counter, self._measured))

    def after(self, history: History) -> "CompactionContext":
        """Return the context for what is left to do with this history."""
        return replace(self, tokens=self.tokens_of(history))

    async def store(self, text: str) -> str | None:
        """Store a text before it is cut.

        Args:
            text (str): The whole of it.

        Returns:
            str | None: The reference to name in its place. `None` means there is no store, or that it failed.
        """
        return None if self.lease is None else (await self.lease.keep(text)).reference

    def remember_cut(self, cut: str, reference: str | None) -> None:
        """Note that a text of the history is what is left of a stored one, so that it is not stored again.

        Args:
            cut (str): What is left, exactly as it stands in the history.
            reference (str | None): What `store` returned for the whole. `None` means there is nothing to note.
        """
        if self.lease is not None and reference is not None:
            self.lease.store.remember_cut(cut, reference)

    def reference_of(self, text: str) -> str | None:
        """Return the reference of the stored text that a text of the history is left of. `None` means there is none."""
        return whole_of(self.lease, text)

    def is_stored(self, text: str) -> bool:
        """Return whether the whole of a text, as it was received, is stored."""
        return self.lease is not None and self.lease.keeps(text)


@runtime_checkable
class Strategy(Protocol):
    """One way to make a history smaller; usually a frozen dataclass with this one method."""

    async def __call__(self, history: History, context: CompactionContext) -> History:
        """Make a history smaller."""
        ...


@runtime_checkable
class Prefetching(Protocol):
    """A strategy that prepares, after a call, what the next compaction will need."""

    def should_prefetch(self, context: CompactionContext) -> bool:
        """Return whether there is anything to prepare; asked after each call, so it takes no time."""
        ...

    async def prefetch(self, history: History, context: CompactionContext) -> None:
        """Begin to prepare; what takes long goes on in the background."""
        ...


def parameter_names(tools: Sequence[Tool | ToolSchema]) -> frozenset[str]:
    """Return the names of all parameters of tools, nested ones included."""
    names: set[str] = set()
    for tool in tools:
        try:
            names.update(_properties(tool if isinstance(tool, Mapping) else tool.schema))
        except Exception:  # a schema is a user's code; a request must not fail for the names in it
            logger.debug("the schema of %r cannot be read", tool, exc_info=True)
    return frozenset(names)


def _properties(schema: object) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for key, value in cast(Mapping[str, object], schema).items():
            named = value if key == "properties" else None
            if isinstance(named, Mapping):
                yield from cast(Mapping[str, object], named)
            yield from _properties(value)
    elif isinstance(schema, list):
        for value in cast("list[object]", schema):
            yield from _properties(value)
