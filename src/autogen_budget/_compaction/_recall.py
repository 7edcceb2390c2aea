"""Bring back what the newest request is about: passages of dropped turns, as a record just before the request."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from autogen_core.models import LLMMessage, UserMessage

from autogen_budget._artifacts import ArtifactLease, whole_of
from autogen_budget._background import in_background
from autogen_budget._counting import Tally, TokenCounter
from autogen_budget._digest import Digest
from autogen_budget._history import History
from autogen_budget._recall import Hit, Passage, RecallIndex, passages_of, render_passages
from autogen_budget._records import Step
from autogen_budget._text import one_line
from autogen_budget._turns import NOTE_SOURCE, Turn, encodable_message, text_of

_AT_ONCE = 50
"""Passages that are indexed on the event loop; more take longer than a few milliseconds and go to a thread."""

_SHORT, _READ = 80, 4_000
"""Characters up to which any words count as a request; characters of longer ones that are looked at, at each end."""

_ASKS = re.compile(
    r"[^.!?。！？؟\n]{12,300}[?？؟]|\b(?:remind|recall|tell me|show me|look up|list|summari[sz]e|last time|earlier)\b",
    re.IGNORECASE,
)
"""A question of more than a word or two, or words that ask for an earlier message."""

_LATELY = 20
"""Turns that are looked at for whether an agent works with tools."""

_FRAME = 16
"""Tokens that a message takes beside its text, at most."""


@dataclass(frozen=True, slots=True)
class RecallShares:
    """How much of a cap recalled passages may take, by what is asked.

    Args:
        spoken (float): Share when a person has just spoken. On questions about long chats, at 4,000 tokens, a fifth
            finds as many answers as half of the cap.
        reserved (float): Share for which a request is compacted earlier, at least as much as the best passage takes,
            where no tool is at work: there, what a request holds must not hang on what a search finds.
        least_reserved (int): Tokens that are reserved at a small cap, as far as the first share allows: on questions
            about long chats, 200 tokens of passages hold .76 of the answers, 400 hold .88, 800 hold .91.
        coverage (float): How much of a request a passage must answer, as for `RecallIndex.search`.
        coverage_beside_tools (float): The same where an agent works with tools: facts hold most of what it needs,
            and what changes before the newest request costs the prompt cache the whole exchange.
    """

    spoken: float = 0.2
    reserved: float = 0.1
    least_reserved: int = 400
    coverage: float = 0.25
    coverage_beside_tools: float = 0.5


SHARES = RecallShares()


@dataclass(frozen=True, slots=True)
class CutResult:
    """A result whose whole is stored.

    Args:
        reference (str): The reference of the whole.
        turn (int): Number of its turn in the conversation, from 1.
        speaker (str): What returned it, such as "look returns".
    """

    reference: str
    turn: int
    speaker: str


def asks_for_recall(history: History) -> bool:
    """Return whether a person has just asked something; statements ask nothing, and leave the prompt cache.

    Between the calls of an agent, what was recalled for the request stays.
    """
    if not history.turns or not history.turns[-1].said_by_user:
        return False
    words = text_of(history.turns[-1].head)
    return len(words) <= _SHORT or _ASKS.search(words[:_READ]) is not None or _ASKS.search(words[-_READ:]) is not None


async def dropped_passages(turns: Sequence[tuple[int, Turn]], new: History) -> list[Passage]:
    """List the passages of numbered turns that a compaction dropped, or cut a part of: in a thread."""
    characters = sum(len(text_of(message)) for _, turn in turns for message in turn.messages)
    return await in_background(lambda: passages_outside(turns, new), characters)


def least_of(history: History) -> History:
    """Return what is left of a history where everything is dropped that may be, but for the newest exchange."""
    stays = history.kept.union(history.exchange)
    return replace(history, turns=tuple(turn for i, turn in enumerate(history.turns) if i in stays))


def find_cut_results(history: History, lease: ArtifactLease | None, *, since: Turn | None = None) -> list[CutResult]:
    """Find the results in a history that were cut where they were received, and whose whole is stored.

    `lease`: What keeps whole texts. `None` means nothing does. `since`: The turn behind which to look. `None`, or
    one that is not there any more, means all.
    """
    newer = takewhile(lambda numbered: numbered[1] is not since, numbered_from_end(history))
    return [
        CutResult(reference, number, f"{one_line(result.name)} returns")
        for number, turn in newer
        if turn.uncut.results is not None
        for result in turn.uncut.results.content
        if (reference := whole_of(lease, result.content)) is not None
    ]


def numbered_from_end(history: History) -> Iterator[tuple[int, Turn]]:
    """Yield the turns of a history with their numbers in the conversation, from 1; the newest first.

    Numbers are right for turns behind all that was dropped; an older one, which stayed, has too high a number.
    """
    before = history.past.turns if history.past else 0
    first = 1 if history.task == 0 else 0  # the task stays in front of what was dropped before
    for i in range(len(history.turns) - 1, -1, -1):
        yield i + 1 + (before if i >= first else 0), history.turns[i]


def passages_outside(turns: Iterable[tuple[int, Turn]], history: History) -> list[Passage]:
    """List the passages of those turns that a history does not hold, or holds only in part."""
    whole = {id(turn.head) for turn in history.turns if turn.whole is None}
    outside = ((number, turn) for number, turn in turns if turn.whole is None and id(turn.head) not in whole)
    return [passage for number, turn in outside for passage in passages_of(turn, number)]


async def add_passages(index: RecallIndex, passages: Sequence[Passage]) -> None:
    """Index passages, in a thread where there are many."""
    if len(passages) <= _AT_ONCE:
        index.add(passages)
    else:
        await asyncio.to_thread(index.add, passages)


def find_passages(index: RecallIndex, history: History) -> tuple[Hit, ...]:
    """Find what the newest request is about, without what the request shows anyway."""
    if not len(index) or not asks_for_recall(history):
        return ()
    coverage = SHARES.coverage_beside_tools if works_with_tools(history) else SHARES.coverage
    hits = index.search(text_of(history.turns[-1].head), min_coverage=coverage)
    if not hits:
        return ()
    visible = " ".join(" ".join(text_of(message) for turn in history.turns for message in turn.messages).split())
    first = {hit.passage.text: hit for hit in reversed(hits)}  # a result that was cut may be there in part as well
    hits = tuple(hit for hit in hits if hit is first[hit.passage.text] and hit.passage.text not in visible)
    known = Digest() if history.past is None else history.past.digest
    rules = known.amended(history.turns, history.people).rules if hits else known.rules
    return tuple(replace(hit, replaced=True) if rules.has_replaced(hit.passage.text) else hit for hit in hits)


@dataclass(frozen=True, slots=True)
class RecalledNote:
    """The note just before the newest request.

    Args:
        text (str): The recalled passages.
        tally (Tally): What the message weighs.
        tokens (int): Tokens of the whole request with it.
        step (Step): The step for the record.
    """

    text: str
    tally: Tally
    tokens: int
    step: Step


def recall(hits: Sequence[Hit], text: str, request: Tally, cap: int, counter: TokenCounter) -> RecalledNote | None:
    """Write down what was found, within its share of the cap and the tokens that are left.

    Returns:
        RecalledNote | None: `None` where nothing was found, or nothing fits.
    """
    before = counter.tokens(request)
    text = _rendered(hits, cap, cap - before, counter) if hits else text
    tally = counter.measure_message(recalled_message(text))
    tokens = counter.tokens(request + tally)
    if not text or tokens > cap:
        return None
    turns = len({hit.passage.turn for hit in hits})
    return RecalledNote(text, tally, tokens, Step("Recall", before, tokens, recalled=turns))


def _rendered(hits: Sequence[Hit], cap: int, limit: int, counter: TokenCounter) -> str:
    return render_passages(hits, max(0, min(int(cap * SHARES.spoken), limit) - _FRAME), counter)


def reserved_tokens(hits: Sequence[Hit], history: History, cap: int, counter: TokenCounter) -> int:
    """Compute the tokens to keep free for what was found: none beside tools, whose requests must not hang on it."""
    if not hits or works_with_tools(history):
        return 0
    best, all_of_them = (counter.count_text(_rendered(some, cap, cap, counter)) for some in (hits[:1], hits))
    share = max(int(cap * SHARES.reserved), min(int(cap * SHARES.spoken), SHARES.least_reserved))
    return max(best, min(share, all_of_them)) + _FRAME


def works_with_tools(history: History) -> bool:
    """Return whether an agent was at work with tools lately."""
    return any(turn.calls for turn in history.turns[-_LATELY:])


def recalled_message(text: str) -> UserMessage:
    """Make the message that holds what was recalled."""
    return encodable_message(UserMessage(content=text, source=NOTE_SOURCE))


def with_recalled(history: History, text: str, messages: list[LLMMessage] | None = None) -> list[LLMMessage]:
    """Return the messages to send, with what was recalled just before the newest request.

    Where that is the first message, it stands behind the message for dropped turns.

    `text`: What was recalled. Empty for nothing. `messages`: The history as messages, perhaps with others before
    the newest request. `None` means with no others.
    """
    messages = history.flatten() if messages is None else messages
    if text and history.request is not None:
        behind = sum(len(turn.messages) for turn in history.turns[history.request :])
        if history.request == 0:
            behind -= len(history.turns[0].messages)
        messages.insert(len(messages) - behind, recalled_message(text))
    return messages
