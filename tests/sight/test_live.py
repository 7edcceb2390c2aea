"""Following a file of records while it is written."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from autogen_budget import OutputCut, Record, RecordFile, RecordFormatError, Step, WaitRecord
from autogen_budget._analysis import cost_of
from autogen_budget._sight._live import follow, status_table
from autogen_budget._sight._status import StatusBoard
from builders import call_record

COMPACTED = call_record(name="two", tokens_sent=500, steps=(Step("TrimOldest", 900, 500, dropped=3),), at=5.0)


def test_records_come_as_they_are_written(tmp_path: Path) -> None:
    """Whole lines only; silence ends it where it is told to."""
    path = tmp_path / "x.jsonl"
    write = RecordFile(path)
    first = call_record()
    write(first)
    records: Iterator[Record | None] = follow(path, poll=0, stop_after=None)
    assert next(records) == first
    assert next(records) is None
    with path.open("a") as file:
        file.write('\n{"version": 1,')
    assert next(records) is None
    with path.open("a") as file:
        file.write(' "kind": "moon"}\n')
    with pytest.raises(RecordFormatError, match="kind"):
        next(records)
    path.unlink()
    write(first)
    assert list(follow(path, poll=0, stop_after=0.0)) == [first, None]


def test_the_status_of_each_agent() -> None:
    """Calls, tokens against the cap, money and time, and what happened last."""
    board = StatusBoard()
    board.add(WaitRecord("one", "rate", 2.0, at=0.5))
    board.add(call_record(name="one", tokens_sent=900, seconds=1.0, at=1.0))
    board.add(call_record(name="one", tokens_sent=950, seconds=1.5, seconds_left=41.6, at=2.0))
    board.add(COMPACTED)
    board.add(OutputCut("fetch", 9_000, 800, 200, "a1", None, name="one", at=3.0))
    priced = call_record(name="three", model="gpt-4o", tokens_sent=1_000, reported_prompt_tokens=1_000_000, at=4.0)
    board.add(priced)
    lines = {name: status.line for name, status in board.agents.items()}
    assert lines["one"] == "one: 950 of 1,000 tokens (95%), 1,850 in 2 calls, nothing cut, 1.5 s, 42 s left"
    assert lines["two"].startswith("two: 500 of 1,000 tokens (50%), 500 in 1 call, TrimOldest, ")
    cost = cost_of(priced, {})
    assert cost is not None
    assert f"1,000 in 1 call, ${cost:,.4f}, nothing cut" in lines["three"]
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(status_table(board))
    text = console.export_text()
    assert "output cut fetch: 9,000 characters" in text
    assert "42 s" in text
    assert f"${cost:,.4f}" in text
    assert "TrimOldest" in text
    assert "██████████░░░░░░░░░░" in text
