"""The command line: what each command shows, its exit codes, JSON, pipes and errors; goldens at 80 and 120 columns.

After a wanted change of the output: `UPDATE_GOLDENS=1 pytest tests/sight/test_cli.py`, and read the difference.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from autogen_core.models import FunctionExecutionResultMessage
from rich.console import Console
from typer.testing import CliRunner, Result

from autogen_budget import CallRecord, OutputCut, RecordFile, TiktokenCounter
from autogen_budget._model_facts import Window
from autogen_budget._sight import _app, _command, _demo, _doctor
from autogen_budget._sight._app import app
from autogen_budget._sight._doctor import Check
from autogen_budget._sight._formats import Transcript
from autogen_budget._sight._inspect import contents_of
from builders import SYSTEM, call, call_record, result, said, user
from made_up_runs import long_run
from servers.counting_server import serving

GOLDENS = Path(__file__).parent / "goldens"
MAIN = "from autogen_budget._sight._command import main; main()"
MESSAGES = [
    SYSTEM,
    user("Which ships came in? " * 30),
    call("1"),
    result("1"),
    said("The Aurora brought salt and tar. " * 20),
    user("And yesterday?"),
    said("None."),
]


@pytest.fixture
def conversation(tmp_path: Path) -> Path:
    """A recorded conversation with a tool."""
    tool = {"name": "f", "description": "Look at a place."}
    values = {"id": "harbour", "messages": [message.model_dump(mode="json") for message in MESSAGES], "tools": [tool]}
    path = tmp_path / "harbour.json"
    path.write_text(json.dumps(values))
    return path


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A run's records."""
    path = tmp_path / "run.jsonl"
    write = RecordFile(path)
    for record in long_run(60):
        write(replace(record, model=None) if isinstance(record, CallRecord) else record)  # prices change
    return path


def run(*arguments: object, width: int = 100, code: int = 0) -> Result:
    """Run a command, and check its exit code."""
    done = CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": str(width), "NO_COLOR": "1"})
    assert done.exit_code == code, done.output
    return done


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("command", ["inspect records", "inspect messages", "replay", "diff", "plan"])
def test_output_is_as_it_was(command: str, width: int, conversation: Path, records: Path) -> None:
    """Tables that a person reads, at two widths."""
    arguments: dict[str, list[object]] = {
        "inspect records": ["inspect", records],
        "inspect messages": ["inspect", conversation],
        "replay": ["replay", conversation, "--cap", 4_000],
        "diff": ["diff", conversation, "4000", "cap=5000,compact_to=0.4"],
        "plan": ["plan", conversation],
    }
    output = "".join(f"{line.rstrip()}\n" for line in run(*arguments[command], width=width).stdout.splitlines())
    assert max(map(len, output.splitlines())) <= width
    golden = GOLDENS / f"{command.replace(' ', '_')}_{width}.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(output, encoding="utf-8")
    assert output == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("arguments", [["inspect"], ["replay", "--cap", "4000"], ["plan"], ["diff", "4000", "5000"]])
def test_json_is_for_programs(arguments: list[str], conversation: Path) -> None:
    """One value on standard output, and nothing else."""
    command, *options = arguments
    values = json.loads(run(command, conversation, *options, "--json").stdout)
    assert values


def test_records_as_json_and_html(records: Path, tmp_path: Path) -> None:
    """The report's values, and its page beside them."""
    page = tmp_path / "report.html"
    values = json.loads(run("inspect", records, "--json", "--html", page).stdout)
    assert values["calls"] == 60
    assert "<title>Token report: 60 calls</title>" in page.read_text(encoding="utf-8")


def test_many_conversations_are_listed(conversation: Path, tmp_path: Path) -> None:
    """The largest first, the three largest in full."""
    values = json.loads(conversation.read_text())
    path = tmp_path / "all.jsonl"
    names = [f"harbour {i}" for i in range(5)]
    lines = [
        json.dumps({**values, "id": name, "messages": values["messages"] * (i + 1)}) for i, name in enumerate(names)
    ]
    path.write_text("\n".join(lines))
    output = run("inspect", path, "--top", 4).stdout
    assert "5 conversations, the largest first" in output
    assert output.index("harbour 4") < output.index("harbour 3")
    assert "harbour 0" not in output
    assert output.count("largest parts") == 3
    limited = json.loads(run("replay", path, "--cap", 4_000, "--limit", 2, "--json").stdout)
    assert [each["name"] for each in limited["runs"]] == names[:2]


def test_a_replay_shows_what_was_done(conversation: Path, tmp_path: Path) -> None:
    """Compactions with their strategies; a page; exit code 1 where something cannot fit."""
    page = tmp_path / "report.html"
    output = run("replay", conversation, "--cap", 150, "--strategies", "TrimOldest", "--html", page).stdout
    assert "TrimOldest" in output
    assert "TokenBudget(150), strategies=[TrimOldest()]" in output
    assert page.exists()
    assert "ContextOverflowError" in run("replay", conversation, "--cap", 10, code=1).stdout


def test_a_plan_that_loses_something_says_so(conversation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The least lossy settings, and exit code 1."""
    monkeypatch.setattr("autogen_budget._sight._plan.SMALLEST_CAP", 10)
    monkeypatch.setattr("autogen_budget._sight._plan.CAP_SHARES", (0.02,))
    assert "Each of these settings loses something" in run("plan", conversation, code=1).stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["inspect", "{empty}"], "is empty"),
        (["plan", "{records}"], "holds records, which say how large messages were"),
        (["replay", "{records}", "--cap", "100"], "holds records"),
        (["replay", "{messages}", "--cap", "100", "--strategies", "Forget"], "no strategy is called 'Forget'"),
        (["diff", "{messages}", "cap=9", "shape=9"], "no setting is called 'shape'"),
        (["inspect", "{messages}", "--html", "x.html"], "only records have a report"),
        (["inspect", "nowhere.json"], "does not exist"),
        (["live", "{messages}"], "messages.json, line 1: not a record of autogen-budget"),
        (["inspect", "{records}", "--html", "{nowhere}"], "No such file or directory"),
        (["replay", "{messages}", "--cap", "9000", "--html", "{nowhere}"], "No such file or directory"),
        (["demo", "--html", "{nowhere}"], "No such file or directory"),
    ],
)
def test_errors_are_one_line_and_exit_code_two(
    arguments: list[str], complaint: str, conversation: Path, records: Path, tmp_path: Path
) -> None:
    """On standard error, without a traceback."""
    (tmp_path / "empty.json").touch()
    one_line = tmp_path / "messages.json"
    one_line.write_text(conversation.read_text() + "\n")
    places = {"empty": tmp_path / "empty.json", "records": records, "messages": one_line}
    places["nowhere"] = tmp_path / "nowhere" / "x.html"
    done = run(*(argument.format(**places) for argument in arguments), code=2)
    assert complaint in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.output
    assert not done.stdout


def test_live_follows_in_a_pipe(records: Path) -> None:
    """A line for each call, until nothing comes any more."""
    lines = run("live", records, "--stop-after", "0").stdout.splitlines()
    assert len(lines) == 60
    assert lines[0].startswith("researcher: ")


def test_live_follows_on_a_terminal(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that is renewed."""
    console = Console(force_terminal=True, width=100, color_system=None)
    monkeypatch.setattr(_app, "_console", lambda: console)
    with console.capture() as captured:
        run("live", records, "--stop-after", "0")
    assert "researcher" in captured.get()


def test_the_demo_shows_a_report(tmp_path: Path) -> None:
    """Without any model, as tables, values and a page."""
    output = run("demo", "--html", tmp_path / "demo.html").stdout
    assert "what to change, the largest gain first" in output
    assert "fetch_page" in output
    assert json.loads(run("demo", "--json").stdout)["calls"] == 36
    assert (tmp_path / "demo.html").exists()


def test_the_doctor_checks_the_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages, counting, a model; exit code 1 where something does not work."""
    output = run("doctor", "--model", "gpt-4o").stdout
    for part in ("autogen-core", "ok", "o200k_base", "128,000 tokens", "$2.5 in, cached $1.25, $10 out"):
        assert part in output, part
    unknown = run("doctor", "--model", "nobodys-model-7", code=1).stdout
    assert "set context_window in TokenBudget" in unknown
    assert "SpendPool(prices=...)" in unknown
    versions = {"autogen-core": "0.8.1", "tiktoken": "0.9", "mcp": "2.0"}

    def version(name: str) -> str:
        if name == "redis":
            raise PackageNotFoundError
        return versions.get(name, "0.7.5" if name.startswith("autogen") else "0.99")

    monkeypatch.setattr(_doctor, "version", version)
    checks = {check["name"]: check for check in json.loads(run("doctor", "--json", code=1).stdout)}
    assert checks["autogen-core"] == {
        "name": "autogen-core",
        "verdict": "problem",
        "detail": "0.8.1 does not work: below 0.8; needed",
    }
    assert checks["tiktoken"]["detail"].startswith("0.9 is too old: at least 0.13")
    assert checks["redis"]["verdict"] == "missing"
    assert checks["mcp"]["verdict"] == "problem"


async def test_the_doctor_asks_a_server() -> None:
    """For its window, and whether it counts; one that does not say its window is a problem."""
    async with serving("llamacpp", {"input_tokens": 19}) as (_, url):
        window, counts = await _doctor.check_server(url)
    assert (window.verdict, counts.verdict) == ("problem", "ok")
    assert counts.detail.startswith("19 tokens in a request of ")
    window, counts = await _doctor.check_server("http://127.0.0.1:9/v1")
    assert (window.verdict, counts.verdict) == ("problem", "missing")
    assert "does not tell its window" in window.detail


def test_the_doctor_takes_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the command line, beside the rest."""

    async def answers(url: str) -> Window:
        return Window(8_000, "server")

    monkeypatch.setattr(_doctor, "window_of_server", answers)
    output = run("doctor", "--server", "http://127.0.0.1:9/v1").stdout
    assert "http://127.0.0.1:9/v1 has a window of 8,000 tokens" in output


def test_the_doctor_finds_a_damaged_vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with it."""

    def broken(model: str | None) -> None:
        raise OSError("no such file")

    monkeypatch.setattr(_doctor, "TiktokenCounter", broken)
    assert _doctor.check_counting(None) == Check(
        "counting", "problem", "the vocabulary cannot be used (no such file): install autogen-budget again"
    )


def test_help_is_worth_reading() -> None:
    """What files there are, what exit codes mean, what each command is for."""
    output = " ".join(run("--help").stdout.split())
    for part in ("save_state", "ATIF", "Exit codes", "NO_COLOR", "--install-completion", "inspect", "doctor"):
        assert part in output, part
    assert "--cap" in run("replay", "--help").stdout


class Missing:
    """Finds that a module, which the command line needs, is not there."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, wanted: str, path: object = None, target: object = None) -> None:
        """Refuse the command line."""
        if wanted == "autogen_budget._sight._app":
            raise ModuleNotFoundError(f"No module named {self._name!r}", name=self._name)


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [("typer", SystemExit, r"autogen-budget\[cli\]"), ("else", ModuleNotFoundError, "No module named 'else'")],
)
def test_without_the_extra_it_says_what_to_install(
    name: str, error: type[BaseException], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry point needs no typer to say so; other missing modules are errors as usual."""
    monkeypatch.setattr(sys, "meta_path", [Missing(name), *sys.meta_path])
    monkeypatch.delitem(sys.modules, "autogen_budget._sight._app")
    with pytest.raises(error, match=message):
        _command.main()


def test_the_entry_point_runs_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the arguments of the process."""
    monkeypatch.setattr(sys, "argv", ["autogen-budget", "demo", "--json"])
    with pytest.raises(SystemExit) as ended:
        _command.main()
    assert ended.value.code == 0


def test_results_of_one_message_are_weighed_one_by_one() -> None:
    """Together they are the message; an empty one has no name."""
    both, counter = (call("1", "2"), result("1", "2")), TiktokenCounter()
    contents = contents_of(Transcript("a", (user("Go."), *both, FunctionExecutionResultMessage(content=[]))), counter)
    assert contents.layers["tool output"] == counter.tokens(
        counter.measure_message(both[1]) + counter.measure_message(FunctionExecutionResultMessage(content=[]))
    )
    assert contents.labels["result of f"] == counter.tokens(counter.measure_message(both[1]))


def test_an_empty_report_is_a_few_lines(tmp_path: Path) -> None:
    """Several purposes are shown, little is said of little."""
    path = tmp_path / "run.jsonl"
    for purpose in ("reply", "selector"):
        RecordFile(path)(call_record(purpose=purpose))
    output = run("inspect", path).stdout
    assert "by purpose" in output
    assert "growth" not in output
    assert len(run("inspect", path, "--json").stdout) > len(output)
    path.write_text("")
    RecordFile(path)(OutputCut("f", 900, 80, 20, "a1", None))
    assert "what was sent" not in run("inspect", path).stdout


def test_the_demos_tools_work() -> None:
    """The one that nobody calls, too."""
    assert _demo.translate("nine ships", "French") == "nine ships (French)"


@pytest.mark.parametrize("command", [["inspect", "{records}"], ["inspect", "{records}", "--json"]])
def test_a_reader_may_leave_early(command: list[str], records: Path) -> None:
    """As `head -1` does: no traceback, no failure."""
    records.write_bytes(records.read_bytes() * 20)
    arguments = [part.format(records=records) for part in command]
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_the_command_runs_as_a_program(conversation: Path) -> None:
    """In a process of its own, with its output in a pipe."""
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "inspect", str(conversation)], capture_output=True, text=True, check=True
    )
    assert "harbour" in done.stdout
    assert "\x1b" not in done.stdout
    assert not done.stderr
