"""Tools of many made-up services, with what a person would ask for when each of them is needed.

Written by hand, so that requests use other words than the tools do now and then; descriptions are as long-winded as
those of real servers: notes, examples, titles, defaults.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autogen_core.tools import ParametersSchema, ToolSchema

_TOOLS = Path(__file__).with_suffix(".txt")
"""One tool a line: its service, name, description, parameters, and a request that needs it. A parameter that ends with
`#` is a number, with `?` a boolean, with `[]` a list; choices stand behind `=`."""

_NOTE = (
    "This action is carried out on behalf of the user who is signed in and is written to the audit log of the {area} "
    "service. Call it only when all of the required information is known; ask the user for whatever is missing, and do "
    "not make values up. When the service cannot be reached the call is tried again by itself up to three times."
)


@dataclass(frozen=True)
class MadeUpTool:
    """A tool, and a request that needs it.

    Args:
        area (str): The service it belongs to.
        schema (ToolSchema): The tool.
        request (str): What a person says.
    """

    area: str
    schema: ToolSchema
    request: str

    @property
    def name(self) -> str:
        """The tool's name."""
        return self.schema["name"]


def made_up_tools(*, prefixed: bool = False, wordy: bool = True) -> list[MadeUpTool]:
    """All tools, area by area.

    Args:
        prefixed (bool): Whether names begin with their area, as those of MCP servers often do.
        wordy (bool): Whether descriptions are as long as those of real servers.
    """
    return list(_read(prefixed=prefixed, wordy=wordy))


def _read(*, prefixed: bool, wordy: bool) -> Iterator[MadeUpTool]:
    for line in _TOOLS.read_text(encoding="utf-8").splitlines():
        area, name, description, parameters, request = (part.strip() for part in line.split("|"))
        name = f"{area}_{name}" if prefixed else name
        told = f"{description} {_NOTE.format(area=area)}" if wordy else description
        fields = [_parameter(field.strip(), wordy=wordy) for field in parameters.split(",")]
        schema = ParametersSchema(
            type="object",
            properties=dict(fields),
            required=[name for name, _ in fields][:2],
            additionalProperties=False,
        )
        yield MadeUpTool(area, ToolSchema(name=name, description=told, parameters=schema, strict=False), request)


def _parameter(field: str, *, wordy: bool) -> tuple[str, dict[str, object]]:
    name, _, choices = field.partition("=")
    kinds = {"#": "number", "?": "boolean", "]": "array"}
    kind = kinds.get(name[-1], "string")
    name = name.strip("#?[]")
    schema: dict[str, object] = {"type": kind}
    if choices:
        schema["enum"] = choices.split("/")
    if kind == "array":
        schema["items"] = {"type": "string"}
    if wordy:
        words = name.replace("_", " ")
        schema["title"] = words.title()
        schema["description"] = f"The {words} that the call is about, such as 'example {words}'. Leave no blanks."
        schema["examples"] = [f"first {words}", f"second {words}"]
    return name, schema
