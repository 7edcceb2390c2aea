"""The same text again: what stands in a request twice is said once, where it was said last.

It is the older text that goes, and the newer that stays. The newest turn must stay whole; other strategies cut and drop
the oldest turns first, so that no line ever points at what is gone before itself; and models attend best to what they
have read last. It costs no cache: compaction breaks the prefix at its oldest turns anyhow.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from autogen_core.models import SystemMessage, UserMessage

from ._declared import DeclaredStrategy
from ._history import History
from ._need import Need
from ._stand_in import call_in_short, stand_in
from ._turns import Turn, text_of

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+\. ")

MOST_LOOKED_AT = 8
"""Texts that are looked through for a text, of those that hold its rarest word: the newest."""


@dataclass(frozen=True)
class DropDuplicates(DeclaredStrategy):
    """Leaves out what the request says again later: results that were read again, messages that repeat a result.

    In place of a result or message stands one line that names the later text that holds all of it, and a reference to
    the whole. The blocks that memories append turn by turn go without a word, once later blocks hold each of their
    lines. An assistant's own words stay, and so do short texts, the task, the newest request and turns, and pinned
    ones.
    """

    async def __call__(self, history: History, need: Need) -> History:
        """Leave out what is repeated where the target is not reached."""
        if need.tokens <= need.target:
            return history
        # What opens the conversation must stay, whatever it is: the assistant cannot speak first.
        opening = [i for i, turn in enumerate(history.turns) if turn.kind != "system"][:1]
        stay = history.kept.union(opening)
        later, told = _Later(), set[str]()
        newest_first: list[Turn] = []
        for i in range(len(history.turns) - 1, -1, -1):
            turn = history.turns[i]
            if turn.note or turn.kind == "system":
                lines = _lines(turn)
                if i not in stay and lines <= told:
                    continue
                told |= lines
            elif i not in stay:
                turn = await _pointing(turn, later, need)
            newest_first.append(turn)
            later.add(turn)
        turns = tuple(reversed(newest_first))
        same = len(turns) == len(history.turns) and all(a is b for a, b in zip(turns, history.turns, strict=True))
        return history if same else replace(history, turns=turns)


class _Later:
    """What was said later, newest first, found by what it holds."""

    def __init__(self) -> None:
        self._turns: list[tuple[Turn, str]] = []
        self._by_text: dict[str, Turn] = {}
        self._by_word: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, turn: Turn) -> None:
        """Take in what was said next before."""
        text = text_of(turn.messages[-1])
        for word in set(_WORD.findall(text)):
            self._by_word[word].append(len(self._turns))
        self._turns.append((turn, text))
        self._by_text.setdefault(text.strip(), turn)

    def holding(self, text: str) -> Turn | None:
        """The newest turn that holds a text word for word, or one of them.

        A text can only stand where its words do, but for the first and the last: they may be parts of longer ones.
        """
        text = text.strip()
        if text in self._by_text:
            return self._by_text[text]
        words = set(_WORD.findall(text)[1:-1])
        rarest: Sequence[int] = min((self._by_word.get(word, ()) for word in words), key=len, default=())
        found = (self._turns[place] for place in rarest[:MOST_LOOKED_AT])
        return next((turn for turn, whole in found if text in whole), None)


async def _pointing(turn: Turn, later: _Later, need: Need) -> Turn:
    """The turn with a line in place of each text of it that stands again in a later one."""
    if turn.results is not None:
        lines = [await _or_line(result.content, later, need, tool=result.name) for result in turn.results.content]
        return turn.with_results(lines)
    head = turn.head
    if not isinstance(head, UserMessage) or not isinstance(head.content, str):
        return turn
    return turn.with_head(head.model_copy(update={"content": await _or_line(head.content, later, need)}))


async def _or_line(text: str, later: _Later, need: Need, *, tool: str = "") -> str:
    """The text, or one line that says where it stands again."""
    holder = later.holding(text)
    return text if holder is None else await stand_in(text, _repeated_in(holder, text), need, tool=tool)


def _repeated_in(holder: Turn, text: str) -> str:
    if holder.results is None:
        who = "system" if isinstance(holder.head, SystemMessage) else holder.head.source
        return f"repeated in the later message of {who}"
    # A text that runs over several results, as messages that sum them up do, is named by the first of them.
    ids = [result.call_id for result in holder.results.content if text.strip() in result.content]
    first = next((call for call in holder.calls if call.id in ids), holder.calls[0])
    return f"repeated in the later result of {call_in_short(first)}"


def _lines(turn: Turn) -> set[str]:
    """The lines of a text, without the numbers that memories put before them and change from turn to turn."""
    lines = map(str.strip, text_of(turn.head).splitlines())
    return {line[number.end() :] if (number := _NUMBER.match(line)) else line for line in lines if line}
