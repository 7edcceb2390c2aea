"""The one line that stands in a request for a text that was left out: what it was, and where the whole of it is."""

import json
from itertools import islice
from typing import cast

from autogen_core import FunctionCall

from ._artifacts import READ_ARTIFACT
from ._cut import reference_in
from ._cut._notice import Notice
from ._need import Need

IMAGE_LEFT_OUT = "[image left out]"

LONGEST_ARGUMENT = 40
"""Characters of one argument that name a call."""

MOST_ARGUMENTS = 3
"""Arguments that name a call; there may be many more."""

WORTH = 2
"""How many times the tokens of its line a text must hold to be left out: less is not worth breaking the prefix for."""


async def stand_in(text: str, what: str, need: Need, *, tool: str = "") -> str:
    """The line for a text that is left out, which is stored before; what was cut before keeps the reference it has.

    Args:
        text (str): The text.
        what (str): What it was, in a few words.
        need (Need): Counts, and stores the whole.
        tool (str): The tool whose result it is. Empty means it is none.

    Returns:
        str: The text itself where the line would not save half of it.
    """
    most = _tokens(text, need) // WORTH
    if _tokens(what, need) > most:
        return text
    # A page that was read back holds the notices of other texts.
    reference = (None if tool == READ_ARTIFACT else reference_in(text)) or await need.keep(text)
    line = f"{what} {Notice(0, len(text), reference).brief()}"
    return line if _tokens(line, need) <= most else text


def call_in_short(call: FunctionCall) -> str:
    """A call in a few words: the tool and the beginnings of its first arguments.

    Args:
        call (FunctionCall): The call; its arguments may be anything.
    """
    try:
        arguments: object = json.loads(call.arguments)
    except (ValueError, RecursionError):
        arguments = call.arguments
    if not isinstance(arguments, dict):
        return f"{call.name}({_short(call.arguments)})"
    named = cast("dict[str, object]", arguments)
    parts = [f"{name}={_short(json.dumps(value, ensure_ascii=False))}" for name, value in named.items()]
    more = ", ..." if len(parts) > MOST_ARGUMENTS else ""
    return f"{call.name}({', '.join(islice(parts, MOST_ARGUMENTS))}{more})"


def _short(text: str) -> str:
    """The text in one line, its middle left out where it is long: paths and names are told apart by both ends."""
    text = " ".join(text.split())
    half = LONGEST_ARGUMENT // 2
    return text if len(text) <= LONGEST_ARGUMENT else f"{text[:half]}...{text[-half:]}"


def _tokens(text: str, need: Need) -> int:
    return need.counter.tokens(need.counter.measure_text(text))
