"""A transcript: the messages of one conversation as a model would be sent them, and the tools it was offered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from autogen_core.models import AssistantMessage, LLMMessage
from autogen_core.tools import ParametersSchema, ToolSchema
from pydantic import TypeAdapter, ValidationError

MESSAGES: TypeAdapter[list[LLMMessage]] = TypeAdapter(list[LLMMessage])


class FileFormatError(ValueError):
    """A file that cannot be read as any of the formats; its text names the file, the line and what is wrong."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """One recorded conversation.

    Args:
        name (str): Whose it is: an agent's name or path in a team, or the name that the file gives.
        messages (tuple[LLMMessage, ...]): Its messages, oldest first.
        tools (tuple[ToolSchema, ...]): The tools that were offered. Empty means none are known.
    """

    name: str
    messages: tuple[LLMMessage, ...]
    tools: tuple[ToolSchema, ...] = ()

    def calls(self) -> list[int]:
        """Return how many messages each model call was made with: those before each message of the assistant.

        A transcript that ends with something else ends with a call of its own.
        """
        places = [i for i, message in enumerate(self.messages) if isinstance(message, AssistantMessage) and i]
        if self.messages and not isinstance(self.messages[-1], AssistantMessage):
            places.append(len(self.messages))
        return places


def autogen_messages(values: Sequence[object]) -> tuple[LLMMessage, ...]:
    """Read AutoGen's messages.

    Raises:
        FileFormatError: One of them is none.
    """
    try:
        return tuple(MESSAGES.validate_python(values))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = first["loc"][0] if first["loc"] else 0
        number = place + 1 if isinstance(place, int) else 1
        raise FileFormatError(f"message {number:,} is none of AutoGen's: {first['msg']}") from None


def tool_schemas(values: object) -> tuple[ToolSchema, ...]:
    """Read tools, as OpenAI writes them or as AutoGen does; what is neither is left out."""
    if not isinstance(values, list):
        return ()
    found: list[ToolSchema] = []
    for value in cast("list[object]", values):
        outer = mapping(value)
        inner = mapping(outer.get("function")) or outer
        if isinstance(inner.get("name"), str):
            schema = ToolSchema(name=str(inner["name"]), description=str(inner.get("description") or ""))
            if parameters := mapping(inner.get("parameters")):
                schema["parameters"] = cast(ParametersSchema, parameters)
            found.append(schema)
    return tuple(found)


def mapping(value: object) -> Mapping[str, object]:
    """Return a JSON object, or an empty one in place of anything else."""
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def items(value: object) -> Sequence[object]:
    """Return a JSON array, or an empty one in place of anything else."""
    return cast("Sequence[object]", value) if isinstance(value, list) else ()
