"""Records: the stream in memory, their JSON form, and files that several processes write to."""

import json
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autogen_budget import (
    CallRecord,
    LoopRecord,
    OutputCut,
    Part,
    Record,
    RecordEvent,
    RecordFile,
    RecordFormatError,
    RecordLog,
    RetryRecord,
    Step,
    TimeLimitRecord,
    WaitRecord,
    observed,
    read_records,
)
from autogen_budget._hooks import tell
from autogen_budget._record_json import VERSION, from_dict, record_of_line, to_dict
from builders import call_record
from profiles import examples

EVENTS: tuple[Record, ...] = (
    OutputCut("fetch", 9_000, 800, 200, "a1", None, name="clerk", at=1.0),
    WaitRecord("clerk", "rate", 0.5, at=2.0),
    RetryRecord("clerk", 1, "RateLimitError: slow down, Anna", 2.0, at=3.0),
    TimeLimitRecord("clerk", "tool", 30.0, tool="fetch", at=4.0),
    LoopRecord("clerk", "call", "fetch", 3, "nudged", at=5.0),
)

texts = st.text(max_size=20)
sizes = st.integers(min_value=0, max_value=10**9)
layers = st.dictionaries(texts, sizes, max_size=3)
parts = st.builds(Part, label=texts, layer=texts, tokens=sizes, fingerprint=texts, age=sizes)
steps = st.builds(Step, strategy=texts, tokens_before=sizes, tokens_after=sizes, note=texts, failed=st.just(False))
calls = st.builds(
    call_record,
    name=texts,
    model=st.none() | texts,
    tokens_before=sizes,
    layers_sent=layers,
    steps=st.lists(steps, max_size=3).map(tuple),
    new_parts=st.lists(parts, max_size=3).map(tuple),
    tools=layers,
    cache_bust=st.none() | texts,
)


@settings(max_examples=examples(2))
@given(st.one_of(calls, st.sampled_from(EVENTS)))
def test_json_gives_the_same_record_back(record: Record) -> None:
    """Whatever is in a record survives JSON, and so does a field of a later minor release."""
    values = json.loads(json.dumps(to_dict(record, include_content=True)))
    assert from_dict(values) == record
    assert from_dict({**values, "of a later release": 1}) == record
    assert record_of_line(json.dumps({**values, "of a later release": 1}, separators=(",", ":"))) == record


def test_content_is_left_out_unless_asked_for() -> None:
    """Messages, texts of errors and of failed steps may quote a conversation."""
    words = "my code is 4711"
    record = call_record(
        content=({"type": "UserMessage", "content": words},),
        reply={"type": "AssistantMessage", "content": words},
        error=f"BadRequestError: {words}",
        steps=(Step("Summarize", 9, 9, f"ValueError: {words}", failed=True), Step("TrimOldest", 9, 5, "1 dropped")),
    )
    retry = RetryRecord("clerk", 1, f"RateLimitError: {words}", 2.0)
    for one in (record, retry):
        assert words not in json.dumps(to_dict(one))
        assert words in json.dumps(to_dict(one, include_content=True))
    bare = from_dict(to_dict(record))
    assert isinstance(bare, CallRecord)
    assert (bare.error, bare.content, bare.reply) == ("BadRequestError", None, None)
    assert [step.detail for step in bare.steps] == ["ValueError", "1 dropped"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'{"kind": "call"}', '"version" is missing'),
        (b'{"version": true}', '"version" is missing'),
        (b'{"version": 99}', "record version 99 is newer than 1"),
        (b'{"version": 1}', "not a valid record: kind:"),
        (b'{"version": 1, "kind": "wait", "name": "a", "reason": "tea", "seconds": 1}', "wait.reason"),
        (b"\xff\xfe", "not JSON"),
        (b'{"version":1,"kind":"wait","name":"a","reason":"tea","seconds":1}', "wait.reason"),
        (b'{"version":1,"kind":"wa', "not JSON"),
    ],
)
def test_what_is_no_record_is_named(line: bytes, complaint: str) -> None:
    """An error says what is wrong with the line."""
    with pytest.raises(RecordFormatError) as caught:
        record_of_line(line)
    assert complaint in str(caught.value)


def test_files_are_read_one_record_at_a_time(tmp_path: Path) -> None:
    """What was written is read back; a broken line is named, and one without an end is not there yet."""
    path = tmp_path / "runs" / "x.jsonl"
    write = RecordFile(path, include_content=True)
    for record in EVENTS:
        write(record)
    assert path.stat().st_mode & 0o777 == 0o600
    assert tuple(read_records(path)) == EVENTS
    with path.open("ab") as file:
        file.write(b'\n{"version": 1, "kind": "wa')
    assert tuple(read_records(path)) == EVENTS
    with path.open("ab") as file:
        file.write(b"\n")
    with pytest.raises(RecordFormatError, match=r"x\.jsonl, line 7: not JSON"):
        tuple(read_records(path))


def test_a_whole_last_line_without_an_end_is_read(tmp_path: Path) -> None:
    """Only the end of the line is missing."""
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(to_dict(EVENTS[1])))
    assert tuple(read_records(path)) == EVENTS[1:2]


def test_several_processes_write_to_one_file(tmp_path: Path) -> None:
    """No line is torn or lost."""
    path = tmp_path / "x.jsonl"
    code = (
        "import sys; from autogen_budget import RecordFile, WaitRecord\n"
        "write = RecordFile(sys.argv[1])\n"
        "for i in range(200): write(WaitRecord(sys.argv[2] * 500, 'rate', float(i)))"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "ab"]
    assert [writer.wait() for writer in writers] == [0, 0]
    seconds: dict[str, list[float]] = {"a": [], "b": []}
    for record in read_records(path):
        assert isinstance(record, WaitRecord)
        seconds[record.name[0]].append(record.seconds)
    assert seconds == {name: [float(i) for i in range(200)] for name in "ab"}


def test_a_log_keeps_calls_and_the_rest_apart() -> None:
    """Many cuts do not drive out calls; together they are in the order of time."""
    log = RecordLog(limit=2)
    call = call_record(at=3.5)
    log.add(call)
    for event in EVENTS:
        log.add(event)
    assert log.calls == (call,)
    assert not log.cuts
    assert log.all == (call, EVENTS[3], EVENTS[4])
    log.add(EVENTS[0])
    assert log.cuts == (EVENTS[0],)


def test_a_call_shrank_only_by_its_own_steps() -> None:
    """A repair changes no size; a compaction does."""
    repair, trim = Step("repair", 900, 900, "orphaned result"), Step("TrimOldest", 900, 500, "3 turns dropped")
    assert not call_record(steps=(repair,)).shrank
    assert replace(call_record(), steps=(repair, trim)).shrank


def test_the_version_is_in_every_line() -> None:
    """A reader can tell what it has before it."""
    assert {to_dict(record)["version"] for record in EVENTS} == {VERSION}


def test_each_record_is_an_event_for_logs(caplog: pytest.LogCaptureFixture) -> None:
    """In AutoGen's style: the text is JSON, with a type and without content; off unless the level is INFO."""
    with caplog.at_level(logging.WARNING, "autogen_budget.events"):
        tell(EVENTS[0], ())
    assert not caplog.records
    with caplog.at_level(logging.INFO, "autogen_budget.events"):
        tell(EVENTS[2], ())
    (logged,) = caplog.records
    assert isinstance(logged.msg, RecordEvent)
    assert logged.msg.record is EVENTS[2]
    values = json.loads(logged.getMessage())
    assert (values["type"], values["error"]) == ("BudgetRetryRecord", "RateLimitError")


def test_an_observer_hears_of_everything_for_a_while() -> None:
    """Whoever makes the record."""
    log = RecordLog()
    with observed(log.add):
        tell(EVENTS[0], ())
    tell(EVENTS[1], ())
    assert log.all == (EVENTS[0],)
