"""Leave out texts that a request holds twice: the last occurrence stays.

It is the older text that goes, and the newer that stays. The newest turn must stay whole; other strategies cut and drop
the oldest turns first, so that no line ever points at what is gone before itself; and models attend best to what they
have read last. It costs no cache: compaction breaks the prefix at its oldest turns anyhow.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autogen_core.models import SystemMessage, UserMessage

from autogen_budget._background import pause
from autogen_budget._history import History
from autogen_budget._text import one_line
from autogen_budget._turns import Turn, text_of

from ._component import DeclaredStrategy
from ._placeholder import call_signature, placeholder_for
from ._protocol import CompactionContext

_NUMBER = re.compile(r"\d+\. ")

_POINTER = "repeated in the later "
"""How a line begins that stands for a text which a later one holds."""

MIN_TEXT, MAX_TEXT = 30, 1_000_000
"""Characters of a text that is looked for in others: a line that points to another is longer than the shortest."""

MAX_SEARCHED = 1_000_000
"""Characters that are looked through for one text: the newest."""


@dataclass(frozen=True)
class DropDuplicates(DeclaredStrategy):
    """Leaves out what the request says again later: results that were read again, messages that repeat a result.

    In place of a result or message stands one line that names the later text that holds all of it, and a reference to
    the whole. The blocks that memories append turn by turn go without a word, once later blocks hold each of their
    lines. An assistant's own words stay, and so do short texts, the task, the newest request and turns, and pinned
    ones.
    """

    async def __call__(self, history: History, context: CompactionContext) -> History:
        """Leave out what is repeated where the target is not reached."""
        if context.tokens <= context.target:
            return history
        # What opens the conversation must stay, whatever it is: the assistant cannot speak first.
        opening = [i for i, turn in enumerate(history.turns) if turn.kind != "system"][:1]
        protected = history.kept.union(opening)
        later, known = _Later(), set[str]()
        newest_first: list[Turn] = []
        for i in range(len(history.turns) - 1, -1, -1):
            turn = history.turns[i]
            if turn.note or turn.kind == "system":
                lines = _lines(turn)
                if i not in protected and lines <= known:
                    continue
                known |= lines
            elif i not in protected:
                turn = await _pointing(turn, later, context)
            newest_first.append(turn)
            later.add(turn)
            await pause(i)
        return history.with_turns(reversed(newest_first))


class _Later:
    """The later texts, newest first, and the words in them."""

    def __init__(self) -> None:
        self._turns: list[tuple[Turn, str]] = []
        self._by_text: dict[str, Turn] = {}
        self._words: set[str] = set()

    def add(self, turn: Turn) -> None:
        """Add the turn that precedes those added so far; a text that will be cut in any case is not looked through."""
        text = text_of(turn.messages[-1])
        self._by_text.setdefault(text.strip(), turn)
        if len(text) <= MAX_TEXT:
            self._words.update(text.split())
            self._turns.append((turn, text))

    def holding(self, text: str) -> Turn | None:
        """Find the newest turn that holds a text word for word.

        A text can only stand where its words do, but for the first and the last: they may be parts of longer ones.
        """
        text = text.strip()
        if text in self._by_text:
            return self._by_text[text]
        if not MIN_TEXT < len(text) <= MAX_TEXT or not self._words.issuperset(text.split()[1:-1]):
            return None
        searched = 0
        for turn, whole in self._turns:
            searched += len(whole)
            if text in whole:
                return turn
            if searched > MAX_SEARCHED:
                return None
        return None


async def _pointing(turn: Turn, later: _Later, context: CompactionContext) -> Turn:
    """Replace each text of a turn that a later one repeats by a line."""
    if turn.results is not None:
        lines = [await _or_line(result.content, later, context) for result in turn.results.content]
        return turn.with_results(lines)
    head = turn.head
    if not isinstance(head, UserMessage) or not isinstance(head.content, str):
        return turn
    return turn.with_head(head.model_copy(update={"content": await _or_line(head.content, later, context)}))


async def _or_line(text: str, later: _Later, context: CompactionContext) -> str:
    """Return the text, or one line that says where it is repeated."""
    holder = later.holding(text)
    return text if holder is None else await placeholder_for(text, _repeated_in(holder, text), context)


def _repeated_in(holder: Turn, text: str) -> str:
    if holder.results is None:
        who = "system" if isinstance(holder.head, SystemMessage) else holder.head.source
        return f"{_POINTER}message of {one_line(who)}"
    # A text that runs over several results, as messages that sum them up do, is named by the first of them.
    ids = [result.call_id for result in holder.results.content if text.strip() in result.content]
    first = next((call for call in holder.calls if call.id in ids), holder.calls[0])
    return f"{_POINTER}result of {call_signature(first)}"


def without_stale_pointers(history: History, context: CompactionContext) -> History:
    """Remove references to later texts that no longer hold the text, because they were cut since.

    What is left of such a line is its notice, which names the stored whole, so the request only becomes smaller.
    """
    newest_first: list[Turn] = []
    later: list[str] = []
    for turn in reversed(history.turns):
        newest_first.append(_without_stale(turn, later, context) if turn.whole is not None else turn)
        later.append(text_of(turn.messages[-1]))
    return history.with_turns(reversed(newest_first))


def _without_stale(turn: Turn, later: Sequence[str], context: CompactionContext) -> Turn:
    whole = turn.uncut

    def checked(text: str, original: str) -> str:
        if text == original or not text.startswith(_POINTER) or any(original.strip() in other for other in later):
            return text
        notice = text[text.rindex("[cut") :]
        context.remember_cut(notice, context.reference_of(text))
        return notice

    if turn.results is not None and whole.results is not None:
        original = {result.call_id: result.content for result in whole.results.content}
        return turn.with_results(checked(result.content, original[result.call_id]) for result in turn.results.content)
    text, before = turn.head.content, whole.head.content
    if not isinstance(text, str) or not isinstance(before, str):
        return turn
    return turn.with_head(turn.head.model_copy(update={"content": checked(text, before)}))


def _lines(turn: Turn) -> set[str]:
    """Split a text into lines, without the numbers that memories put before them and change from turn to turn."""
    lines = map(str.strip, text_of(turn.head).splitlines())
    return {line[number.end() :] if (number := _NUMBER.match(line)) else line for line in lines if line}
