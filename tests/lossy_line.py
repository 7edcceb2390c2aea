"""A line to a server that loses answers: what was asked arrives, and the connection breaks before the answer does."""

import socket
import threading
from contextlib import suppress
from types import TracebackType

from typing_extensions import Self


class LossyLine:
    """A port of 127.0.0.1 that leads to another one.

    Args:
        port (int): Where it leads.
    """

    def __init__(self, port: int) -> None:
        self._server = ("127.0.0.1", port)
        self._to_lose = 0
        self.lost = 0
        """How many answers were lost."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        """Where to connect to."""

    def lose_answers(self, count: int) -> None:
        """Lose the next answers to scripts."""
        self._to_lose = count

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[caller], daemon=True).start()

    def _serve(self, caller: socket.socket) -> None:
        """One question after the other, as Redis' clients ask them."""
        with caller, socket.create_connection(self._server) as server, suppress(OSError):
            while asked := caller.recv(2**20):
                server.sendall(asked)
                answer = server.recv(2**20)
                if self._to_lose and b"EVALSHA" in asked:
                    self._to_lose -= 1
                    self.lost += 1
                    return
                caller.sendall(answer)
