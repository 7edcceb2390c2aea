"""The server that processes share: its address, what it runs, and what to do while it is away."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit, urlunsplit

from autogen_budget._errors import PoolUnavailableError

WhenAway = Literal["refuse", "local"]
"""What happens while the server cannot be reached: calls are refused, or the limits hold for this process alone."""

SERVER_URL = r"^rediss?://"
"""What the URL of a server begins with."""


class ServerAwayError(Exception):
    """The server cannot be reached, or does not answer in time."""


class SharedServer(Protocol):
    """A server that runs scripts, each in one step and one round trip; any thread may call it, and it may block."""

    def run(self, script: str, *arguments: object) -> Any:
        """Run a script, by its name.

        Raises:
            ServerAwayError: The server is away.
        """
        ...

    def unavailable(self) -> PoolUnavailableError:
        """Return what to raise while it is away and calls are to be refused."""
        ...

    def close(self) -> None:
        """Close its connections; a later step opens them again."""
        ...


def open_server(
    url: str, what: str, *, keys: Sequence[str], scripts: Mapping[str, str], when_away: WhenAway
) -> SharedServer:
    """Return a server by its URL; it is not asked for anything yet.

    Raises:
        ImportError: The package for it is missing.
    """
    try:
        from ._redis import RedisServer
    except ImportError as error:
        raise ImportError(f'{what} needs the redis package: pip install "autogen-budget[redis]"') from error
    return RedisServer(url, what, keys=keys, scripts=scripts, when_away=when_away)


def without_credentials(url: str) -> str:
    """Return the URL of a server as dumps, logs and errors may show it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
