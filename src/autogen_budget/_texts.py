"""Every text that a process has met, measured once: in pieces where it is long, and remembered while there is room."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from pathlib import Path

from ._estimate import estimate
from ._tally import Tally
from ._vocabulary import SHIPPED, Vocabulary, pieces

logger = logging.getLogger("autogen_budget")


class Texts:
    """Measures texts with one vocabulary, which is loaded at the first of them. Safe to use from several threads.

    Args:
        encoding_name (str): The vocabulary: `o200k_base` or `cl100k_base`.
        folder (Path): Where the packed vocabularies lie.
        piece (int): Characters that are encoded in one go.
        entries (int): Texts that are remembered at most.
        characters (int): Characters that these have together at most. A text of more than an eighth of them is measured
            anew each time, so that it cannot push out all others.
    """

    def __init__(
        self,
        encoding_name: str,
        *,
        folder: Path = SHIPPED,
        piece: int = 50_000,
        entries: int = 50_000,
        characters: int = 16_000_000,
    ) -> None:
        self._encoding_name = encoding_name
        self._folder = folder
        self._piece = piece
        self._entries = entries
        self._characters = characters
        self._longest = characters // 8
        # A str keeps its own hash, so looking up a text that was met before costs next to nothing.
        self._known: OrderedDict[str, Tally] = OrderedDict()
        self._held = 0
        self._measure: Callable[[str], Tally] | None = None
        self._lock = threading.Lock()

    @property
    def estimated(self) -> bool:
        """Whether the vocabulary cannot be read, so that estimates take its place."""
        return self._loaded() is estimate

    def measure(self, text: str, *, enough: Callable[[Tally], bool] | None = None) -> Tally:
        """Measures a text.

        Args:
            text (str): Any text.
            enough (Callable[[Tally], bool] | None): Told the size so far after each piece; true ends the measuring.
                `None` measures the whole text.

        Returns:
            Tally: The size of the text, or of its beginning where that was enough.
        """
        if (known := self._recall(text)) is not None:
            return known
        measure = self._loaded()
        tally = Tally()
        for piece in pieces(text, self._piece):
            tally += measure(piece)
            if enough is not None and enough(tally):
                return tally
        self._remember(text, tally)
        return tally

    def _loaded(self) -> Callable[[str], Tally]:
        with self._lock:
            if self._measure is None:
                try:
                    self._measure = Vocabulary(self._encoding_name, self._folder).measure
                except (OSError, ValueError) as error:
                    logger.warning("Tokens are estimated, from above, because the vocabulary is missing: %s", error)
                    self._measure = estimate
            return self._measure

    def _recall(self, text: str) -> Tally | None:
        if len(text) > self._longest:  # never remembered; looking it up would read all of it to hash it
            return None
        with self._lock:
            if text in self._known:
                self._known.move_to_end(text)
            return self._known.get(text)

    def _remember(self, text: str, tally: Tally) -> None:
        if len(text) > self._longest:
            return
        with self._lock:
            if text not in self._known:
                self._known[text] = tally
                self._held += len(text)
            while len(self._known) > self._entries or self._held > self._characters:
                forgotten, _ = self._known.popitem(last=False)
                self._held -= len(forgotten)


@cache
def shared_texts(encoding_name: str) -> Texts:
    """Gives the one `Texts` of this process for a vocabulary.

    Args:
        encoding_name (str): `o200k_base` or `cl100k_base`.

    Returns:
        Texts: The same object each time.
    """
    return Texts(encoding_name)
