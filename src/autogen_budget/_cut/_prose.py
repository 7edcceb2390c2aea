"""What matters in a text of no other kind, such as prose, a listing or a program's output: both ends, errors, names."""

from collections.abc import Sequence
from itertools import accumulate

from autogen_budget._text import error_lines

from ._lines import Ranking, cut_lines
from ._order import around, interleave
from ._source import Source

_NAMES_SHARE = 0.2
_FEW = 0.05


def recognises(source: Source) -> bool:
    """Any text can be cut as one of no kind."""
    return bool(source.pieces.pieces)


def cut(source: Source) -> str | None:
    """Cut a text of lines, and keep one of equal lines."""
    return cut_lines(source, rank_lines(source, [text.strip() for text in source.pieces.texts], _NAMES_SHARE))


def rank_lines(source: Source, forms: Sequence[str], names: float) -> Ranking:
    """Rank lines: new ones from both ends, errors, and what the hints ask for.

    `names`: Share of the limit for names of what is left out.
    """
    texts = source.pieces.texts
    alike = repeats(forms)
    fresh = [place for place in range(len(texts)) if alike[place] == place]
    wrong = error_lines(texts)
    share = 4.0 if len(wrong) <= _FEW * len(texts) + 10 else 2.0
    asked = around(source.scorer.best(texts), len(texts), 1)
    queues = [(2.0, fresh), (2.0, fresh[::-1]), (share, wrong), (3.0, asked)]
    order = interleave(queues, [len(text) for text in texts])
    return Ranking(list(dict.fromkeys([*order, *range(len(texts))])), names, runs_of(alike))


def repeats(forms: Sequence[str]) -> list[int]:
    """For each line the place of the first one that says the same; gaps say nothing."""
    first: dict[str, int] = {}
    return [first.setdefault(form, place) if form else place for place, form in enumerate(forms)]


def runs_of(alike: Sequence[int]) -> list[int]:
    """Number the runs of lines in a row that say the same."""
    changes = [place > 0 and alike[place] != alike[place - 1] for place in range(len(alike))]
    return list(accumulate(changes))
