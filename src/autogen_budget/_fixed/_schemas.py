"""Shorter forms of a tool's schema: prose and examples go, names, types, required parameters and choices stay."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from autogen_core.tools import Tool, ToolSchema

from autogen_budget._text import encodable

_PROSE = frozenset({"title", "examples", "example", "$comment", "markdownDescription"})
"""Keys of a schema that only people read, or that only repeat the name."""

_BY_NAME = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keys whose values map names of the user's to schemas."""

_NESTED = frozenset(
    {"items", "prefixItems", "additionalProperties", "additionalItems", "unevaluatedItems", "unevaluatedProperties"}
    | {"anyOf", "oneOf", "allOf", "not", "if", "then", "else", "contains", "propertyNames"}
)
"""Keys whose values are a schema or a list of schemas."""

_EXAMPLE = re.compile(r"[\s,;]*\(?\b(?:such as|e\.\s?g\.|for example|for instance)\W", re.IGNORECASE)
_END = re.compile(r"(?<=[.!?])\s|(?<=[。！？])|\n")


@dataclass(frozen=True, slots=True)
class _Brevity:
    """How short a form is.

    Args:
        tool (int): Characters of the tool's description at most.
        parameter (int): Characters of each parameter's description at most. 0 means that there is none.
    """

    tool: int
    parameter: int


_FORMS = (_Brevity(200, 80), _Brevity(80, 0))
"""From the longest to the shortest. Eighty characters hold the first sentence of nearly every tool; what parameters
mean is in their names, and of the words of a schema those of the parameters are two thirds."""

_MAX_DEPTH = 40
"""Levels of a schema that are read; what is nested deeper stays as it is."""


def forms_of(tool: Tool | ToolSchema) -> tuple[Tool | ToolSchema, ...]:
    """List the forms in which a tool can be offered, from the one it came in to the shortest."""
    schema = schema_of(tool)
    return (tool, *(_shortened(schema, brevity) for brevity in _FORMS)) if schema else (tool,)


def schema_of(tool: Tool | ToolSchema) -> Mapping[str, object]:
    """Return the schema of a tool; empty where asking for it fails, or it is none."""
    try:
        schema: object = tool if isinstance(tool, Mapping) else tool.schema
    except Exception:
        return {}
    return cast("Mapping[str, object]", schema) if isinstance(schema, Mapping) else {}


def first_sentence(text: str, limit: int) -> str:
    """Return the first sentence of a description without its examples, cut between words."""
    sentence = _EXAMPLE.split(_END.split(text.strip(), maxsplit=1)[0], maxsplit=1)[0].rstrip(" ,;:(.")
    if len(sentence) <= limit:
        return encodable(sentence)
    head, _, _ = sentence[: limit + 1].rpartition(" ")
    return encodable(head or sentence[:limit])


def _shortened(schema: Mapping[str, object], brevity: _Brevity) -> ToolSchema:
    short = dict(schema)
    if isinstance(description := schema.get("description"), str):
        short["description"] = first_sentence(description, brevity.tool)
    if "parameters" in schema:
        short["parameters"] = _without_prose(schema["parameters"], brevity.parameter, _MAX_DEPTH)
    return cast("ToolSchema", short)


def _without_prose(schema: object, limit: int, depth: int) -> object:
    """Return a schema, or a list of them, with descriptions of so many characters; other values as they are."""
    if not depth or not isinstance(schema, (list, Mapping)):
        return schema
    if isinstance(schema, list):
        return [_without_prose(item, limit, depth - 1) for item in cast("list[object]", schema)]
    short: dict[str, object] = {}
    for key, value in cast("Mapping[str, object]", schema).items():
        if key == "description" and isinstance(value, str):
            if limit:
                short[key] = first_sentence(value, limit)
        elif key in _BY_NAME and isinstance(value, Mapping):
            named = cast("Mapping[str, object]", value)
            short[key] = {name: _without_prose(part, limit, depth - 1) for name, part in named.items()}
        elif key in _NESTED:
            short[key] = _without_prose(value, limit, depth - 1)
        elif key not in _PROSE:
            short[key] = value
    return short
