"""A console for runs: AutoGen's messages as they come, and a line for each agent that says where its tokens go."""

import sys
from collections.abc import AsyncGenerator
from typing import TextIO, TypeVar

from autogen_agentchat.base import Response, TaskResult
from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage, ModelClientStreamingChunkEvent

from autogen_budget._hooks import observed
from autogen_budget._records import CallRecord, Record

from ._html import event_text
from ._status import StatusBoard
from ._text import printable

ResultT = TypeVar("ResultT", bound=TaskResult | Response)


async def show_run(
    stream: AsyncGenerator[BaseAgentEvent | BaseChatMessage | ResultT, None], *, output: TextIO | None = None
) -> ResultT:
    """Show a run while it goes on, and return its result, as AutoGen's `Console` does.

    Each message is followed by a line for each model call that led to it: tokens against the cap, what was sent in all
    and its cost where the price is known, the last step, the time, and the time that the run has left. Everything under
    budget in this process is shown, whichever run it belongs to.

    .. code-block:: python

        from autogen_budget import show_run

        result = await show_run(team.run_stream(task="Write the report."))

    Args:
        stream (AsyncGenerator[BaseAgentEvent | BaseChatMessage | ResultT, None]): What `run_stream` of an agent or a
            team, or `on_messages_stream` of an agent, returns.
        output (TextIO | None): Where to write. `None` means standard output.

    Returns:
        ResultT: The last item of the stream.

    Raises:
        ValueError: The stream ended without a result.
    """
    out = sys.stdout if output is None else output
    status = _Status(out)
    result: ResultT | None = None
    in_chunk = False
    with observed(status.add):
        async for item in stream:
            if isinstance(item, (TaskResult, Response)):
                result = item
                if isinstance(item, Response):
                    _write(out, item.chat_message)
            elif isinstance(item, ModelClientStreamingChunkEvent):
                print(printable(item.to_text()), end="", flush=True, file=out)
                in_chunk = True
            else:
                if in_chunk:
                    print(file=out)
                    in_chunk = False
                _write(out, item)
            status.show()
    if result is None:
        raise ValueError("the stream ended without a TaskResult or Response")
    return result


def _write(out: TextIO, message: BaseAgentEvent | BaseChatMessage) -> None:
    head = f"---------- {type(message).__name__} ({message.source}) ----------"
    print(printable(f"{head}\n{message.to_text()}"), flush=True, file=out)


class _Status:
    """Lines about what was recorded since the last message."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._board = StatusBoard()
        self._lines: list[str] = []

    def add(self, record: Record) -> None:
        """Take in a record."""
        self._board.add(record)
        if isinstance(record, CallRecord):
            self._lines.append(self._board.agents[record.name].line)
        else:
            self._lines.append(f"{record.name or 'tool'}: {record.kind.replace('_', ' ')}: {event_text(record)}")

    def show(self) -> None:
        """Write the lines that are new."""
        for line in self._lines:
            print(printable(f"  · {line}"), flush=True, file=self._out)
        self._lines.clear()
