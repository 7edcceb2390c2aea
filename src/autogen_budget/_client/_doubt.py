"""Doubt what was only learned of a model, where it leaves no request that fits."""

import logging
from collections.abc import Awaitable, Callable

from autogen_budget._counting import RequestCounter, TokenCounter
from autogen_budget._errors import ContextOverflowError

from ._cap import RequestCap
from ._request import Request

logger = logging.getLogger("autogen_budget")

PATIENCE = 4
"""Refusals in a row before what was learned is doubted: it is right far more often than wrong, and what really does not
fit has to be an error before the call."""


class Doubt:
    """Tries a request by what is known without reports and refusals, if by these none fits.

    They may have been wrong, and while nothing is sent nothing teaches better. What was right is learned again from the
    one request, which is tried after 4, 8, 16, ... refusals in a row.
    """

    def __init__(self, cap: RequestCap, counter: TokenCounter) -> None:
        self._cap = cap
        self._counter = counter
        self._refusals = 0

    def forget_refusals(self) -> None:
        """Begin to count anew: a request was answered, and was not over its cap."""
        self._refusals = 0

    async def unless_only_learned(self, plan: Callable[[], Awaitable[Request]]) -> Request:
        """Plan a request; where none fits, perhaps once more by what is known without having been learned.

        Raises:
            ContextOverflowError: None fits.
        """
        try:
            return await plan()
        except ContextOverflowError:
            self._refusals += 1
            if self._refusals < PATIENCE or self._refusals.bit_count() != 1:
                raise
            learned, restore_cap = self._counter.save_state(), self._cap.forget_refusals()
            if isinstance(self._counter, RequestCounter):
                self._counter.forget_reports()
            try:
                request = await plan()
            except BaseException:
                restore_cap()
                self._counter.load_state(learned)
                raise
            logger.warning(
                "no request fits by what the model's provider has reported: trying one of about %d tokens as if it had "
                "reported nothing. If it goes on reporting as much, raise max_prompt_tokens",
                request.tokens,
            )
            return request
