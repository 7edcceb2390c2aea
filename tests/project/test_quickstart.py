"""The quickstart, run as a user runs it: what its tables must show, and how it says what it cannot do."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

import quickstart
from pasted_logs import task
from servers import OllamaServer, OpenAIServer

PATIENCE = 500.0  # seconds until a test gives up waiting
WIDTH = 100  # characters of a line in print
ROW = re.compile(r"^ *(?P<turn>\d+|'hi'){}  (?P<done>\S.*)$".format(r" +([\d,]+|-)" * 5))
NO_KEYS = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "OLLAMA_"))}


class Printed(NamedTuple):
    """A row of a table; `None` where a dash stands."""

    turn: str
    history: int | None
    sent: int | None
    cap: int | None
    reported: int | None
    cached: int | None
    done: str


class Outcome(NamedTuple):
    """How a run ended and what it printed."""

    status: int
    text: str
    errors: str

    @property
    def tables(self) -> list[list[Printed]]:
        """The rows of each table."""
        parts = self.text.split("what was done\n")[1:]
        return [[_printed(match) for line in part.splitlines() if (match := ROW.match(line))] for part in parts]


def _printed(match: re.Match[str]) -> Printed:
    history, sent, cap, reported, cached = (
        None if cell == "-" else int(cell.replace(",", "")) for cell in match.groups()[1:6]
    )
    return Printed(match["turn"], history, sent, cap, reported, cached, match["done"])


async def run(*arguments: str, settings: Mapping[str, str] | None = None) -> Outcome:
    """Run the quickstart to its end, with no settings of the machine's user."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", quickstart.__file__, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**NO_KEYS, **(settings or {})},
    )
    text, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode is not None
    return Outcome(process.returncode, text.decode(), errors.decode())


@pytest.mark.real_model
async def test_the_local_model_breaks_unwrapped_and_survives_under_a_budget() -> None:
    """Unwrapped, the server's refusal ends the conversation; under the budget every turn is answered within the cap."""
    outcome = await run()
    assert (outcome.status, outcome.errors) == (0, "")
    assert [line for line in outcome.text.splitlines() if len(line) > WIDTH] == []

    unwrapped, wrapped = outcome.tables
    *answered, refused, stuck = unwrapped
    assert 5 <= len(answered) <= 7
    assert all(row.reported and row.done == "sent whole" for row in answered)
    assert (refused.reported, stuck.reported, stuck.turn) == (None, None, "'hi'")
    assert " ".join(outcome.text.split()).count("exceeds the available context size (2048 tokens)") == 2

    assert [row.turn for row in wrapped] == [str(turn) for turn in range(1, quickstart.TURNS + 1)]
    for row in wrapped:
        assert row.cap == quickstart.CAP
        assert row.sent is not None
        assert row.sent <= row.cap
        assert row.reported is not None
        assert row.reported <= row.cap
        assert row.cached is not None
    last = wrapped[-1]
    assert last.history is not None
    assert last.history > quickstart.WINDOW
    assert sum("TrimOldest" in row.done for row in wrapped) >= 2
    assert f"Unwrapped, the agent broke at turn {refused.turn}" in outcome.text


def test_the_readme_shows_a_run_whose_last_line_agrees_with_its_table() -> None:
    """The tables are read as a run's are, and their largest request is the one that the last line names."""
    readme = Path(quickstart.__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
    shown = Outcome(0, readme.partition("```text\n12 turns")[2].partition("```")[0], "")
    unwrapped, wrapped = shown.tables
    assert [row.turn for row in wrapped] == [str(turn) for turn in range(1, quickstart.TURNS + 1)]
    largest = max(row.sent or 0 for row in wrapped)
    last = " ".join(shown.text.split()).rpartition("Unwrapped, ")[2]
    assert last.startswith(f"the agent broke at turn {unwrapped[-2].turn} ")
    assert last.endswith(f"never sent more than {largest:,} tokens.")


async def test_a_model_of_openai_runs_the_same() -> None:
    """A large window keeps the whole conversation unwrapped; the last line compares what was read."""
    async with OpenAIServer(window=128_000) as server:
        server.reply_with(lambda _: "It was the database.")
        settings = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "x"}
        outcome = await run("--model", "openai:gpt-4o-mini", settings=settings)
    assert (outcome.status, outcome.errors) == (0, "")
    unwrapped, wrapped = outcome.tables
    assert len(unwrapped) == len(wrapped) == quickstart.TURNS
    assert all(row.sent is not None and row.sent <= quickstart.CAP for row in wrapped)
    read = [sum(row.reported or 0 for row in rows) for rows in (unwrapped, wrapped)]
    assert read[1] < read[0]
    assert f"{read[1]:,} in all, not {read[0]:,}" in " ".join(outcome.text.split())


async def test_a_model_of_ollama_runs_the_same() -> None:
    """Ollama cuts what does not fit without a word; the table has one for it."""
    async with OllamaServer(window=4_096, token_ratio=1.4) as server:
        server.reply_with(lambda _: "It was the database.")
        outcome = await run("--model", "ollama:llama3.2", settings={"OLLAMA_HOST": server.base_url})
    assert (outcome.status, outcome.errors) == (0, "")
    unwrapped, wrapped = outcome.tables
    assert unwrapped[0].done == "sent whole"
    assert unwrapped[-1].done == "did not fit: cut by the provider, without a word"
    assert all(row.reported is not None and row.reported <= quickstart.CAP for row in wrapped)


@pytest.mark.parametrize("value", ["gpt-4o", "openai:", "azure:gpt-4o", "ollama", ""])
async def test_an_unknown_model_is_refused_with_the_choice(value: str) -> None:
    """What is neither local nor NAME at a known provider ends the program with what is allowed."""
    outcome = await run("--model", value)
    assert outcome.status == 2
    assert f"{value!r} is not one of: local, openai:NAME, ollama:NAME" in outcome.errors


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("openai:gpt-4o", "quickstart: --model openai:gpt-4o needs a key: set OPENAI_API_KEY.\n"),
        ("ollama:llama3.2", "quickstart: no answer from ollama:llama3.2: Failed to connect to Ollama."),
    ],
)
async def test_a_model_that_cannot_be_used_ends_with_words(model: str, words: str) -> None:
    """Without a key, or without a server, one line says so; there is no traceback."""
    outcome = await run("--model", model, settings={"OLLAMA_HOST": "127.0.0.1:9"})
    assert outcome.status == 1
    assert outcome.errors.startswith(words)
    assert outcome.errors.count("\n") == 1


@pytest.mark.parametrize(
    ("module", "model", "words"),
    [
        ("xllamacpp", "local", "pip install xllamacpp"),
        ("ollama", "ollama:llama3.2", "pip install 'autogen-ext[ollama]'"),
    ],
)
def test_a_missing_package_ends_with_its_command(module: str, model: str, words: str) -> None:
    """Without a package that the model needs, the program ends with the command that installs it."""
    program = f"import sys; sys.modules[{module!r}] = None; import quickstart; quickstart.main()"
    outcome = subprocess.run(
        [sys.executable, "-c", program, "--model", model],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(quickstart.__file__).parent,
        env=NO_KEYS,
    )
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("quickstart: ")
    assert words in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process there")
def test_ctrl_c_ends_it_quietly() -> None:
    """Ctrl-C in the middle of a run ends the program without a traceback."""
    with subprocess.Popen(
        [sys.executable, quickstart.__file__], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=NO_KEYS
    ) as program:
        assert program.stdout is not None
        while not ROW.match(program.stdout.readline()):
            assert program.poll() is None
        program.send_signal(signal.SIGINT)
        _, errors = program.communicate(timeout=PATIENCE)
    assert (program.returncode, errors) == (130, "")


def test_a_pasted_log_holds_one_failure() -> None:
    """Each turn is another excerpt with one error in it and a question, and the same in every run."""
    texts = [task(turn) for turn in range(1, quickstart.TURNS + 1)]
    assert len(set(texts)) == quickstart.TURNS
    assert texts == [task(turn) for turn in range(1, quickstart.TURNS + 1)]
    assert all(text.count(" ERROR ") == 1 and text.endswith("?") for text in texts)
