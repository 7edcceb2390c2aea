"""What the rest of the library asks of a counter: the sizes of parts, and how many tokens they are for one model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from autogen_core import Image
from autogen_core.models import LLMMessage
from autogen_core.tools import Tool, ToolSchema
from pydantic import BaseModel

from ._tally import Tally

NOTHING: Mapping[str, object] = MappingProxyType({})
"""No extra arguments."""


@runtime_checkable
class TokenCounter(Protocol):
    """Measures the parts of a request and counts their tokens for one model.

    Measuring is separate from counting: a `Tally` stays valid when the counter learns more about the model, and the
    tallies of the parts add up to that of the whole. To bring a counter of your own, return `Tally.exact(n)` from the
    measuring methods and `max(0, tally.total)` from `tokens`; `observe` and `load_state` may do nothing.
    """

    def measure_text(self, text: str, *, limit: int | None = None) -> Tally:
        """Measure a text.

        Args:
            text (str): Any text.
            limit (int | None): Tokens beyond which the exact size does not matter: reading may stop there, with a tally
                whose `tokens` are above the limit. `None` reads to the end.

        Returns:
            Tally: The size of the text alone, with nothing for a message around it.
        """
        ...

    def measure_message(self, message: LLMMessage) -> Tally:
        """Measure a message with all that a provider adds around it.

        Args:
            message (LLMMessage): The message.

        Returns:
            Tally: Its size.
        """
        ...

    def measure_image(self, image: Image) -> Tally:
        """Measure an image.

        Args:
            image (Image): The image.

        Returns:
            Tally: Its size as part of a message.
        """
        ...

    def measure_extras(
        self,
        tools: Sequence[Tool | ToolSchema] = (),
        *,
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, object] = NOTHING,
    ) -> Tally:
        """Measure what a request holds beside its messages, and what every request costs.

        Args:
            tools (Sequence[Tool | ToolSchema]): Tools and hand-offs offered to the model.
            json_output (bool | type[BaseModel] | None): The JSON reply asked for, as in `ChatCompletionClient.create`.
            extra_create_args (Mapping[str, object]): Further arguments; those that the model reads are counted.

        Returns:
            Tally: Their size.
        """
        ...

    def tokens(self, tally: Tally) -> int:
        """Say how many tokens a tally is for this model, to the best of what is known now.

        Args:
            tally (Tally): A tally, or a sum or difference of tallies.

        Returns:
            int: The number of tokens, never below 0.
        """
        ...

    def count_text(self, text: str, *, limit: int | None = None) -> int:
        """Count the tokens of a text.

        Args:
            text (str): Any text.
            limit (int | None): Tokens beyond which the exact number does not matter: the result is then any number
                above the limit. `None` counts to the end.

        Returns:
            int: The tokens of the text alone, with nothing for a message around it.
        """
        return self.tokens(self.measure_text(text, limit=limit))

    def observe(self, tally: Tally, reported: int) -> None:
        """Learns from a call that was made.

        Args:
            tally (Tally): What the whole request was measured to be.
            reported (int): The prompt tokens in the provider's usage report.
        """
        ...

    def save_state(self) -> Mapping[str, object]:
        """Return what was learned, as values that JSON can hold.

        Returns:
            Mapping[str, object]: The state.
        """
        ...

    def load_state(self, state: Mapping[str, object]) -> None:
        """Take over what another counter learned; ignore what it does not understand.

        Args:
            state (Mapping[str, object]): What `save_state` returned.
        """
        ...
