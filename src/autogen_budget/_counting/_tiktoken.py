"""Count with the vocabularies of OpenAI, and safely for the models of others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import tiktoken

from ._cache import shared_texts
from ._calibration import Calibration
from ._request import RequestCounter

LARGE_TEXT = 100_000
"""Characters that are counted in a thread by `prepare`, if there are more: they take some 20 milliseconds."""


class TiktokenCounter(RequestCounter):
    """Counts exactly for OpenAI's models, safely for all others, and learns from the usage they report.

    Vocabularies ship with the package: no count touches the network, and none raises. A text is encoded once per
    process, however many counters and calls meet it. For a model that is not OpenAI's, a first count is as high as any
    tokenizer measured would make it (English about a quarter above the model's own count); after five reports it is
    about a tenth above.

    .. code-block:: python

        from autogen_budget import TiktokenCounter
        from autogen_core.models import UserMessage

        counter = TiktokenCounter("gpt-4o")
        counter.count([UserMessage(content="Hello!", source="user")])

    Args:
        model (str | None): The model's name, mapped as `tiktoken` maps it: `cl100k_base` for GPT-4, GPT-3.5 and the
            embeddings, `o200k_base` for everything later and for names that `tiktoken` does not know. Models older than
            those (`p50k_base` and before) are counted with `cl100k_base`. `None` counts as `o200k_base` does, until
            reports say otherwise.
    """

    def __init__(self, model: str | None = None) -> None:
        encoding_name = _encoding_name(model)
        self._encoding_name = encoding_name or "o200k_base"
        calibration = Calibration("other" if model and encoding_name is None else None)
        super().__init__(shared_texts(self._encoding_name), calibration, self._encoding_name)

    @property
    def encoding_name(self) -> str:
        """The vocabulary used: `o200k_base` or `cl100k_base`."""
        return self._encoding_name

    async def prepare(self, texts: Iterable[str]) -> None:
        """Measure much text in a thread, so that counting it afterwards does not hold the event loop.

        Args:
            texts (Iterable[str]): What will be counted. A little is left for then.
        """
        unknown = self._texts.unknown(texts)
        if sum(map(len, unknown)) > LARGE_TEXT or (unknown and not self._texts.is_loaded):
            await asyncio.to_thread(lambda: [self._texts.measure(text) for text in unknown])


def _encoding_name(model: str | None) -> str | None:
    """Give the vocabulary that `tiktoken` knows a model by; `None` for models of others."""
    try:
        name = tiktoken.encoding_name_for_model((model or "").removeprefix("openai/"))
    except KeyError:
        return None
    return "o200k_base" if name.startswith("o200k") else "cl100k_base"
