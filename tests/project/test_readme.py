"""The README as written: its blocks run, print what they show, and its commands are the ones that are kept working."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
EXAMPLES = [
    (code, BLOCKS[i + 1][1] if BLOCKS[i + 1 : i + 2] and BLOCKS[i + 1][0] == "text" else "")
    for i, (kind, code) in enumerate(BLOCKS)
    if kind == "python"
]


@pytest.mark.parametrize(("code", "shown"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_python_blocks_print_what_is_shown(code: str, shown: str) -> None:
    """Each block runs on its own, from a fresh interpreter, and prints the text block that follows it."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.rstrip() == shown.rstrip()


def test_commands_are_the_ones_that_ci_runs() -> None:
    """There are two commands, each in one line from a new environment, and CI takes both from here."""
    commands = [code.strip() for kind, code in BLOCKS if kind == "bash"]
    assert len(commands) == 2
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command, ending in zip(commands, (r"quickstart\.py", "pytest"), strict=True):
        assert "\n" not in command
        assert re.fullmatch(rf"python3 -m venv .*{ending}", command)
        assert f"command_ending_with '{ending}'" in script


def test_every_block_is_accounted_for() -> None:
    """No block is of a kind that nothing runs or checks."""
    assert {kind for kind, _ in BLOCKS} == {"python", "bash", "text"}


def test_the_table_is_the_quickstarts() -> None:
    """The shown table has the headings and the closing words that the quickstart prints."""
    script = (ROOT / "examples" / "quickstart.py").read_text(encoding="utf-8")
    table = next(text for kind, text in BLOCKS if kind == "text" and "AssistantAgent, unwrapped" in text)
    assert "turn  history   sent    cap  reported  cached  what was done" in table
    for words in ("AssistantAgent, unwrapped", "refused by the provider", "sent whole", "sent what was left"):
        assert words in table
        assert words in script
    assert "answered all 12 turns" in " ".join(table.split())


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`python ((?:tests/benchmarks|examples)/\w+\.py)", README))))
def test_named_scripts_exist(command: str) -> None:
    """Scripts that the text names are there."""
    assert (ROOT / command).is_file()


def test_settings_are_documented() -> None:
    """The table of settings names each field of the budget and its default."""
    from autogen_budget import TokenBudget

    nothing_set = TokenBudget()
    for name in TokenBudget.model_fields:
        value: object = getattr(nothing_set, name)
        default = "{}" if value == {} else re.escape(str(value))
        assert re.search(rf"^\| `{name}` \| `{default}` \|", README, re.MULTILINE), name
