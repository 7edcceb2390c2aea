"""Measure whole requests from the texts in them: messages, images, schemas, arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

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

from ._cache import TokenCache
from ._calibration import Calibration
from ._payload import argument_texts, calls_text, image_tokens, output_text, tool_text
from ._protocol import NOTHING, TokenCounter
from ._tally import Tally

_MESSAGE = Tally(frame=4)  # <|start|> role <|message|> ... <|end|>: 3, and 1 for the role's name
_NAME = Tally(frame=1)  # what separates the sender's name from the role
_PART = Tally(frame=2)  # what separates the parts of a message that holds more than a text
_REQUEST = Tally(frame=3, requests=1)  # the reply is primed with <|start|>assistant<|message|>
_TOOLS = Tally(structure=12, structure_pieces=100)  # what introduces tools; templates of open models are wordy there


class RequestCounter(TokenCounter):
    """Measures messages and schemas by the texts they are made of, framed as OpenAI's models see them.

    A subclass says how texts are measured, and how the model's own counts may differ. `vocabulary` names the way of
    measuring in saved states: what was learned by one says nothing of another.
    """

    def __init__(self, texts: TokenCache, calibration: Calibration, vocabulary: str) -> None:
        self._texts = texts
        self._calibration = calibration
        self._vocabulary = vocabulary

    def measure_text(self, text: str, *, limit: int | None = None) -> Tally:
        """See `TokenCounter.measure_text`."""
        if limit is None:
            return self._texts.measure(text)
        return self._texts.measure(text, enough=lambda tally: self.tokens(tally) > limit)

    def tokens(self, tally: Tally) -> int:
        """See `TokenCounter.tokens`."""
        return self._calibration.tokens(tally)

    def observe(self, tally: Tally, reported: int) -> None:
        """See `TokenCounter.observe`."""
        self._calibration.observe(tally, reported)

    def forget_reports(self) -> None:
        """Count as before anything was reported."""
        self._calibration.forget()

    def save_state(self) -> Mapping[str, object]:
        """See `TokenCounter.save_state`."""
        return {"vocabulary": self._vocabulary, "calibration": self._calibration.save_state()}

    def load_state(self, state: Mapping[str, object]) -> None:
        """See `TokenCounter.load_state`."""
        calibration = state.get("calibration")
        if state.get("vocabulary") == self._vocabulary and isinstance(calibration, Mapping):
            self._calibration.load_state(cast(Mapping[str, object], calibration))

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
        """Count a whole request.

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
        tally = self.measure_text(text)
        return Tally(structure=tally.total, structure_pieces=tally.pieces)
