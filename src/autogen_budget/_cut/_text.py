"""Texts made of lines: tables, source code, logs, prose. Each kind ranks its lines; all are chosen in one way."""

from collections.abc import Sequence
from dataclasses import dataclass

from autogen_budget._cut._code import is_code, signatures
from autogen_budget._cut._logs import errors, is_log, repeats, runs_of
from autogen_budget._cut._names import names_in
from autogen_budget._cut._order import around, interleave
from autogen_budget._cut._pieces import Pieces
from autogen_budget._cut._ruler import Ruler
from autogen_budget._cut._score import Scorer
from autogen_budget._cut._tables import header_rows

_Named = Sequence[tuple[int, str]]
"""Names, each with the place of the piece it stands in."""

_NAMES_SHARE = 0.2
_PIECES_PER_TOKEN = 4
_NAMES_PER_PIECE = 8
_MOST_NAMES = 400
_MOSTLY_NAMES = 0.6
_FEW = 0.05


@dataclass(frozen=True)
class _Ranking:
    """In which order the pieces of a text are kept.

    Args:
        order (list[int]): Places, the most important first.
        names (float): Share of the room for names of what is left out.
        runs (Sequence[int]): For each piece a number that pieces in a row which say the same share; () when there are
            none.
    """

    order: list[int]
    names: float
    runs: Sequence[int] = ()


def cut_lines(pieces: Pieces, ruler: Ruler, scorer: Scorer) -> str | None:
    """Cuts a text made of lines.

    Args:
        pieces (Pieces): The text.
        ruler (Ruler): What the result may hold.
        scorer (Scorer): Tells which lines the hints ask for.

    Returns:
        str | None: The text, or None when not even the notice with a few lines fits.
    """
    if not pieces.whole.characters or not ruler.has_room_around(pieces.whole.longest):
        return None
    ranking = _rank(pieces.texts, scorer)
    order = [place for place in ranking.order if pieces.texts[place]][: ruler.limit * _PIECES_PER_TOKEN]

    def build(count: int, names: _Named = ()) -> str:
        return pieces.render(order[:count], names=_by_place(names), runs=ranking.runs)

    first = ruler.share(1 - ranking.names).most(len(order), build)
    kept = first[0] if first else 0
    ranked = _names(pieces, order[:kept], scorer) if ranking.names else []
    named = ruler.most(len(ranked), lambda count: build(kept, ranked[:count]))
    told = ranked[: named[0]] if named else []
    more = ruler.most(len(order), lambda count: build(count, told), least=kept + 1)
    best = more or named
    return best[1] if best else None


def _rank(texts: Sequence[str], scorer: Scorer) -> _Ranking:
    """Ranks the lines of a text by the rules of its kind."""
    sizes = [len(text) for text in texts]
    asked = scorer.best(texts)
    head, tail = range(len(texts)), range(len(texts) - 1, -1, -1)
    if is_code(texts):
        queues = [(3.0, signatures(texts)), (4.0, around(asked, len(texts), 2)), (1.0, head), (0.5, tail)]
        return _Ranking(interleave(queues, sizes), _NAMES_SHARE)
    header = header_rows(texts)
    if header:
        queues = [(2.0, head), (1.0, tail), (3.0, asked)]
        return _Ranking(list(dict.fromkeys([*range(header), *interleave(queues, sizes)])), 0.0)
    alike = repeats(texts)
    fresh = [place for place in head if alike[place] == place]
    names = 0.0 if is_log(texts) else _NAMES_SHARE
    wrong = errors(texts)
    share = 4.0 if len(wrong) <= _FEW * len(texts) + 10 else 2.0
    queues = [(2.0, fresh), (2.0, fresh[::-1]), (share, wrong), (3.0, around(asked, len(texts), 1))]
    return _Ranking(list(dict.fromkeys([*interleave(queues, sizes), *head])), names, runs_of(alike))


def _names(pieces: Pieces, kept: Sequence[int], scorer: Scorer) -> list[tuple[int, str]]:
    """Names in what is left out and in nothing that is kept: those that the hints ask for, then of each gap the first.

    Where the text is little else than names, as in a list of files, telling them is no gain: then there are none.
    """
    gaps = pieces.gaps(kept)
    gone = {place for gap in gaps for place in gap}
    shown = "".join(text for place, text in enumerate(pieces.texts) if place not in gone)
    found: dict[str, tuple[int, int]] = {}
    length = 0
    for gap in gaps:
        for turn, (place, name) in enumerate(_names_of_gap(pieces.texts, gap)):
            length += len(name)
            if name not in found and name not in shown:
                found[name] = (turn, place)
    if length > _MOSTLY_NAMES * sum(len(pieces.texts[place]) for place in gone):
        return []
    ranked = sorted(found, key=lambda name: (name.lower() not in scorer.weights, *found[name]))
    return [(found[name][1], name) for name in ranked[:_MOST_NAMES]]


def _names_of_gap(texts: Sequence[str], gap: range) -> list[tuple[int, str]]:
    return [(place, name) for place in gap for name in names_in(texts[place], _NAMES_PER_PIECE)]


def _by_place(names: _Named) -> dict[int, list[str]]:
    places: dict[int, list[str]] = {}
    for place, name in names:
        places.setdefault(place, []).append(name)
    return places
