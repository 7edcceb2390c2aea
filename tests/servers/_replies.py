"""What a fake server can be told to answer: one frozen value per kind of reply."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

JsonObject: TypeAlias = dict[str, object]


@dataclass(frozen=True)
class Call:
    """One tool call inside an answer.

    Args:
        name (str): The tool's name.
        arguments (JsonObject): The call's arguments.
        id (str | None): The call's id. None means one that is unique for the server, in the service's style.
            Ollama's protocol has no ids and ignores it.
    """

    name: str
    arguments: JsonObject = field(default_factory=dict[str, object])
    id: str | None = None


@dataclass(frozen=True)
class Answer:
    """A successful reply: text, tool calls (several are parallel calls), or both.

    Args:
        text (str | None): What the model says. None means nothing, as with most tool calls.
        calls (tuple[Call, ...]): The tools it calls.
        finish_reason (str | None): In the service's own words ("length", "max_tokens", ...). None means the one that
            belongs to the content.
        delay (float): Seconds before the first byte is sent.
    """

    text: str | None = None
    calls: tuple[Call, ...] = ()
    finish_reason: str | None = None
    delay: float = 0.0

    @classmethod
    def json(cls, value: object) -> "Answer":
        """An answer whose text is `value` as JSON, as a model in JSON mode gives."""
        return cls(json.dumps(value))


@dataclass(frozen=True)
class Failure:
    """An HTTP error.

    Args:
        status (int): The HTTP status.
        body (object): The JSON body.
        headers (Mapping[str, str]): Additional headers, such as `retry-after`.
        delay (float): Seconds before it is sent.
    """

    status: int
    body: object
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    delay: float = 0.0


@dataclass(frozen=True)
class Overflow:
    """The service's context overflow error, whatever the size of the prompt.

    Args:
        limit (int | None): The window the error names, in tokens. None means the server's own, or one token less than
            the prompt where the prompt would fit, so that the error never contradicts itself.
    """

    limit: int | None = None


@dataclass(frozen=True)
class Stall:
    """A reply that never ends: it hangs until the client gives up or the server stops.

    Args:
        after_chunks (int): Chunks of `answer` sent before it hangs; at 0 not even the headers are. A reply that is not
            streamed has two chunks.
        answer (Answer): The answer that hangs.
    """

    after_chunks: int = 0
    answer: Answer = Answer("This answer never ends.")


@dataclass(frozen=True)
class Drop:
    """A reply whose connection is closed in its middle.

    Args:
        after_chunks (int): Chunks of `answer` sent before; at 0 not even the headers are. A reply that is not streamed
            has two chunks.
        answer (Answer): The answer that is cut off.
    """

    after_chunks: int = 1
    answer: Answer = Answer("This answer is cut off.")


Reply: TypeAlias = str | Answer | Failure | Overflow | Stall | Drop
"""A plain string is an `Answer` with that text."""
