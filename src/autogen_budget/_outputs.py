"""Cuts what tools and programs put out, where it comes in: the whole is stored first, and each cut is told."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from ._artifacts import ArtifactStore, Keeper
from ._budget import TokenBudget
from ._counting import TokenCounter
from ._cut import cut_text
from ._report import OutputCut, OutputHook, tell
from ._windows import DEFAULT_WINDOW

logger = logging.getLogger("autogen_budget")

MAX_CUTS = 1_000
"""How many cuts are remembered; older ones have been told to the hooks and are forgotten."""


class OutputCutter:
    """Cuts outputs to what a budget allows a tool.

    Args:
        budget (TokenBudget): Says how much one output may hold.
        artifacts (ArtifactStore): Where the whole of what is cut is kept, for as long as this object lives.
        counter (TokenCounter): Counts tokens.
        cap (Callable[[], int] | None): Tells how many tokens a request may hold by now. `None` means what the budget
            itself says.
        hints (Callable[[], Sequence[str]] | None): Tells what is being asked at the moment; what shares rare words with
            it is kept before the rest. `None` means that only the call itself tells.
        hooks (Sequence[OutputHook]): Called with the record of each cut.
    """

    def __init__(
        self,
        budget: TokenBudget,
        artifacts: ArtifactStore,
        counter: TokenCounter,
        *,
        cap: Callable[[], int] | None = None,
        hints: Callable[[], Sequence[str]] | None = None,
        hooks: Sequence[OutputHook] = (),
    ) -> None:
        self.keeper = Keeper(artifacts)
        """Holds what was cut."""
        self.counter = counter
        """Counts tokens."""
        self.cuts: deque[OutputCut] = deque(maxlen=MAX_CUTS)
        """The latest cuts, oldest first."""
        self.budget = budget
        """Says how much one output may hold."""
        self._cap = cap
        self._hints = hints
        self._hooks = tuple(hooks)

    def limit(self, tool: str) -> int:
        """Tokens one output of a tool may hold by now.

        Args:
            tool (str): The tool's name.
        """
        return self.budget.tool_output_limit(tool, cap_of(self.budget) if self._cap is None else self._cap())

    def fits(self, text: str, tool: str) -> bool:
        """Whether a text is within what its tool may put out; if counting fails, a token for each character is assumed.

        Args:
            text (str): An output.
            tool (str): The tool's name.
        """
        limit = self.limit(tool)
        try:
            return self.counter.tokens(self.counter.measure_text(text, limit=limit)) <= limit
        except Exception:
            return len(text) <= limit

    async def cut(self, text: str, tool: str, *, hints: Sequence[str] = ()) -> str:
        """Cut an output to its limit; never raises, since AutoGen would wait for the answer forever.

        Args:
            text (str): What the tool put out.
            tool (str): The tool's name.
            hints (Sequence[str]): What the call asked for.

        Returns:
            str: The same object when it fits.
        """
        if self.fits(text, tool):
            return text
        limit = self.limit(tool)
        kept = await self.keeper.keep(text)
        asked = (*hints, *(self._hints() if self._hints else ()))
        try:
            # In a thread: reading 100 MB takes a second, in which other agents go on.
            cut = await asyncio.to_thread(_cut_afresh, text, limit, self.counter, asked, kept.reference)
        except Exception:
            logger.warning("the output of %r could only be cut at its end", tool, exc_info=True)
            cut = text[:limit]  # hardly any character is more than a token
        self._tell(OutputCut(tool, len(text), len(cut), limit, kept.reference, kept.error))
        return cut

    def _tell(self, record: OutputCut) -> None:
        self.cuts.append(record)
        logger.info("%s: %d -> %d characters (%s)", record.tool, record.characters, record.kept, record.reference)
        tell(record, self._hooks)


def _cut_afresh(text: str, limit: int, counter: TokenCounter, hints: Sequence[str], reference: str | None) -> str:
    """The cut text, with a notice that refers to the whole of it.

    An earlier cut's notice inside it (an agent that is used as a tool tells what its own tools said) refers to a part
    only, and cutting would keep its reference instead. In a spelling of its own it is a line like any other.
    """
    if reference is not None:
        text = text.replace("[cut: ", "[Cut: ").replace("[cut; ", "[Cut; ")
    return cut_text(text, limit, counter, hints=hints, reference=reference)


def cap_of(budget: TokenBudget) -> int:
    """Tokens a request may hold where no model is known.

    Args:
        budget (TokenBudget): Where it says neither, the window is assumed to be 8,192 tokens.
    """
    nothing_set = budget.max_prompt_tokens is None and budget.context_window is None
    return budget.cap(DEFAULT_WINDOW if nothing_set else budget.context_window)
