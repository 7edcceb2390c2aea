"""Cuts what tools and programs put out, where it is received: the whole is stored first, and each cut is recorded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from autogen_agentchat.messages import BaseChatMessage

from autogen_budget._artifacts import SMALLEST_LIMIT, ArtifactLease, ArtifactStore, ReadArtifactTool, TextIndex
from autogen_budget._budget import TokenBudget
from autogen_budget._counting import TokenCounter
from autogen_budget._cut import cut_text
from autogen_budget._hooks import Hook, RecordLog, tell
from autogen_budget._model_facts import DEFAULT_WINDOW
from autogen_budget._records import OutputCut, Record
from autogen_budget._turns import READ_ARTIFACT

logger = logging.getLogger("autogen_budget")


class ToolOutputLimiter:
    """What the tools and the code of one agent may put out; its workbenches and executors share it.

    `name`: The agent's name, for the records. Empty means it is not known. `cap`: Tells how many tokens a request
    may hold by now. `None` means what the budget itself says. `records`: Where each cut is recorded. `None` means a
    log of its own. `history`: Reads the turns that left the conversation, for `read_artifact("history")`. `None`
    means they cannot be read.
    """

    def __init__(
        self,
        budget: TokenBudget,
        artifacts: ArtifactStore,
        counter: TokenCounter,
        *,
        name: str = "",
        cap: Callable[[], int] | None = None,
        records: RecordLog | None = None,
        hooks: Sequence[Hook] = (),
        history: Callable[[], Awaitable[str]] | None = None,
        left: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self.lease = ArtifactLease(artifacts)
        """Holds the whole of what was cut."""
        self.counter = counter
        """Counts tokens."""
        self.budget = budget
        """Says how much one output may hold; another one, once it is set, holds from the next call on."""
        self.records = RecordLog() if records is None else records
        """Where each cut is recorded."""
        self.name = name
        """The agent's name; empty if it is not known."""
        self._cap = cap
        self._hooks = tuple(hooks)
        self._history = history
        self._left = left
        self._index = TextIndex()
        self._asked: tuple[str, ...] = ()

    def remember(self, messages: Sequence[BaseChatMessage]) -> None:
        """Note what is asked of the agent, the first words and the newest: it decides what to keep of an output."""
        self._asked = (*self._asked[:1], *(message.to_model_text() for message in messages[-1:]))

    def forget(self) -> None:
        """Forget what was asked and hold no text any more, as after a reset of the conversation."""
        self._asked = ()
        self.lease.release()

    def limit(self, tool: str) -> int:
        """Return the tokens one output of a tool may hold by now."""
        return self.budget.tool_output_limit(tool, cap_of(self.budget) if self._cap is None else self._cap())

    def reader(self) -> ReadArtifactTool:
        """Return the tool that reads back what was cut, as its limit is by now."""
        limit = max(SMALLEST_LIMIT, self.limit(READ_ARTIFACT))
        return ReadArtifactTool(
            self.lease.store,
            self.counter,
            limit,
            history=self._history,
            references=lambda: (*self._left(), *self.lease.references),
            index=self._index,
        )

    def fits(self, text: str, tool: str) -> bool:
        """Return whether a text is within its tool's limit; if counting fails, each character counts as a token.

        Args:
            text (str): An output.
            tool (str): The tool's name.
        """
        limit = self.limit(tool)
        try:
            return self.counter.count_text(text, limit=limit) <= limit
        except Exception:
            return len(text) <= limit

    async def cut(self, text: str, tool: str, *, hints: Sequence[str] = ()) -> str:
        """Cut an output to its limit; never raises, since AutoGen would wait for the answer forever."""
        if self.fits(text, tool):
            return text
        limit = self.limit(tool)
        kept = await self.lease.keep(text)
        asked = (*hints, *self._asked)
        try:
            # In a thread: reading 100 MB takes a second, in which other agents go on.
            cut = await asyncio.to_thread(cut_text, text, limit, self.counter, hints=asked, reference=kept.reference)
        except Exception:
            logger.warning("the output of %r could only be cut at its end", tool, exc_info=True)
            cut = text[:limit]  # hardly any character is more than a token
        if kept.reference is not None:
            self.lease.store.remember_cut(cut, kept.reference)
        logger.info("%s: %d -> %d characters (%s)", tool, len(text), len(cut), kept.reference)
        self.report(OutputCut(tool, len(text), len(cut), limit, kept.reference, kept.error, self.name))
        return cut

    def report(self, record: Record) -> None:
        """Keep the record of something that was done to a tool, and call the hooks."""
        self.records.add(record)
        tell(record, self._hooks)


def cap_of(budget: TokenBudget) -> int:
    """Return the tokens a request may hold where no model is known."""
    nothing_set = budget.max_prompt_tokens is None and budget.context_window is None
    return budget.cap(DEFAULT_WINDOW if nothing_set else budget.context_window)
