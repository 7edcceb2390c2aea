"""Name what breaks a provider's prompt cache: the first thing that changed in what should have stayed the same."""

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from operator import eq

from autogen_core.models import LLMMessage, SystemMessage
from autogen_core.tools import Tool, ToolSchema

AROUND = 40
"""Characters on either side of a change that are looked at for what it is."""

_KINDS = (
    (
        "a time or date",
        re.compile(r"\d{4}-\d\d-\d\d[T ]?[\d:.]*|\d{1,2}:\d\d(:\d\d)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\b1[5-9]\d{8}\b"),
    ),
    ("an id", re.compile(r"\b[0-9a-f]{8}-?[0-9a-f]{4}|\b[0-9a-f]{12,}\b", re.IGNORECASE)),
    ("a number", re.compile(r"\d")),
)
"""What usually changes from call to call, recognised in the text around the change, the most specific first."""


def find_cache_bust(
    messages_before: Sequence[LLMMessage],
    messages: Sequence[LLMMessage],
    tools_before: Sequence[Tool | ToolSchema],
    tools: Sequence[Tool | ToolSchema],
) -> str | None:
    """Name the first difference between two requests that should begin the same.

    Returns:
        str | None: What changed and where, without any of its words. `None` means nothing did that would matter: one
        request goes on with the other, or they are of different conversations.
    """
    same = sum(1 for _ in takewhile(bool, map(eq, messages_before, messages)))
    behind = slice(same + 1, same + 2)
    goes_on = same == len(messages_before) or messages_before[behind] == messages[behind] != messages[:0]
    if not goes_on or len(messages) < len(messages_before):
        return None
    if list(tools_before) != list(tools):
        return _tool_change(tools_before, tools)
    if same >= len(messages_before):
        return None
    old, new = messages_before[same], messages[same]
    where = "the instructions" if isinstance(new, SystemMessage) and same == 0 else f"message {same + 1:,}"
    if type(old) is not type(new) or not isinstance(old.content, str) or not isinstance(new.content, str):
        return f"a change in {where}"
    return _text_change(old.content, new.content, where)


def tool_name(tool: Tool | ToolSchema) -> str:
    """Return the name of a tool or of its schema."""
    return str(tool.get("name", "")) if isinstance(tool, Mapping) else tool.name


def _tool_change(before: Sequence[Tool | ToolSchema], after: Sequence[Tool | ToolSchema]) -> str:
    if not after or not before:
        return "the tools, which this call leaves out" if before else "the tools, which the call before left out"
    old, new = [tool_name(tool) for tool in before], [tool_name(tool) for tool in after]
    if sorted(old) == sorted(new):
        if old != new:
            return "the order of the tools"
        changed = next(name for name, a, b in zip(old, before, after, strict=True) if a != b)
        return f"the schema of the tool {changed}"
    added = next((name for name in new if name not in old), None)
    if added is not None:
        return f"the tool {added}, which was not there before"
    return f"the tool {next(name for name in old if name not in new)}, which is no longer there"


def _text_change(old: str, new: str, where: str) -> str:
    at = sum(1 for _ in takewhile(bool, map(eq, old, new)))
    around = new[max(0, at - AROUND) : at + AROUND]
    start = at - max(0, at - AROUND)
    for kind, pattern in _KINDS:
        if any(match.start() <= start <= match.end() for match in pattern.finditer(around)):
            return f"{kind} in {where}, at character {at + 1:,}"
    return f"a change in {where}, at character {at + 1:,}"
