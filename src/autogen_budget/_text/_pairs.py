"""Blocks of `Label: value` lines, and lists whose items hold labelled or plain values: what people and tools write."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ._values import HEADING, Gap, Value, scalar_of

_PAIR = re.compile(
    r"\s*(?:[-*•+]\s+)?[*_`\"']{0,3}(?P<label>[^\W\d_][^:=|\n*`]{0,47}?)[*_`\"']{0,3}\s?[:=][*_`\"']{0,3}(?:\s+|$)(?P<value>.*)"
)
_RULE = re.compile(r"\s*[-=*_~#]{3,}\s*")
_ITEM = re.compile(r"(?P<indent>\s*)(?:[-*•+–]|\d{1,5}[.)])\s+(?P<text>\S.*)")
_LABELLED = re.compile(
    r"(?:^|(?<=[,;|])\s*|(?<=\s)(?=[\w.]{1,40}=))[*_`]{0,3}(?P<label>[^\W\d_][\w .-]{0,40}?)[*_`]{0,3}(?::\s|=)"
)
_AROUND_HEADINGS = " \t#*=[]_-:"
_MIN_PAIRS = 0.6
_MARKS = (" — ", " – ", " | ", "; ", " - ", ", ")
_LONGEST_PART = 60
_MAX_LOOSE = 0.2
_MIN_ITEMS = 0.8
_FEWEST = 2
TEXT = "text"
"""The field that holds what stands before the first label of a line."""


@dataclass
class _Record:
    """A record that is read: its fields, which may repeat, and the one read last."""

    fields: dict[str, list[str]] = field(default_factory=dict[str, "list[str]"])
    last: str = ""

    def value(self) -> Value:
        return {
            label: scalar_of(values[0]) if len(values) == 1 else [scalar_of(one) for one in values]
            for label, values in self.fields.items()
        }


def is_pairs(text: str) -> bool:
    """Return whether most of the first lines of a text hold a label and a value."""
    lines = [line for line in text[:8_000].split("\n") if line.strip()][:60]
    return len(lines) > 1 and sum(_PAIR.fullmatch(line) is not None for line in lines) >= _MIN_PAIRS * len(lines) / 2


def read_pairs(text: str) -> Value:
    """Read a text of `Label: value` lines.

    A label that is met again begins a new record, unless it stands in the very next line: then it has several values.

    Returns:
        Value: A record, or a list of them. `None` when too few lines hold a label.
    """
    lines = text.split("\n")
    pairs = [_PAIR.fullmatch(line) for line in lines]
    filled = sum(bool(line.strip()) and _RULE.fullmatch(line) is None for line in lines)
    if sum(map(bool, pairs)) < max(_FEWEST, _MIN_PAIRS * filled / 2):
        return None
    records: list[_Record | Gap] = []
    record = _Record()
    loose = 0
    apart = True
    for place, (line, pair) in enumerate(zip(lines, pairs, strict=True)):
        if not line.strip() or _RULE.fullmatch(line):
            apart = True
            continue
        if gap := Gap.read(line.strip().removeprefix("- ")):
            records += [record, gap]
            record = _Record()
        elif pair is not None:
            label = pair["label"].strip()
            if label in record.fields and label != record.last:
                records.append(record)
                record = _Record()
            record.fields.setdefault(label, []).append(pair["value"].strip())
            record.last = label
        elif apart and any(pairs[place + 1 : place + 3]):
            if record.fields:
                records.append(record)
            record = _Record({HEADING: [line.strip(_AROUND_HEADINGS) or line.strip()]}, HEADING)
        elif record.last and not apart:
            values = record.fields[record.last]
            values[-1] = f"{values[-1]}\n{line.strip()}" if values[-1] else line.strip()
            loose += not line.startswith((" ", "\t"))
        else:
            record.fields.setdefault(TEXT, []).append(line.strip())
            record.last = TEXT
            loose += 1
        apart = False
    if loose > _MAX_LOOSE * filled:
        return None
    whole = [
        one if isinstance(one, Gap) else one.value() for one in (*records, record) if isinstance(one, Gap) or one.fields
    ]
    return whole[0] if len(whole) == 1 else whole


def is_items(text: str) -> bool:
    """Return whether a text has lines that begin like items of a list."""
    lines = [line for line in text[:8_000].split("\n") if line.strip()][:60]
    return len(lines) > 1 and any(_ITEM.fullmatch(line) for line in lines[:3])


def read_items(text: str) -> Value:
    """Read a list of Markdown or plain text: lines behind a dash, a star, a bullet or a number.

    Returns:
        Value: Its items: a record for an item with labelled values, else its text. `None` when it is no list.
    """
    items: list[list[str]] = []
    gaps: dict[int, Gap] = {}
    indent: int | None = None
    for line in text.split("\n"):
        item = _ITEM.fullmatch(line)
        if item is not None:
            depth = len(item["indent"].expandtabs())
            indent = depth if indent is None else indent
            if depth <= indent:
                gap = Gap.read(item["text"])
                if gap:
                    gaps[len(items)] = gap
                items.append([item["text"]])
                continue
        elif (line.strip() and indent is None) or (line.strip() and not line.startswith((" ", "\t"))):
            return None
        if line.strip() and items:
            items[-1].append(line.strip())
    if len(items) < _FEWEST:
        return None
    firsts = [item[0] for place, item in enumerate(items) if len(item) == 1 and place not in gaps]
    labels = common_labels(firsts)
    if len(firsts) == len(items) and not labels and not gaps:
        rows = _split_alike(firsts)
        if rows:
            return rows
    return [gaps.get(place) or _item(lines, labels) for place, lines in enumerate(items)]


def _split_alike(lines: list[str]) -> list[Value]:
    """Read lines that one mark parts into short values and at most one long one, as records with numbered fields."""
    for mark in _MARKS:
        count = min(line.count(mark) for line in lines)
        rows = [line.split(mark, count) for line in lines] if count else []
        short = sum(sum(len(part) > _LONGEST_PART for part in row) <= 1 for row in rows)
        if count > 1 and len(lines) > _FEWEST and short >= _MIN_ITEMS * len(lines):
            return [{str(i + 1): scalar_of(part.strip(" *_`")) for i, part in enumerate(row)} for row in rows]
    return []


def common_labels(lines: list[str]) -> frozenset[str]:
    """Return the labels that most of some lines hold, such as `id` in `id=17, name=Jane`; none for unlabelled lines."""
    met = Counter(label for line in lines for label in {match["label"] for match in _LABELLED.finditer(line[:4_000])})
    return frozenset(label for label, count in met.items() if count >= _MIN_ITEMS * len(lines))


def labelled_record(line: str, labels: frozenset[str]) -> dict[str, Value] | None:
    """Return the values of a line by its labels; None for a line with fewer than two of them."""
    places = [match for match in _LABELLED.finditer(line) if match["label"] in labels]
    if len(places) < _FEWEST:
        return None
    record: dict[str, Value] = {}
    before = line[: places[0].start()].strip(" ,;|:-*")
    if before:
        record[TEXT] = scalar_of(before)
    for match, end in zip(places, [*(place.start() for place in places[1:]), len(line)], strict=True):
        if match["label"] not in record:
            record[match["label"]] = scalar_of(line[match.end() : end].strip().rstrip(",;|").strip(' *_`"'))
    return record


def is_labelled_lines(text: str) -> bool:
    """Return whether the first lines of a text hold the same labels, three or more."""
    lines = _bare_lines(text[:8_000])[:3]
    return len(lines) > 1 and len(common_labels(lines)) > _FEWEST


def read_labelled_lines(text: str) -> Value:
    """Read lines that each hold the same labels: `id=17 name="Jane"`, `id: 17, name: Jane`.

    Returns:
        Value: A record for each line. `None` when most lines have no two labels in common.
    """
    lines = _bare_lines(text)
    labels = common_labels(lines)
    if len(labels) < _FEWEST:
        return None
    records = [Gap.read(line) or labelled_record(line, labels) for line in lines]
    return [record or {TEXT: line} for record, line in zip(records, lines, strict=True)]


def _bare_lines(text: str) -> list[str]:
    """Return the lines of a text that say anything, without what makes them items of a list."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    return [item["text"] if (item := _ITEM.fullmatch(line)) else line for line in lines]


def _item(lines: list[str], labels: frozenset[str]) -> Value:
    if len(lines) == 1:
        return labelled_record(lines[0], labels) or scalar_of(lines[0])
    record = dict(_pairs_below(lines))
    return record if len(record) > 1 else "\n".join(lines)


def _pairs_below(lines: list[str]) -> Iterator[tuple[str, Value]]:
    """Yield the labelled values of an item with lines of its own below it."""
    for place, line in enumerate(lines):
        pair = _PAIR.fullmatch(line)
        if pair is not None:
            yield pair["label"].strip(), scalar_of(pair["value"].strip())
        elif place == 0:
            yield HEADING, line.strip(" *_`:")
        else:
            yield f"{TEXT} {place}", line
