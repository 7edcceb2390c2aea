"""Dropping the oldest turns: whole turns go, what may not be dropped stays, and the facts are told."""

import json

import pytest
from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
)

from autogen_budget import History, TiktokenCounter, TokenBudget, TrimOldest, compact
from builders import context_for, user
from first_calls import request

COUNTER = TiktokenCounter()


def tool_turn(i: int, text: str) -> list[LLMMessage]:
    """A call and its result."""
    return [
        AssistantMessage(content=[FunctionCall(id=f"c{i}", name="read", arguments='{"n": 1}')], source="a"),
        FunctionExecutionResultMessage(
            content=[FunctionExecutionResult(content=text, name="read", call_id=f"c{i}", is_error=False)]
        ),
    ]


def lines(n: int) -> str:
    """A text of many lines."""
    return "\n".join(f"line {i} of the long report" for i in range(n))


async def test_drops_the_oldest_turns_and_says_so() -> None:
    """Whole turns go, oldest first, until the target is reached; the past accounts for them."""
    messages: list[LLMMessage] = [SystemMessage(content="Be brief."), user("the task")]
    for i in range(10):
        messages += [*tool_turn(i, lines(5)), user(f"question {i}")]
    history = History.parse(messages)
    context = context_for(history, 500)
    trimmed = await TrimOldest()(history, context)
    assert context.tokens_of(trimmed) <= 500
    assert trimmed.turns[0] is history.turns[0]
    assert trimmed.turns[1:] == history.turns[-len(trimmed.turns) + 1 :]
    assert trimmed.past is not None
    assert trimmed.past.turns == len(history.turns) - len(trimmed.turns)
    assert trimmed.past.tokens > 0


async def test_keeps_task_request_and_newest_turn() -> None:
    """Whatever the target, the task, the newest words of a user and the newest turn stay."""
    messages = [user("the task"), user("chatter"), user("the request"), *tool_turn(1, "old"), *tool_turn(2, "new")]
    history = History.parse(messages)
    trimmed = await TrimOldest()(history, context_for(history, 0, cap=1))
    assert [turn.messages[0] for turn in trimmed.turns] == [messages[0], messages[2], messages[5]]


async def test_facts_of_dropped_turns_are_told() -> None:
    """A value seen long ago is still in the request, with its name."""
    order = json.dumps({"order_id": "#W2378156", "email": "yusuf@example.com", "items": lines(40)})
    messages = [user("Help Yusuf."), *tool_turn(0, order), *(user(f"chatter {i} " + lines(6)) for i in range(12))]
    history = History.parse(messages)
    context = context_for(history, 600)
    trimmed = await TrimOldest()(history, context)
    assert context.tokens_of(trimmed) <= 600
    text = str(trimmed.flatten()[1].content)
    assert "#W2378156" in text
    assert "yusuf@example.com" in text
    assert len(trimmed.turns) > 3, "facts leave room for the newest turns"


async def test_what_the_newest_words_are_about_is_told_first() -> None:
    """Where there is no room for every record, the one that is asked for is told."""
    goods = ("lamp", "rug", "kettle", "mirror", "bench", "clock", "vase", "stool", "quilt", "easel")
    items = [{"name": name, "note": "kept in the large hall", "sku": f"B{i}771"} for i, name in enumerate(goods)]
    lists = [*tool_turn(0, json.dumps(items)), *(user(f"chatter {i} " + lines(6)) for i in range(12))]
    for i, name in enumerate(goods):
        history = History.parse([user("Help."), *lists, user(f"Which one was the {name}?")])
        text = str((await TrimOldest()(history, context_for(history, 65))).flatten()[1].content)
        assert f"B{i}771" in text
        assert sum(f"B{other}771" in text for other in range(10)) < 10


CODE = "\n".join(f"def step_{i}(level): return level + {i}" for i in range(60))


@pytest.mark.parametrize(("result", "is_text"), [(CODE, True), (json.dumps({"report": CODE}), False)])
async def test_data_gives_way_to_facts_before_text_does(result: str, is_text: bool) -> None:
    """Facts tell the values of structured data; of code, what was asked for is best left in its lines."""
    order = json.dumps({f"field_{i}": f"A-{i}771" for i in range(200)})
    messages = [user("Mend step_31. " + lines(150)), *tool_turn(0, order), *tool_turn(1, result)]
    history = History.parse(messages)
    trimmed = await TrimOldest()(history, context_for(history, 1_000))
    newest = trimmed.turns[-1].results
    assert newest is not None
    tokens = COUNTER.measure_text(newest.content[0].content).total
    assert (tokens > 200) is is_text
    assert (tokens < 10) is not is_text
    assert trimmed.past is not None
    assert "A-1771" in trimmed.past.rendered


async def test_trimming_again_adds_up() -> None:
    """What was dropped earlier is still counted, and known, after the next trim."""
    first = user("My key is KEY-4711-XYZ. " + lines(3))
    history = History.parse([user("task"), first, *(user(f"chatter {i} " + lines(3)) for i in range(12)), user("now")])
    once = await TrimOldest()(history, context_for(history, context_for(history, 1).tokens * 2 // 3))
    twice = await TrimOldest()(once, context_for(once, context_for(history, 1).tokens // 3))
    assert once.past is not None
    assert twice.past is not None
    assert twice.past.turns == len(history.turns) - len(twice.turns) > once.past.turns
    assert twice.past.tokens > once.past.tokens
    assert "KEY-4711-XYZ" in twice.past.rendered


async def test_facts_give_way_before_more_turns_do() -> None:
    """A request that is over its target by a little is brought there by telling fewer facts."""
    orders = [json.dumps({"order_id": f"#W{i}", "email": f"user{i}@example.com", "total": i * 7}) for i in range(30)]
    turns = [message for i, order in enumerate(orders) for message in tool_turn(i, order)]
    history = History.parse([user("task"), *turns, user("now")])
    once = await TrimOldest()(history, context_for(history, 600))
    tighter = context_for(once, context_for(once, 1).tokens - 30)
    twice = await TrimOldest()(once, tighter)
    assert tighter.tokens_of(twice) <= tighter.target
    assert twice.turns == once.turns
    assert once.past is not None
    assert twice.past is not None
    assert 0 < len(twice.past.rendered) < len(once.past.rendered)


@pytest.mark.parametrize("target", [1, 10_000])
async def test_nothing_to_drop_is_the_same_object(target: int) -> None:
    """With nothing to gain, or nothing that may go, the history comes back as it was."""
    history = History.parse([user("task"), user("go on")])
    assert await TrimOldest()(history, context_for(history, target)) is history
    longer = History.parse([user("task"), user("chatter"), user("go on")])
    assert await TrimOldest()(longer, context_for(longer, 10_000)) is longer


@pytest.mark.parametrize("cap", [600, 1_500])
@pytest.mark.parametrize("kind", ["English", "code", "JSON", "log lines", "Chinese"])
async def test_a_single_long_text_fills_the_cap(kind: str, cap: int) -> None:
    """Where nothing but a text that was cut is left, it takes what the facts of the rest do not need."""
    result = await compact(request(kind, "one text"), TokenBudget(cap))
    assert 0.95 * cap <= result.tokens_after <= cap


async def test_facts_that_a_filled_text_shows_are_not_told() -> None:
    """A value is told as long as it is cut away, and not beside the text that shows it."""
    filler = "The weather was calm and nobody had anything to say about it.\n"
    for place in range(0, 60, 3):
        text = filler * place + "the access code is QX-77413-ZB\n" + filler * (150 - place)
        result = await compact([user(text)], TokenBudget(1_000))
        assert str([message.content for message in result.messages]).count("QX-77413-ZB") == 1
