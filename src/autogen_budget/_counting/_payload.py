"""What a request holds besides plain text, in the words a provider receives: schemas, calls, arguments, images.

Nothing in here raises, whatever a tool, a schema or an argument is made of: a count that fails would stop an agent that
would have worked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard, cast

from autogen_core import FunctionCall, Image
from autogen_core.tools import Tool, ToolSchema
from pydantic import BaseModel

LARGEST_IMAGE = 1_445
"""Tokens of an image whose size cannot be read: the most that `image_tokens` gives, 85 and 170 for each of 8 tiles."""

# Arguments that steer the provider and that no model reads.
_NO_PROMPT = frozenset(
    {
        "extra_headers",
        "extra_query",
        "logit_bias",
        "metadata",
        "modalities",
        "model",
        "prompt_cache_key",
        "reasoning_effort",
        "safety_identifier",
        "service_tier",
        "stop",
        "stream_options",
        "tool_choice",
        "user",
        "verbosity",
    }
)


def tool_wire(tool: Tool | ToolSchema) -> dict[str, object]:
    """Give a tool as it goes to the provider."""
    schema = tool if isinstance(tool, Mapping) else _attribute(tool, "schema")
    if not isinstance(schema, Mapping):
        schema = {name: _attribute(tool, name) for name in ("name", "description")}
    function: dict[str, object] = {"name": "", "description": "", "parameters": {}, "strict": False}
    function.update(cast(Mapping[str, object], schema))
    return {"type": "function", "function": function}


def tool_text(tool: Tool | ToolSchema) -> str:
    """Write a tool as it goes to the provider, as JSON; see `tool_wire`."""
    return json_text(tool_wire(tool))


def calls_text(calls: Sequence[FunctionCall]) -> str:
    """Write the tool calls of an assistant message as AutoGen's OpenAI client counts them."""
    written = [
        {"id": call.id, "function": {"arguments": call.arguments, "name": call.name}, "type": "function"}
        for call in calls
    ]
    return json_text(written, ascii_only=True)


def output_text(json_output: bool | type[BaseModel] | None) -> str:
    """Write the demand for a JSON reply as it goes to the provider.

    Returns:
        str: The `response_format` argument as JSON, empty where none is sent.
    """
    if isinstance(json_output, type):
        return json_text(json_output)
    return json_text({"type": "json_object"}) if json_output else ""


def argument_texts(extra_create_args: Mapping[str, object]) -> Iterator[str]:
    """Write those extra arguments of a call that the model reads: schemas, functions, predictions, instructions."""
    for name, value in extra_create_args.items():
        if name not in _NO_PROMPT and not isinstance(value, (int, float, type(None))):
            yield json_text({name: value})


def json_text(value: object, *, ascii_only: bool = False) -> str:
    """Write any value as JSON."""
    try:
        return json.dumps(value, ensure_ascii=ascii_only, default=_plain)
    except Exception:
        return _repr(value)


def image_tokens(image: Image) -> int:
    """Count an image by the formula that OpenAI publishes for `detail: high`.

    The image is scaled to fit into a square of 2,048 pixels, then to 768 pixels on its shorter side if both sides are
    longer; each tile of 512 pixels then costs 170 tokens, and the image itself 85.
    """
    try:
        width, height = image.image.size
        longest = max(width, height)
        if longest > 2048:
            width, height = width * 2048 // longest, height * 2048 // longest
        shortest = min(width, height)
        if shortest > 768:
            width, height = width * 768 // shortest, height * 768 // shortest
        return 85 + 170 * max(1, math.ceil(width / 512)) * max(1, math.ceil(height / 512))
    except Exception:
        return LARGEST_IMAGE


def _plain(value: object) -> object:
    """Return the turns what `json` does not know into what it knows."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if not _is_model(value):
        return _repr(value)
    schema = value.model_json_schema()
    strict = _strict(schema, definitions=schema.get("$defs", {}))
    return {"type": "json_schema", "json_schema": {"schema": strict, "name": value.__name__, "strict": True}}


def _strict(schema: object, *, definitions: Mapping[str, object], inside: frozenset[str] = frozenset()) -> object:
    """Add what the OpenAI SDK adds to a schema.

    In every object all properties are required and no others allowed. A reference that stands beside other keys is
    replaced by what it refers to.
    """
    if _is_list(schema):
        return [_strict(item, definitions=definitions, inside=inside) for item in schema]
    if not _is_dict(schema):
        return schema
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    definition = definitions.get(name)
    if len(schema) > 1 and _is_dict(definition) and name not in inside:
        schema = {**definition, **schema}
        inside |= {name}
    strict = {key: _strict(value, definitions=definitions, inside=inside) for key, value in schema.items()}
    if _is_dict(properties := schema.get("properties")):
        strict |= {"required": list(properties), "additionalProperties": False}
    return strict


def _attribute(value: object, name: str) -> object:
    try:
        return getattr(value, name)
    except Exception:
        return ""


def _repr(value: object) -> str:
    try:
        return repr(value)
    except Exception:
        return type(value).__name__


def _is_dict(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _is_model(value: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(value, type) and issubclass(value, BaseModel)
