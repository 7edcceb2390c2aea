"""The tools that the requests of one client offer: all of them, or those that fit under their own cap."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from weakref import WeakKeyDictionary

from autogen_budget._budget import TokenBudget
from autogen_budget._counting import TokenCounter
from autogen_budget._fixed import Selection, ToolContext, Toolset, select_tools
from autogen_budget._history import ConversationIdentity
from autogen_budget._turns import READ_ARTIFACT

from ._request import Ask

logger = logging.getLogger("autogen_budget")


class ToolOffers:
    """Chooses what to offer, and remembers it for each conversation, so that it stays the same while it can."""

    def __init__(self, budget: TokenBudget, counter: TokenCounter, pinned: Sequence[str] = ()) -> None:
        self.budget = budget
        """Its `max_tool_schema_tokens` is the cap, from the next call on."""
        self._counter = counter
        self._pinned = tuple(pinned)
        self._toolset: Toolset | None = None
        self._latest: WeakKeyDictionary[ConversationIdentity, tuple[Toolset, Selection]] = WeakKeyDictionary()
        self._warned = False

    async def choose(self, ask: Ask, conversation: ConversationIdentity) -> tuple[Ask, Selection]:
        """Choose what a request offers; off the event loop, since a thousand schemas may have to be read.

        Returns:
            tuple[Ask, Selection]: What to ask for in its place; the same object where all tools are offered as they
            came. An empty selection means that nothing limits them.
        """
        limit = self.budget.max_tool_schema_tokens
        if limit is None or not ask.tools:
            return ask, Selection()
        selection = await asyncio.to_thread(self._select, ask, conversation, limit)
        if selection.tokens > limit and not self._warned:
            self._warned = True
            logger.warning(
                "the tools that are always offered (pinned ones, hand-offs, `read_artifact`) take %d tokens in their "
                "shortest form, over max_tool_schema_tokens=%d: raise it, or pin fewer",
                selection.tokens,
                limit,
            )
        unchanged = len(selection.tools) == len(ask.tools) and not selection.shortened
        return (ask if unchanged else replace(ask, tools=selection.tools)), selection

    def _select(self, ask: Ask, conversation: ConversationIdentity, limit: int) -> Selection:
        before = self._latest.get(conversation)
        known = (toolset for toolset in (before and before[0], self._toolset) if toolset is not None)
        toolset = next((toolset for toolset in known if list(toolset.tools) == list(ask.tools)), None)
        if toolset is None:
            toolset = self._toolset = Toolset(ask.tools, self._counter)
        choice = () if isinstance(ask.tool_choice, str) else (ask.tool_choice.name,)
        selection = select_tools(
            toolset,
            ToolContext.of(ask.messages),
            limit,
            always=(*self._pinned, *choice, READ_ARTIFACT),
            before=before[1] if before is not None and before[0] is toolset else None,
        )
        self._latest[conversation] = toolset, selection
        return selection
