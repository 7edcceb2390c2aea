"""A local server that speaks S3 (moto), in a process of its own, for tests that need one.

python s3_server.py PORT FAIL_ONE_IN   # 0 fails none
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

BUCKET = "texts"

Respond = Callable[[str, list[tuple[str, str]]], object]
App = Callable[[dict[str, Any], Respond], Iterable[bytes]]


class Failing:
    """An application that answers one request in so many with an error of the server.

    Args:
        app (App): What answers the others.
        one_in (int): In how many; 0 means never.
    """

    def __init__(self, app: App, one_in: int) -> None:
        self._app = app
        self._one_in = one_in
        self._requests = itertools.count(1)

    def __call__(self, environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        """Answer one request."""
        if self._one_in and next(self._requests) % self._one_in == 0:
            respond("503 Slow Down", [("Content-Type", "text/plain")])
            return [b""]
        return self._app(environ, respond)


def serve(port: int, one_in: int) -> None:
    """Answer until the process is ended."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    app = DomainDispatcherApplication(create_backend_app)
    make_server("127.0.0.1", port, Failing(app, one_in), threaded=True).serve_forever()


@contextmanager
def s3_server(fail_one_in: int = 0) -> Generator[str]:
    """A server with a bucket, found by everything that this process starts meanwhile; the bucket's URL.

    Args:
        fail_one_in (int): It fails one request in so many; 0 means none.
    """
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
        [sys.executable, __file__, str(port), str(fail_one_in)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with patch.dict(os.environ, environment):
            wait_for(port)
            fsspec.filesystem("s3").mkdir(BUCKET)
            yield f"s3://{BUCKET}"
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
    serve(int(sys.argv[1]), int(sys.argv[2]))
