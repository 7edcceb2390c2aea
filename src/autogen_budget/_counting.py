"""Counts the tokens of whole requests: messages, images, schemas, arguments; by text once, and as the model counts.

`TokenCounter` is what the rest of the library asks for, `TiktokenCounter` what it uses unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol, cast, runtime_checkable

import tiktoken
from autogen_core import Image
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from autogen_core.tools import Tool, ToolSchema
from pydantic import BaseModel

from ._calibration import Calibration
from ._tally import Tally
from ._texts import shared_texts
from ._wire import argument_texts, calls_text, image_tokens, output_text, tool_text

NOTHING: Mapping[str, object] = MappingProxyType({})
"""No extra arguments."""

_MESSAGE = Tally(frame=4)  # <|start|> role <|message|> ... <|end|>: 3, and 1 for the role's name
_NAME = Tally(frame=1)  # what separates the sender's name from the role
_PART = Tally(frame=2)  # what separates the parts of a message that holds more than a text
_REQUEST = Tally(frame=3, requests=1)  # the reply is primed with <|start|>assistant<|message|>
_TOOLS = Tally(structure=12)  # the namespace that the tools stand in


@runtime_checkable
class TokenCounter(Protocol):
    """Measures the parts of a request and says how many tokens they are for one model.

    Measuring is separate from counting: a `Tally` stays valid when the counter learns more about the model, and the
    tallies of the parts add up to that of the whole. To bring a counter of your own, return `Tally.exact(n)` from the
    measuring methods and `max(0, tally.total)` from `tokens`; `observe` and `load_state` may do nothing.
    """

    def measure_text(self, text: str, *, limit: int | None = None) -> Tally:
        """Measures a text.

        Args:
            text (str): Any text.
            limit (int | None): Tokens beyond which the exact size does not matter: reading may stop there, with a tally
                whose `tokens` are above the limit. `None` reads to the end.

        Returns:
            Tally: The size of the text alone, with nothing for a message around it.
        """
        ...

    def measure_message(self, message: LLMMessage) -> Tally:
        """Measures a message with all that a provider adds around it.

        Args:
            message (LLMMessage): The message.

        Returns:
            Tally: Its size.
        """
        ...

    def measure_image(self, image: Image) -> Tally:
        """Measures an image.

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
        """Measures what a request holds beside its messages, and what every request costs.

        Args:
            tools (Sequence[Tool | ToolSchema]): Tools and hand-offs offered to the model.
            json_output (bool | type[BaseModel] | None): The JSON reply asked for, as in `ChatCompletionClient.create`.
            extra_create_args (Mapping[str, object]): Further arguments; those that the model reads are counted.

        Returns:
            Tally: Their size.
        """
        ...

    def tokens(self, tally: Tally) -> int:
        """Says how many tokens a tally is for this model, to the best of what is known now.

        Args:
            tally (Tally): A tally, or a sum or difference of tallies.

        Returns:
            int: The number of tokens, never below 0.
        """
        ...

    def observe(self, tally: Tally, reported: int) -> None:
        """Learns from a call that was made.

        Args:
            tally (Tally): What the whole request was measured to be.
            reported (int): The prompt tokens in the provider's usage report.
        """
        ...

    def save_state(self) -> Mapping[str, object]:
        """Returns what was learned, as values that JSON can hold.

        Returns:
            Mapping[str, object]: The state.
        """
        ...

    def load_state(self, state: Mapping[str, object]) -> None:
        """Takes over what another counter learned; ignores what it does not understand.

        Args:
            state (Mapping[str, object]): What `save_state` returned.
        """
        ...


class TiktokenCounter(TokenCounter):
    """Counts exactly for OpenAI's models, and for any other learns its ways from the usage it reports.

    Vocabularies ship with the package: no count ever touches the network, and none raises. A text is encoded once per
    process, however many counters and calls meet it.

    .. code-block:: python

        from autogen_budget import TiktokenCounter
        from autogen_core.models import UserMessage

        counter = TiktokenCounter("gpt-4o")
        counter.count([UserMessage(content="Hello!", source="user")])

    Args:
        model (str | None): The model's name, mapped as `tiktoken` maps it: `cl100k_base` for GPT-4, GPT-3.5 and the
            embeddings; `o200k_base` for everything later, for names that `tiktoken` does not know, and for `None`.
            Models older than those (`p50k_base` and before) are counted with `cl100k_base`.
    """

    def __init__(self, model: str | None = None) -> None:
        self._encoding_name = _encoding_name(model)
        self._texts = shared_texts(self._encoding_name)
        self._calibration = Calibration()

    @property
    def encoding_name(self) -> str:
        """The vocabulary used: `o200k_base` or `cl100k_base`."""
        return self._encoding_name

    @property
    def estimated(self) -> bool:
        """Whether the vocabulary could not be read, so that a conservative estimate counts instead."""
        return self._texts.estimated

    def measure_text(self, text: str, *, limit: int | None = None) -> Tally:
        """See `TokenCounter.measure_text`."""
        if limit is None:
            return self._texts.measure(text)
        return self._texts.measure(text, enough=lambda tally: self.tokens(tally) > limit)

    def measure_message(self, message: LLMMessage) -> Tally:
        """See `TokenCounter.measure_message`."""
        if isinstance(message, SystemMessage):
            return _MESSAGE + self.measure_text(message.content)
        if isinstance(message, UserMessage):
            return Tally.sum((_MESSAGE, _NAME, self.measure_text(message.source), *self._content(message.content)))
        if isinstance(message, AssistantMessage):
            return self._assistant(message)
        return self._results(message)

    def measure_image(self, image: Image) -> Tally:
        """See `TokenCounter.measure_image`."""
        return Tally(images=image_tokens(image))

    def measure_extras(
        self,
        tools: Sequence[Tool | ToolSchema] = (),
        *,
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, object] = NOTHING,
    ) -> Tally:
        """See `TokenCounter.measure_extras`."""
        texts = [tool_text(tool) for tool in tools]
        texts += [output_text(json_output), *argument_texts(extra_create_args)]
        return Tally.sum((_REQUEST, *(_TOOLS for _ in tools[:1]), *map(self._structure, texts)))

    def count(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Tool | ToolSchema] = (),
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, object] = NOTHING,
    ) -> int:
        """Counts a whole request.

        Args:
            messages (Sequence[LLMMessage]): The messages.
            tools (Sequence[Tool | ToolSchema]): Tools and hand-offs offered to the model.
            json_output (bool | type[BaseModel] | None): The JSON reply asked for, as in `ChatCompletionClient.create`.
            extra_create_args (Mapping[str, object]): Further arguments; those that the model reads are counted.

        Returns:
            int: The tokens of the prompt.
        """
        extras = self.measure_extras(tools, json_output=json_output, extra_create_args=extra_create_args)
        return self.tokens(Tally.sum((extras, *map(self.measure_message, messages))))

    def tokens(self, tally: Tally) -> int:
        """See `TokenCounter.tokens`."""
        return self._calibration.tokens(tally)

    def observe(self, tally: Tally, reported: int) -> None:
        """See `TokenCounter.observe`."""
        self._calibration.observe(tally, reported)

    def save_state(self) -> Mapping[str, object]:
        """See `TokenCounter.save_state`."""
        return {"vocabulary": self._vocabulary, "calibration": self._calibration.save_state()}

    def load_state(self, state: Mapping[str, object]) -> None:
        """See `TokenCounter.load_state`."""
        calibration = state.get("calibration")
        if state.get("vocabulary") == self._vocabulary and isinstance(calibration, Mapping):
            self._calibration.load_state(cast(Mapping[str, object], calibration))

    @property
    def _vocabulary(self) -> str:
        """What the rates that were learned belong to."""
        return "estimate" if self.estimated else self._encoding_name

    def _content(self, content: str | list[str | Image]) -> Iterable[Tally]:
        if isinstance(content, str):
            yield self.measure_text(content)
            return
        for part in content:
            yield _PART
            yield self.measure_text(part) if isinstance(part, str) else self.measure_image(part)

    def _assistant(self, message: AssistantMessage) -> Tally:
        if isinstance(message.content, str):
            return _MESSAGE + self.measure_text(message.content)
        calls = self._structure(calls_text(message.content))
        # Every client that sends thoughts sends them beside calls only.
        return Tally.sum((_MESSAGE, calls, self.measure_text(message.thought or "")))

    def _results(self, message: FunctionExecutionResultMessage) -> Tally:
        if not message.content:
            return _MESSAGE
        texts = (text for result in message.content for text in (result.call_id, result.content))
        return Tally.sum((*(_MESSAGE for _ in message.content), *map(self.measure_text, texts)))

    def _structure(self, text: str) -> Tally:
        return Tally(structure=self.measure_text(text).total)


def _encoding_name(model: str | None) -> str:
    try:
        name = tiktoken.encoding_name_for_model(model or "")
    except KeyError:
        return "o200k_base"
    return "o200k_base" if name.startswith("o200k") else "cl100k_base"
