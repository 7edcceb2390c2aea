"""Has a model write a summary: in parts that fit its window, within a time limit, and never with an error."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from autogen_core.models import ChatCompletionClient, CreateResult, LLMMessage
from pydantic import BaseModel

from autogen_budget._counting import TokenCounter
from autogen_budget._cut import cut_text
from autogen_budget._errors import error_text
from autogen_budget._turns import Turn

from ._prompt import LIST_PROMPT, PROMPT, Notes, ask
from ._reply import NoSummaryError, record_of_notes, text_of_reply
from ._transcript import chunks_of

T = TypeVar("T")

MIN_TOKENS = 200
"""Tokens of transcript that must fit into a request; with less, a summary would be made of scraps."""

MARGIN = 0.95
"""Share of the tokens of a request that is used: joined texts and their tags hold a few tokens more than the parts."""

LONGEST_REASON = 160
"""Characters of an error that the record holds: some hold the whole answer."""

GRACE = 1.0
"""Seconds a call has to end after it was cancelled; one that does not heed that is left alone."""


class Model(Protocol):
    """What writes a summary: a model client whose requests are kept within a budget."""

    client: ChatCompletionClient
    counter: TokenCounter

    async def learn_cap(self) -> int:
        """Return the tokens that a request may hold, asking the model's server where it is not known otherwise."""
        ...

    async def create(
        self, messages: Sequence[LLMMessage], *, json_output: type[BaseModel] | None = None
    ) -> CreateResult:
        """See `ChatCompletionClient.create`."""
        ...


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """What to summarise.

    Args:
        turns (tuple[Turn, ...]): The turns, oldest first.
        previous (str): The summary of what precedes them. Empty means there is none.
        limit (int): Tokens that the new summary may hold, at least 1.
        timeout (float): Seconds that it may take, all calls together.
        prompt (str | None): What to write. `None` means what suits the model.
        client (ChatCompletionClient | None): Who writes. `None` means the agent's own model.
    """

    turns: tuple[Turn, ...]
    previous: str
    limit: int
    timeout: float
    prompt: str | None = None
    client: ChatCompletionClient | None = None


@dataclass(frozen=True, slots=True)
class SummaryResult:
    """The result of an order.

    Args:
        text (str): The summary; the previous one where no turn got into it.
        turns (int): How many of the turns, counted from the oldest, are in it.
        failure (str): Why not all are. Empty means all are.
    """

    text: str
    turns: int
    failure: str = ""


async def write(order: SummaryRequest, model: Model, *, as_notes: bool) -> SummaryResult:
    """Have a summary written; whatever fails is in the result.

    The reply's length is asked for, and cut where it is exceeded. No argument of the call limits it beyond the client's
    own: a reasoning model spends the same tokens on thinking, and not every client takes one.
    """
    writer = _Writer(order, model, as_notes)
    failure = ""
    try:
        await writer.write()
    except NoSummaryError as reason:
        failure = str(reason)
    except Exception as error:
        failure = error_text(error)[:LONGEST_REASON]
    return SummaryResult(writer.text, writer.turns, failure)


class _Writer:
    """One order under way."""

    def __init__(self, order: SummaryRequest, model: Model, as_notes: bool) -> None:
        self.text = order.previous
        self.turns = 0
        self._order = order
        self._model = model
        self._schema = Notes if as_notes else None
        self._prompt = order.prompt or (LIST_PROMPT if as_notes else PROMPT)
        self._length = None if as_notes else order.limit  # the schema ends notes
        self._deadline = asyncio.get_running_loop().time() + order.timeout

    async def write(self) -> None:
        for chunk in chunks_of(self._order.turns, await self._max_tokens(), self._model.counter):
            self.text = await self._updated(chunk.text)
            self.turns += chunk.turns

    async def _max_tokens(self) -> int:
        """Return the tokens of transcript that fit into one request, beside the longest summary of what precedes it."""
        counter, order = self._model.counter, self._order
        cap = await self._within_time(self._model.learn_cap())
        extras = counter.measure_extras(json_output=self._schema)
        frame = counter.tokens(
            extras + counter.measure_message(ask(self._prompt, order.previous, "", limit=self._length))
        )
        longer = max(0, order.limit - counter.count_text(order.previous))
        room = int((cap - frame - longer) * MARGIN)
        if room < MIN_TOKENS:
            raise NoSummaryError(f"a cap of {cap:,} tokens leaves no room for a transcript")
        return room

    async def _updated(self, transcript: str) -> str:
        message = ask(self._prompt, self.text, transcript, limit=self._length)
        result = await self._within_time(self._model.create([message], json_output=self._schema))
        source = f"{self.text}\n{transcript}"
        text = text_of_reply(result)
        text = record_of_notes(text, source) if self._schema else text
        if self._tokens(text) > self._tokens(source):
            raise NoSummaryError("the model's summary is longer than what it is of")
        return cut_text(text, self._order.limit, self._model.counter)

    def _tokens(self, text: str) -> int:
        return self._model.counter.count_text(text)

    async def _within_time(self, work: Coroutine[Any, Any, T]) -> T:
        """Await a call in a task of its own, so that its being cancelled differs from being cancelled here."""
        loop = asyncio.get_running_loop()
        call = loop.create_task(work)
        call.add_done_callback(_take_note)
        try:
            await asyncio.wait({call}, timeout=max(0.0, self._deadline - loop.time()))
        finally:
            in_time = call.done()
            if not in_time:
                call.cancel()
                await asyncio.wait({call}, timeout=GRACE)
        if not in_time:
            raise NoSummaryError(f"TimeoutError: not written within {self._order.timeout:g} seconds")
        if call.cancelled():
            raise NoSummaryError("the call was cancelled by the model's client")
        return call.result()


def _take_note(call: asyncio.Task[object]) -> None:
    """Look at a call's error, so that none is reported as never looked at."""
    if not call.cancelled():
        call.exception()
