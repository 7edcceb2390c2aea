"""The working set: the files, names and ids that an agent's own calls use, what failed, and the state of its plan."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from autogen_budget._counting import TokenCounter
from autogen_budget._text import occurrences

from ._render import count_that_fits
from ._uses import WRITTEN, Use, Works

HEADING = "[Working set: what the calls left out used]"


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a working set.

    Args:
        use (int): How many sights one use in the agent's own calls counts as.
        halved_after (int): Turns after which a thing that was not met again counts half.
        most (int): Things that are remembered; of more, those that count least are forgotten.
        slack (int): How many more there may be until they are: to sort all for each turn takes as long as to read it.
        failures (int): Failed calls that are remembered, the latest.
        of_failures (float): Share of the text that failed calls and the plan may take.
    """

    use: int = 3
    halved_after: int = 12
    most: int = 400
    slack: int = 100
    failures: int = 3
    of_failures: float = 0.4


FIGURES = Figures()


class _Saved(TypedDict):
    items: list[tuple[str, str, int, int, int]]
    failed: dict[str, str]
    plan: str


_SAVED = TypeAdapter(_Saved)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that an agent works with.

    Args:
        value (str): The thing, word for word.
        label (str): What it is: `files written`, the field or the command that it was used in; empty where nothing
            says so.
        turn (int): The turn in which it was met last, counted from the first dropped one.
        uses (int): In how many turns the agent's own calls used it.
        sights (int): In how many other turns it was seen.
    """

    value: str
    label: str
    turn: int
    uses: int = 0
    sights: int = 0

    def worth(self, now: int) -> float:
        """Return what it is worth to be told."""
        met = FIGURES.use * self.uses + self.sights
        return met / (1 + (now - self.turn) / FIGURES.halved_after)


@dataclass(frozen=True, slots=True)
class WorkingSet:
    """What an agent works with: an immutable value of bounded size.

    Args:
        items (Mapping[str, Item]): Things by their values.
        failed (Mapping[str, str]): How calls failed that did not succeed since, by what was called, the latest last.
        plan (str): The state of the plan that was written last; empty for none.
    """

    items: Mapping[str, Item] = field(default_factory=dict[str, Item])
    failed: Mapping[str, str] = field(default_factory=dict[str, str])
    plan: str = ""

    def after(self, works: Works, number: int) -> "WorkingSet":
        """Return the working set after one more turn.

        Args:
            works (Works): What the turn tells of the agent's work.
            number (int): Its number, counted from the first dropped one.
        """
        items = dict(self.items)
        for use in works.uses:
            items[use.value] = _used(items.get(use.value), use, number)
        for sight in works.sights:
            items[sight.value] = _seen(items.get(sight.value), sight, number)
        if len(items) > FIGURES.most + FIGURES.slack:
            best = sorted(items.values(), key=lambda item: (-item.worth(number), item.value))[: FIGURES.most]
            items = {item.value: item for item in best}
        failed = dict(self.failed)
        for call, how in works.failures:
            failed.pop(call, None)
            if how:
                failed[call] = how
        failed = dict(list(failed.items())[-FIGURES.failures :])
        return WorkingSet(items, failed, works.plan or self.plan)

    def render(self, limit: int, counter: TokenCounter, now: int, visible: str = "") -> str:
        """Return the working set as text: a line for each kind of thing, those that count most first.

        Returns:
            str: At most `limit` tokens; empty where there is nothing to tell, or nothing fits.
        """
        notes = [f"plan: {self.plan}"] if self.plan and self.plan not in visible else []
        notes += [f"failed: {call}: {how}" for call, how in reversed(list(self.failed.items())) if how not in visible]
        most = int(limit * FIGURES.of_failures)
        notes = notes[: count_that_fits(lambda n: "\n".join(notes[:n]), len(notes), most, counter)]
        told = [item for item in self.items.values() if next(occurrences(item.value, visible), None) is None]
        told.sort(key=lambda item: (-item.worth(now) / math.sqrt(len(item.value) + 4), -item.turn, item.value))

        def text(count: int) -> str:
            lines = [*_lines(told[:count]), *notes]
            return "\n".join((HEADING, *lines)) if lines else ""

        return text(count_that_fits(text, len(told), limit, counter))

    def save(self) -> Mapping[str, object]:
        """Return the working set as values that JSON can hold."""
        return {
            "items": [[i.value, i.label, i.turn, i.uses, i.sights] for i in self.items.values()],
            "failed": dict(self.failed),
            "plan": self.plan,
        }

    @classmethod
    def load(cls, state: object) -> "WorkingSet":
        """Return the working set that was saved.

        Raises:
            ValueError: It is something else.
        """
        try:
            saved = _SAVED.validate_python(state)
        except ValidationError as error:
            raise ValueError(f"not a saved working set: {state!r:.40}") from error
        return cls({item[0]: Item(*item) for item in saved["items"]}, saved["failed"], saved["plan"])


def _used(known: Item | None, use: Use, number: int) -> Item:
    if known is None:
        return Item(use.value, use.label, number, uses=1)
    label = known.label if known.label == WRITTEN else use.label
    return replace(known, label=label, turn=number, uses=known.uses + 1)


def _seen(known: Item | None, sight: Use, number: int) -> Item:
    if known is None:
        return Item(sight.value, sight.label, number, sights=1)
    return known if known.turn == number else replace(known, turn=number, sights=known.sights + 1)


def _lines(items: Iterable[Item]) -> list[str]:
    groups: dict[str, list[str]] = defaultdict(list)
    for item in items:
        groups[item.label or "seen"].append(item.value)
    return [f"{label}: {', '.join(values)}" for label, values in groups.items()]
