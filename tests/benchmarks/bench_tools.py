"""How often the tool that an agent calls next is offered under a cap, its tools among those of many other services.

    python tests/benchmarks/bench_tools.py DIR SET ... [--cap 1500] [--every 1]

`DIR` holds transcripts, `SET.jsonl`: one JSON object a line with `tools` and AutoGen's `messages`.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autogen_core.models import AssistantMessage, LLMMessage
from autogen_core.tools import ToolSchema
from pydantic import TypeAdapter

from autogen_budget import TiktokenCounter
from autogen_budget._fixed import FIND_TOOLS_SCHEMA, Selection, ToolContext, Toolset, select_tools, tool_tokens

sys.path += [str(Path(__file__).parents[1])]
from made_up_tools import made_up_tools

MESSAGES: TypeAdapter[list[LLMMessage]] = TypeAdapter(list[LLMMessage])
FOUND = 6
"""Tools that one answer of `find_tools` names."""


def rows_of(folder: Path, names: list[str]) -> Iterator[dict[str, Any]]:
    """All transcripts."""
    for name in names:
        with open(folder / f"{name}.jsonl", encoding="utf-8") as file:
            yield from map(json.loads, file)


def main(folder: Path, names: list[str], cap: int, every: int) -> None:
    """Go through the transcripts step by step, and print the shares."""
    counter = TiktokenCounter("gpt-4o")
    rows = list(rows_of(folder, names))
    tools: dict[str, ToolSchema] = {tool.name: tool.schema for tool in made_up_tools()}
    for row in rows:
        tools |= {schema["name"]: schema for tool in row["tools"] for schema in [tool.get("function", tool)]}
    shuffled = random.Random(3).sample(list(tools.values()), len(tools))
    toolset = Toolset([*shuffled, FIND_TOOLS_SCHEMA], counter)
    fitting: list[ToolSchema] = []
    for schema in shuffled:
        if tool_tokens([*fitting, schema], counter) <= cap:
            fitting.append(schema)
    fit = {schema["name"] for schema in fitting}
    steps, offered, found, first, calls, changes = 0, 0, 0, 0, 0, 0
    for row in rows[::every]:
        messages = MESSAGES.validate_python(row["messages"])
        before: Selection | None = None
        for place, message in enumerate(messages):
            if not isinstance(message, AssistantMessage):
                continue
            selection = select_tools(toolset, ToolContext.of(messages[:place]), cap, before=before)
            calls, changes, before = calls + 1, changes + (selection is not before), selection
            if isinstance(message.content, str):
                continue
            missing = {call.name for call in message.content if call.name in tools} & {*selection.withheld}
            named = [toolset.index.search(name.replace("_", " "))[:FOUND] for name in missing]
            steps, offered = steps + 1, offered + (not missing)
            found += all(
                name in {toolset.index.names[i] for i in places} for name, places in zip(missing, named, strict=True)
            )
            first += all(call.name in fit for call in message.content if call.name in tools)
    print(f"{len(tools)} tools of {tool_tokens(shuffled, counter):,} tokens, cap {cap:,}, {steps:,} steps")
    print(f"offered at once {offered / steps:.1%}, with one find_tools {found / steps:.1%}; ", end="")
    print(f"the first that fit {first / steps:.1%}; what is offered changed in {changes / calls:.1%} of calls")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--cap", type=int, default=1_500, help="tokens of all schemas")
    parser.add_argument("--every", type=int, default=1, help="take one transcript in so many")
    arguments = parser.parse_args()
    main(arguments.folder, arguments.sets, arguments.cap, arguments.every)
