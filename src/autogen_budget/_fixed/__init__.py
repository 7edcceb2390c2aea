"""What every request repeats, instructions and tools, cut to its cap.

`outline` reads long instructions as a document and says what stands for them; `fit_memory` does the same for the items
of a memory; `select_tools` chooses the tools that a request needs and shortens their schemas.
"""

from ._find import FIND_TOOLS, FIND_TOOLS_SCHEMA, FoundTool, render_found
from ._memory import fit_memory
from ._outline import Outline, outline
from ._schemas import first_sentence
from ._selection import Selection, Toolset, select_tools, tool_tokens
from ._tool_context import ToolContext
from ._tool_index import ToolIndex

__all__ = [
    "FIND_TOOLS",
    "FIND_TOOLS_SCHEMA",
    "FoundTool",
    "Outline",
    "Selection",
    "ToolContext",
    "ToolIndex",
    "Toolset",
    "first_sentence",
    "fit_memory",
    "outline",
    "render_found",
    "select_tools",
    "tool_tokens",
]
