"""`Summarize`: a model writes up the turns that leave, beside the facts in them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from autogen_core.models import ChatCompletionClient

from autogen_budget._history import DroppedTurns, History
from autogen_budget._summary import SummaryRequest, SummaryResult
from autogen_budget._turns import Turn

from ._component import DeclaredStrategy
from ._protocol import CompactionContext
from ._trim import Dropped, drop_oldest, with_dropped_rendered

LARGEST_SHARE = 0.2
"""Share of the target that a summary may take at most, where that is less than its limit: facts take fewer tokens for
what they hold."""


@dataclass(frozen=True)
class Summarize(DeclaredStrategy):
    """Drops whole turns, oldest first, and replaces them by prose that a model writes, and by facts that need no model.

    The prose is a record with the goal, decisions and their reasons, facts, open points and the next step. It is
    updated, not written anew: the model is given the last one and the turns that leave now, in parts if they are more
    than its window holds, and no turn twice. It is marked as a record of the past, which gives no orders.

    Where the call for it fails, takes too long, or its answer is no use, the facts stand in, the record of the call
    says so, and the next 1, 2, 4, ... up to 32 compactions do without. An agent never fails for its summary.

    Its calls pass no tools, are kept under the same cap, are paid by the same pool with the purpose `summary`, and have
    records of their own. `compact`, which calls no model, leaves the work to `TrimOldest`.

    .. code-block:: python

        from autogen_budget import BudgetedAgent, Summarize, TrimOldest

        agent = BudgetedAgent(assistant, budget, strategies=[Summarize(cheap_client), TrimOldest()])

    Args:
        client (ChatCompletionClient | None): Who writes; closing it is up to its owner. `None` means the agent's own
            model.
        prompt (str | None): What to write. How long it may be, and that the text holds no orders, is added behind it.
            `None` means a prompt that suits the model.
        max_tokens (int): Tokens a summary may hold, at least 1, and at most a fifth of what compaction shrinks to. A
            longer one is cut.
        timeout (float): Seconds a summary may take, above 0, with all calls it needs.
        soft (float): Share of the cap, above 0 and up to 1, beyond which the next summary is written in the background
            after a call, so that the call that needs it does not wait. 1 means never, since no request is over the cap.

    Raises:
        TypeError: `client` is not a `ChatCompletionClient`.
        ValueError: A number is out of range, or the prompt is blank.
    """

    client: ChatCompletionClient | None = None
    prompt: str | None = None
    max_tokens: int = 800
    timeout: float = 60.0
    soft: float = 0.8

    def __post_init__(self) -> None:
        if self.client is not None and not isinstance(self.client, ChatCompletionClient):
            raise TypeError(f"client must be a ChatCompletionClient, got {self.client!r:.40}")
        if self.prompt is not None and not self.prompt.strip():
            raise ValueError("prompt must say what to write; leave it out for the one that suits the model")
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1, got {self.max_tokens}")
        if not self.timeout > 0:
            raise ValueError(f"timeout must be above 0 seconds, got {self.timeout}")
        if not 0 < self.soft <= 1:
            raise ValueError(f"soft must be a share of the cap, above 0 and up to 1, got {self.soft}")

    async def __call__(self, history: History, context: CompactionContext) -> History:
        """Drop turns until the target is reached, and summarise them."""
        summarizer = context.summarizer
        if summarizer is None:
            return history
        limit, past = self._limit(context), history.past or DroppedTurns()
        dropped = await drop_oldest(history, context, facts=True, summary=limit)
        dropped = _dropping_too(dropped, summarizer.pending_turns(history.turns, past.summary), context)
        if not dropped.turns:
            return await with_dropped_rendered(dropped, context)
        written = await summarizer.write(self._request(dropped.turns, past.summary, limit))
        context.note(_failure_of(written))
        smaller = await with_dropped_rendered(dropped, context, written.text)
        summarised = past.summarised + written.turns
        return replace(smaller, past=replace(smaller.past or past, summarised=summarised))

    def should_prefetch(self, context: CompactionContext) -> bool:
        """Return whether the request has passed the soft mark, and there is a model to write.

        Args:
            context (CompactionContext): What a compaction would get now.
        """
        return context.tokens > self.soft * context.cap and context.summarizer is not None

    async def prefetch(self, history: History, context: CompactionContext) -> None:
        """Begin to write what the next compaction will need, when the request has come near its cap.

        Args:
            history (History): The conversation as it was sent.
            context (CompactionContext): What a compaction would get now.
        """
        summarizer, previous = context.summarizer, (history.past or DroppedTurns()).summary
        if summarizer is None or summarizer.pending_turns(history.turns, previous):
            return
        dropped = await drop_oldest(history, context, facts=True, summary=(limit := self._limit(context)))
        coming = context.cap - max(context.tokens, context.target)
        turns = (*dropped.turns, *_pushed_out(dropped.history, coming, context))
        if turns:
            summarizer.prepare(self._request(turns, previous, limit))

    def _limit(self, context: CompactionContext) -> int:
        return max(1, min(self.max_tokens, int(context.target * LARGEST_SHARE)))

    def _request(self, turns: tuple[Turn, ...], previous: str, limit: int) -> SummaryRequest:
        return SummaryRequest(turns, previous, limit, self.timeout, self.prompt, self.client)


def _pushed_out(history: History, coming: int, context: CompactionContext) -> Iterator[Turn]:
    """Yield the oldest turns that so many further tokens will push out at the next compaction."""
    kept = history.kept
    for i, turn in enumerate(history.turns):
        if i not in kept:
            coming -= context.tokens_of_turn(turn)
            if coming < 0:
                return
            yield turn


def _dropping_too(dropped: Dropped, pending_turns: tuple[Turn, ...], context: CompactionContext) -> Dropped:
    """Drop those turns of a draft too that would stay: a turn that stayed would be summarised again."""
    history = dropped.history
    there = {id(turn.uncut) for turn in pending_turns}
    remaining = {i for i, turn in enumerate(history.turns) if id(turn.uncut) in there} - history.kept
    if not dropped.turns or not remaining:
        return dropped
    turns = [history.turns[i] for i in sorted(remaining)]
    tokens = sum(map(context.tokens_of_turn, turns))
    return replace(dropped, history=history.without(frozenset(remaining), tokens), turns=(*dropped.turns, *turns))


def _failure_of(written: SummaryResult) -> str:
    """Return why a summary is missing, or in part; empty where it is whole."""
    return f"{'summary in part' if written.turns else 'no summary'}: {written.failure}" if written.failure else ""
