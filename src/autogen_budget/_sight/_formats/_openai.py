"""OpenAI's chat messages, as its API takes them and as most logs keep them."""

import json
from collections.abc import Iterator, Mapping, Sequence

from autogen_core import FunctionCall, Image
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)

from ._transcript import FileFormatError, items, mapping

ROLES = {"system", "developer", "user", "assistant", "tool", "function"}


def openai_messages(values: Sequence[object]) -> tuple[LLMMessage, ...]:
    """Read OpenAI's messages; results that follow each other become one message, as in AutoGen.

    Raises:
        FileFormatError: One of them is none.
    """
    names: dict[str, str] = {}  # of the tools, by the ids of their calls
    found: list[LLMMessage] = []
    for number, value in enumerate(values, 1):
        message = mapping(value)
        role = message.get("role")
        if role in ("tool", "function"):
            call_id = str(message.get("tool_call_id") or "")
            name = str(message.get("name") or names.get(call_id) or "tool")
            result = FunctionExecutionResult(
                content=_text(message.get("content")), name=name, call_id=call_id, is_error=False
            )
            if found and isinstance(found[-1], FunctionExecutionResultMessage):
                found[-1] = FunctionExecutionResultMessage(content=[*found[-1].content, result])
            else:
                found.append(FunctionExecutionResultMessage(content=[result]))
        elif role in ("system", "developer"):
            found.append(SystemMessage(content=_text(message.get("content"))))
        elif role == "user":
            found.append(UserMessage(content=_parts(message.get("content")), source=_source(message, "user")))
        elif role == "assistant":
            calls = list(_calls(message))
            names.update((call.id, call.name) for call in calls)
            text, source = _text(message.get("content")), _source(message, "assistant")
            if calls:
                found.append(AssistantMessage(content=calls, thought=text or None, source=source))
            else:
                found.append(AssistantMessage(content=text, source=source))
        else:
            raise FileFormatError(f"message {number:,} has no role of OpenAI's: {role!r}")
    return tuple(found)


def _calls(message: Mapping[str, object]) -> Iterator[FunctionCall]:
    for place, value in enumerate(items(message.get("tool_calls"))):
        call = mapping(value)
        function = mapping(call.get("function")) or call
        arguments = function.get("arguments")
        yield FunctionCall(
            id=str(call.get("id") or place),
            name=str(function.get("name") or "tool"),
            arguments=arguments if isinstance(arguments, str) else json.dumps(arguments or {}),
        )


def _source(message: Mapping[str, object], default: str) -> str:
    return str(message.get("name") or default)


def _text(content: object) -> str:
    if isinstance(content, str) or content is None:
        return content or ""
    texts = (mapping(part).get("text") if not isinstance(part, str) else part for part in items(content))
    return "\n".join(text for text in texts if isinstance(text, str))


def _parts(content: object) -> str | list[str | Image]:
    parts: list[str | Image] = []
    for part in items(content):
        url = mapping(mapping(part).get("image_url")).get("url")
        if isinstance(url, str):
            parts.append(_image(url))
        elif text := _text([part]):
            parts.append(text)
    return parts if any(isinstance(part, Image) for part in parts) else _text(content)


def _image(url: str) -> str | Image:
    try:
        return Image.from_uri(url)
    except Exception:  # not in the file, or damaged: what it weighs is not known
        return "[image]"
