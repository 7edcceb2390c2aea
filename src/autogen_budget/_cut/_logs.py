"""What matters in a log: errors, and each line once that differs from others in nothing but numbers and times."""

from autogen_budget._text import line_template

from ._lines import cut_lines
from ._prose import rank_lines
from ._source import Source


def recognises(source: Source) -> bool:
    """Return whether a text is a log."""
    return source.document.format == "log"


def cut(source: Source) -> str | None:
    """Cut a log."""
    return cut_lines(source, rank_lines(source, [line_template(text) for text in source.pieces.texts], 0.0))
