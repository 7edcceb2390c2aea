"""Messages that every provider can be sent: nothing in them that UTF-8 cannot encode."""

import json
import re
from dataclasses import replace
from typing import TypeVar, cast

from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    UserMessage,
)

from autogen_budget._text import encodable

_ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")

MessageT = TypeVar("MessageT", bound=LLMMessage)


def encodable_message(message: MessageT) -> MessageT:
    """Replace what UTF-8 cannot encode in the texts, names and ids of a message.

    Half an emoji gets into a conversation with tool outputs that were cut or are JSON with a lone escape; no request
    with it could be sent.
    """
    update: dict[str, object] = {}
    if isinstance(message, FunctionExecutionResultMessage):
        results = [_result(result) for result in message.content]
        if any(new is not old for new, old in zip(results, message.content, strict=True)):
            update["content"] = results
        return cast(MessageT, message.model_copy(update=update)) if update else message
    content = message.content
    if isinstance(content, str):
        update["content"] = encodable(content)
    else:
        update["content"] = [
            _call(part) if isinstance(part, FunctionCall) else encodable(part) if isinstance(part, str) else part
            for part in content
        ]
    if isinstance(message, (UserMessage, AssistantMessage)):
        update["source"] = encodable(message.source)
    if isinstance(message, AssistantMessage) and message.thought:
        update["thought"] = encodable(message.thought)
    changed = {name: value for name, value in update.items() if value != getattr(message, name)}
    return cast(MessageT, message.model_copy(update=changed)) if changed else message


def _result(result: FunctionExecutionResult) -> FunctionExecutionResult:
    plain = {"content": result.content, "name": result.name, "call_id": result.call_id}
    changed = {name: new for name, text in plain.items() if (new := encodable(text)) is not text}
    return result.model_copy(update=changed) if changed else result


def _call(call: FunctionCall) -> FunctionCall:
    new = replace(call, id=encodable(call.id), name=encodable(call.name), arguments=_arguments(call.arguments))
    return call if new == call else new


def _arguments(text: str) -> str:
    """Remove lone halves from arguments, escaped ones too: clients that send values would unescape them."""
    text = encodable(text)
    if _ESCAPED_HALF.search(text) is None:
        return text
    try:
        plain = json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):  # no JSON: it becomes a string inside a JSON object, where it is escaped again
        return text
    whole = encodable(plain)
    return text if whole is plain else whole
