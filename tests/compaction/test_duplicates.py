"""The same text again: which of the two goes, what stands in its place, and that nothing is lost by it."""

import asyncio
from collections.abc import Sequence

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import FunctionCall
from autogen_core.memory import ListMemory, MemoryContent
from autogen_core.models import (
    CreateResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    ModelInfo,
    RequestUsage,
    SystemMessage,
    UserMessage,
)
from autogen_ext.models.replay import ReplayChatCompletionClient
from hypothesis import given

from autogen_budget import (
    ArtifactStore,
    BudgetedChatCompletionClient,
    DropDuplicates,
    History,
    TokenBudget,
    TrimOldest,
    TruncateToolOutputs,
    compact,
    pin,
)
from builders import COUNTER, context_for, kept_history, reference_in, text_of
from conversations import called, report, results_in, said, user
from histories import messages, repeating_messages
from validity import assert_valid

MODEL = ModelInfo(vision=False, function_calling=True, json_output=True, family="unknown", structured_output=True)


async def dropped(came: Sequence[LLMMessage], store: ArtifactStore | None = None) -> History:
    """What is left of messages without their duplicates."""
    history = History.parse(came)
    return await DropDuplicates()(history, context_for(history, store=store))


def memory(*known: str) -> SystemMessage:
    """What AutoGen's list memory adds to the context in every turn."""
    lines = "\n".join(f"{i}. {text}" for i, text in enumerate(known, 1))
    return SystemMessage(content=f"\nRelevant memory content (in chronological order):\n{lines}\n")


async def test_a_result_that_was_read_again_is_pointed_at() -> None:
    """The older of two equal results becomes a line that names the newer call; the whole is stored."""
    store = ArtifactStore()
    came: list[LLMMessage] = [user("task"), *called(1, report(60)), said("hm"), *called(2, report(60)), user("go on")]
    left = await dropped(came, store)
    first, second = results_in(left)
    reference = str(reference_in(first))
    assert first == f'repeated in the later result of read(page=2) [cut; read_artifact("{reference}")]'
    assert second == report(60)
    assert await store.get(reference) == report(60)
    assert len(left.turns) == 5
    assert left.past is None, "no turn was left out"


async def test_a_result_that_stands_in_a_larger_one_is_pointed_at() -> None:
    """A part that was read before the whole goes; a part that is read after it was asked for, and stays."""
    part = "\n".join(report(60).splitlines()[20:50])
    left = await dropped([user("task"), *called(1, part), *called(2, report(60)), *called(3, part), user("go on")])
    assert results_in(left) == ["repeated in the later result of read(page=3) [cut]", report(60), part]
    left = await dropped([user("task"), *called(1, part), *called(2, report(60)), user("go on")])
    assert results_in(left) == ["repeated in the later result of read(page=2) [cut]", report(60)]
    left = await dropped([user("task"), *called(1, report(60)), *called(2, part), user("go on")])
    assert results_in(left) == [report(60), part]


async def test_each_of_parallel_results_is_looked_at_by_itself() -> None:
    """Of parallel results those that stand again go, and the line names the call that has them."""
    came: list[LLMMessage] = [
        user("task"),
        *called(1, report(60, "red"), report(50, "blue")),
        *called(2, report(9, "green"), f"{report(50, 'blue')}\nand more"),
        user("go on"),
    ]
    left = await dropped(came)
    line = "repeated in the later result of read(page=2) [cut]"
    assert results_in(left)[:2] == [report(60, "red"), line]


async def test_broadcasts_of_results_are_held_once() -> None:
    """A message that says what a later result says goes, and so does a result that a later message says."""
    both = f"{report(30, 'red')}\n{report(40, 'blue')}"
    came: list[LLMMessage] = [
        user("task"),
        user(both, "writer"),
        *called(1, report(30, "red"), report(40, "blue")),
        user("go on"),
    ]
    left = await dropped(came)
    assert text_of(left.turns[1].head) == "repeated in the later result of read(page=1) [cut]"
    assert left.turns[1].said_by_user, "it is still what the other agent said"
    came = [user("task"), *called(1, report(30, "red")), user(f"read: {both}", "writer"), user("go on")]
    assert results_in(await dropped(came)) == ["repeated in the later message of writer [cut]"]
    once = f"first {report(30)} last"
    came = [user("task"), *called(1, once), user(f"at{once}ly", "writer"), user("go on")]
    assert results_in(await dropped(came)) == ["repeated in the later message of writer [cut]"]
    came = [user("task"), user(report(30), "writer"), memory(report(30)), memory("other"), user("go on")]
    history = History.parse(came, multiple_system_messages=True)
    left = await DropDuplicates()(history, context_for(history))
    assert text_of(left.turns[1].head) == "repeated in the later message of system [cut]"


async def test_of_memory_blocks_only_the_newest_stay() -> None:
    """Older blocks go without a word once later ones hold their lines, whatever number these have there."""
    came: list[LLMMessage] = [
        user("task"),
        memory("likes tea"),
        said("one"),
        user("again"),
        memory("likes tea", "lives in Kiel"),
        said("two"),
        user("once more"),
        memory("lives in Kiel", "likes tea", "has a dog"),
    ]
    for multiple in (True, False):
        history = History.parse(came, multiple_system_messages=multiple)
        left = await DropDuplicates()(history, context_for(history))
        words = [text_of(turn.head) for turn in left.turns]
        assert words == ["task", "one", "again", "two", "once more", text_of(came[-1])]
        assert left.past is None


async def test_a_memory_block_with_something_of_its_own_stays() -> None:
    """What no later block says is not left out."""
    came: list[LLMMessage] = [user("task"), memory("likes tea"), said("one"), memory("lives in Kiel"), user("and?")]
    assert len((await dropped(came)).turns) == 5


async def test_what_opens_the_conversation_stays() -> None:
    """An assistant never comes to speak first because a repeated block before it is left out."""
    came: list[LLMMessage] = [user("x"), memory("likes tea"), said("one"), memory("likes tea"), said("two")]
    history = History.parse(came)
    begun = History(turns=history.turns[1:])
    left = await DropDuplicates()(begun, context_for(begun))
    assert left is begun
    assert_valid(left.flatten())


async def test_what_must_stay_stays() -> None:
    """The task, the newest request, the newest turn, what is pinned, short texts and an assistant's words stay."""
    text = report(60)
    came: list[LLMMessage] = [
        user(text),
        *called(1, "fine"),
        *called(2, "fine"),
        *called(3, text, tool="pinned"),
        said(text),
        said(text),
        user(text),
        *called(4, text),
    ]
    history = kept_history(came, pin(lambda message: getattr(message, "content", [])[0] == came[5].content[0]))
    assert await DropDuplicates()(history, context_for(history)) is history


async def test_single_words_are_found_when_they_are_equal() -> None:
    """A text without words inside it, such as one long code, is compared as a whole."""
    code = "x1y2" * 100
    came: list[LLMMessage] = [user("task"), *called(1, code), *called(2, f" {code}\n"), *called(3, ""), user("go on")]
    assert results_in(await dropped(came))[0] == "repeated in the later result of read(page=2) [cut]"


async def test_nothing_repeated_is_the_same_object() -> None:
    """At the target, without duplicates, or a second time, there is nothing to do."""
    history = History.parse([user("task"), *called(1, report(60)), *called(2, report(60)), user("go on")])
    context = context_for(history)
    assert await DropDuplicates()(history, context_for(history, context.tokens)) is history
    left = await DropDuplicates()(history, context)
    assert await DropDuplicates()(left, context.after(left)) is left
    unique = History.parse([user("task"), *called(1, report(60)), *called(2, report(60, "other")), user("go on")])
    assert await DropDuplicates()(unique, context_for(unique)) is unique


async def test_facts_of_a_duplicate_are_told_once() -> None:
    """When both turns are dropped later on, the past counts two turns and tells their facts once."""
    text = f"order_id: A-4711\n{report(60)}"
    history = await dropped([user("task"), *called(1, text), *called(2, text), said("ok"), user("go on")])
    trimmed = await TrimOldest()(history, context_for(history, 150))
    told = text_of(trimmed.flatten()[1])
    assert (trimmed.past.turns if trimmed.past else 0) >= 2
    assert told.count("A-4711") == 1


@given(repeating_messages() | messages())
def test_nothing_that_was_said_is_gone(came: list[LLMMessage]) -> None:
    """Every text is still in the request word for word, and every line of a memory block in some block."""
    history = History.parse(came)
    left = asyncio.run(dropped(came))
    texts = [text_of(message) for turn in left.turns for message in turn.messages]
    everything = "\n".join(texts)
    lines = {line.strip().partition(". ")[2] or line.strip() for line in everything.splitlines()}
    for turn in history.turns:
        if turn.note:
            told = {line.strip().partition(". ")[2] or line.strip() for line in text_of(turn.head).splitlines()}
            assert told <= lines | {""}
        else:
            said_there = [result.content for result in turn.results.content] if turn.results else [text_of(turn.head)]
            assert all(any(text.strip() in other for other in texts) for text in said_there)


@pytest.mark.parametrize("multiple", [True, False])
async def test_an_agent_with_a_memory_sends_one_block(multiple: bool) -> None:
    """An `AssistantAgent` adds its memory in every turn; over the cap, each request holds the newest block alone."""
    model = ReplayChatCompletionClient(["noted"] * 6, model_info={**MODEL, "multiple_system_messages": multiple})
    client = BudgetedChatCompletionClient(model, TokenBudget(600), strategies=[DropDuplicates()])
    known = ListMemory()
    agent = AssistantAgent("helper", client, memory=[known], system_message="Be brief.")
    for turn in range(6):
        await known.add(MemoryContent(content=f"fact {turn}: {report(6, f'word{turn}')}", mime_type="text/plain"))
        await agent.run(task=f"question {turn}")
    context = await agent.model_context.get_messages()
    assert sum("Relevant memory" in text_of(message) for message in context) == 6
    for record, call in zip(client.records, model.create_calls, strict=True):
        blocks = [message for message in call["messages"] if "Relevant memory" in text_of(message)]
        if record.steps and any(step.strategy == "DropDuplicates" for step in record.steps):
            assert len(blocks) == 1
    assert any(step.strategy == "DropDuplicates" for record in client.records for step in record.steps)
    sent = model.create_calls[-1]["messages"]
    assert sum("question" in text_of(message) for message in sent) == 6, "no turn was trimmed for it"
    assert all(f"fact {turn}" in text_of(sent[-1]) for turn in range(6))


async def test_agents_of_a_team_hold_a_broadcast_result_once() -> None:
    """Two agents read the same and tell each other: every request over the cap holds the text once."""
    text = report(60)

    async def read(page: int) -> str:
        """Read a page."""
        return text

    clients: list[tuple[ReplayChatCompletionClient, BudgetedChatCompletionClient]] = []

    def reader(name: str) -> AssistantAgent:
        usage = RequestUsage(prompt_tokens=1, completion_tokens=1)
        replies: list[str | CreateResult] = [
            CreateResult(
                finish_reason="function_calls",
                content=[FunctionCall(id=f"{name}{i}", name="read", arguments='{"page": 1}')],
                usage=usage,
                cached=False,
            )
            for i in range(3)
        ]
        model = ReplayChatCompletionClient(replies, model_info=MODEL)
        client = BudgetedChatCompletionClient(model, TokenBudget(900), strategies=[DropDuplicates()])
        clients.append((model, client))
        return AssistantAgent(name, client, tools=[read], system_message="Be brief.")

    team = RoundRobinGroupChat([reader("anna"), reader("ben")], termination_condition=MaxMessageTermination(7))
    await team.run(task="Read page 1, both of you.")
    over = 0
    for model, client in clients:
        for record, call in zip(client.records, model.create_calls, strict=True):
            assert record.tokens_sent <= 900
            held = sum(text in text_of(message) for message in call["messages"])
            over += bool(record.steps)
            assert not record.steps or held == 1
    assert over >= 2
    results = [m for m in clients[0][0].create_calls[-1]["messages"] if isinstance(m, FunctionExecutionResultMessage)]
    assert all(text_of(message).startswith("repeated in the later ") for message in results)
    (broadcast,) = [m for m in clients[0][0].create_calls[-1]["messages"] if text in text_of(m)]
    assert isinstance(broadcast, UserMessage)
    assert broadcast.source == "ben"


@pytest.mark.parametrize("kept_whole", [True, False])
async def test_no_line_points_at_a_text_that_was_cut(kept_whole: bool) -> None:
    """Where the later text is cut in the same compaction, the line only says that the text was left out."""
    page = report(300)
    came = [user("task"), *called(1, page), said("ok"), *called(2, page), *(said(f"{i}") for i in range(6)), user("?")]
    tokens = context_for(History.parse(came)).tokens
    budget = TokenBudget(tokens - 10 if kept_whole else 900)
    done = await compact(came, budget, strategies=[DropDuplicates(), TruncateToolOutputs(100)])
    text = str(done.messages)
    assert ("repeated in the later" in text) is kept_whole
    assert done.tokens_after == COUNTER.count(done.messages) == done.steps[-1].tokens_after


async def test_a_message_loses_its_stale_pointer_too() -> None:
    """A user's message that repeats a result is checked like a result."""
    page = report(300)
    came = [user("task"), user(page), said("ok"), *called(2, page), *(said(f"{i}") for i in range(6)), user("?")]
    done = await compact(came, TokenBudget(900), strategies=[DropDuplicates(), TruncateToolOutputs(100)])
    assert "repeated in the later" not in str(done.messages)
    assert str(done.messages[1].content).startswith("[cut")
