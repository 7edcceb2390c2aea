"""Notice that agents go round in circles: the same one to five steps again and again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from ._steps import Step

Pattern = Literal["call", "text", "agents", "speaker"]
"""What is repeated: calls, the same words, agents by turns, or the choice of one speaker whatever is said."""

LONGEST_CYCLE = 5
"""Steps that a circle has at most, as in Gemini CLI."""

NUDGE_AT = 3
"""How many times something is done in a row before the model is warned; OpenHands and Cline do so at the same count."""

PATIENCE = 6
"""How many times as often something may be done that leads to other results: polling is work, up to a point."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """Steps that were done several times in a row.

    Args:
        subject (str): The tools or speakers in it.
        cycle (int): How many steps are repeated.
        repeats (int): How many times they were done, the first one included.
        changes (bool): Whether their results differed each time.
        pattern (Pattern): What kind of repetition it is.
    """

    subject: str
    cycle: int
    repeats: int
    changes: bool
    pattern: Pattern

    def is_over(self, max_repeats: int) -> bool:
        """Return whether this is as much as may be."""
        return self.repeats >= max_repeats * (PATIENCE if self.changes else 1)

    def __str__(self) -> str:
        """Return what is repeated, in words."""
        result = "with other results" if self.changes else "with the same result"
        steps = "" if self.cycle == 1 else f" ({self.cycle} steps by turns)"
        return f"{self.subject}{steps} {self.repeats} times in a row {result}"


def find_repetition(
    steps: Iterable[Step], max_repeats: int, *, changing: bool = True, one_of_many: bool = False
) -> Repetition | None:
    """Find what was repeated last, as often as is worth a warning at least.

    `steps`: What was done, newest first. Only as much is read as is needed. `changing`: Whether what
    leads to other results counts as well.

    Returns:
        Repetition | None: What changes nothing and was done at least three times; else what was done six times as
        often, with other results. `None` means there is neither.
    """
    read, least = _Lazy(steps), min(NUDGE_AT, max_repeats)
    for cycle in range(1, LONGEST_CYCLE + 1):
        repeats = _count(read, cycle, max_repeats, changes=False)
        if repeats >= least:
            return _repetition(read, cycle, repeats, changes=False)
    if not changing:
        return None
    for cycle in range(1, LONGEST_CYCLE + 1):
        speech = any(step.kind == "speech" for step in read.first(cycle))
        if speech and not (one_of_many and cycle == 1):  # what differs in words is a conversation
            continue
        repeats = _count(read, cycle, max_repeats * PATIENCE, changes=True)
        if repeats >= least * PATIENCE:
            return _repetition(read, cycle, repeats, changes=True)
    return None


class _Lazy:
    """The newest steps, read as far as they are asked for."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = iter(steps)
        self._read: list[Step] = []

    def first(self, count: int) -> list[Step]:
        self._read += islice(self._steps, max(0, count - len(self._read)))
        return self._read[:count]


def _count(steps: _Lazy, cycle: int, most: int, *, changes: bool) -> int:
    """Return how many times the newest steps were done in a row; 0 if there are not as many."""
    newest = steps.first(cycle)
    if len(newest) < cycle:
        return 0
    repeats = 1
    while repeats < most:
        before = steps.first(cycle * (repeats + 1))[cycle * repeats :]
        if len(before) < cycle or any(
            old.action != new.action or (not changes and old.outcome != new.outcome)
            for old, new in zip(before, newest, strict=True)
        ):
            break
        repeats += 1
    return repeats


def _repetition(steps: _Lazy, cycle: int, repeats: int, *, changes: bool) -> Repetition:
    repeated = steps.first(cycle)
    return Repetition(
        ", ".join(dict.fromkeys(step.subject for step in reversed(repeated))),
        cycle,
        repeats,
        changes,
        _pattern(repeated, changes=changes),
    )


def _pattern(steps: Sequence[Step], *, changes: bool) -> Pattern:
    if any(step.kind == "call" for step in steps):
        return "call"
    if len({step.subject for step in steps}) > 1 or any(step.kind == "handoff" for step in steps):
        return "agents"
    return "speaker" if changes else "text"
