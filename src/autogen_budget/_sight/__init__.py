"""Records → what a person sees: text, values, one HTML file, a command line, tracing and a pytest plugin."""

from typing import TYPE_CHECKING

from ._assertions import assert_within
from ._console import show_run
from ._html import report_html
from ._telemetry import Telemetry
from ._text import report_text
from ._values import report_values

if TYPE_CHECKING:
    from ._tables import report_tables

__all__ = ["Telemetry", "assert_within", "report_html", "report_tables", "report_text", "report_values", "show_run"]


def __getattr__(name: str) -> object:
    """Load what needs the extra `cli` when it is asked for."""
    if name == "report_tables":
        from ._tables import report_tables

        return report_tables
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
