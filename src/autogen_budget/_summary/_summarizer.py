"""What one client keeps for its summaries: who writes them, what is being written, and whether to pause."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from autogen_core.models import ChatCompletionClient

from autogen_budget._counting import Tally
from autogen_budget._turns import Turn

from ._prompt import needs_schema
from ._writer import GRACE, Model, SummaryRequest, SummaryResult, write

WORTH_A_CALL = 2
"""Tokens of turns, for each token that a summary may hold, from which they are worth a call beside a draft. Of less,
facts hold nearly all."""

MAX_DRAFTS = 8
"""How many drafts a client keeps; the one that was begun first goes first. A conversation has one, seldom two."""

LONGEST_PAUSE = 32
"""Compactions that go without a summary at most before it is tried again."""


class Backoff:
    """Counts failures in a row, and the compactions without a summary since: one, then two, four, and so on."""

    def __init__(self) -> None:
        self.reason = ""
        """Why the latest attempt failed. Empty means it did not."""
        self._failures = 0
        self._pause = 0

    @property
    def resting(self) -> bool:
        """Whether the next compaction goes without."""
        return self._pause > 0

    def skip(self) -> bool:
        """Count a compaction."""
        if not self._pause:
            return False
        self._pause -= 1
        return True

    def failed(self, reason: str) -> None:
        """Count a failure."""
        self.reason = reason
        self._failures += 1
        self._pause = min(LONGEST_PAUSE, 2 ** (self._failures - 1))

    def worked(self) -> None:
        """Begin anew."""
        self.reason = ""
        self._failures = self._pause = 0


@dataclass(frozen=True, slots=True)
class SummaryModel:
    """Where one model writes."""

    model: Model
    as_notes: bool
    backoff: Backoff = field(default_factory=Backoff)


@dataclass(frozen=True, slots=True, eq=False)
class _Draft:
    """A summary that is being written, or was written and is not in a request yet."""

    request: SummaryRequest
    task: "asyncio.Task[SummaryResult]"
    loop: asyncio.AbstractEventLoop

    @property
    def result(self) -> SummaryResult | None:
        """Its result. `None` means it is not done, or was cancelled."""
        return self.task.result() if self.task.done() and not self.task.cancelled() else None

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns that are in it, or will be."""
        return self.request.turns if self.result is None else self.request.turns[: self.result.turns]

    @property
    def is_dead(self) -> bool:
        """Whether nothing will come of it: it failed, was cancelled, or its event loop runs no more."""
        if self.task.done():
            return self.result is None or not self.result.turns
        return self.loop is not asyncio.get_running_loop()

    def is_applied(self, summary: str) -> bool:
        """Return whether a conversation goes on from it, with this summary; it may say the same as the one before."""
        is_applied = self.result is not None and self.result.text == summary
        return bool(summary) and is_applied and self.request.previous != summary

    def cancel(self) -> None:
        """Stop writing, from any event loop."""
        if self.task.done() or self.loop.is_closed():
            return
        self.loop.call_soon_threadsafe(self.task.cancel)


class Summarizer:
    """Writes the summaries of one client's conversations, now or ahead of time, each turn at most once.

    `under_budget`: Puts a client under a budget of its own; `None` stands for the client's own model.
    """

    def __init__(self, under_budget: Callable[[ChatCompletionClient | None], Model], own: ChatCompletionClient) -> None:
        self._under_budget = under_budget
        self._own = own
        self._writers: dict[int, SummaryModel] = {}
        self._drafts: list[_Draft] = []
        self._tasks: set[asyncio.Task[SummaryResult]] = set()

    def invalidate_models(self) -> None:
        """Put models under budget anew, as it is by now; what is being written goes on."""
        self._writers.clear()

    def pending_turns(self, turns: Iterable[Turn], previous: str) -> tuple[Turn, ...]:
        """Return the turns of a conversation that are in a draft, or will be: they should leave it together."""
        draft = self._draft_for(turns, previous)
        return () if draft is None else draft.turns

    def prepare(self, request: SummaryRequest) -> None:
        """Begin to write ahead of time, in a task of the running event loop."""
        writer = self._writer_of(request.client)
        if not writer.backoff.resting and self._draft_for(request.turns, request.previous) is None:
            self._begin(request, writer)

    async def write(self, request: SummaryRequest) -> SummaryResult:
        """Have a summary written for a compaction; a draft is used where there is one.

        Raises:
            asyncio.CancelledError: The caller was cancelled; then nothing goes on being written.
        """
        writer, began = self._writer_of(request.client), asyncio.get_running_loop().time()
        draft = self._draft_for(request.turns, request.previous)
        if draft is None:
            if writer.backoff.skip():
                return SummaryResult(request.previous, 0, f"paused after {writer.backoff.reason}")
            draft = self._begin(request, writer)
        result = await _result(draft)
        left = _without(request.turns, draft.request.turns)
        if result.failure or not self._worth_a_call(left, request, writer):
            return result
        self._drafts = [other for other in self._drafts if other is not draft]
        spent = asyncio.get_running_loop().time() - began
        longer = replace(request, turns=(*draft.turns, *left), timeout=max(0.0, request.timeout - spent))
        return await _result(self._begin(longer, writer, result))

    def forget(self) -> None:
        """Drop all drafts, as after a reset."""
        for draft in self._drafts:
            draft.cancel()
        self._drafts = []

    async def close(self) -> None:
        """Drop all drafts and wait until nothing is being written any more."""
        self.forget()
        here = asyncio.get_running_loop()
        running = {task for task in self._tasks if task.get_loop() is here}
        if running:
            await asyncio.wait(running)

    @staticmethod
    def _worth_a_call(turns: Sequence[Turn], request: SummaryRequest, writer: SummaryModel) -> bool:
        """Return whether turns that a draft does not hold hold more than their facts can."""
        measured = (writer.model.counter.measure_message(message) for turn in turns for message in turn.messages)
        return writer.model.counter.tokens(Tally.sum(measured)) > WORTH_A_CALL * request.limit

    def _begin(self, request: SummaryRequest, writer: SummaryModel, done: SummaryResult | None = None) -> _Draft:
        """Begin to write; what is done of the request already is not written again."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(_work(request, writer, done or SummaryResult(request.previous, 0)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        draft = _Draft(request, task, loop)
        for old in self._drafts[: 1 - MAX_DRAFTS]:
            old.cancel()
        self._drafts = [*self._drafts[1 - MAX_DRAFTS :], draft]
        return draft

    def _draft_for(self, turns: Iterable[Turn], previous: str) -> _Draft | None:
        """Return the draft that holds some of these turns and goes on from this summary."""
        for draft in self._drafts:
            if draft.is_dead:
                draft.cancel()
        self._drafts = [draft for draft in self._drafts if not draft.is_dead and not draft.is_applied(previous)]
        there = {id(turn.uncut) for turn in turns}
        for draft in self._drafts:
            if draft.request.previous == previous and any(id(turn.uncut) in there for turn in draft.turns):
                return draft
        return None

    def _writer_of(self, client: ChatCompletionClient | None) -> SummaryModel:
        key = id(client)  # strategies hold their clients, and a writer holds its client: no key is used again
        if key not in self._writers:
            writer = client or self._own
            self._writers[key] = SummaryModel(self._under_budget(client), needs_schema(writer.model_info))
        return self._writers[key]


def _without(turns: Sequence[Turn], others: Sequence[Turn]) -> tuple[Turn, ...]:
    """Return the turns that are not among others, however either were cut."""
    there = {id(turn.uncut) for turn in others}
    return tuple(turn for turn in turns if id(turn.uncut) not in there)


async def _work(request: SummaryRequest, writer: SummaryModel, done: SummaryResult) -> SummaryResult:
    left = replace(request, turns=request.turns[done.turns :], previous=done.text)
    result = await write(left, writer.model, as_notes=writer.as_notes)
    if result.failure:
        writer.backoff.failed(result.failure)
    else:
        writer.backoff.worked()
    return replace(result, turns=done.turns + result.turns)


async def _result(draft: _Draft) -> SummaryResult:
    """Wait for a draft; to be cancelled meanwhile stops it."""
    if not draft.task.done():
        try:
            await asyncio.wait({draft.task})
        finally:
            if not draft.task.done():
                draft.task.cancel()
                await asyncio.wait({draft.task}, timeout=2 * GRACE)
    return draft.result or SummaryResult(draft.request.previous, 0, "it was cancelled")
