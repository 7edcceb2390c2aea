"""What processes share: a server, its scripts, what happens while it is away, leases, and steps that may block."""

from ._leases import Leases
from ._offload import in_thread, off_the_loop
from ._server import SERVER_URL, ServerAwayError, WhenAway, open_server, without_credentials

__all__ = [
    "SERVER_URL",
    "Leases",
    "ServerAwayError",
    "WhenAway",
    "in_thread",
    "off_the_loop",
    "open_server",
    "without_credentials",
]
