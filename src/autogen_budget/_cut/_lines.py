"""Texts made of lines: each kind ranks its lines, all are chosen in one way."""

from collections.abc import Sequence
from dataclasses import dataclass

from autogen_budget._text import Scorer, names_in

from ._pieces import Pieces
from ._source import Source

_Named = Sequence[tuple[int, str]]
"""Names, each with the place of the piece it stands in."""

_PIECES_PER_TOKEN = 4
_NAMES_PER_PIECE = 8
_MAX_NAMES = 400
_MOSTLY_NAMES = 0.6


@dataclass(frozen=True)
class Ranking:
    """In which order the pieces of a text are kept.

    Args:
        order (Sequence[int]): Places, the most important first.
        names (float): Share of the limit for names of what is left out.
        runs (Sequence[int]): For each piece a number that pieces in a row which say the same share; () when there are
            none.
    """

    order: Sequence[int]
    names: float
    runs: Sequence[int] = ()


def cut_lines(source: Source, ranking: Ranking) -> str | None:
    """Cut a text to the lines that are ranked highest."""
    pieces, limit = source.pieces, source.limit
    if not pieces.whole.characters or not limit.fits_around(pieces.whole.longest):
        return None
    order = [place for place in ranking.order if pieces.texts[place]][: limit.limit * _PIECES_PER_TOKEN]

    def build(count: int, names: _Named = ()) -> str:
        return pieces.render(order[:count], names=_by_place(names), runs=ranking.runs)

    first = limit.share(1 - ranking.names).largest_fitting(len(order), build)
    kept = first[0] if first else 0
    ranked = _names(pieces, order[:kept], source.scorer) if ranking.names else []
    named = limit.largest_fitting(len(ranked), lambda count: build(kept, ranked[:count]))
    rendered = ranked[: named[0]] if named else []
    more = limit.largest_fitting(len(order), lambda count: build(count, rendered), least=kept + 1)
    best = more or named
    return best[1] if best else None


def _names(pieces: Pieces, kept: Sequence[int], scorer: Scorer) -> list[tuple[int, str]]:
    """Return the names only in what is left out: those that the hints ask for, then of each gap the first.

    Where the text is little else than names, as in a list of files, telling them is no gain: then there are none.
    """
    gaps = pieces.gaps(kept)
    left_out = {place for gap in gaps for place in gap}
    shown = "".join(text for place, text in enumerate(pieces.texts) if place not in left_out)
    found: dict[str, tuple[int, int]] = {}
    length = 0
    for gap in gaps:
        for turn, (place, name) in enumerate(_names_of_gap(pieces.texts, gap)):
            length += len(name)
            if name not in found and name not in shown:
                found[name] = (turn, place)
    if length > _MOSTLY_NAMES * sum(len(pieces.texts[place]) for place in left_out):
        return []
    ranked = sorted(found, key=lambda name: (name.lower() not in scorer.weights, *found[name]))
    return [(found[name][1], name) for name in ranked[:_MAX_NAMES]]


def _names_of_gap(texts: Sequence[str], gap: range) -> list[tuple[int, str]]:
    return [(place, name) for place in gap for name in names_in(texts[place], _NAMES_PER_PIECE)]


def _by_place(names: _Named) -> dict[int, list[str]]:
    places: dict[int, list[str]] = {}
    for place, name in names:
        places.setdefault(place, []).append(name)
    return places
