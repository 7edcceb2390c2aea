"""Time, concurrency, rates and loops: what keeps agents from hanging, from overload and from repeating themselves."""

from ._advice import Adviser
from ._gate import Gate, gate_of, gate_of_client, new_ticket
from ._limits import Limits
from ._loops import find_repetition
from ._repetition import TextLoop
from ._run import Run, current_run, enter_run, inherited, run_limits, seconds_left, shortened, unix_time
from ._sending import Sender, Trouble
from ._steps import Step, masked, steps_of_context
from ._supervision import (
    GRACE,
    SelfCancelledError,
    StreamReader,
    TimeLimit,
    TimeLimitReached,
    cancel_quietly,
    left_behind,
    run_within,
)
from ._termination import LoopTermination
from ._threads import use_daemon_threads

__all__ = [
    "GRACE",
    "Adviser",
    "Gate",
    "Limits",
    "LoopTermination",
    "Run",
    "SelfCancelledError",
    "Sender",
    "Step",
    "StreamReader",
    "TextLoop",
    "TimeLimit",
    "TimeLimitReached",
    "Trouble",
    "cancel_quietly",
    "current_run",
    "enter_run",
    "find_repetition",
    "gate_of",
    "gate_of_client",
    "inherited",
    "left_behind",
    "masked",
    "new_ticket",
    "run_limits",
    "run_within",
    "seconds_left",
    "shortened",
    "steps_of_context",
    "unix_time",
    "use_daemon_threads",
]
