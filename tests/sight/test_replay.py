"""Runs seen again and while they go on: replays under other settings, and the status board."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from autogen_core import FunctionCall
from autogen_core.models import AssistantMessage, FunctionExecutionResult, FunctionExecutionResultMessage, LLMMessage
from autogen_core.tools import ToolSchema
from rich.console import Console

from autogen_budget import (
    OutputCut,
    Record,
    RecordFile,
    RecordFormatError,
    Step,
    Tally,
    TiktokenCounter,
    TokenBudget,
    WaitRecord,
)
from autogen_budget._analysis import cost_of
from autogen_budget._sight._formats import Transcript
from autogen_budget._sight._live import follow, status_table
from autogen_budget._sight._plan import best_of, caps_for, outcome_of, plan, round_up
from autogen_budget._sight._replay import Replayed, Settings, known_strategies, replay, settings_of, totals
from autogen_budget._sight._status import StatusBoard
from builders import SYSTEM, call_record, said, user

TOOL = ToolSchema(name="book", description="Book a berth for a ship.")


def booking(days: int) -> Transcript:
    """A clerk who looks up a ship each day, and books by what he found."""
    messages: list[LLMMessage] = [SYSTEM]
    for day in range(days):
        ship = f"SHIP-{day * 7919 % 10_000:04}"
        look = FunctionCall(id=f"{day}a", name="look", arguments="{}")
        book = FunctionCall(id=f"{day}b", name="book", arguments=json.dumps({"ship": ship}))
        found = json.dumps({"ship": ship, "cargo": ["salt", "tar", "rope"], "note": f"came at {day}:00 " * 12})
        messages += [
            user(f"Book a berth for the ship of day {day}."),
            AssistantMessage(content=[look], source="clerk"),
            _result(look, found),
            AssistantMessage(content=[book], source="clerk"),
            _result(book, "done"),
            said(f"The ship of day {day} has a berth."),
        ]
    return Transcript("booking", tuple(messages), (TOOL,))


def _result(call: FunctionCall, text: str) -> FunctionExecutionResultMessage:
    result = FunctionExecutionResult(content=text, name=call.name, call_id=call.id, is_error=False)
    return FunctionExecutionResultMessage(content=[result])


async def test_each_call_is_replayed_as_it_was_made() -> None:
    """Without a cap that binds, what was sent is what was recorded, by the counter's own count."""
    transcript, counter = booking(4), TiktokenCounter("gpt-4o")
    run = await replay(transcript, Settings(TokenBudget(100_000), model="gpt-4o"))
    assert len(run.calls) == len(transcript.calls()) == 12
    for count, call in zip(transcript.calls(), run.calls, strict=True):
        messages = map(counter.measure_message, transcript.messages[:count])
        assert call.tokens_sent == counter.tokens(Tally.sum((counter.measure_extras([TOOL]), *messages)))
    assert (run.needed, run.held) == (8, 8)  # "ship" and its number, for each booking
    assert {call.model for call in run.calls} == {"gpt-4o"}


async def test_a_cap_is_kept_and_what_is_lost_is_counted() -> None:
    """Totals add up; settings that keep less hold fewer of the values."""
    transcript = booking(12)
    run = await replay(transcript, settings_of("cap=900"))
    values = totals([run])
    assert values["calls"] == 36
    assert values["failed"] == 0
    assert values["compactions"] > 0
    assert values["tokens_sent"] == sum(call.tokens_sent for call in run.calls) < values["tokens_before"]
    assert all(call.tokens_sent <= 900 for call in run.calls)
    assert 0 < run.held <= run.needed


async def test_what_cannot_fit_is_a_failed_call() -> None:
    """The replay goes on, and nothing counts as held."""
    run = await replay(booking(2), settings_of("cap=20"))
    assert len(run.calls) == 6
    assert all(call.error and call.error.startswith("ContextOverflowError") for call in run.calls)
    assert all(call.tokens_before > 20 and not call.tokens_sent for call in run.calls)
    assert run.needed > run.held == 0


async def test_a_replay_needs_a_cap() -> None:
    """Without one there is nothing to fit into."""
    with pytest.raises(ValueError, match="no cap"):
        await replay(booking(1), Settings(TokenBudget()))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("8000", "TokenBudget(8000)"),
        ("cap=8000,compact_to=0.4", "TokenBudget(8000, compact_to=0.4)"),
        ("window=8192,reply_reserve=100", "TokenBudget(context_window=8192, reply_reserve=100)"),
        (
            "cap=8000,strategies=DropDuplicates+TrimOldest",
            "TokenBudget(8000), strategies=[DropDuplicates(), TrimOldest()]",
        ),
    ],
)
def test_settings_are_read_and_written_as_code(text: str, code: str) -> None:
    """What the command line takes becomes what a program needs."""
    assert str(settings_of(text)) == code


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cap=many", "cap must be a number, not 'many'"),
        ("cap=9,shape=3", "no setting is called 'shape'; there are cap, window, compact_to"),
        ("cap=9,strategies=Forget", "no strategy is called 'Forget'; there are"),
        ("cap=0", "max_prompt_tokens"),
    ],
)
def test_wrong_settings_are_named(text: str, complaint: str) -> None:
    """With what there is instead."""
    with pytest.raises(ValueError, match=complaint):
        settings_of(text)


async def test_every_strategy_can_be_named() -> None:
    """Alone, each keeps the cap."""
    for name in known_strategies():
        run = await replay(booking(6), settings_of(f"cap=900,strategies={name}"))
        assert all(call.tokens_sent <= 900 for call in run.calls)


async def test_a_plan_finds_the_cheapest_settings_without_loss() -> None:
    """Everything that loses nothing costs at least as much; what was tried is told."""
    told: list[str] = []
    tried, best = await plan([booking(12)], "gpt-4o", told.append)
    assert best.loses_nothing
    assert best in tried
    assert all(best.price <= outcome.price for outcome in tried if outcome.loses_nothing)
    assert best.cost is not None
    assert 0 < best.cached_share < 1
    assert len(told) == len(tried) + 1
    assert told[1] == str(tried[0].settings)


async def test_a_plan_without_prices_compares_tokens() -> None:
    """A cached token counts a tenth; a run of small talk needs no more than its largest request."""
    tried, best = await plan([Transcript("a", (user("Go."), said("done")))], None, lambda _: None)
    assert [str(outcome.settings) for outcome in tried] == ["TokenBudget(1000)"]
    assert best.cost is None
    assert best.price == best.fresh_tokens == best.tokens_sent
    assert best.cached_share == 0


def test_what_loses_least_is_best_where_everything_loses() -> None:
    """Calls that fail weigh more than values that are lost."""

    def outcome(held: int, error: str | None = None) -> Replayed:
        return Replayed("a", (call_record(error=error),), 100, held)

    settings = Settings(TokenBudget(900))
    failed, poor, fair = (
        outcome_of(settings, [run]) for run in (outcome(100, "ContextOverflowError: no"), outcome(50), outcome(90))
    )
    assert best_of([failed, poor, fair]) is fair
    assert best_of([failed]) is failed
    assert outcome_of(settings, []).cached_share == 0


def test_caps_are_round_numbers() -> None:
    """None below a thousand, none above the largest request by much."""
    assert [round_up(tokens) for tokens in (7, 90, 8_231, 123_456)] == [7, 90, 8_300, 130_000]
    assert caps_for(8_231) == [8_300, 6_200, 4_200, 2_100, 1_100]
    assert caps_for(900) == [1_000]


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
