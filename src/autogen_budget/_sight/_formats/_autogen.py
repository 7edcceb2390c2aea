"""AutoGen's own forms: the states of agents and teams, and lists of messages."""

import json
from collections.abc import Iterator, Mapping, Sequence

from autogen_core.models import AssistantMessage, LLMMessage, UserMessage

from ._transcript import Transcript, autogen_messages, items, mapping

MESSAGE_TYPES = {"SystemMessage", "UserMessage", "AssistantMessage", "FunctionExecutionResultMessage"}
"""The types of the messages that a model is sent."""


def is_state(value: Mapping[str, object]) -> bool:
    """Return whether a JSON object is the state of an agent or a team."""
    return str(value.get("type", "")).endswith("State") or "llm_context" in value or "agent_states" in value


def state_transcripts(value: Mapping[str, object], path: str = "") -> Iterator[Transcript]:
    """Find the conversations in a state, of nested teams too."""
    name = path or "agent"
    for key in ("llm_context", "model_context"):
        if messages := items(mapping(value.get(key)).get("messages")):
            yield Transcript(name, autogen_messages(messages))
    thread = tuple(_thread_messages(items(value.get("message_thread"))))
    if thread:
        yield Transcript(name, thread)
    for key, inner in mapping(value.get("agent_states")).items():
        yield from state_transcripts(mapping(inner), f"{path}/{key}" if path else key)
    for key in ("agent_state", "inner_team_state"):
        if inner := mapping(value.get(key)):
            yield from state_transcripts(inner, path)


def _thread_messages(thread: Sequence[object]) -> Iterator[LLMMessage]:
    """Yield what a team's thread says, as a manager would be sent it; events are sent to nobody."""
    for each in thread:
        message = mapping(each)
        source, content = str(message.get("source") or "unknown"), message.get("content")
        kind = str(message.get("type", ""))
        if kind.endswith("Event") or content is None:
            continue
        parts = [part for part in items(content) if isinstance(part, str)]
        text = content if isinstance(content, str) else "\n".join(parts) or json.dumps(content)
        is_user = source == "user"
        yield UserMessage(content=text, source=source) if is_user else AssistantMessage(content=text, source=source)
