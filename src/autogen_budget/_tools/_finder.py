"""The tool by which a model finds tools that its request does not offer: `find_tools`, over all of an agent's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from autogen_core import CancellationToken
from autogen_core.tools import StaticWorkbench, TextResultContent, ToolResult, ToolSchema

from autogen_budget._fixed import FIND_TOOLS, FIND_TOOLS_SCHEMA, FoundTool, ToolIndex, first_sentence, render_found
from autogen_budget._text import one_line

from ._output_limiter import ToolOutputLimiter
from ._workbench import BudgetedWorkbench

MAX_FOUND = 6
"""Tools that one answer names at most: their schemas have to fit into the next request, beside those called before."""

LONGEST = 120
"""Characters of a description in an answer."""


class ToolFinder(StaticWorkbench):
    """A workbench of one tool, `find_tools`, for an agent whose tools have a cap.

    It only answers: the client reads from the answer what to offer with the next request.
    """

    def __init__(self, workbenches: Sequence[BudgetedWorkbench], limiter: ToolOutputLimiter) -> None:
        super().__init__([])
        self._workbenches = tuple(workbenches)
        self._limiter = limiter

    async def list_tools(self) -> list[ToolSchema]:
        """Return the tool, if there is a cap and no tool of the user's has its name."""
        taken = any(tool["name"] == FIND_TOOLS for workbench in self._workbenches for tool in workbench.listed)
        return [] if taken or self._limiter.budget.max_tool_schema_tokens is None else [FIND_TOOLS_SCHEMA]

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,  # noqa: ARG002  # listing tools has a time limit of its own
        call_id: str | None = None,  # noqa: ARG002  # the interface is the base's
    ) -> ToolResult:
        """Find tools; where none has anything to do with the query, the answer names all."""
        query = str((arguments or {}).get("query", ""))
        tools = [tool for workbench in self._workbenches for tool in await workbench.list_tools()]
        index = await asyncio.to_thread(ToolIndex, tools)
        found = [tools[place] for place in index.search(query)[:MAX_FOUND]]
        answer = f"No tool is about {query!r}. All tools: {', '.join(map(one_line, index.names))}"
        if found:
            described = [(tool["name"], first_sentence(tool.get("description", ""), LONGEST)) for tool in found]
            answer = render_found([FoundTool(*each) for each in described])
        return ToolResult(name=name, result=[TextResultContent(content=answer)])
