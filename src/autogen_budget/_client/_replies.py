"""Check what a client brings, before an agent works with it."""

import json
import logging

from autogen_core import FunctionCall
from autogen_core.models import CreateResult

from autogen_budget._checks import kind_of

logger = logging.getLogger("autogen_budget")

MAX_QUOTED = 200
"""Characters that are kept of arguments which cannot be read."""


def checked_reply(result: object, client: object) -> CreateResult:
    """Return a reply whose calls have arguments that an agent can work with: the same object where they had.

    Raises:
        TypeError: It is no reply; some clients return what their server sent.
    """
    if not isinstance(result, CreateResult):
        raise TypeError(f"{type(client).__name__} returned {kind_of(result)} in place of a CreateResult")
    if isinstance(result.content, str):
        return result
    calls = [_readable(call) for call in result.content]
    if all(a is b for a, b in zip(calls, result.content, strict=True)):
        return result
    return result.model_copy(update={"content": calls})


def _readable(call: FunctionCall) -> FunctionCall:
    """Return a call whose arguments are an object, or so broken that an agent answers with an error.

    It waits forever where they are anything else for a hand-off (`null`, a list), are nested too deep, or hold a number
    of thousands of digits, as models write that have got stuck.
    """
    arguments = call.arguments
    try:
        parsed: object = json.loads(arguments)
    except json.JSONDecodeError:
        return call
    except (ValueError, RecursionError):
        pass
    else:
        if isinstance(parsed, dict):
            return call
    logger.info("the arguments of a call of %r are no object that can be read", call.name)
    readable = "{}" if arguments.strip() == "null" else f"{arguments[:MAX_QUOTED]} ... is no JSON object"
    return FunctionCall(id=call.id, name=call.name, arguments=readable)
