"""A report as text and as values for JSON."""

import io
import json
from importlib import import_module

import pytest
from rich.console import Console

from autogen_budget import OutputCut, Report, TimeLimitRecord, WaitRecord
from builders import call_record
from made_up_runs import long_run


def test_text_tells_what_was_sent_by_whom_and_what_to_change() -> None:
    """The figures, the layers, the agents, the growth, the findings with their code."""
    text = str(Report.of(long_run(120)))
    for part in (
        "120 calls, 0 failed",
        "tool outputs cut: 3, by 252,000 characters",
        "calls waited 0.7 seconds",
        "what was sent\n  tool output",
        "by agent ",
        "growth\n  history of researcher grows",
        "what to change, the largest gain first\n  1. ",
        'tool_output_tokens={"fetch_page":',
    ):
        assert part in text, part
    assert "by purpose" not in text
    bloated = [call_record(layers_sent={"system": 700}, purpose=purpose) for purpose in ("reply", "selector")]
    text = str(Report.of(bloated))
    assert "by purpose" in text
    assert "give them a cap, so that only the sections a message is about are sent" in " ".join(text.split())
    assert text.endswith("TokenBudget(1_000, max_instruction_tokens=250)")
    assert max(map(len, text.splitlines()[6:])) <= 100


def test_rich_prints_tables() -> None:
    """With the extra `cli`."""
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(Report.of(long_run(120)))
    assert "what was sent" in console.export_text()
    with pytest.raises(AttributeError, match="no attribute 'report_table'"):
        getattr(import_module("autogen_budget._sight"), "report_table")  # noqa: B009 (mypy knows there is none)


def test_a_terminal_obeys_nothing_in_it() -> None:
    """Names may hold escape sequences."""
    text = str(Report.of([call_record(name=f"\x1b[31m{i}", layers_sent={"task": 1}) for i in range(2)]))
    assert "\x1b" not in text
    assert "�[31m0" in text


def test_values_are_json() -> None:
    """Everything but the records, money as text."""
    report = Report.of(long_run(120))
    values = json.loads(json.dumps(report.to_dict()))
    assert values["version"] == 1
    assert values["calls"] == 120
    assert values["balance"]["saved"] == str(report.balance.saved if report.balance else None)
    assert values["findings"][0]["code"] == report.findings[0].code
    assert values["growth"][0]["summary"] == str(report.growth[0])
    assert "records" not in values
    assert Report.of([call_record(model=None)]).to_dict()["balance"] is None


def test_little_is_said_of_little() -> None:
    """Nothing is said of what did not happen."""
    assert str(Report.of([])).count("\n") == 1
    assert "waited" in str(Report.of([WaitRecord("a", "spend", 1.0)]))
    call = call_record(layers_before={"system": 900}, layers_sent={"system": 250})
    assert "instructions: 900 tokens received, 250 sent" in str(Report.of([call]))
    assert "cut" in str(Report.of([OutputCut("f", 9, 5, 4, None, None)]))
    assert "in the background: 1" in str(Report.of([TimeLimitRecord("a", "tool", 9.0, tool="dig", left_behind=True)]))
