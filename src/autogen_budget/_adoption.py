"""The one place that reaches into other people's agents: finds the model clients they hold, and replaces them.

AutoGen has no public way to swap the client of an agent that exists, but every agent reads its attribute anew for each
call. Any attribute that holds a `ChatCompletionClient` counts, so that agents of the user's own are found as well.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from autogen_core.models import ChatCompletionClient


def held_clients(owner: object) -> dict[str, ChatCompletionClient]:
    """The model clients an object holds, by the name of the attribute that holds them.

    Args:
        owner (object): An agent, or anything else that calls models.

    Returns:
        dict[str, ChatCompletionClient]: Empty if it holds none.
    """
    return {name: value for name, value in vars(owner).items() if isinstance(value, ChatCompletionClient)}


def give_clients(owner: object, clients: Mapping[str, ChatCompletionClient]) -> None:
    """Put model clients into the attributes of an object.

    Args:
        owner (object): What holds them from now on.
        clients (Mapping[str, ChatCompletionClient]): Clients by the name of the attribute.
    """
    for name, client in clients.items():
        setattr(owner, name, client)


@contextmanager
def clients_given_back(owner: object, originals: Mapping[str, ChatCompletionClient]) -> Generator[None]:
    """For a moment, an object holds its own clients again; nothing may be awaited meanwhile.

    Args:
        owner (object): What held them.
        originals (Mapping[str, ChatCompletionClient]): The clients it held, by the name of the attribute.
    """
    current = held_clients(owner)
    give_clients(owner, originals)
    try:
        yield
    finally:
        give_clients(owner, {name: current[name] for name in originals})
