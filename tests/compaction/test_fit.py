"""The planner as one pure call: what is done, in which order, and what is said about it."""

from dataclasses import replace
from typing import Any

import pytest
from autogen_core.models import AssistantMessage, LLMMessage, SystemMessage, UserMessage
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import (
    BudgetedChatCompletionClient,
    BudgetError,
    CompactionContext,
    ContextOverflowError,
    History,
    TiktokenCounter,
    TokenBudget,
    TrimOldest,
    TruncateToolOutputs,
    compact,
    pin,
)
from builders import user

COUNTER = TiktokenCounter()


def chat(turns: int) -> list[LLMMessage]:
    """Instructions, a task, and as many further turns."""
    return [
        SystemMessage(content="Be brief."),
        user("the task"),
        *(user(f"chatter {i} about the sea and the ships") for i in range(turns)),
    ]


class Returns:
    """A strategy that gives back what it was made with."""

    def __init__(self, history: History | None = None) -> None:
        self.history = history
        self.needs: list[CompactionContext] = []

    async def __call__(self, history: History, context: CompactionContext) -> History:
        """Notes what it was told."""
        self.needs.append(context)
        return history if self.history is None else self.history


async def test_under_the_cap_nothing_happens() -> None:
    """The very same messages come back, and no strategy is asked."""
    asked = Returns()
    messages = chat(3)
    result = await compact(messages, TokenBudget(COUNTER.count(messages)), strategies=[asked])
    assert all(a is b for a, b in zip(result.messages, messages, strict=True))
    assert result.tokens_before == result.tokens_after == COUNTER.count(messages)
    assert result.steps == ()
    assert asked.needs == []


async def test_one_token_over_the_cap_is_compacted_to_the_target() -> None:
    """Compaction starts above the cap and goes down to the target, not just to the cap."""
    messages = chat(60)
    cap = COUNTER.count(messages) - 1
    result = await compact(messages, TokenBudget(cap, compact_to=0.5))
    assert result.tokens_before == cap + 1
    assert result.tokens_after <= cap * 0.5
    assert result.tokens_after > cap * 0.4
    assert result.tokens_after == COUNTER.count(result.messages)
    assert [step.strategy for step in result.steps] == ["TrimOldest"]


async def test_strategies_run_in_order_until_the_target() -> None:
    """Each strategy is told what the one before it left; after the target none is asked."""
    messages = chat(60)
    smaller = Returns(History.parse(chat(20)))
    enough = Returns(History.parse(chat(3)))
    unasked = Returns()
    cap = COUNTER.count(messages) - 1
    result = await compact(messages, TokenBudget(cap, compact_to=0.3), strategies=[smaller, enough, unasked])
    assert smaller.needs[0].tokens == cap + 1
    assert smaller.needs[0].over_cap
    assert enough.needs[0].tokens == COUNTER.count(chat(20))
    assert not enough.needs[0].over_cap
    assert unasked.needs == []
    assert len(result.messages) == len(chat(3))


async def test_a_strategy_that_makes_nothing_smaller_is_passed_over() -> None:
    """The same object, the same size or a larger history leave no step and change nothing."""
    messages = chat(30)
    cap = COUNTER.count(messages) - 1
    same, larger = Returns(), Returns(History.parse(chat(40)))
    result = await compact(messages, TokenBudget(cap), strategies=[same, larger, TrimOldest()])
    assert [step.strategy for step in result.steps] == ["TrimOldest"]


async def test_the_guarantee_holds_without_any_strategy() -> None:
    """With no strategies given, turns are still dropped until the request fits."""
    messages = chat(60)
    result = await compact(messages, TokenBudget(200), strategies=[])
    assert result.tokens_after <= 200
    assert [step.strategy for step in result.steps] == ["TrimOldest"]


async def test_large_instructions_leave_room_for_turns() -> None:
    """Where instructions alone are over the target, a quarter of the rest is still left to the conversation."""
    messages = [SystemMessage(content="rule " * 800), *chat(60)[1:]]
    cap = COUNTER.count(messages) - 50
    result = await compact(messages, TokenBudget(cap, compact_to=0.1))
    assert len(result.messages) > 4


async def test_tools_count() -> None:
    """Schemas take their room: with tools offered, less of the conversation fits."""
    schema: Any = {"name": "f", "description": "word " * 100, "parameters": {"type": "object", "properties": {}}}
    messages = chat(60)
    without = await compact(messages, TokenBudget(400, compact_to=1.0))
    with_tools = await compact(messages, TokenBudget(400, compact_to=1.0), tools=[schema])
    assert with_tools.tokens_after == COUNTER.count(with_tools.messages, tools=[schema]) <= 400
    assert len(with_tools.messages) < len(without.messages)


async def test_repairs_are_steps() -> None:
    """What was broken in the messages is told, even under the cap."""
    result = await compact([AssistantMessage(content="hello", source="a"), user("hi")], TokenBudget(500))
    assert [(step.strategy, step.detail) for step in result.steps] == [
        ("repair", "leading assistant message: assistant turn")
    ]


async def test_details_say_what_was_done() -> None:
    """A step tells in figures how many turns were cut and dropped."""
    result = await compact([*chat(8), user("word " * 500)], TokenBudget(200), strategies=[])
    assert [(step.dropped, step.cut, step.task_cut) for step in result.steps] == [(8, 0, False), (0, 1, False)]
    assert [step.detail for step in result.steps] == ["8 turns dropped", "1 turn cut"]
    prompt = await compact([SystemMessage(content="word " * 500)], TokenBudget(200))
    assert prompt.steps[-1].instructions_cut
    assert prompt.steps[-1].detail == "instructions cut"


async def test_what_is_no_budget_is_refused() -> None:
    """A number in its place is an error that shows what is expected."""
    number: Any = 100
    with pytest.raises(TypeError, match=r"budget must be a TokenBudget, for example TokenBudget"):
        await compact([], number)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"strategies": TrimOldest()},
            r"strategies must be a list or tuple, for example strategies=\[TrimOldest\(\)\]",
        ),
        ({"pins": pin(source="lawyer")}, "pins must be a list or tuple"),
        ({"pins": ["lawyer"]}, "pins must be made by pin"),
        ({"counter": "gpt-4o"}, r"counter must be a TokenCounter, for example TiktokenCounter"),
    ],
)
async def test_options_of_the_wrong_kind_are_refused(options: Any, message: str) -> None:
    """Each option says what it expects."""
    with pytest.raises(TypeError, match=message):
        await compact([], TokenBudget(100), **options)


async def test_a_fixed_part_without_room_is_an_error_that_says_so() -> None:
    """Where instructions leave no room, compaction ends with the reason and with code to paste."""
    with pytest.raises(
        ContextOverflowError, match=r"instructions and schemas alone take \d+ of them.*TokenBudget"
    ) as caught:
        await compact([SystemMessage(content="rule " * 300), *chat(3)[1:]], TokenBudget(310))
    assert "TokenBudget(max_prompt_tokens=" in str(caught.value)


async def test_the_task_is_not_cut_silently(caplog: pytest.LogCaptureFixture) -> None:
    """A cut task is a warning that says what to do; cutting the cut form again is none."""
    inner = ReplayChatCompletionClient(["Yes."] * 20)
    client = BudgetedChatCompletionClient(inner, TokenBudget(500))
    messages: list[LLMMessage] = [user("ship " * 3_000)]
    for i in range(6):
        await client.create(messages)
        messages += [AssistantMessage(content=f"answer {i}", source="a"), user(f"go on {i} " * 60)]
    warned = [record for record in caplog.records if "the task was cut" in record.message]
    assert len(warned) == 1
    assert "raise max_prompt_tokens" in warned[0].message
    assert client.records[0].steps[-1].task_cut


async def test_the_budget_must_say_something() -> None:
    """Without a cap and without a window there is nothing to plan for."""
    with pytest.raises(ValueError, match="max_prompt_tokens or context_window"):
        await compact(chat(1), TokenBudget())


async def test_a_window_is_a_cap() -> None:
    """A window alone gives the cap, less the room for the reply."""
    result = await compact(chat(100), TokenBudget(context_window=800, reply_reserve=300, compact_to=1.0))
    assert 400 < result.tokens_after <= 500


async def test_what_cannot_fit_is_an_error_with_figures() -> None:
    """The error carries cap, size and the largest parts, largest first, and is a `BudgetError`."""
    with pytest.raises(ContextOverflowError) as caught:
        await compact([SystemMessage(content="rule " * 300), *chat(3)[1:]], TokenBudget(120))
    error = caught.value
    assert isinstance(error, BudgetError)
    assert str(error).startswith("the request cannot be made to fit")
    assert error.cap == 120
    assert error.size > 300
    assert next(iter(error.parts)) == "system"
    assert list(error.parts.values()) == sorted(error.parts.values(), reverse=True)
    assert f"system {error.parts['system']:,}" in str(error)


async def test_a_failing_strategy_is_a_step_that_failed() -> None:
    """A strategy that raises is recorded with its reason, and the next one goes on."""

    class Broken:
        async def __call__(self, history: History, context: CompactionContext) -> History:
            raise KeyError("lost")

    messages = chat(60)
    result = await compact(messages, TokenBudget(300), strategies=[Broken(), TruncateToolOutputs(), TrimOldest()])
    assert [(step.strategy, step.failed) for step in result.steps] == [("Broken", True), ("TrimOldest", False)]
    assert "KeyError: 'lost'" in result.steps[0].detail


async def test_work_that_frees_too_little_is_refused() -> None:
    """Under the cap, a step that frees next to nothing changes nothing; over it, every token counts."""

    class Trims:
        """Takes so many characters off the newest message."""

        def __init__(self, characters: int) -> None:
            self.characters = characters

        async def __call__(self, history: History, context: CompactionContext) -> History:
            *older, newest = history.turns
            text = str(newest.head.content)[: -self.characters]
            return replace(history, turns=(*older, newest.with_head(UserMessage(content=text, source="user"))))

    messages = [UserMessage(content="ship " * 1_000, source="user")]
    budget = TokenBudget(900, compact_to=0.5)
    done = await compact(messages, budget, strategies=[Trims(1_000), Trims(5), Trims(500)])
    assert len(done.steps) == 2
    over = await compact(messages, budget, strategies=[Trims(5), Trims(1_000), Trims(5)])
    assert [step.tokens_before - step.tokens_after for step in over.steps] == [1, 200]
