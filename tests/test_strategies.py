"""The strategies that need neither model nor store, each alone."""

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)

from autogen_budget import (
    ArtifactStore,
    History,
    Need,
    Strategy,
    TiktokenCounter,
    TokenBudget,
    TrimOldest,
    TruncateToolOutputs,
    default_strategies,
)
from autogen_budget._cut import reference_in
from autogen_budget._keeper import Keeper

COUNTER = TiktokenCounter()


def user(text: str) -> UserMessage:
    """A user's message."""
    return UserMessage(content=text, source="user")


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


def need_of(history: History, target: int, cap: int | None = None) -> Need:
    """What a strategy is told about a history."""
    need = Need(tokens=0, target=target, cap=cap or target, extras=COUNTER.measure_extras(), counter=COUNTER)
    return need.after(history)


def contents(history: History) -> list[str]:
    """All results in a history, in order."""
    return [result.content for turn in history.turns if turn.results for result in turn.results.content]


def test_need_says_how_much_and_how_urgent() -> None:
    """Over the cap is hard, over the target alone is soft; sizes are those of the whole request."""
    history = History.parse([SystemMessage(content="Be brief."), user("hello")])
    need = need_of(history, target=5, cap=10)
    assert need.tokens == COUNTER.count(history.flatten())
    assert need.hard
    assert not need_of(history, target=5, cap=100).hard
    assert need.after(History()).tokens == COUNTER.count([])


async def test_truncate_cuts_over_long_results_only() -> None:
    """Each over-long result is cut to its limit and says so; short ones and everything else stay."""
    messages = [user("task"), *tool_turn(1, lines(300), "short", lines(200)), user("go on")]
    history = History.parse(messages)
    cut = await TruncateToolOutputs(100)(history, need_of(history, 10))
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
    need = need_of(history, need_of(history, 1).tokens - 500)
    cut = await TruncateToolOutputs(100)(history, need)
    assert contents(cut)[0] != lines(300)
    assert contents(cut)[1] == lines(300)


async def test_truncate_gives_a_quarter_of_the_cap_by_default() -> None:
    """Without a limit of its own a result may keep a quarter of the cap."""
    history = History.parse([user("task"), *tool_turn(1, lines(2_000))])
    cut = await TruncateToolOutputs()(history, need_of(history, 10, cap=2_000))
    assert 400 < COUNTER.measure_text(contents(cut)[0]).total <= 500


async def test_nothing_to_do_is_the_same_object() -> None:
    """A strategy that finds nothing to do gives back what it got."""
    history = History.parse([user("task"), *tool_turn(1, "short"), user("go on")])
    assert await TruncateToolOutputs(100)(history, need_of(history, 1)) is history
    assert await TrimOldest()(History.parse([user("task"), user("go on")]), need_of(history, 1)) is not None
    everything_kept = History.parse([user("task"), user("go on")])
    assert await TrimOldest()(history, need_of(history, 10**6)) is history
    assert await TrimOldest()(everything_kept, need_of(everything_kept, 1)) is everything_kept


async def test_trim_drops_the_oldest_turns_and_says_so() -> None:
    """Whole turns go, oldest first, until the target is reached; the request tells how much is gone."""
    messages: list[LLMMessage] = [SystemMessage(content="Be brief."), user("the task")]
    for i in range(10):
        messages += [*tool_turn(i, lines(5)), user(f"question {i}")]
    history = History.parse(messages)
    need = need_of(history, 400)
    trimmed = await TrimOldest()(history, need)
    assert need.tokens_of(trimmed) <= 400
    assert trimmed.turns[0] is history.turns[0]
    assert trimmed.turns[1:] == history.turns[-len(trimmed.turns) + 1 :]
    assert trimmed.past is not None
    assert trimmed.past.turns == len(history.turns) - len(trimmed.turns)
    assert trimmed.past.tokens > 0
    assert f"{trimmed.past.turns} earlier turns" in str(trimmed.flatten()[2].content)


async def test_trim_keeps_task_request_and_newest_turn() -> None:
    """Whatever the target, the task, the newest words of a user and the newest turn stay."""
    messages = [user("the task"), user("chatter"), user("the request"), *tool_turn(1, "old"), *tool_turn(2, "new")]
    history = History.parse(messages)
    trimmed = await TrimOldest()(history, need_of(history, 0, cap=1))
    assert [turn.messages[0] for turn in trimmed.turns] == [messages[0], messages[2], messages[5]]


async def test_trimming_again_adds_up() -> None:
    """What was dropped earlier is still counted after the next trim."""
    history = History.parse([user("task"), *(user(f"chatter {i} " + lines(3)) for i in range(12)), user("now")])
    once = await TrimOldest()(history, need_of(history, need_of(history, 1).tokens * 2 // 3))
    twice = await TrimOldest()(once, need_of(once, need_of(history, 1).tokens // 3))
    assert once.past is not None
    assert twice.past is not None
    assert twice.past.turns == len(history.turns) - len(twice.turns) > once.past.turns
    assert twice.past.tokens > once.past.tokens


async def test_truncate_keeps_the_whole_when_there_is_a_store() -> None:
    """The notice names where the whole is; a result that was cut before keeps the reference it has."""
    store = ArtifactStore()
    keeper = Keeper(store)
    history = History.parse([user("task"), *tool_turn(1, lines(300), lines(200)), user("go on")])
    cut = await TruncateToolOutputs(200)(history, replace(need_of(history, 10), keeper=keeper))
    references = [str(reference_in(text)) for text in contents(cut)]
    assert [await store.get(reference) for reference in references] == [lines(300), lines(200)]
    again = await TruncateToolOutputs(100)(cut, replace(need_of(cut, 10), keeper=keeper))
    assert [reference_in(text) for text in contents(again)] == references
    assert all(COUNTER.measure_text(text).total <= 100 for text in contents(again))


async def test_need_keeps_nothing_without_a_store() -> None:
    """A plan that is only tried out stores nothing."""
    assert await need_of(History(), 10).keep("text") is None


async def test_truncate_knows_limits_by_tool() -> None:
    """A tool's own limit takes the place of the general one."""
    history = History.parse([user("task"), *tool_turn(1, lines(300)), user("go on")])
    cut = await TruncateToolOutputs(100, {"read": 700, "list": 9})(history, need_of(history, 10))
    assert 500 < COUNTER.measure_text(contents(cut)[0]).total <= 700
    with pytest.raises(ValueError, match="got 0 for 'read'"):
        TruncateToolOutputs(per_tool={"read": 0})


async def test_truncate_leaves_what_was_read_back() -> None:
    """An answer of the read-back tool is what the model asked for."""
    turn = tool_turn(1, lines(300))
    assert isinstance(turn[1], FunctionExecutionResultMessage)
    turn[1].content[0].name = "read_artifact"
    history = History.parse([user("task"), *turn, user("go on")])
    assert await TruncateToolOutputs(100)(history, need_of(history, 10)) is history


async def test_truncate_keeps_what_the_task_and_the_request_ask_for() -> None:
    """Lines that share rare words with the first or the newest words of a user are kept."""
    listed = lines(400).splitlines()
    listed[150], listed[250] = "here the ferryman sleeps", "here the lighthouse stands"
    history = History.parse([user("find the ferryman"), *tool_turn(1, "\n".join(listed)), user("and the lighthouse")])
    (text,) = contents(await TruncateToolOutputs(150)(history, need_of(history, 10)))
    assert listed[150] in text
    assert listed[250] in text


def test_strategies_are_frozen_values() -> None:
    """Two with the same settings are equal, and none can be changed."""
    strategy: Any = TruncateToolOutputs(50)
    assert isinstance(TruncateToolOutputs(50), Strategy)
    assert strategy == TruncateToolOutputs(50) != TruncateToolOutputs(51)
    with pytest.raises(FrozenInstanceError):
        strategy.max_tokens = 1
    with pytest.raises(ValueError, match="at least 1, got 0"):
        TruncateToolOutputs(0)
    assert hash(strategy) == hash(TruncateToolOutputs(50))


def test_default_strategies_follow_the_budget() -> None:
    """The cheapest comes first, the hard guarantee last, with the budget's own limits."""
    assert default_strategies(TokenBudget(100)) == (TruncateToolOutputs(None), TrimOldest())
    budget = TokenBudget(100, max_tool_output_tokens=7, tool_output_tokens={"read": 9})
    assert default_strategies(budget)[0] == TruncateToolOutputs(7, {"read": 9})
