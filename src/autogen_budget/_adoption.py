"""The one place that reaches into other people's agents: finds what they hold to work with, and replaces it.

AutoGen has no public way to swap the model client, the tools or the code executor of an agent that exists, but every
agent reads its attributes anew for each message. Any attribute counts, whatever its name, so that agents of the user's
own are found as well.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

from autogen_core.code_executor import CodeExecutor
from autogen_core.models import ChatCompletionClient
from autogen_core.tools import Workbench


def held_clients(owner: object) -> dict[str, ChatCompletionClient]:
    """The model clients an object holds, by the name of the attribute that holds them.

    Args:
        owner (object): An agent, or anything else that calls models.

    Returns:
        dict[str, ChatCompletionClient]: Empty if it holds none.
    """
    return {name: value for name, value in vars(owner).items() if isinstance(value, ChatCompletionClient)}


def held_workbenches(owner: object) -> dict[str, Workbench | Sequence[Workbench]]:
    """The workbenches an object holds, one by one or in lists, by the name of the attribute that holds them.

    Args:
        owner (object): An agent, or anything else that calls tools.

    Returns:
        dict[str, Workbench | Sequence[Workbench]]: The values as they are; empty if it holds none.
    """
    return {name: value for name, value in vars(owner).items() if isinstance(value, Workbench) or _is_row(value)}


def held_executors(owner: object) -> dict[str, CodeExecutor]:
    """The code executors an object holds, by the name of the attribute that holds them.

    Args:
        owner (object): An agent, or anything else that runs code.

    Returns:
        dict[str, CodeExecutor]: Empty if it holds none.
    """
    return {name: value for name, value in vars(owner).items() if isinstance(value, CodeExecutor)}


def give(owner: object, parts: Mapping[str, object]) -> None:
    """Put parts into the attributes of an object.

    Args:
        owner (object): What holds them from now on.
        parts (Mapping[str, object]): Model clients, workbenches, code executors by the name of the attribute.
    """
    for name, part in parts.items():
        setattr(owner, name, part)


@contextmanager
def given_back(owner: object, originals: Mapping[str, object]) -> Generator[None]:
    """For a moment, an object holds its own parts again; nothing may be awaited meanwhile.

    Args:
        owner (object): What held them.
        originals (Mapping[str, object]): The parts it held, by the name of the attribute.
    """
    current = {name: vars(owner)[name] for name in originals}
    give(owner, originals)
    try:
        yield
    finally:
        give(owner, current)


def _is_row(value: object) -> bool:
    """Whether a value is a list of nothing but workbenches; an empty one may be a list of anything."""
    if not isinstance(value, (list, tuple)):
        return False
    items = cast("Sequence[object]", value)
    return bool(items) and all(isinstance(item, Workbench) for item in items)
