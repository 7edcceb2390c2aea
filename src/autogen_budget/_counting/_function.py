"""Count with any function that counts a text."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ._cache import TokenCache, count_bytes
from ._calibration import Calibration
from ._request import RequestCounter
from ._tally import Tally

logger = logging.getLogger("autogen_budget")

LARGEST_PIECE = 1_000_000
"""Characters that the function gets in one go."""


class FunctionCounter(RequestCounter):
    """Counts whole requests with a function that counts one text, for example that of a model's own tokenizer.

    Messages, schemas and images are counted as `TiktokenCounter` counts them; what they cost beside their texts is
    learned from reported usage. A text is counted once, and remembered.

    .. code-block:: python

        from autogen_budget import FunctionCounter

        counter = FunctionCounter(lambda text: len(tokenizer.encode(text)))

    Args:
        function (Callable[[str], int]): Gives the tokens of a text. Where it raises, or returns no number of tokens,
            each byte of the text counts as one, and the first time a warning says so.

    Raises:
        TypeError: `function` cannot be called.
    """

    def __init__(self, function: Callable[[str], int]) -> None:
        if not callable(function):
            raise TypeError(f"function must be a function of a text, got {function!r}")
        self._function = function
        # Where this tokenizer ends one token and begins another is not known: only huge texts are cut into pieces.
        super().__init__(TokenCache(lambda: self._measure, piece=LARGEST_PIECE), Calibration("right"), "function")
        self._has_failed = False

    def _measure(self, text: str) -> Tally:
        try:
            tokens = int(self._function(text))
            if tokens < 0:
                raise ValueError(f"it returned {tokens}")
        except Exception as error:
            if not self._has_failed:
                self._has_failed = True
                logger.warning("Each byte of a text counts as a token, the counting function failed: %r", error)
            return count_bytes(text)
        return Tally.exact(tokens)
