"""The run that code belongs to: its deadline, which what it calls inherits and can only shorten, and what is left."""

import time
from contextvars import ContextVar
from dataclasses import dataclass, replace
from operator import itemgetter

from ._supervision import GRACE, TimeLimit

_run: ContextVar["Run | None"] = ContextVar("autogen_budget_run", default=None)


@dataclass(slots=True, eq=False)
class Run:
    """One run of an agent or a team.

    Args:
        name (str): Whose run it is.
        limit (TimeLimit | None): When it has to end. `None` means it has no deadline.
        calls_left (int | None): Model calls that its agent may still make. `None` means nobody counts them.
        turns_left (int | None): Turns that are left to the team around it, this one included. `None` means nobody
            counts them.
        warned (bool): Whether the model was warned that its end is near.
        repeated (str): What the team around it repeats, and the model is still to be warned of. Empty means nothing.
    """

    name: str
    limit: TimeLimit | None = None
    calls_left: int | None = None
    turns_left: int | None = None
    warned: bool = False
    repeated: str = ""


def current_run() -> Run | None:
    """Return the run that this code belongs to. `None` means it belongs to none."""
    return _run.get()


def enter_run(run: Run | None) -> None:
    """Let what is called from here on in this context belong to a run.

    `run`: The run. `None` means none.
    """
    _run.set(run)


def run_limits() -> tuple[TimeLimit, ...]:
    """Return the deadline of the run that this code belongs to; empty if it has none."""
    run = _run.get()
    return () if run is None or run.limit is None else (run.limit,)


def seconds_left() -> float | None:
    """Return the seconds until the deadline of the current run; negative after it. `None` means it has none."""
    limit = next(iter(run_limits()), None)
    return None if limit is None else limit.seconds_left


def shortened(seconds: float | None, until: float | None = None) -> TimeLimit | None:
    """Return the limit of a run that begins now, inside the one that this code belongs to.

    `seconds`: What the run may take. `None` means no limit of its own. `until`: A deadline from a saved state, in
    seconds of Unix time. `None` means there is none.

    Returns:
        TimeLimit | None: The earliest of the three; at the same moment the run around it ends first. `None` means there
        is none.
    """
    own = TimeLimit.after("run", seconds)
    saved = () if until is None else TimeLimit.after("run", until - time.time())
    around = [(limit.ends - GRACE, limit) for limit in run_limits()]
    limits = [*around, *((limit.ends, limit) for limit in (*own, *saved))]
    return min(limits, key=itemgetter(0), default=(0.0, None))[1]


def inherited(limit: TimeLimit | None) -> TimeLimit | None:
    """Return a run's limit as what it calls sees it: a moment later, so that the run itself ends them, in good order.

    `limit`: The limit. `None` means there is none.
    """
    return None if limit is None else replace(limit, ends=limit.ends + GRACE)


def unix_time(limit: TimeLimit) -> float:
    """Return when a limit ends, in seconds of Unix time, as it is saved."""
    return time.time() + limit.seconds_left
