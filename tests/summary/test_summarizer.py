"""Drafts: written ahead of time, used once, never twice, and gone when they are not wanted."""

import asyncio
import gc

import pytest
from autogen_core.models import ChatCompletionClient, UserMessage

from authors import Author, reports_in
from autogen_budget import BudgetedChatCompletionClient, TokenBudget, Turn
from autogen_budget._summary import Summarizer, SummaryRequest, SummaryResult
from autogen_budget._summary._summarizer import MAX_DRAFTS


def report(number: int, words: int = 20) -> Turn:
    """A turn with a report."""
    return Turn(UserMessage(content=f"Report R{number:04}: " + "all quiet " * words, source="user"))


TURNS = tuple(map(report, range(12)))


def order(turns: tuple[Turn, ...], previous: str = "", *, client: ChatCompletionClient | None = None) -> SummaryRequest:
    """An order for a summary."""
    return SummaryRequest(turns, previous, limit=100, timeout=30.0, client=client)


def summarizer_of(own: Author) -> Summarizer:
    """What a client around this model would own."""

    def under_budget(client: ChatCompletionClient | None) -> BudgetedChatCompletionClient:
        return BudgetedChatCompletionClient(client or own, TokenBudget(4_000), strategies=(), purpose="summary")

    return Summarizer(under_budget, own)


def numbered() -> Author:
    """A model whose answers tell which prompt they are for, counted from 1."""
    author: Author
    author = Author(lambda _: f"Goal: home. Record {len(author.prompts)}.")
    return author


class Slow(Author):
    """A model that answers when it is released."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.cancelled = 0
        super().__init__(lambda _: self._wait())

    async def _wait(self) -> str:
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return "Goal: home."


async def until_asked(author: Author, times: int = 1) -> None:
    """Wait until a model was asked so often."""
    while len(author.prompts) < times:
        await asyncio.sleep(0)


async def test_a_summary_is_written_when_it_is_needed() -> None:
    """Without a draft, the model is asked then and there."""
    author = numbered()
    assert await summarizer_of(author).write(order(TURNS)) == SummaryResult("Goal: home. Record 1.", 12)


async def test_a_draft_is_used_for_the_turns_in_it() -> None:
    """What was written ahead is not asked for again, and a few turns beside it are left to their facts."""
    author = numbered()
    summarizer = summarizer_of(author)
    summarizer.prepare(order(TURNS[:10]))
    assert summarizer.pending_turns(TURNS, "") == TURNS[:10]
    await until_asked(author)
    assert await summarizer.write(order(TURNS)) == SummaryResult("Goal: home. Record 1.", 10)
    assert len(author.prompts) == 1


async def test_a_running_draft_is_waited_for() -> None:
    """The compaction that needs it takes it when it is done."""
    author = Slow()
    summarizer = summarizer_of(author)
    summarizer.prepare(order(TURNS))
    waiting = asyncio.create_task(summarizer.write(order(TURNS)))
    await until_asked(author)
    author.release.set()
    assert await waiting == SummaryResult("Goal: home.", 12)
    assert len(author.prompts) == 1


async def test_many_turns_beside_a_draft_are_worth_a_call() -> None:
    """They are written into the draft's summary; the turns in it are not shown again."""
    author = numbered()
    summarizer = summarizer_of(author)
    summarizer.prepare(order(TURNS[:2]))
    assert await summarizer.write(order(TURNS)) == SummaryResult("Goal: home. Record 2.", 12)
    assert author.records == ["", "Goal: home. Record 1."]
    assert reports_in(author.transcripts) == [f"R{i:04}" for i in range(12)]


async def test_what_was_written_is_not_written_again() -> None:
    """If the summary did not get into the conversation, because the call failed after it, it is still there."""
    author = numbered()
    summarizer = summarizer_of(author)
    summarizer.prepare(order(TURNS[:2]))
    first = await summarizer.write(order(TURNS))
    assert await summarizer.write(order(TURNS)) == first
    assert len(author.prompts) == 2


async def test_what_has_arrived_is_a_draft_no_more() -> None:
    """A conversation that goes on from a summary has its next one written from there."""
    author = numbered()
    summarizer = summarizer_of(author)
    first = await summarizer.write(order(TURNS[:6]))
    assert summarizer.pending_turns(TURNS[6:], first.text) == ()
    assert await summarizer.write(order(TURNS[6:], first.text)) == SummaryResult("Goal: home. Record 2.", 6)
    assert reports_in(author.transcripts) == [f"R{i:04}" for i in range(12)]


async def test_a_draft_that_says_what_was_known_is_a_draft_all_the_same() -> None:
    """A model that has nothing to add gives the last summary back: its turns are not shown to it again."""
    author = Author(lambda _: "Goal: home.")
    summarizer = summarizer_of(author)
    summarizer.prepare(order(TURNS[:4], "Goal: home."))
    await until_asked(author)
    await asyncio.sleep(0.01)
    assert summarizer.pending_turns(TURNS, "Goal: home.") == TURNS[:4]
    assert await summarizer.write(order(TURNS[:4], "Goal: home.")) == SummaryResult("Goal: home.", 4)
    assert len(author.prompts) == 1


async def test_a_conversation_has_one_draft() -> None:
    """Preparing again, with more turns, begins nothing new; another conversation has its own."""
    author = numbered()
    summarizer = summarizer_of(author)
    summarizer.prepare(order(TURNS[:4]))
    summarizer.prepare(order(TURNS[:8]))
    summarizer.prepare(order(tuple(map(report, range(4)))))  # equal turns, of another conversation
    await until_asked(author, 2)
    await summarizer.close()
    assert len(author.prompts) == 2


async def test_the_oldest_drafts_make_room() -> None:
    """A client keeps so many drafts and cancels what is over."""
    author = Slow()
    summarizer = summarizer_of(author)
    for i in range(MAX_DRAFTS + 2):
        summarizer.prepare(order((report(i),)))
        await until_asked(author, i + 1)
    await asyncio.sleep(0.01)
    assert author.cancelled == 2
    await summarizer.close()
    assert author.cancelled == MAX_DRAFTS + 2


async def test_after_a_failure_summaries_pause() -> None:
    """The next compaction goes without, and so does preparing; then it is tried again."""
    author = Author(lambda _: "")
    summarizer = summarizer_of(author)
    failed = await summarizer.write(order(TURNS))
    assert failed == SummaryResult("", 0, "the model said nothing")
    summarizer.prepare(order(TURNS))
    assert summarizer.pending_turns(TURNS, "") == ()
    assert await summarizer.write(order(TURNS)) == SummaryResult("", 0, "paused after the model said nothing")
    assert len(author.prompts) == 1
    await summarizer.write(order(TURNS))
    assert len(author.prompts) == 2


async def test_a_failed_draft_pauses_too() -> None:
    """What fails in the background is not tried again by the compaction that needs it."""
    author = Author(lambda _: "")
    summarizer = summarizer_of(author)
    summarizer.prepare(order(TURNS))
    await until_asked(author)
    await asyncio.sleep(0.01)
    assert (await summarizer.write(order(TURNS))).failure == "paused after the model said nothing"
    assert len(author.prompts) == 1


async def test_each_model_pauses_alone() -> None:
    """Another client is not held to the failures of the first."""
    author, other = Author(lambda _: ""), numbered()
    summarizer = summarizer_of(author)
    await summarizer.write(order(TURNS))
    assert (await summarizer.write(order(TURNS, client=other))).turns == 12
    assert (await summarizer.write(order(tuple(map(report, range(3)))))).failure.startswith("paused")


async def test_forgetting_drops_drafts() -> None:
    """After a reset nothing of the old conversation is used, and nothing goes on being written."""
    author = Slow()
    summarizer = summarizer_of(author)
    summarizer.prepare(order(TURNS))
    await until_asked(author)
    summarizer.forget()
    assert summarizer.pending_turns(TURNS, "") == ()
    await summarizer.close()
    assert author.cancelled == 1


async def test_closing_ends_what_runs() -> None:
    """No task is left when closing is done; closing twice does nothing."""
    author = Slow()
    summarizer = summarizer_of(author)
    summarizer.prepare(order(TURNS))
    await until_asked(author)
    before = len(asyncio.all_tasks())
    await summarizer.close()
    await summarizer.close()
    assert before > 1
    assert len(asyncio.all_tasks()) == 1


async def test_a_cancelled_compaction_ends_the_call() -> None:
    """Who waits for a summary and is cancelled leaves nothing running."""
    author = Slow()
    summarizer = summarizer_of(author)
    task = asyncio.create_task(summarizer.write(order(TURNS)))
    await until_asked(author)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert author.cancelled == 1


async def test_a_draft_stopped_by_another_is_no_error() -> None:
    """A reset while a compaction waits for its summary leaves it with the facts."""
    author = Slow()
    summarizer = summarizer_of(author)
    task = asyncio.create_task(summarizer.write(order(TURNS, "Goal: out.")))
    await until_asked(author)
    summarizer.forget()
    assert await task == SummaryResult("Goal: out.", 0, "it was cancelled")


def test_a_finished_draft_is_used_in_another_event_loop() -> None:
    """Each run of an agent may have a loop of its own."""
    author = numbered()
    summarizer = summarizer_of(author)

    async def prepare() -> None:
        summarizer.prepare(order(TURNS))
        await until_asked(author)
        await asyncio.sleep(0.01)

    asyncio.run(prepare())
    assert asyncio.run(summarizer.write(order(TURNS))) == SummaryResult("Goal: home. Record 1.", 12)
    assert len(author.prompts) == 1


def test_a_draft_ends_with_its_event_loop() -> None:
    """What was running when a run's loop ended is written anew by the run that needs it, without a complaint."""
    author = numbered()
    summarizer = summarizer_of(author)

    async def prepare() -> None:
        summarizer.prepare(order(TURNS))

    asyncio.run(prepare())
    assert asyncio.run(summarizer.write(order(TURNS))).turns == 12
    asyncio.run(summarizer.close())
    gc.collect()


def test_a_draft_of_a_loop_that_rests_is_not_waited_for() -> None:
    """A loop that is stopped, and not closed, runs no drafts: the summary is written in the one that runs."""
    author = numbered()
    summarizer = summarizer_of(author)
    resting = asyncio.new_event_loop()

    async def prepare() -> None:
        summarizer.prepare(order(TURNS))

    resting.run_until_complete(prepare())
    assert asyncio.run(summarizer.write(order(TURNS))).turns == 12
    assert len(author.prompts) == 1
    resting.run_until_complete(asyncio.sleep(0.01))  # what was asked of it is done: the draft is cancelled
    resting.run_until_complete(summarizer.close())
    resting.close()
    assert len(author.prompts) == 1


async def test_models_can_be_put_under_another_budget() -> None:
    """After that, summaries are written under the new one, and what is being written goes on."""
    author, budgets = Author(), [TokenBudget(4_000), TokenBudget(2_000)]
    made: list[BudgetedChatCompletionClient] = []

    def under_budget(client: ChatCompletionClient | None) -> BudgetedChatCompletionClient:
        made.append(BudgetedChatCompletionClient(client or author, budgets[len(made)], strategies=()))
        return made[-1]

    summarizer = Summarizer(under_budget, author)
    summarizer.prepare(order(TURNS[:6]))
    summarizer.invalidate_models()
    assert (await summarizer.write(order(TURNS[:6]))).turns == 6
    assert (await summarizer.write(order(TURNS[6:]))).turns == 6
    assert [[record.cap for record in client.records] for client in made] == [[4_000], [2_000]]
