"""What matters in source code: signatures before bodies."""

from autogen_budget._text import signatures

from ._lines import Ranking, cut_lines
from ._order import around, interleave
from ._source import Source

_NAMES_SHARE = 0.2


def recognises(source: Source) -> bool:
    """Return whether a text is source code."""
    return source.document.format == "code"


def cut(source: Source) -> str | None:
    """Cut source code: what is asked for with the lines around it, and signatures, the outermost first."""
    texts = source.pieces.texts
    asked = source.scorer.best(texts)
    head, tail = range(len(texts)), range(len(texts) - 1, -1, -1)
    queues = [(3.0, signatures(texts)), (4.0, around(asked, len(texts), 2)), (1.0, head), (0.5, tail)]
    return cut_lines(source, Ranking(interleave(queues, [len(text) for text in texts]), _NAMES_SHARE))
