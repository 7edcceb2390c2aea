"""A real Redis on a free port of 127.0.0.1, for tests that need one."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import redis

PATIENCE = 20.0  # seconds until a server must answer


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


class RedisServer:
    """A server of one's own, which keeps nothing on disk unless it is told to.

    Args:
        folder (Path): Where it may write.
        password (str | None): What clients must say. `None` means nothing.
        cluster (bool): Whether it is a node of a cluster.
    """

    def __init__(self, folder: Path, *, password: str | None = None, cluster: bool = False) -> None:
        self._folder = folder
        self._password = password
        self.port = free_port()
        self.bus_port = free_port() if cluster else None
        """Where the nodes of a cluster talk to each other. `None` means it is in none."""
        self._cluster = ("--cluster-enabled", "yes", "--cluster-port", str(self.bus_port)) if cluster else ()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, with what it wrote to disk before."""
        secret = ("--requirepass", self._password) if self._password else ()
        self._process = subprocess.Popen(
            [
                *("redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", ""),
                *("--dir", str(self._folder), "--loglevel", "warning", *secret, *self._cluster),
            ],
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self.command("PING")
                return
            except redis.ConnectionError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)

    def command(self, *words: object) -> Any:
        """What the server answers to a command."""
        with redis.Redis(port=self.port, password=self._password, decode_responses=True) as client:
            return cast("Any", client.execute_command(*words))  # pyright: ignore[reportUnknownMemberType]

    def stop(self) -> None:
        """End it at once, as a machine that dies does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A server for all tests of a run; each uses names of its own."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on this machine: `apt-get install redis-server`")
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that a test may stop."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on this machine")
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()
