"""Old results as one line each: what goes, what stays, and that their facts are still told."""

import asyncio
import json
from dataclasses import replace

import pytest
from autogen_core.models import LLMMessage
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget import ArtifactStore, ClearToolOutputs, History, TrimOldest, TruncateToolOutputs, pin
from autogen_budget._compaction import CompactionContext, fit, with_due_rendered
from autogen_budget._digest import Digest
from builders import COUNTER, context_for, kept_history, reference_in, text_of
from conversations import called, report, results_in, said, user
from histories import messages, repeating_messages


def order(number: int) -> str:
    """A result with a value that will be needed, among much that will not."""
    rows = [{"sku": f"B{number}{i}", "note": "packed with care " * 3} for i in range(8)]
    return json.dumps({"order_id": f"A-{number}771", "status": "pending", "rows": rows})


def shop(count: int) -> list[LLMMessage]:
    """A task, so many orders looked up, and a request."""
    looked_up = [message for number in range(count) for message in called(number, order(number), tool="get_order")]
    return [user("task"), *looked_up, user("go on")]


async def cleared_and_told(history: History, keep_last: int, context: CompactionContext) -> History:
    """The history once results are cleared and the facts that are due are rendered, as at the end of a compaction."""
    return await with_due_rendered(await ClearToolOutputs(keep_last)(history, context), context)


async def test_old_results_become_a_line() -> None:
    """The line names the call, the size and where the whole is; the newest turns with calls keep their results."""
    store = ArtifactStore()
    history = History.parse(shop(5))
    cleared = await ClearToolOutputs(3)(history, context_for(history, store=store))
    first, second, *rest = results_in(cleared)
    reference = str(reference_in(first))
    tokens = COUNTER.measure_text(order(0)).total
    assert first == f'get_order(page=0): {tokens} tokens [cut; read_artifact("{reference}")]'
    assert await store.get(reference) == order(0)
    assert second.startswith("get_order(page=1): ")
    assert rest == [order(2), order(3), order(4)]
    assert [turn.head for turn in cleared.turns] == [turn.head for turn in history.turns]


async def test_no_more_is_cleared_than_needed() -> None:
    """Oldest first, until the request is at its target with the facts it tells."""
    history = History.parse(shop(8))
    context = context_for(history)
    cleared = await ClearToolOutputs(0)(history, replace(context, target=context.tokens - 300))
    untouched = [text == order(i) for i, text in enumerate(results_in(cleared))]
    assert untouched == sorted(untouched)
    assert 2 <= untouched.count(False) <= 5
    assert context.tokens_of(cleared) <= context.tokens - 300


async def test_facts_in_cleared_results_are_told() -> None:
    """A value that only a cleared result held is still in the request, with its field."""
    history = History.parse(shop(5))
    context = context_for(history, 1, 10**6)
    cleared = await cleared_and_told(history, 1, context)
    assert cleared.past is not None
    assert (cleared.past.turns, cleared.past.tokens) == (
        0,
        context.tokens - context.tokens_of(replace(cleared, past=None)),
    )
    assert "A-0771" not in "".join(results_in(cleared))
    told = text_of(cleared.flatten()[1])
    assert all(f"order_id=A-{number}771" in told for number in range(4))
    assert "A-4771" not in told, "what can still be read is not told again"


async def test_facts_take_the_room_that_clearing_left() -> None:
    """Where a result that was cleared freed more than it had to, up to half of its tokens tell its facts."""
    rows = [{"sku": f"B{i}771", "bin": f"C{i}905", "price": f"{i}.50"} for i in range(20)]
    messages = [user("task"), *called(0, json.dumps(rows), tool="list_skus"), *called(1, "done"), user("go on")]
    history = History.parse(messages)
    context = context_for(history, 1, 10**6)
    least = context.tokens_of(await cleared_and_told(history, 0, replace(context, target=0)))
    tight, roomy = [
        await cleared_and_told(history, 0, replace(context, target=target)) for target in (least, context.tokens - 20)
    ]
    told = [
        sum(text.count(f"B{i}771") for i in range(20))
        for text in (text_of(tight.flatten()[1]), text_of(roomy.flatten()[1]))
    ]
    assert 0 < told[0] < told[1] <= 20
    assert context.tokens_of(roomy) <= context.tokens - 20


async def test_facts_told_before_stay_when_more_is_cleared() -> None:
    """A second clearing tells the facts of both, and dropping the turns later on loses none of them."""
    history = History.parse(shop(4))
    once = await cleared_and_told(history, 1, context_for(history, 1, 10**6))
    grown = replace(once, turns=once.turns + History.parse(shop(7)[9:]).turns)
    twice = await cleared_and_told(grown, 1, context_for(grown, 1, 10**6))
    told = text_of(twice.flatten()[1])
    assert all(f"order_id=A-{number}771" in told for number in range(6))
    trimmed = await TrimOldest()(twice, context_for(twice, 400))
    assert len(trimmed.turns) < len(twice.turns)
    assert all(f"A-{number}771" in text_of(trimmed.flatten()[1]) for number in range(6))


async def test_clearing_does_not_count_as_dropped_turns() -> None:
    """Where nothing is worth telling nothing is told, least of all that turns were left out."""
    blank = "- " * 300
    history = History.parse([user("task"), *called(1, blank), *called(2, blank), user("go on")])
    cleared = await cleared_and_told(history, 0, context_for(history, 1, 10**6))
    assert results_in(cleared) != results_in(history)
    assert cleared.past is None
    assert len(cleared.flatten()) == len(history.flatten())


async def test_short_and_kept_results_stay() -> None:
    """A result stays that its line would not halve, is pinned, or belongs to the newest turn."""
    came: list[LLMMessage] = [
        user("task"),
        *called(1, "done", report(90)),
        *called(2, report(100, "pinned")),
        said("ok"),
        *called(3, report(110)),
    ]
    history = kept_history(came, pin(contains="pinned"))
    cleared = await ClearToolOutputs(0)(history, context_for(history))
    assert [text.startswith("read(page=1): ") for text in results_in(cleared)] == [False, True, False, False]
    assert results_in(cleared)[0] == "done"
    assert cleared.turns[2] is history.turns[2]
    assert cleared.turns[4] is history.turns[4]


async def test_a_result_that_was_cut_keeps_its_reference() -> None:
    """Clearing what was truncated leaves the reference to the whole, not to the cut text."""
    store = ArtifactStore()
    came: list[LLMMessage] = [user("task"), *called(1, report(400)), user("go on")]
    history = History.parse(came)
    cut = await TruncateToolOutputs(200)(history, context_for(history, store=store))
    cleared = await ClearToolOutputs(0)(cut, context_for(cut, store=store))
    (reference,) = map(reference_in, results_in(cleared))
    assert reference == reference_in(results_in(cut)[0])
    assert await store.get(str(reference)) == report(400)


async def test_nothing_to_clear_is_the_same_object() -> None:
    """At the target, with few turns, or a second time, there is nothing to do."""
    history = History.parse(shop(5))
    context = context_for(history)
    assert await ClearToolOutputs(0)(history, replace(context, target=context.tokens)) is history
    assert await ClearToolOutputs(5)(history, context) is history
    cleared = await ClearToolOutputs(0)(history, context)
    assert await ClearToolOutputs(0)(cleared, context.after(cleared)) is cleared


def test_the_number_of_turns_is_checked() -> None:
    """Fewer than none is an error that names the number."""
    with pytest.raises(ValueError, match="keep_last must be 0 or more turns with calls, got -2"):
        ClearToolOutputs(-2)


@given(messages() | repeating_messages(), st.integers(0, 4))
def test_the_newest_results_are_never_cleared(came: list[LLMMessage], keep: int) -> None:
    """The newest turns with calls keep their very results, all calls stay, and what went is one line."""
    history = History.parse(came)
    cleared = asyncio.run(ClearToolOutputs(keep)(history, context_for(history)))
    before = [turn for turn in history.turns if turn.results]
    after = [turn for turn in cleared.turns if turn.results]
    assert [turn.calls for turn in after] == [turn.calls for turn in before]
    newest = max(0, len(before) - keep)
    assert all(new is old for new, old in zip(after[newest:], before[newest:], strict=True))
    changed = [text for text, old in zip(results_in(cleared), results_in(history), strict=True) if text != old]
    assert all(text.startswith("tool(") and text.endswith("[cut]") and "\n" not in text for text in changed)


async def test_over_the_cap_facts_are_left_to_what_drops_turns() -> None:
    """They would be rendered twice: dropping turns renders those of cleared results with its own."""
    history = History.parse([user("Help."), *(m for i in range(12) for m in called(i, order(i))), user("go on")])
    cleared = await ClearToolOutputs(0)(history, context_for(history, 1, 10))
    assert cleared.past is not None
    assert (cleared.past.rendered, cleared.past.tokens > 0, cleared.past.has_message) == ("", True, False)
    assert len(cleared.flatten()) == len(history.flatten())
    trimmed = await TrimOldest()(cleared, context_for(cleared, 400))
    assert trimmed.past is not None
    assert trimmed.past.rendered


async def test_facts_are_told_above_the_target_too() -> None:
    """Dropping turns, which would tell them, may free nothing, and is passed over: they are rendered at the end."""
    history = History.parse(shop(5))
    context = context_for(history, 1, 10**6)
    context = replace(context, cap=context.tokens, reserved=1)
    cleared = (await fit(history, context, [ClearToolOutputs(1)])).history
    assert cleared.past is not None
    assert "A-0771" in cleared.past.rendered


async def test_facts_that_cannot_be_rendered_fail_no_request(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is wrong with them is logged, and the cleared history goes out without them."""

    def broken(*_: object, **__: object) -> str:
        raise RuntimeError("no facts today")

    history = History.parse(shop(5))
    context = context_for(history, 1, 10**6)
    context = replace(context, cap=context.tokens, reserved=1)
    monkeypatch.setattr(Digest, "render", broken)
    plan = await fit(history, context, [ClearToolOutputs(1)])
    assert (plan.history.past, plan.tokens) == (None, context.tokens_of(plan.history))
    assert plan.steps[-1].cut
    assert "could not be rendered" in caplog.text
