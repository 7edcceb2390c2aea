"""What messages say, as attributes of a span: only for those who ask for it."""

import json
from collections.abc import Iterator, Mapping, Sequence

from autogen_budget._records import CallRecord

from . import _conventions as names
from ._formats import items, mapping

Values = Mapping[str, object]


def content_attributes(record: CallRecord) -> dict[str, str]:
    """Return instructions, messages and reply of a call, as the conventions write them; empty without its content."""
    if record.content is None:
        return {}
    system = [part for message in record.content for part in _texts(message) if message["type"] == "SystemMessage"]
    messages = [each for message in record.content if message["type"] != "SystemMessage" for each in _messages(message)]
    found: dict[str, Sequence[object]] = {names.SYSTEM_INSTRUCTIONS: system, names.INPUT_MESSAGES: messages}
    if record.reply is not None:
        found[names.OUTPUT_MESSAGES] = [
            {**each, "finish_reason": record.finish_reason or "unknown"} for each in _messages(record.reply)
        ]
    return {name: json.dumps(value, ensure_ascii=False) for name, value in found.items() if value}


def _messages(message: Values) -> Iterator[dict[str, object]]:
    """Return one message of AutoGen's as the conventions write it; results of tools are a message each."""
    kind, content = message["type"], message["content"]
    if kind == "FunctionExecutionResultMessage":
        for result in map(mapping, items(content)):
            response = {"type": "tool_call_response", "id": result["call_id"], "response": result["content"]}
            yield {"role": "tool", "parts": [response]}
        return
    parts = [*_texts(message), *_calls(content)]
    yield {"role": "assistant" if kind == "AssistantMessage" else "user", "parts": parts}


def _texts(message: Values) -> Iterator[dict[str, object]]:
    content = message["content"]
    texts = (message.get("thought"), *([content] if isinstance(content, str) else items(content)))
    return ({"type": "text", "content": text} for text in texts if isinstance(text, str))


def _calls(content: object) -> Iterator[dict[str, object]]:
    for call in map(mapping, items(content)):
        if "arguments" in call:
            yield {"type": "tool_call", "id": call["id"], "name": call["name"], "arguments": call["arguments"]}
