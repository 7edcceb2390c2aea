"""Decide when a model's own count is asked for, and let the counter learn from it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from autogen_core.models import LLMMessage
from autogen_core.tools import Tool, ToolSchema

from ._protocol import TokenCounter
from ._source import TokenSource
from ._tally import Tally

logger = logging.getLogger("autogen_budget")

NEAR = 0.8
"""Share of the cap from which on a request is asked about: below it, an error of the count does no harm."""

AGREEMENT = 0.08
"""A count that is no further above the model's own is right. After five reports the margin is about that."""

AGREEMENTS = 3
"""Right counts in a row after which nobody is asked any more."""

MAX_ASKED = 24
"""Questions after which nobody is asked any more, however the counts differ: usage goes on to teach the counter."""


class CountAsker:
    """Asks a `TokenSource` about requests that are near their cap, while the counter still has to learn.

    `source`: Who is asked. `None` means nobody can be.
    """

    def __init__(self, source: TokenSource | None, counter: TokenCounter) -> None:
        self._source = source
        self._counter = counter
        self._agreements = 0
        self._asked = 0

    def should_ask(self, tally: Tally, cap: int) -> bool:
        """Return whether a request is near its cap, and the counter has still to learn."""
        if self._source is None or self._agreements >= AGREEMENTS or self._asked >= MAX_ASKED:
            return False
        return self._counter.tokens(tally) >= NEAR * cap

    async def learn(self, messages: Sequence[LLMMessage], tools: Sequence[Tool | ToolSchema], tally: Tally) -> bool:
        """Ask how many tokens a request has, and let the counter learn from it; nothing is raised."""
        if self._source is None:
            return False
        counted = self._counter.tokens(tally)
        self._asked += 1
        try:
            tokens = await self._source.count_request(messages, tools)
        except Exception:
            logger.debug("%s could not count a request", type(self._source).__name__, exc_info=True)
            return False
        if tokens is None:
            return False
        if tokens <= counted <= (1 + AGREEMENT) * tokens:
            self._agreements += 1
            return False
        self._agreements = 0
        self._counter.observe(tally, tokens)
        return self._counter.tokens(tally) != counted
