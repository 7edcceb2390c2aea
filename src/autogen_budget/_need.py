"""The contract of a strategy: what it is told, and what it gives back.

A strategy is a function from history to history. It works on whole turns only, and gives the same object back when
there is nothing to do.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, cast, runtime_checkable

from autogen_core.tools import Tool, ToolSchema

from ._artifacts import Keeper
from ._counting import TokenCounter
from ._history import History
from ._sizes import sizes_of_history
from ._summary import Summarizer
from ._tally import Tally

logger = logging.getLogger("autogen_budget")


def _nobody(_words: str) -> None:
    """Where nobody keeps a record."""


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
        names (frozenset[str]): Names of the parameters of the tools offered: what the model may be asked for next.
        summarizer (Summarizer | None): Has a model write summaries. `None` means there is no model.
        tell (Callable[[str], None]): Takes a few words for the record on what a strategy did, beside what can be seen.
    """

    tokens: int
    target: int
    cap: int
    extras: Tally
    counter: TokenCounter
    keeper: Keeper | None = None
    names: frozenset[str] = frozenset()
    summarizer: Summarizer | None = None
    tell: Callable[[str], None] = _nobody

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


@runtime_checkable
class LooksAhead(Protocol):
    """A strategy that prepares, after a call, what the next compaction will need."""

    def is_due(self, need: Need) -> bool:
        """Whether there is anything to prepare; asked after each call, so it takes no time.

        Args:
            need (Need): What a compaction would be told now, but for its target, which is the cap.
        """
        ...

    async def look_ahead(self, history: History, need: Need) -> None:
        """Begin to prepare; what takes long goes on in the background.

        Args:
            history (History): The conversation as it was sent.
            need (Need): What a compaction would be told now.
        """
        ...


def parameter_names(tools: Sequence[Tool | ToolSchema]) -> frozenset[str]:
    """Names of all parameters of tools, nested ones included.

    Args:
        tools (Sequence[Tool | ToolSchema]): Tools and hand-offs offered to the model. One whose schema cannot be read
            has none.
    """
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
