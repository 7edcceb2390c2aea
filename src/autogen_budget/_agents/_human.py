"""Wait for a person's input within limits: where nobody can answer, a run ends with an error that says so."""

import asyncio
import sys
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import cast
from weakref import WeakSet

from autogen_agentchat.agents import UserProxyAgent
from autogen_agentchat.agents._user_proxy_agent import (  # AutoGen exports neither
    AsyncInputFunc,
    SyncInputFunc,
    cancellable_input,
)
from autogen_core import CancellationToken

from autogen_budget._errors import ToolTimeoutError
from autogen_budget._introspection import set_parts
from autogen_budget._limits import Limits
from autogen_budget._records import Record
from autogen_budget._tools import ToolTimer

USER_INPUT = "user_input"
"""The name under which `Limits.tool_timeouts` may limit the wait for a person."""

_guarded: "WeakSet[UserProxyAgent]" = WeakSet()


def guard_input(agent: UserProxyAgent, limits: Limits, report: Callable[[Record], None]) -> None:
    """Let the wait for a person end in time, and with the run.

    `agent`: Who stands for the person; one that is guarded stays as it is. `limits`: Its `tool_timeouts` may name
    `"user_input"`. If they do not, a person has any time, unless the input comes from AutoGen's `input()` without a
    terminal: that gets as long as a tool.
    """
    if agent in _guarded:
        return
    _guarded.add(agent)
    function, name = agent.input_func, agent.name

    async def ask(prompt: str, token: CancellationToken | None) -> str:
        if iscoroutinefunction(function):
            return await cast("AsyncInputFunc", function)(prompt, token)
        return await asyncio.to_thread(cast("SyncInputFunc", function), prompt)

    async def guarded(prompt: str, token: CancellationToken | None) -> str:
        alone = function is cancellable_input and not _has_terminal()
        seconds = limits.tool_timeouts.get(USER_INPUT, limits.tool_timeout if alone else None)
        timer = ToolTimer(limits.model_copy(update={"tool_timeouts": {USER_INPUT: seconds}}), report, name)
        try:
            return await timer.run(USER_INPUT, lambda own: ask(prompt, own), token)
        except ToolTimeoutError as error:
            raise ToolTimeoutError(
                f"nobody answered for {name!r} within {error.seconds:g} s. {_ADVICE}",
                tool=USER_INPUT,
                seconds=error.seconds,
            ) from None
        except EOFError:
            raise EOFError(f"nobody can answer for {name!r}: the standard input has ended. {_ADVICE}") from None

    set_parts(agent, {"input_func": guarded, "_is_async": True})


_ADVICE = (
    "Give UserProxyAgent an input_func that reaches a person, end the run with a HandoffTermination and go on when "
    "there is an answer, or set tool_timeouts={'user_input': seconds} in Limits"
)


def _has_terminal() -> bool:
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()
