"""Shortening over-long results: by their kind, oldest first, with the whole kept where there is a store."""

import pytest
from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
)

from autogen_budget import (
    ArtifactStore,
    History,
    TiktokenCounter,
    TrimOldest,
    TruncateToolOutputs,
)
from builders import context_for, reference_in, user

COUNTER = TiktokenCounter()


def tool_turn(i: int, *texts: str) -> list[LLMMessage]:
    """Parallel calls and their results."""
    ids = [f"c{i}{n}" for n in range(len(texts))]
    return [
        AssistantMessage(content=[FunctionCall(id=c, name="read", arguments='{"n": 1}') for c in ids], source="a"),
        FunctionExecutionResultMessage(
            content=[
                FunctionExecutionResult(content=text, name="read", call_id=c, is_error=False)
                for c, text in zip(ids, texts, strict=True)
            ]
        ),
    ]


def lines(n: int, word: str = "line") -> str:
    """A text of many lines."""
    return "\n".join(f"{word} {i} of the long report" for i in range(n))


def contents(history: History) -> list[str]:
    """All results in a history, in order."""
    return [result.content for turn in history.turns if turn.results for result in turn.results.content]


async def test_truncate_cuts_over_long_results_only() -> None:
    """Each over-long result is cut to its limit and says so; short ones and everything else stay."""
    messages = [user("task"), *tool_turn(1, lines(300), "short", lines(200)), user("go on")]
    history = History.parse(messages)
    cut = await TruncateToolOutputs(100)(history, context_for(history, 10))
    assert [COUNTER.measure_text(text).total <= 100 for text in contents(cut)] == [True, True, True]
    first, second, third = contents(cut)
    assert first.startswith("line 0 of")
    assert first.endswith("line 299 of the long report")
    assert second == "short"
    assert third != lines(200)
    assert cut.turns[0] is history.turns[0]
    assert cut.turns[2] is history.turns[2]
    assert contents(history)[0] == lines(300), "the history that came in is as it was"


async def test_truncate_stops_at_the_target() -> None:
    """Older results are cut first, and no more of them than needed."""
    messages = [user("task"), *tool_turn(1, lines(300)), *tool_turn(2, lines(300)), user("go on")]
    history = History.parse(messages)
    context = context_for(history, context_for(history, 1).tokens - 500)
    cut = await TruncateToolOutputs(100)(history, context)
    assert contents(cut)[0] != lines(300)
    assert contents(cut)[1] == lines(300)


async def test_truncate_gives_a_quarter_of_the_cap_by_default() -> None:
    """Without a limit of its own a result may keep a quarter of the cap."""
    history = History.parse([user("task"), *tool_turn(1, lines(2_000))])
    cut = await TruncateToolOutputs()(history, context_for(history, 10, cap=2_000))
    assert 400 < COUNTER.measure_text(contents(cut)[0]).total <= 500


async def test_nothing_to_do_is_the_same_object() -> None:
    """A strategy that finds nothing to do gives back what it got."""
    history = History.parse([user("task"), *tool_turn(1, "short"), user("go on")])
    assert await TruncateToolOutputs(100)(history, context_for(history, 1)) is history
    assert await TrimOldest()(History.parse([user("task"), user("go on")]), context_for(history, 1)) is not None
    everything_kept = History.parse([user("task"), user("go on")])
    assert await TrimOldest()(history, context_for(history, 10**6)) is history
    assert await TrimOldest()(everything_kept, context_for(everything_kept, 1)) is everything_kept


async def test_truncate_keeps_the_whole_when_there_is_a_store() -> None:
    """The notice names where the whole is; a result that was cut before keeps the reference it has."""
    store = ArtifactStore()
    history = History.parse([user("task"), *tool_turn(1, lines(300), lines(200)), user("go on")])
    cut = await TruncateToolOutputs(200)(history, context_for(history, 10, store=store))
    references = [str(reference_in(text)) for text in contents(cut)]
    assert [await store.get(reference) for reference in references] == [lines(300), lines(200)]
    again = await TruncateToolOutputs(100)(cut, context_for(cut, 10, store=store))
    assert [reference_in(text) for text in contents(again)] == references
    assert all(COUNTER.measure_text(text).total <= 100 for text in contents(again))


async def test_truncate_knows_limits_by_tool() -> None:
    """A tool's own limit takes the place of the general one."""
    history = History.parse([user("task"), *tool_turn(1, lines(300)), user("go on")])
    cut = await TruncateToolOutputs(100, {"read": 700, "list": 9})(history, context_for(history, 10))
    assert 500 < COUNTER.measure_text(contents(cut)[0]).total <= 700
    with pytest.raises(ValueError, match="got 0 for 'read'"):
        TruncateToolOutputs(per_tool={"read": 0})


async def test_truncate_keeps_what_the_task_and_the_request_ask_for() -> None:
    """Lines that share rare words with the first or the newest words of a user are kept."""
    listed = lines(400).splitlines()
    listed[150], listed[250] = "here the ferryman sleeps", "here the lighthouse stands"
    history = History.parse([user("find the ferryman"), *tool_turn(1, "\n".join(listed)), user("and the lighthouse")])
    (text,) = contents(await TruncateToolOutputs(150)(history, context_for(history, 10)))
    assert listed[150] in text
    assert listed[250] in text
