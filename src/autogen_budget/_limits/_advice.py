"""The notes that warn a model in a request: it repeats itself, or its run is about to end."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from autogen_core.models import LLMMessage
from typing_extensions import Self

from autogen_budget._errors import LoopDetectedError
from autogen_budget._records import LoopRecord, Record

from ._limits import Limits
from ._loops import Repetition, find_repetition
from ._run import Run, current_run
from ._steps import steps_of_context

NEAR_SHARE, NEAR_SECONDS = 0.2, 60.0
"""Share of a run, and seconds at most, that are left when the model is warned."""

LAST_SHARE, LAST_SECONDS = 0.05, 20.0
"""The same for the last answer, which is asked for without tools."""

NEAR_COUNT = 2
"""Calls or turns that are left when the model is warned; the last of them is for an answer without tools."""

_CHANGE = "Do something else, or say what is missing."

LAST_ANSWER = "[This is the last answer that there is time for: give it now, in words.]"


@dataclass(frozen=True, slots=True)
class Advice:
    """What goes with one request.

    Args:
        note (str): The note for the model. Empty means none.
        answer_now (bool): Whether it is to answer in words, without tools.
        over (LoopDetectedError | None): Why it must not go on like this. `None` means it may.
    """

    note: str = ""
    answer_now: bool = False
    over: LoopDetectedError | None = None

    def with_note(self, note: str) -> Self:
        """Return the same with a note before its own."""
        return replace(self, note=f"{note}\n{self.note}".strip())


class Adviser:
    """Looks at what an agent did, and at what it has left, before each of its model calls."""

    def __init__(self, name: str, limits: Limits, report: Callable[[Record], None]) -> None:
        self._name = name
        self._limits = limits
        self._report = report

    def advise(self, messages: Sequence[LLMMessage], *, may_end: bool) -> Advice:
        """Return the advice for the next request.

        `messages`: The conversation so far. Nothing in it is changed.
        """
        end = self._end()
        if self._limits.max_repeats is None:
            return end
        found = find_repetition(steps_of_context(messages), self._limits.max_repeats)
        if found is None:
            repeated = _repeated_by_team()
            return end if not repeated else end.with_note(f"[The team did this: {repeated}. {_CHANGE}]")
        over = may_end and found.is_over(self._limits.max_repeats)
        self._report(
            LoopRecord(
                self._name,
                found.pattern,
                found.subject,
                found.repeats,
                "ended" if over else "nudged",
            )
        )
        if over:
            return Advice(over=_loop_error(self._name, found))
        return end.with_note(f"[You did this: {found}. {_CHANGE}]")

    def _end(self) -> Advice:
        """Return the advice on the end of the run; it takes one of the calls that are left."""
        run = current_run()
        if run is None:
            return Advice()
        left = list(_left(run, counts_calls=run.name == self._name))  # calls of others in the run are not its agent's
        if any(amount.last for amount in left):
            return Advice(LAST_ANSWER, answer_now=True)
        near = [amount.text for amount in left if amount.near]
        if run.warned or not near:
            return Advice()
        run.warned = True
        return Advice(f"[{' or '.join(near)} are left: answer now.]")


@dataclass(frozen=True, slots=True)
class _Left:
    """What is left of one thing that a run may take: in words, whether it is little, and whether it is the last."""

    text: str
    near: bool
    last: bool


def _left(run: Run, *, counts_calls: bool) -> Iterator[_Left]:
    """Yield what is left of a run."""
    if counts_calls and run.calls_left is not None:
        yield _Left(f"{run.calls_left} calls", run.calls_left <= NEAR_COUNT, run.calls_left <= 1)
        run.calls_left -= 1
    if run.turns_left is not None:
        yield _Left(f"{run.turns_left} turns", run.turns_left <= NEAR_COUNT, run.turns_left <= 1)
    if run.limit is not None:
        seconds, whole = run.limit.seconds_left, run.limit.seconds
        near, last = min(NEAR_SECONDS, whole * NEAR_SHARE), min(LAST_SECONDS, whole * LAST_SHARE)
        yield _Left(f"{seconds:.0f} s", seconds <= near, seconds <= last)


def _repeated_by_team() -> str:
    """Take what the team around this run repeats: one warning a turn is enough."""
    run = current_run()
    if run is None:
        return ""
    repeated, run.repeated = run.repeated, ""
    return repeated


def _loop_error(name: str, found: Repetition) -> LoopDetectedError:
    return LoopDetectedError(
        f"{name}: {found}. Change its instructions or tools; if this is work, raise max_repeats in Limits, or give a "
        "fallback client that is asked instead",
        repeats=found.repeats,
        cycle=found.cycle,
    )
