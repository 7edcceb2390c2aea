"""The tool `find_tools`: what it is, and its answers, from which the next request knows what was found."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autogen_core.tools import ParametersSchema, ToolSchema

from autogen_budget._text import one_line

FIND_TOOLS = "find_tools"
"""The name of the tool that finds tools which a request does not offer."""

FIND_TOOLS_SCHEMA = ToolSchema(
    name=FIND_TOOLS,
    description="Finds tools not listed here by what they do; then call them.",
    parameters=ParametersSchema(type="object", properties={"query": {"type": "string"}}, required=["query"]),
)
"""Its schema. A tool of the user's own that has the same name differs from it, and is none of ours."""

_HEADING = "Found tools; the next request offers them:"
_NAME = re.compile(r"^- ([^\s:]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FoundTool:
    """A tool in an answer.

    Args:
        name (str): Its name.
        description (str): What it does, in one sentence; empty where it does not say.
    """

    name: str
    description: str


def render_found(tools: Sequence[FoundTool]) -> str:
    """Write an answer of `find_tools`."""
    lines = (f"- {one_line(tool.name)}: {one_line(tool.description)}".rstrip(" :") for tool in tools)
    return "\n".join((_HEADING, *lines))


def names_found(answer: str) -> tuple[str, ...]:
    """Read an answer of `find_tools`.

    Returns:
        tuple[str, ...]: The names in it, the best first; empty for any other text.
    """
    return tuple(_NAME.findall(answer)) if answer.startswith(_HEADING) else ()
