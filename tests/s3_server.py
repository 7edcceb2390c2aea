"""A local server that speaks S3 (moto), in a process of its own, for tests that need one.

python s3_server.py PORT
"""

# moto and werkzeug type little of what is used here.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import fsspec  # type: ignore[import-untyped]  # fsspec ships no types

PATIENCE = 60.0
"""Seconds until it must answer: it imports a lot."""

BUCKET = "s3://texts"

FAILING = "s3://failing"
"""A bucket of which one request in ten fails."""

Respond = Callable[[str, list[tuple[str, str]]], object]
App = Callable[[dict[str, Any], Respond], Iterable[bytes]]


class Failing:
    """An application that answers one request in ten for a bucket with an error of the server.

    Args:
        app (App): What answers the others.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._requests = itertools.count(1)

    def __call__(self, environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"].startswith("/failing/") and next(self._requests) % 10 == 0:
            respond("503 Slow Down", [("Content-Type", "text/plain")])
            return [b""]
        return self._app(environ, respond)


def serve(port: int) -> None:
    """Answer until the process is ended."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    app = DomainDispatcherApplication(create_backend_app)
    make_server("127.0.0.1", port, Failing(app), threaded=True).serve_forever()


@contextmanager
def s3_server() -> Generator[str]:
    """A server with two buckets, found by everything that this process starts meanwhile; the first one's URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }
    server = subprocess.Popen(
        [sys.executable, __file__, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with patch.dict(os.environ, environment):
            wait_for(port)
            for bucket in (BUCKET, FAILING):
                fsspec.filesystem("s3").mkdir(bucket)
            yield BUCKET
    finally:
        server.kill()
        server.wait()
        fsspec.filesystem("s3").clear_instance_cache()


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


if __name__ == "__main__":
    serve(int(sys.argv[1]))
