"""The promises, as properties over any history, any tools and any cap."""

import asyncio
import re
from collections.abc import Sequence
from copy import deepcopy

from autogen_core.models import LLMMessage, SystemMessage
from autogen_core.tools import ToolSchema
from autogen_ext.models.replay import ReplayChatCompletionClient
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autogen_budget import (
    BudgetedChatCompletionClient,
    ClearToolOutputs,
    Compaction,
    ContextOverflowError,
    DropDuplicates,
    DropImages,
    DropThoughts,
    History,
    Strategy,
    TiktokenCounter,
    TokenBudget,
    TrimOldest,
    TruncateToolOutputs,
    compact,
    default_strategies,
)
from builders import context_for, images_in
from histories import messages, repeating_messages, tool_schemas, valid_messages
from profiles import examples
from validity import assert_valid, convert_everywhere

COUNTER = TiktokenCounter()

caps = st.integers(1, 60) | st.integers(60, 3_000) | st.just(200_000)
shares = st.sampled_from([0.05, 0.5, 0.6, 1.0])

any_messages = messages() | repeating_messages()
any_valid_messages = valid_messages() | repeating_messages()

DEFAULT = default_strategies(TokenBudget(1_000))

any_strategy: st.SearchStrategy[Strategy] = st.one_of(
    st.sampled_from(DEFAULT),
    st.builds(DropDuplicates),
    st.builds(DropThoughts),
    st.builds(DropImages, st.integers(0, 3)),
    st.builds(TruncateToolOutputs, st.none() | st.integers(1, 300)),
    st.builds(ClearToolOutputs, st.integers(0, 4)),
    st.builds(TrimOldest, st.booleans()),
)
"""Each strategy, as it comes and with any settings."""

strategies = st.one_of(
    st.none(), st.lists(any_strategy, max_size=3), st.permutations(DEFAULT), st.lists(any_strategy, min_size=4)
)
"""The default ones, none, one, some, all of them, in any order."""


light_strategy: st.SearchStrategy[Strategy] = st.one_of(
    st.builds(DropDuplicates),
    st.builds(DropThoughts),
    st.builds(DropImages, st.integers(0, 3)),
    st.builds(ClearToolOutputs, st.integers(0, 4)),
)
"""Each strategy that changes turns, and drops none of those that must stay."""


def said_in(sent: Sequence[LLMMessage]) -> list[str]:
    """The messages as text, without the addresses of images in memory."""
    return [re.sub(" at 0x[0-9a-f]+", "", repr(message)) for message in sent]


def planned(
    came: Sequence[LLMMessage],
    cap: int,
    share: float = 0.6,
    chosen: Sequence[Strategy] | None = None,
    tools: Sequence[ToolSchema] = (),
) -> Compaction | ContextOverflowError:
    """What the planner makes of a request, or the error by which it refuses."""
    try:
        return asyncio.run(compact(came, TokenBudget(cap, compact_to=share), strategies=chosen, tools=tools))
    except ContextOverflowError as error:
        return error


@given(any_messages, caps, shares, strategies, tool_schemas())
@settings(max_examples=examples(2))
def test_the_whole_request_fits_or_is_refused(
    came: list[LLMMessage], cap: int, share: float, chosen: list[Strategy] | None, tools: list[ToolSchema]
) -> None:
    """Promise 1: what is sent is never over the cap; what cannot fit is refused with true figures."""
    result = planned(came, cap, share, chosen, tools)
    if isinstance(result, ContextOverflowError):
        assert (result.cap, result.size > cap) == (cap, True)
        assert sum(result.parts.values()) <= result.size + len(result.parts)
        # Nothing that may be cut or dropped is to blame: instructions, schemas, and the newest turn without its words.
        history = History.parse(came)
        newest = [message for turn in history.turns[-1:] for message in turn.messages]
        images = sum(COUNTER.measure_image(image).total for message in newest for image in images_in(message))
        assert COUNTER.count(history.system, tools=tools) + images + 120 * (1 + len(newest)) > cap
    else:
        assert result.tokens_after == COUNTER.count(result.messages, tools=tools) <= cap


@given(any_messages, caps, shares, strategies)
@settings(max_examples=examples(2))
@example([SystemMessage(content="a"), SystemMessage(content="b")], 10, 0.6, None)
def test_what_is_sent_is_valid(came: list[LLMMessage], cap: int, share: float, chosen: list[Strategy] | None) -> None:
    """Promise 2: pairs stay whole, order stays, and every one of AutoGen's transformers takes the result."""
    result = planned(came, cap, share, chosen)
    if isinstance(result, Compaction):
        assert_valid(result.messages)
        convert_everywhere(result.messages)
        assert [m for m in result.messages if isinstance(m, SystemMessage)] == list(History.parse(came).system) or (
            not History.parse(came).turns
        )


@given(any_valid_messages, caps, strategies)
@settings(max_examples=examples(2))
def test_task_request_and_newest_turn_stay(came: list[LLMMessage], cap: int, chosen: list[Strategy] | None) -> None:
    """Promise 2: the task, the newest request and the newest turn are there, in order, whole or cut."""
    result = planned(came, cap, chosen=chosen)
    if isinstance(result, Compaction):
        before, after = History.parse(came), History.parse(result.messages)
        senders = [turn.head.source for turn in after.turns if not isinstance(turn.head, SystemMessage)]
        kept = [before.turns[i].head for i in sorted(before.kept)]
        left = iter(senders)
        assert all(head.source in left for head in kept if not isinstance(head, SystemMessage))
        assert after.turns[-1].kind == before.turns[-1].kind
        calls, whole = after.turns[-1].calls, before.turns[-1].calls
        # Parallel calls that alone are over the cap give way, the first of them first; one stays.
        assert [call.name for call in calls] == [call.name for call in whole[len(whole) - len(calls) :]]
        assert bool(calls) == bool(whole)


@given(any_messages, caps, shares, strategies)
@settings(max_examples=examples(2))
def test_nothing_that_came_is_changed(
    came: list[LLMMessage], cap: int, share: float, chosen: list[Strategy] | None
) -> None:
    """Promise 4: the list and the messages in it are as they were, and every change is a step."""
    objects, dumps = list(came), [repr(message) for message in came]
    result = planned(came, cap, share, chosen)
    assert all(a is b for a, b in zip(objects, came, strict=True))
    assert [repr(message) for message in came] == dumps
    if isinstance(result, Compaction) and not result.steps:
        assert all(a is b for a, b in zip(result.messages, came, strict=True))


@given(any_messages, caps, shares)
@settings(max_examples=examples(2))
def test_the_same_history_gives_the_same_bytes(came: list[LLMMessage], cap: int, share: float) -> None:
    """Promise 5: planning is deterministic; copies of the messages plan to the same request."""
    one, two = planned(came, cap, share), planned(deepcopy(came), cap, share)
    if isinstance(one, Compaction):
        assert isinstance(two, Compaction)
        assert said_in(one.messages) == said_in(two.messages)
        assert one.steps == two.steps
    else:
        assert isinstance(two, ContextOverflowError)
        assert str(one) == str(two)


@given(valid_messages(), st.integers(0, 50))
@settings(max_examples=examples(2))
def test_under_the_cap_the_very_same_messages_go_out(came: list[LLMMessage], room: int) -> None:
    """Promise 5: a valid request at or under its cap is not touched."""
    result = planned(came, COUNTER.count(came) + room)
    assert isinstance(result, Compaction)
    assert all(a is b for a, b in zip(result.messages, came, strict=True))
    assert result.steps == ()


@given(
    valid_messages(max_turns=14) | repeating_messages(14),
    st.lists(st.integers(1, 6), min_size=1, max_size=6),
    st.integers(150, 2_500),
)
@settings(max_examples=examples(2))
def test_calls_of_a_growing_conversation(came: list[LLMMessage], growth: list[int], cap: int) -> None:
    """Promises 1, 2 and 5 call by call: each request fits, is valid, and begins as the last one did or says why not."""

    async def calls() -> None:
        inner = ReplayChatCompletionClient(["yes"] * 100)
        client = BudgetedChatCompletionClient(inner, TokenBudget(cap))
        history, end = History.parse(came), 0
        for turns in growth:
            end += turns
            so_far = [*history.system, *(m for turn in history.turns[:end] for m in turn.messages)]
            before = [call["messages"] for call in inner.create_calls]
            try:
                await client.create(so_far)
            except ContextOverflowError:
                assert client.records[-1].error is not None
                continue
            sent, record = inner.create_calls[-1]["messages"], client.records[-1]
            assert record.tokens_sent == COUNTER.count(sent) <= record.cap == cap
            assert_valid(sent)
            if before and not record.steps and client.records[-2].error is None:
                assert sent[: len(before[-1])] == before[-1]

    asyncio.run(calls())


@given(any_strategy, any_messages, st.integers(0, 2_000))
@settings(max_examples=examples(2))
def test_each_strategy_alone_keeps_the_promises(strategy: Strategy, came: list[LLMMessage], target: int) -> None:
    """Alone, a strategy leaves a valid history that is no larger, or the very same object, and changes nothing else."""
    history = History.parse(came)
    context = context_for(history, target, target + 1)
    dumps = [repr(message) for message in came]
    result = asyncio.run(strategy(history, context))
    assert_valid(result.flatten())
    assert result is history or context.tokens_of(result) <= context.tokens + 40  # the notice of what was dropped
    assert context.target < context.tokens or result is history
    assert [repr(message) for message in came] == dumps
    assert asyncio.run(strategy(history, context)) == result
    again = asyncio.run(strategy(result, context.after(result)))
    assert context.tokens_of(again) <= context.tokens_of(result)
    if context.tokens_of(result) <= context.target:
        assert again is result


@given(st.lists(light_strategy, min_size=1, max_size=5), any_messages, st.integers(0, 2_000))
@settings(max_examples=examples(2))
def test_strategies_that_drop_no_turns_leave_what_must_stay(
    chosen: list[Strategy], came: list[LLMMessage], target: int
) -> None:
    """In any order they never make it larger, do their work at once, and leave the very turns that must stay."""
    history = History.parse(came)
    result = history
    for strategy in chosen:
        context = context_for(result, target, target + 1)
        smaller = asyncio.run(strategy(result, context))
        assert smaller is result or context.tokens_of(smaller) <= context.tokens
        assert asyncio.run(strategy(smaller, context.after(smaller))) is smaller
        result = smaller
    assert_valid(result.flatten())
    left = {id(turn) for turn in result.turns}
    assert all(id(history.turns[i]) in left for i in history.kept)
    assert [turn.calls for turn in result.turns if turn.calls] == [turn.calls for turn in history.turns if turn.calls]
    assert result.past is None or result.past.turns == 0
