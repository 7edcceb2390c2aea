"""One way of making a JSON value smaller, from nearly nothing lost to nearly everything: a plan and its result."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from autogen_budget._text import MORE, Embedded, Gap, Number, Scorer, Value, names_in

from ._columns import COLUMNS, EACH, PROSE, Path, is_family, is_table
from ._table import LEGEND
from ._write_json import write_json

DEEPEST = 40
"""Levels of nesting that are looked into; deeper values are folded. JSON that people write has fewer than ten."""

_LONG_STRING = 240
_ALL = 1_000_000_000
_FIELDS, _RECORDS = "fields", "records"


@dataclass(frozen=True)
class Plan:
    """What is done to a value.

    Args:
        strings (int): Characters that a string keeps at most.
        table (bool): Whether alike records are written as rows under one legend.
        dropped (frozenset[Path]): Columns left out.
        rows (int): Items that a list, or a family of records, keeps at most.
        depth (int): Levels of nesting kept; what is deeper is folded.
    """

    strings: int
    table: bool = False
    dropped: frozenset[Path] = frozenset()
    rows: int = _ALL
    depth: int = DEEPEST


@dataclass(frozen=True)
class Shrinker:
    """Applies plans to values.

    Args:
        scorer (Scorer): Tells which items to keep besides the first and the last.
        shorten (Callable[[str, int], str]): Cuts a long text inside a string to so many characters by its own kind.
    """

    scorer: Scorer
    shorten: Callable[[str, int], str]
    _scored: dict[int, tuple[Value, list[int]]] = field(
        default_factory=dict[int, "tuple[Value, list[int]]"], init=False, repr=False, compare=False
    )

    def bounded(self, value: Value, most: int) -> Value:
        """Bound a value: no list or object longer than so many entries, and nothing nested deeper than is looked into.

        `most`: Entries at most; more could not fit anyway.
        """
        return self._shrink(value, Plan(_ALL, rows=most), (), every=True)

    def shrink(self, value: Value, plan: Plan) -> Value:
        """Return the value after a plan, still with its records as records."""
        return self._shrink(value, plan, (), every=False)

    def _shrink(self, value: Value, plan: Plan, path: Path, *, every: bool) -> Value:
        if isinstance(value, str) and not isinstance(value, Number):
            return self._clip(value, plan.strings)
        if isinstance(value, (list, dict)) and value and len(path) >= plan.depth:
            return Gap(len(value), "items" if isinstance(value, list) else "fields")
        if isinstance(value, list):
            return self._shrink_items(value, plan, (*path, EACH), every=every)
        if isinstance(value, dict):
            return self._shrink_fields(value, plan, path, every=every)
        if isinstance(value, tuple):
            return self._shrink_parts(value, plan, path, every=every)
        if isinstance(value, Embedded):
            inner = self._shrink(value.document.value, plan, path, every=every)
            return Embedded(replace(value.document, value=inner)) if isinstance(inner, (list, dict, tuple)) else inner
        return value

    def _shrink_parts(self, parts: tuple[Value, ...], plan: Plan, path: Path, *, every: bool) -> Value:
        """Return the parts of a text: documents shrink, the text between them is clipped or goes."""
        prose = (*path, PROSE)
        kept = [
            self._shrink(part, plan, path, every=every)
            for part in parts
            if prose not in plan.dropped or not isinstance(part, str)
        ]
        return tuple(kept) if len(kept) == len(parts) else (*kept, Gap(None))

    def _shrink_items(self, items: list[Value], plan: Plan, place: Path, *, every: bool) -> Value:
        legend = items[:1] if is_table(items) else []
        inside = replace(plan, rows=_ALL, depth=DEEPEST) if legend else plan
        rest = items[len(legend) :]
        there = [index for index, item in enumerate(rest) if not isinstance(item, Gap)]
        kept = {there[index] for index in self._choose(items, [rest[index] for index in there], plan.rows)}
        shrunk: list[Value] = []
        for index, item in enumerate(rest):
            entry = self._shrink(item, inside, place, every=every) if index in kept else item
            if not isinstance(entry, Gap) and index in kept:
                shrunk.append(entry)
                continue
            gap = item if isinstance(item, Gap) else Gap(1)
            before = shrunk[-1] if shrunk else None
            if isinstance(before, Gap):
                shrunk[-1] = before + gap
            else:
                shrunk.append(gap)
        return [*legend, *shrunk]

    def _shrink_fields(self, value: dict[str, Value], plan: Plan, path: Path, *, every: bool) -> Value:
        legend = {name: item for name, item in value.items() if name in LEGEND} if COLUMNS in value else {}
        family = bool(legend) or is_family(value)
        inside = replace(plan, rows=_ALL, depth=DEEPEST) if legend else plan
        names = [name for name, item in value.items() if not isinstance(item, Gap) and name not in legend]
        gap = sum(
            (item for item in value.values() if isinstance(item, Gap)), start=Gap(0, _RECORDS if family else _FIELDS)
        )
        if family or every:
            chosen = [names[index] for index in self._choose(value, [value[name] for name in names], plan.rows)]
            gap += Gap(len(names) - len(chosen))
            names = chosen
        kept: dict[str, Value] = dict(legend)
        for name in names:
            place = (*path, EACH if family else name)
            if place not in plan.dropped:
                kept[name] = self._shrink(value[name], inside, place, every=every)
            elif EACH not in place:
                gap += Gap(1)
        if value and not kept:
            return Gap(len(value), _FIELDS)
        if gap.count != 0:
            kept[MORE] = gap
        return kept

    def _choose(self, whole: Value, items: Sequence[Value], most: int) -> list[int]:
        """Return the places of the items to keep: the first, the last, and in between those that the hints ask for."""
        if len(items) <= most:
            return list(range(len(items)))
        asked = self._asked_for(whole, items)
        order = dict.fromkeys((0, *asked[: math.ceil(most / 3)], *range(len(items) - most // 3, len(items))))
        for place in range(len(items)):
            order.setdefault(place)
        return sorted(list(order)[:most])

    def _asked_for(self, whole: Value, items: Sequence[Value]) -> list[int]:
        """Return the places of the items that the hints ask for, scored once for all plans."""
        known = self._scored.get(id(whole))
        if known is None or known[0] is not whole:
            scores = self.scorer.scores([write_json(item) for item in items]) if self.scorer.weights else []
            asked = sorted((place for place, score in enumerate(scores) if score > 0), key=lambda place: -scores[place])
            self._scored[id(whole)] = known = (whole, asked)
        return known[1]

    def _clip(self, text: str, most: int) -> str:
        """Clip a string to so many characters; `…[+120]` says how many are missing, before the names among them."""
        if len(text) <= most:
            return text
        if most >= _LONG_STRING:
            return self.shorten(text, most)
        head = text[: most // 2]
        names: list[str] = []
        left = most - len(head)
        for name in names_in(text[len(head) :], most=20):
            if len(name) < left:
                names.append(name)
                left -= len(name) + 1
        head = text[: len(head) + left].rstrip()
        clipped = f"{head}…[+{len(text) - len(head):,}]{' ' * bool(names)}{' '.join(names)}"
        return min(clipped, text, key=len)
