"""Harbor's agent trajectories (ATIF): one JSON object with steps."""

from collections.abc import Iterator, Mapping

from ._openai import openai_messages
from ._transcript import FileFormatError, Transcript, items, mapping, tool_schemas


def is_atif(value: Mapping[str, object]) -> bool:
    """Return whether a JSON object is a trajectory."""
    return str(value.get("schema_version", "")).startswith("ATIF")


def atif_transcript(value: Mapping[str, object]) -> Transcript:
    """Read a trajectory.

    Raises:
        FileFormatError: A step has no source that is known.
    """
    agent = mapping(value.get("agent"))
    name = str(agent.get("name") or "agent")
    messages = [message for step in items(value.get("steps")) for message in _messages(mapping(step), name)]
    return Transcript(name, openai_messages(messages), tool_schemas(agent.get("tool_definitions")))


def _messages(step: Mapping[str, object], agent: str) -> Iterator[dict[str, object]]:
    """Yield the messages of one step as OpenAI writes them."""
    source, message = step.get("source"), step.get("message")
    if source in ("system", "user"):
        yield {"role": source, "content": message}
    elif source == "agent":
        calls = [_call(mapping(each)) for each in items(step.get("tool_calls"))]
        yield {"role": "assistant", "name": agent, "content": message, "tool_calls": calls}
        for result in items(mapping(step.get("observation")).get("results")):
            values = mapping(result)
            yield {"role": "tool", "tool_call_id": values.get("source_call_id"), "content": values.get("content")}
    else:
        raise FileFormatError(f"step {step.get('step_id')} has no source of ATIF's: {source!r}")


def _call(value: Mapping[str, object]) -> dict[str, object]:
    function = {"name": value.get("function_name"), "arguments": value.get("arguments")}
    return {"id": value.get("tool_call_id"), "function": function}
