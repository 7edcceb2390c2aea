"""Run the turns of one agent, or the runs of one team: until a deadline, until cancelled, never one inside another."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextvars import ContextVar
from typing import Literal, TypeVar

from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage, ModelClientStreamingChunkEvent
from autogen_core import CancellationToken

from autogen_budget._errors import RunTimeoutError
from autogen_budget._limits import (
    Limits,
    Run,
    SelfCancelledError,
    StreamReader,
    TimeLimit,
    TimeLimitReached,
    cancel_quietly,
    enter_run,
    inherited,
    shortened,
    unix_time,
)
from autogen_budget._records import Record, TimeLimitRecord

T = TypeVar("T")

MIN_COUNTED = 5
"""Calls or turns below which a run's model is not warned of their end: so few are all meant to be used."""

DEADLINE = "deadline"
"""Key beside what the clients know: when the turn has to end that is under way, in seconds of Unix time."""

_running: ContextVar[tuple["RunGuard", ...]] = ContextVar("autogen_budget_running", default=())
"""The agents and teams inside whose runs this code runs, the outermost first."""


class RunGuard:
    """Runs the turns of one agent, or the runs of one team.

    `max_calls`: Model calls that the agent makes in a turn at most. `None` means nobody counts them.
    """

    def __init__(
        self,
        kind: Literal["agent", "team"],
        name: str,
        limits: Limits,
        report: Callable[[Record], None],
        *,
        max_calls: int | None = None,
        turns_left: Callable[[], int | None] = lambda: None,
        repeated: Callable[[], str] = lambda: "",
    ) -> None:
        self.within: RunGuard | None = None
        """What guards the runs of the team that it is in. `None` means it is in none that is known."""
        self._kind = kind
        self._name = name
        self._limits = limits
        self._report = report
        self._max_calls = None if max_calls is None or max_calls < MIN_COUNTED else max_calls
        self._turns_left = turns_left
        self._repeated = repeated
        self._limit: TimeLimit | None = None
        self._saved: float | None = None

    def save(self) -> float | None:
        """Return when the run that is under way has to end, in seconds of Unix time. `None` means nothing has to."""
        if self._limit is not None:
            return unix_time(self._limit)
        return None if self.within is None else self.within.save()

    def state_of_team(self) -> tuple[int | None, str]:
        """Return the turns that its team may still take, `None` if nobody counts them, and what its team repeats."""
        return self._turns_left(), self._repeated()

    def load(self, until: float | None) -> None:
        """Let the next run end by then; in a team, the team's.

        `until`: What `save` returned. `None` means it may take as long as `limits` say.
        """
        if self.within is None:
            self._saved = until
        else:
            self.within.load(until)

    async def run(
        self, work: Callable[[CancellationToken], AsyncGenerator[T, None]], token: CancellationToken | None
    ) -> AsyncGenerator[T, None]:
        """Run something and pass on what it brings; nothing is passed on after a cancellation.

        `token`: Ends the run. `None` means only cancelling the caller does.

        Raises:
            RuntimeError: It is called from inside its own run.
            RunTimeoutError: The deadline of the run, or of what it is a part of, has come.
        """
        around = _running.get()
        if self in around:
            path = " -> ".join(guard._name for guard in (*around[around.index(self) :], self))  # noqa: SLF001  # its own
            raise RuntimeError(
                f"{self._kind} {self._name!r} was called from inside its own run ({path}), and would wait for itself: "
                "give its tools or its team another one"
            )
        limit = self._limit = shortened(self._limits.run_timeout, until=self._saved)
        self._saved = None
        run = Run(self._name, inherited(limit), self._max_calls)
        if self.within is not None:
            run.turns_left, run.repeated = self.within.state_of_team()
        own, messages, ended = CancellationToken(), list[BaseAgentEvent | BaseChatMessage](), False

        def prepare() -> None:
            enter_run(run)
            _running.set((*around, self))

        try:
            async with StreamReader(work(own), token=token, prepare=prepare, name=str(self)) as reader:
                try:
                    while (item := await reader.read(() if limit is None else (limit,))) is not None:
                        if isinstance(item[0], (BaseAgentEvent, BaseChatMessage)):
                            messages.append(item[0])
                        yield item[0]
                    ended = True
                finally:
                    if not ended:
                        cancel_quietly(own)
        except TimeLimitReached as reached:
            self._report(TimeLimitRecord(self._name, "run", reached.limit.seconds, left_behind=reached.left_behind))
            raise self._timed_out(reached.limit.seconds, messages) from None
        except SelfCancelledError:
            raise asyncio.CancelledError from None  # as what it runs has it
        except RunTimeoutError as error:  # by a model call inside
            raise self._timed_out(error.seconds, messages) from error
        finally:
            self._limit = None

    def __str__(self) -> str:
        return f"{self._kind} {self._name!r}"

    def _timed_out(self, seconds: float | None, messages: list[BaseAgentEvent | BaseChatMessage]) -> RunTimeoutError:
        limit = "" if seconds is None else f" of {seconds:g} s"
        return RunTimeoutError(
            f"{self} did not end within the limit{limit} of its run. What was said until then is in .messages; if it "
            "needs longer, raise run_timeout in Limits",
            seconds=seconds,
            messages=[message for message in messages if not isinstance(message, ModelClientStreamingChunkEvent)],
        )
