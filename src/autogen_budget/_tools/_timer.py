"""Time limits of tools and code: what takes too long is cancelled, and its caller gets an error to act on."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from autogen_core import CancellationToken

from autogen_budget._errors import ToolTimeoutError, error_text
from autogen_budget._limits import (
    Limits,
    SelfCancelledError,
    StreamReader,
    TimeLimit,
    TimeLimitReached,
    cancel_quietly,
    run_limits,
    run_within,
    use_daemon_threads,
)
from autogen_budget._records import Record, TimeLimitRecord

T = TypeVar("T")


class ToolTimer:
    """Runs tools and code within their time limits.

    What runs is given a token of its own. It is cancelled with the work, so that a tool that looks at it can stop; the
    caller's token ends the work itself, since AutoGen's MCP tools cannot be ended by theirs. A function in a thread
    cannot be stopped at all: it is left behind, and does not keep the process from ending.

    `name`: The agent whose tools they are, for the records. Empty means it is not known.
    """

    def __init__(
        self, limits: Limits, report: Callable[[Record], None], name: str = "", runners: Collection[str] = ()
    ) -> None:
        self.limits = limits
        """How long a tool may take."""
        self._report = report
        self._name = name
        self._runners = runners

    async def run(
        self,
        tool: str,
        work: Callable[[CancellationToken], Coroutine[Any, Any, T]],
        token: CancellationToken | None = None,
    ) -> T:
        """Run a call to its end, or to its limit.

        `token`: Ends it. `None` means only cancelling the caller does.

        Raises:
            ToolTimeoutError: It took too long.
            RuntimeError: It gave up in a way that AutoGen would wait for forever.
        """
        own = CancellationToken()
        use_daemon_threads()
        try:
            with self._errors_of(tool):
                return await run_within(work(own), self._limits_of(tool), token=token, name=f"tool {tool!r}")
        finally:
            cancel_quietly(own)

    async def stream(
        self,
        tool: str,
        work: Callable[[CancellationToken], AsyncGenerator[T, None]],
        token: CancellationToken | None = None,
    ) -> AsyncGenerator[T, None]:
        """Run a call that streams its progress; see `run`."""
        own, limits = CancellationToken(), self._limits_of(tool)
        use_daemon_threads()
        with self._errors_of(tool):
            async with StreamReader(work(own), token=token, name=f"tool {tool!r}") as reader:
                try:
                    while (item := await reader.read(limits)) is not None:
                        yield item[0]
                finally:
                    cancel_quietly(own)

    @contextmanager
    def _errors_of(self, tool: str) -> Generator[None]:
        """Make errors that can be answered of those that AutoGen would wait for forever."""
        try:
            yield
        except TimeLimitReached as reached:
            raise self._too_long(tool, reached) from None
        except SelfCancelledError:
            raise RuntimeError("it was cancelled by itself") from None
        except (Exception, asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            raise RuntimeError(error_text(error)) from error

    def _limits_of(self, tool: str) -> tuple[TimeLimit, ...]:
        if tool in self._runners and tool not in self.limits.tool_timeouts:
            return run_limits()
        return (*TimeLimit.after("tool", self.limits.for_tool(tool)), *run_limits())

    def _too_long(self, tool: str, reached: TimeLimitReached) -> ToolTimeoutError:
        limit, left = reached.limit, reached.left_behind
        record = TimeLimitRecord(self._name, "tool", limit.seconds, tool, left_behind=left)
        self._report(replace(record, limit="run") if limit.clock == "run" else record)
        stopped = "goes on in the background" if left else "was stopped"
        return ToolTimeoutError(
            f"{tool} did not end within {limit.seconds:g} s and {stopped}; what it had done by then is not known. "
            "Ask it for less at once, or go on without it",
            tool=tool,
            seconds=limit.seconds,
        )
