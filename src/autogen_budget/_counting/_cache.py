"""Measure every text that a process meets once: in pieces where it is long, and cached within a bound."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from ._tally import Tally, parts
from ._vocabulary import Vocabulary, pieces

logger = logging.getLogger("autogen_budget")


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a text is measured that is beyond any model's window: it is cut or refused, whatever its exact size.

    Args:
        characters (int): Characters from which on a text may be.
        tokens (int): Tokens that the samples must promise: twice what any model takes.
        samples (int): How many parts are measured.
        sample (int): Characters of each.
    """

    characters: int = 8_000_000
    tokens: int = 4_000_000
    samples: int = 64
    sample: int = 4_000


SAMPLING = Sampling()


class TokenCache:
    """Measures texts in one way, which is loaded at the first of them. Safe to use from several threads.

    `entries`: Texts that are remembered at most. `characters`: Characters that these have together at most. Of a
    text of more than an eighth of them only the hash is held, so that it cannot push out all others.
    """

    def __init__(
        self,
        load: Callable[[], Callable[[str], Tally]],
        *,
        piece: int = 50_000,
        entries: int = 50_000,
        characters: int = 16_000_000,
    ) -> None:
        self._load = load
        self._piece = piece
        self._entries = entries
        self._characters = characters
        self._longest = characters // 8
        # A str keeps its own hash, so looking up a text that was met before costs next to nothing.
        self._known: OrderedDict[str | tuple[int, int], Tally] = OrderedDict()
        self._held = 0
        self._measure: Callable[[str], Tally] | None = None
        self._lock = threading.Lock()
        self._loading = threading.Lock()

    @property
    def is_loaded(self) -> bool:
        """Whether the vocabulary is in memory; loading it takes some tenths of a second."""
        return self._measure is not None

    def measure(self, text: str, *, enough: Callable[[Tally], bool] | None = None) -> Tally:
        """Measure a text.

        `enough`: Told the size so far after each piece; true ends the measuring. `None` measures the whole
        text.
        """
        if (known := self._recall(text)) is not None:
            return known
        measure = self._loaded()
        if enough is None and len(text) >= SAMPLING.characters:
            estimate = self._estimated(text, measure)
            if estimate.total > SAMPLING.tokens:
                self._remember(text, estimate)
                return estimate
        tally = Tally()
        for piece in pieces(text, self._piece):
            tally += measure(piece)
            if enough is not None and enough(tally):
                return tally
        self._remember(text, tally)
        return tally

    @staticmethod
    def _estimated(text: str, measure: Callable[[str], Tally]) -> Tally:
        step = len(text) // SAMPLING.samples
        measured = Tally.sum(measure(text[at : at + SAMPLING.sample]) for at in range(0, step * SAMPLING.samples, step))
        return Tally(*(-(-part * step // SAMPLING.sample) for part in parts(measured)))

    def unknown(self, texts: Iterable[str]) -> list[str]:
        """Choose the texts that would have to be measured."""
        return [text for text in texts if self._recall(text) is None]

    def _loaded(self) -> Callable[[str], Tally]:
        if self._measure is None:
            with self._loading:
                if self._measure is None:
                    try:
                        self._measure = self._load()
                    except (OSError, ValueError) as error:
                        logger.warning("Each byte of a text counts as a token, the vocabulary is missing: %s", error)
                        self._measure = count_bytes
        return self._measure

    def _recall(self, text: str) -> Tally | None:
        key = self._key(text)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key)

    def _remember(self, text: str, tally: Tally) -> None:
        key = self._key(text)
        with self._lock:
            if key not in self._known:
                self._known[key] = tally
                self._held += _characters_of(key)
            while len(self._known) > self._entries or self._held > self._characters:
                forgotten, _ = self._known.popitem(last=False)
                self._held -= _characters_of(forgotten)

    def _key(self, text: str) -> str | tuple[int, int]:
        """Return the text; of a large one its length and hash, of 64 bits with a secret of this process."""
        return text if len(text) <= self._longest else (len(text), hash(text))


def _characters_of(key: str | tuple[int, int]) -> int:
    return len(key) if isinstance(key, str) else 0


@cache
def shared_texts(encoding_name: str) -> TokenCache:
    """Give the one `TokenCache` of this process for a vocabulary."""
    return TokenCache(lambda: Vocabulary(encoding_name).measure)


def count_bytes(text: str) -> Tally:
    """Count a text where there is no vocabulary: no tokenizer needs more than a token for each byte."""
    return Tally.exact(len(text.encode("utf-8", "surrogatepass")))
