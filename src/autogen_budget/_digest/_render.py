"""How facts read: a line for each subject, its values with their fields, in as few tokens as leave them clear.

- get_order order_id=A-17: status=pending → shipped | items: sku=B1, name=Lamp; B2, Rug
- user: my zip code is 10115; please no calls before 9 am
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, repeat

from autogen_budget._counting import TokenCounter
from autogen_budget._text import occurrences

from ._facts import Fact, Origin

_LABEL_EVERY = 80
"""Characters after which a list of values repeats its label, so that no value stands far from what it is."""


def lines_of(facts: Sequence[Fact]) -> list[str]:
    """Return the lines that tell facts, the subject met last at the end."""
    subjects: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        subjects[fact.place.subject].append(fact)
    newest = {name: max(members, key=lambda fact: fact.place.turn).place for name, members in subjects.items()}
    order = sorted(subjects, key=lambda name: (newest[name].turn, name))
    headings = {name: newest[name].heading for name in order}
    named = "\n".join(headings.values())
    events = "\n".join(fact.context for fact in facts if fact.place.origin is Origin.OUTCOME)
    lines: list[str] = []
    source = ""
    for name in order:
        body = _body(subjects[name], named, f"{named}\n{events}")
        if body or "=" in headings[name]:  # a heading alone tells something only where it names a value
            # Records that one tool brought follow each other: the first line names it.
            heading = name if newest[name].source == source else headings[name]
            lines.append(f"{heading}: {body}" if body else heading)
            source = newest[name].source
    return lines


def count_that_fits(
    text: Callable[[int], str], most: int, limit: int, counter: TokenCounter, costs: Sequence[int] = ()
) -> int:
    """Return how many parts a text may have within a limit of tokens.

    Args:
        text (Callable[[int], str]): The text of so many parts. One part more can make it shorter; the search ends at a
            number that it has seen fit all the same.
        most (int): How many parts there are.
        limit (int): Tokens the text may hold.
        counter (TokenCounter): Counts them.
        costs (Sequence[int]): Tokens of each part, roughly: the search then ends within a hundredth of the limit, after
            few texts. Empty finds the largest number, for parts of about one size.
    """
    known = [0, *accumulate(costs or repeat(1, most))]
    spare = limit // 100 if costs else 0
    fit, too_many = 0, most + 1
    least, largest = 0, 0
    goal: float = limit if costs else most  # often all fit; where they do not, their size tells about how many do
    halve = False
    while fit + 1 < too_many and not 0 < least >= limit - spare:
        count = max(fit + 1, min(too_many - 1, bisect_right(known, goal) - 1))
        tokens = counter.count_text(text(count), limit=limit)
        if tokens <= limit:
            fit, least = count, tokens
        else:
            too_many, largest = count, tokens
        if not largest:
            goal = known[fit] * (limit - spare / 2) / max(1, least)
            continue
        # Parts are of about their costs, so that few texts are made; halving in between bounds how many.
        share = 0.5 if halve or largest <= least else (limit - spare / 2 - least) / (largest - least)
        goal = known[fit] + max(0.0, share) * (known[too_many] - known[fit])
        halve = not halve
    return fit


def counted(turns: int) -> str:
    """Return how many earlier turns something is from, in words; empty for none."""
    return "1 earlier turn" if turns == 1 else f"{turns:,} earlier turns" if turns else ""


def is_told(fact: Fact, text: str) -> bool:
    """Whether a text tells a fact already: its value, and for a value that is no one thing's own, its field before it.

    Args:
        fact (Fact): The fact.
        text (str): Any text.
    """
    if fact.before or fact.value not in text:
        return False
    near = len(fact.label) + 40
    return any(
        fact.shape.distinctive or fact.context or fact.label.rpartition(".")[2] in text[max(0, at - near) : at]
        for at in occurrences(fact.value, text)
    )


def _body(facts: Sequence[Fact], named: str, told: str) -> str:
    """Return what a line says behind its heading; empty where the headings and the events say it all."""
    contexts = list(dict.fromkeys(fact.context for fact in facts if fact.context))
    joined = "\n".join(contexts)
    # Words that stand in longer words of the same subject as well are told by those.
    parts = [text for text in contexts if joined.count(text) == 1 and text not in named]
    groups: dict[str, dict[str, list[Fact]]] = defaultdict(lambda: defaultdict(list))
    for fact in facts:
        if not fact.context and not is_told(fact, told):
            groups[fact.place.group][fact.place.entry].append(fact)
    for group, entries in groups.items():
        name, text = group.rpartition(".")[2], _entries(entries.values())
        parts.append(text if not name or text.startswith(f"{name}=") else f"{name}: {text}")
    return " | ".join(parts) if groups and not contexts else "; ".join(parts)


def _entries(entries: Iterable[Sequence[Fact]]) -> str:
    """Return the elements of a list: one after the other, or merely their values where each has but one."""
    each = list(entries)
    if all(len(facts) == 1 for facts in each):
        return _fields([facts[0] for facts in each])
    parts: list[str] = []
    known: tuple[str, ...] = ()
    run = 0
    for facts in each:
        labels = tuple(fact.label for fact in facts)
        values = [fact.value for fact in facts]
        # An element with the fields of the one before it is as clear by its values alone, as in a table.
        alike = labels == known and run + sum(map(len, values)) <= _LABEL_EVERY
        if alike and not any(fact.before or set(",;") & set(fact.value) for fact in facts):
            parts.append(", ".join(values))
        else:
            parts.append(_fields(facts))
            known, run = labels if len(set(labels)) == len(labels) else (), 0
        run += sum(map(len, values)) + 2 * len(values)
    return "; ".join(parts)


def _fields(facts: Sequence[Fact]) -> str:
    """Return the values with the names of their fields, those of one field together."""
    labels: dict[str, list[str]] = defaultdict(list)
    for fact in facts:
        value = f"{fact.before} → {fact.value}" if fact.before else fact.value
        labels[fact.label.rpartition(".")[2]].append(value)
    return ", ".join(_field(label, values) for label, values in labels.items())


def _field(label: str, values: Sequence[str]) -> str:
    lead = f"{label}=" if label else ""
    text, run = "", 0
    for value in values:
        if text and run + len(value) <= _LABEL_EVERY:
            # Tokenizers join a comma to what follows, unless words need the room to read well.
            text += ", " if " " in value or "," in value else ","
        else:
            text, run = f"{text}, {lead}" if text else lead, 0
        text, run = text + value, run + len(value) + 1
    return text
