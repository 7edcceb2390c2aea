"""Follow a file of records that a running program writes: one line per agent, renewed as records come."""

import time
from collections.abc import Iterator
from os import PathLike

from rich.table import Table

from autogen_budget._record_json import RecordFormatError, record_of_line
from autogen_budget._records import Record

from ._html import event_text
from ._status import StatusBoard
from ._tables import plain

BAR = 20
"""Columns of a full bar."""


def follow(path: str | PathLike[str], *, poll: float, stop_after: float | None) -> Iterator[Record | None]:
    """Read records as they are written.

    `stop_after`: Seconds without a record after which to stop. `None` means never.

    Yields:
        Record | None: A record; `None` when there is nothing new.

    Raises:
        OSError: The file cannot be read.
        RecordFormatError: A line is no record.
    """
    with open(path, "rb") as file:
        rest, number = b"", 0
        silent_since = time.monotonic()
        while True:
            line = file.readline()
            rest += line
            if rest.endswith(b"\n"):
                whole, rest = rest, b""
                number += 1
                silent_since = time.monotonic()
                if whole.strip():
                    try:
                        yield record_of_line(whole)
                    except RecordFormatError as error:
                        raise RecordFormatError(f"{path}, line {number:,}: {error}") from None
            elif not line:
                yield None
                if stop_after is not None and time.monotonic() - silent_since >= stop_after:
                    return
                time.sleep(poll)


def status_table(board: StatusBoard) -> Table:
    """Return the status of all agents as a table."""
    table = Table(box=None, pad_edge=False)
    table.add_column("agent")
    for header in ("calls", "sent", "cost", "now", "cap"):
        table.add_column(header, justify="right")
    table.add_column("", no_wrap=True)
    table.add_column("left", justify="right")
    table.add_column("last")
    for name, status in board.agents.items():
        call, event = status.latest, status.event
        filled = min(BAR, round(BAR * call.tokens_sent / max(1, call.cap)))
        happened = f"{event.kind.replace('_', ' ')} {event_text(event)}" if event and event.at > call.at else ""
        table.add_row(
            plain(name),
            f"{status.calls:,}",
            f"{status.sent:,}",
            f"${status.cost:,.4f}" if status.cost else "",
            f"{call.tokens_sent:,}",
            f"{call.cap:,}",
            "█" * filled + "░" * (BAR - filled),
            "" if call.seconds_left is None else f"{max(0, call.seconds_left):,.0f} s",
            plain(happened or status.last_step),
        )
    return table
