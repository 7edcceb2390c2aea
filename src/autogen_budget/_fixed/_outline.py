"""Instructions that are over their cap: what every request shows of them, and the parts that a request is about."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from autogen_budget._counting import TokenCounter
from autogen_budget._text import RuleLevel, rule_level, split_sentences
from autogen_budget._turns import READ_ARTIFACT

from ._document import Document, Section, read_document, split_section, title_of
from ._rank import Ranking

HEADING = "[From the instructions, on the next message]"
"""What stands over the sections that are shown with a request."""

GAP = " [...] "
"""Stands where words of a preamble were left out."""


_MARKS = ("#", "<", "=", "|", "-" * 3, "*" * 3)
"""How lines begin that are headings, tags or tables, and say nothing by themselves."""


@dataclass(frozen=True, slots=True)
class _Shares:
    """How the cap is shared out; shares are of what the preamble leaves, sizes in tokens.

    Args:
        contents (float): The most that the table of contents takes.
        rules (float): What rules out of sections take at least, if there are as many; where sections leave more, more.
        notice (int): The line over the table of contents, and what ends it.
        smallest_outline (int): A cap below which only the preamble fits.
        frame (int): The message around shown sections, and the line over them.
        smallest (int): A part below which nothing is worth showing.
        grain (int): How many paragraphs' worth the tokens are divided into where no heading parts them.
        shortest_rule (int): Words of a sentence that can be a rule, where words are parted by spaces.
        longest_rule (int): Characters of one that is listed with the contents; a longer one is left in its section.
        near (float): Share of the best part's score from which another part is shown as well: on made-up manuals,
            requests that share words with several sections are mostly about one of the first two.
        farther (float): The same for short parts: as long as all of them take no more than `for_farther` of the tokens.
        for_farther (float): See there.
    """

    contents: float = 0.3
    rules: float = 0.15
    notice: int = 64
    smallest_outline: int = 256
    frame: int = 24
    smallest: int = 24
    grain: int = 12
    shortest_rule: int = 4
    longest_rule: int = 280
    near: float = 0.7
    farther: float = 0.4
    for_farther: float = 0.33


_SHARES = _Shares()


@dataclass(frozen=True, slots=True)
class Outline:
    """What stands for long instructions.

    Args:
        text (str): What every request shows: what comes before the first section, the contents, and rules.
        parts (tuple[Section, ...]): What is shown when a request is about it, word for word.
        cut (bool): Whether even the preamble had to be cut.
        ranking (Ranking): Finds the parts that a request is about.
    """

    text: str
    parts: tuple[Section, ...]
    cut: bool
    ranking: Ranking = field(compare=False, repr=False)

    def about(self, request: str, room: int, counter: TokenCounter, shown: Iterable[int] = ()) -> list[int]:
        """Choose the parts that a request is about, the best first."""
        scores = self.ranking.scores(request)
        best = max(scores, default=0.0)
        visible, chosen, left = set(shown), list[int](), room - _SHARES.frame
        for place in sorted(range(len(scores)), key=lambda place: (-scores[place], place)):
            size = counter.count_text(self.parts[place].text) + 2
            short = (room - left + size) < room * _SHARES.for_farther
            least = best * (_SHARES.farther if short else _SHARES.near)
            if 0 < scores[place] >= least and size <= left and place not in visible:
                chosen.append(place)
                left -= size
        return chosen

    def show(self, places: Iterable[int]) -> str:
        """Write down parts, in the order of the document."""
        texts = [self.parts[place].text.strip("\n") for place in sorted(places)]
        return "\n\n".join((HEADING, *texts)) if texts else ""


def outline(text: str, limit: int, counter: TokenCounter, reference: str | None = None) -> Outline:
    """Make what stands for instructions that are over their cap.

    `reference`: The reference of the whole, for `read_artifact`. `None` means it cannot be read.
    """
    preamble, entries = _entries(read_document(text), limit, counter)
    most = limit if limit < _SHARES.smallest_outline else limit - _SHARES.notice
    cut = counter.count_text(preamble) > most
    if cut:
        preamble = _essentials(preamble, most, counter)
    left = max(0, limit - counter.count_text(preamble) - _SHARES.notice)
    rules = [_rules_of(section) for section in entries]
    contents = [_line(section, counter) for section in entries]
    listed = _first_that_fit(contents, int(left * _SHARES.contents), counter)
    left -= sum(counter.count_text(line) + 1 for line in contents[:listed])
    needed = sum(counter.count_text(rule) + 3 for some in rules for rule in some)
    least = min(needed, int(left * _SHARES.rules))
    parts = [part for section in entries for part in sized(section, left - least - _SHARES.frame, counter)]
    largest = max((counter.count_text(part.text) for part in parts), default=0) + _SHARES.frame
    listed_rules = _rules_to_list(rules[:listed], max(min(least, left - largest), left - 2 * largest), counter)
    lines = [line for at in range(listed) for line in (contents[at], *(f"  - {rule}" for rule in listed_rules[at]))]
    if listed < len(contents):
        lines.append(f"- and {len(contents) - listed:,} more")
    shown = "\n".join((preamble, "", _notice(len(entries), reference), *lines)) if entries else preamble
    if counter.count_text(shown) > limit:  # too little for any contents
        shown = preamble
    return Outline(shown, tuple(parts), cut, Ranking([(part.title, part.text) for part in parts]))


def _line(section: Section, counter: TokenCounter) -> str:
    return f"- {section.title} ({counter.count_text(section.text):,})"


def _notice(count: int, reference: str | None) -> str:
    read = "" if reference is None else f'; {READ_ARTIFACT}("{reference}", search="...") searches all of them'
    return f"[{count:,} sections of these instructions, with their tokens: those a message is about come with it{read}]"


def _entries(document: Document, limit: int, counter: TokenCounter) -> tuple[str, list[Section]]:
    """Return what comes before the first section, and the sections as the contents name them.

    Sections that are too large to be shown give way to their own; paragraphs without headings are put together. Where
    nothing stands before the first section, the first one states what holds for all, if it is short.
    """
    preamble, entries = document.preamble, list(document.sections)
    left = max(0, limit - counter.count_text(preamble) - _SHARES.notice)
    if all(section.headed for section in entries):
        listed = sum(counter.count_text(_line(section, counter)) + 1 for section in entries)
        most = int(left - min(listed, left * _SHARES.contents) - left * _SHARES.rules) - _SHARES.frame
        entries = [part for section in entries for part in _opened(section, most, counter)]
    else:
        entries = _packed(entries, max(_SHARES.smallest, left // _SHARES.grain), counter)
    while entries and _is_empty(preamble) and counter.count_text(entries[0].text) <= left * _SHARES.contents:
        preamble, entries = preamble + entries[0].text, entries[1:]
    return preamble.strip("\n"), entries


def _is_empty(preamble: str) -> bool:
    return all(not line.strip() or line.lstrip().startswith(_MARKS) for line in preamble.splitlines())


def _opened(section: Section, most: int, counter: TokenCounter) -> Iterator[Section]:
    """Yield a section, or its own sections where it is too large and has any."""
    if counter.count_text(section.text, limit=max(0, most)) > most:
        parts = split_section(section)
        if any(part.headed for part in parts[1:]):
            for part in parts:
                yield from _opened(part, most, counter)
            return
    yield section


def sized(section: Section, most: int, counter: TokenCounter) -> Iterator[Section]:
    """Take a section apart until each part fits."""
    tokens = counter.count_text(section.text)
    if tokens <= most:
        yield section
        return
    if most < _SHARES.smallest:
        return
    parts = split_section(section)
    if len(parts) == 1:
        length = max(1, len(section.text) * most // (2 * tokens))
        yield from (
            Section(section.title, section.text[at : at + length], headed=False)
            for at in range(0, len(section.text), length)
        )
        return
    for part in _packed(parts, max(_SHARES.smallest, most // 4), counter):
        yield from sized(part, most, counter)


def _packed(sections: Iterable[Section], most: int, counter: TokenCounter) -> list[Section]:
    """Return the sections without headings put together up to a size; each heading begins another."""
    packed: list[Section] = []
    size = 0
    for section in sections:
        tokens = counter.count_text(section.text)
        if packed and not section.headed and size + tokens <= most:
            packed[-1] = Section(packed[-1].title, packed[-1].text + section.text, packed[-1].headed)
            size += tokens
        else:
            packed.append(section)
            size = tokens
    return packed


def _rules_of(section: Section) -> list[str]:
    """Return the sentences of a section that say what must be, without its heading."""
    found: list[str] = []
    for sentence in split_sentences(section.text):
        words = sentence.lstrip("-*•+ \t")
        long = len(words.split()) >= _SHARES.shortest_rule or not words.isascii()
        is_informative = long and not words.startswith(_MARKS) and title_of(words) != section.title
        if is_informative and len(words) <= _SHARES.longest_rule and rule_level(words) is RuleLevel.RULE:
            found.append(words)
    return list(dict.fromkeys(found))


def _rules_to_list(rules: Sequence[Sequence[str]], limit: int, counter: TokenCounter) -> list[list[str]]:
    """Return those of the rules that fit, section by section: all of the first section's first, then the shortest."""
    places = [(at > 0, len(rule), at, rule) for at, some in enumerate(rules) for rule in some]
    listed_rules: list[list[str]] = [[] for _ in rules]
    for *_, at, rule in sorted(places):
        cost = counter.count_text(rule) + 4
        if cost > limit:
            break
        listed_rules[at].append(rule)
        limit -= cost
    return [[rule for rule in some if rule in chosen] for some, chosen in zip(rules, listed_rules, strict=True)]


def _first_that_fit(lines: Sequence[str], limit: int, counter: TokenCounter) -> int:
    for count, line in enumerate(lines):
        limit -= counter.count_text(line) + 1
        if limit < 0:
            return count
    return len(lines)


def _essentials(text: str, limit: int, counter: TokenCounter) -> str:
    """Return the rules of a text, and as much of the rest, from its beginning, as fits; in its order."""
    sentences = [sentence for sentence in split_sentences(text) if sentence]
    chosen: set[int] = set()
    for place in sorted(range(len(sentences)), key=lambda at: (rule_level(sentences[at]) is not RuleLevel.RULE, at)):
        cost = counter.count_text(sentences[place]) + 4
        if cost <= limit:
            chosen.add(place)
            limit -= cost
    joints = ("\n" if place - 1 in chosen or not place else GAP for place in sorted(chosen))
    return "".join(f"{joint}{sentences[place]}" for joint, place in zip(joints, sorted(chosen), strict=True)).strip()
