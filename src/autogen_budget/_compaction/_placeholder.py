"""The one line that stands in a request for a text that was left out: what it was, and where the whole of it is."""

import json
from itertools import islice
from typing import cast

from autogen_core import FunctionCall

from autogen_budget._cut import Notice
from autogen_budget._text import encodable, one_line

from ._protocol import CompactionContext

IMAGE_LEFT_OUT = "[image left out]"

LONGEST_ARGUMENT = 40
"""Characters of one argument that name a call."""

MAX_ARGUMENTS = 3
"""Arguments that name a call; there may be many more."""

WORTH = 2
"""How many times the tokens of its line a text must hold to be left out: less is not worth breaking the prefix for."""


async def placeholder_for(text: str, what: str, context: CompactionContext) -> str:
    """Return the line for a text that is left out; it is stored before, unless it is cut and has a reference."""
    most = context.counter.count_text(text) // WORTH
    if context.counter.count_text(what) > most:
        return text
    reference = await context.store(text)
    line = encodable(f"{what} {Notice(0, len(text), reference).brief()}")
    if context.counter.count_text(line) > most:
        return text
    context.remember_cut(line, reference)
    return line


def call_signature(call: FunctionCall) -> str:
    """Return a call in a few words: the tool and the beginnings of its first arguments."""
    try:
        arguments: object = json.loads(call.arguments)
    except (ValueError, RecursionError):
        arguments = call.arguments
    if not isinstance(arguments, dict):
        return f"{one_line(call.name)}({_short(call.arguments)})"
    named = cast("dict[str, object]", arguments)
    parts = [f"{one_line(name)}={_short(json.dumps(value, ensure_ascii=False))}" for name, value in named.items()]
    tool = one_line(call.name)
    more = ", ..." if len(parts) > MAX_ARGUMENTS else ""
    return f"{tool}({', '.join(islice(parts, MAX_ARGUMENTS))}{more})"


def _short(text: str) -> str:
    """Put a text in one line, without its middle where it is long: paths and names differ at both ends."""
    text = " ".join(text.split())
    half = LONGEST_ARGUMENT // 2
    return text if len(text) <= LONGEST_ARGUMENT else f"{text[:half]}...{text[-half:]}"
