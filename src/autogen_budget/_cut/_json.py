"""JSON in, JSON out: cut by structure, with the notice as a value among the others."""

import re
from collections.abc import Callable

from autogen_budget._cut._json_columns import EACH
from autogen_budget._cut._json_document import Document, read_document
from autogen_budget._cut._json_ladder import ladder
from autogen_budget._cut._json_shrink import Plan, Shrinker
from autogen_budget._cut._json_table import tabulate
from autogen_budget._cut._json_values import Number, write
from autogen_budget._cut._notice import BARE
from autogen_budget._cut._plain import head_and_tail
from autogen_budget._cut._ruler import Ruler
from autogen_budget._cut._score import Scorer

_NOTHING = "null"
_MOST_NAMES = 8
_PLAIN_NAME = re.compile(r"[\w .:/-]+")  # another name could be taken for a part of the notice


def cut_json(
    text: str, ruler: Ruler, scorer: Scorer, reference: str | None, cut_inner: Callable[[str, Ruler, str | None], str]
) -> str | None:
    """Cuts a text that is JSON.

    Args:
        text (str): A text that does not fit.
        ruler (Ruler): What the result may hold.
        scorer (Scorer): Tells which items to keep besides the first and the last.
        reference (str | None): Reference of the artifact that holds the whole.
        cut_inner (Callable[[str, Ruler, str | None], str]): Cuts a text found in a string by its own kind.

    Returns:
        str | None: JSON, `null` when not even a marker fits, "" when nothing does; None when the text is not JSON.
    """
    document = read_document(text, reference, ruler.reach // 2, scorer)
    if document is None:
        return None
    cut: str | None
    if isinstance(document, Number):
        cut = _cut_string(document, ruler, reference, head_and_tail)
    elif isinstance(document, str):
        cut = _cut_string(document, ruler, reference, cut_inner)
    else:
        shrinker = Shrinker(scorer, lambda inner, most: cut_inner(inner, Ruler.of_characters(most), None))
        cut = _cut_document(document, ruler, shrinker)
    return next(text for text in (cut, _NOTHING, "") if text is not None and ruler.fits(text))


def _cut_document(document: Document, ruler: Ruler, shrinker: Shrinker) -> str | None:
    """The least lossy form of a document that fits, with the fullest notice that leaves room; None if none fits."""
    bounded = shrinker.bounded(document.value, max(ruler.limit, 1))
    plans = ladder(bounded, ruler.limit)[::-1]

    def full(plan: Plan, size: int) -> str | None:
        return _notice(document, plan, size)

    def brief(_plan: Plan, _size: int) -> str:
        return document.whole.brief()

    def bare(_plan: Plan, _size: int) -> str:
        return BARE

    room = document.whole.characters > 0 and ruler.has_room_around(document.whole.longest)
    for tell in ((full,) if room else ()) + (brief, bare):

        def build(number: int, tell: Callable[[Plan, int], str | None] = tell) -> str:
            kept = shrinker.shrink(bounded, plans[number])
            notice = tell(plans[number], len(write(kept)))
            return document.write(tabulate(kept) if plans[number].table else kept, notice)

        cut = ruler.most(len(plans) - 1, build)
        if cut is not None:
            return cut[1]
    return None


def _notice(document: Document, plan: Plan, size: int) -> str | None:
    """What to say of a value shrunk to so many characters; None when nothing is missing and nothing to read."""
    missing = document.missing + max(document.size - size, 0)
    if not missing:
        return None if document.whole.reference is None else document.whole.brief()
    names = list(
        dict.fromkeys(path[-1] for path in sorted(plan.dropped) if EACH in path and _PLAIN_NAME.fullmatch(path[-1]))
    )
    told = ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
    return document.whole.say(0, missing, f"the fields {told}" if told else "")


def _cut_string(
    value: str, ruler: Ruler, reference: str | None, cut_inner: Callable[[str, Ruler, str | None], str]
) -> str:
    """Cuts a text that is one JSON string: the text in it, by its own kind."""

    def measure(inner: str) -> int:
        written = write(inner)
        return ruler.measure(written) if len(written) <= ruler.longest else ruler.limit + 1

    return write(cut_inner(value, Ruler(measure, ruler.limit, len(value)), reference))
