"""Read instructions as a document: what comes before the first section, and the sections under their headings."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

MAX_HEADING = 100
"""Characters of a line that can be a heading; those of longer ones say something."""

MAX_TITLE = 72
"""Characters of a rendered title."""

MAX_PLAIN, MAX_PLAIN_WORDS = 60, 8
"""Characters and words of a line that stands alone and is a heading by nothing but that."""

MAX_DEPTH = 16
"""Levels of nested tags that are distinguished."""

_TIER = 100
"""Levels of one tier."""

_BLANK = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_FENCE = re.compile(r"[ \t]{0,3}(?:```|~~~)")
_ATX = re.compile(r"[ ]{0,3}(#{1,6}|={1,6})[ \t]+(?P<title>\S.*?)[ \t#=]*$")
_UNDERLINE = re.compile(r"[ ]{0,3}([=\-~^*+#])\1{2,}[ \t]*$")
_FRAMED = re.compile(r"[ ]{0,3}([=\-*~_#])\1{1,}[ \t]*(?P<title>[^\s=\-*~_#].{0,90}?)[ \t]*\1{2,}[ \t]*$")
_CLOSING = re.compile(r"</([A-Za-z][\w.:-]{1,60})>")
_HTML = re.compile(r"[ \t]{0,8}<h([1-6])[^<>\n]{0,200}>(?P<title>[^<>\n]{1,90})</h\1>", re.IGNORECASE)
_TAG = re.compile(r"[ \t]{0,8}<(?P<tag>[A-Za-z][\w.:-]{1,60})(?P<more>\s[^<>\n]{0,200})?>")
_PLAIN_TAGS = frozenset({"br", "li", "ul", "ol", "td", "tr", "th", "em", "strong", "code", "pre", "span", "div", "img"})
_NAMED = re.compile(r"(?:name|title|id|topic)\s*=\s*[\"']([^\"'\n]{1,80})[\"']")
_CHAPTER = re.compile(
    r"[ ]{0,3}(?P<title>(?P<word>section|chapter|part|article|appendix|annex|module|topic|kapitel|abschnitt|teil"
    r"|artikel|anhang|chapitre|partie|annexe|secci[oó]n|cap[ií]tulo|parte|art[ií]culo|anexo|se[cç][aã]o|artigo|sezione|capitolo"
    r"|articolo|hoofdstuk|deel|глава|раздел|статья|часть|bölüm|madde)\s+(?:\d+(?:\.\d+)*|[IVXLC]+|[A-Z])\b.*)$"
    r"|[ ]{0,3}(?P<sign>§+\s*\d.*)$|[ ]{0,3}(?P<cjk>第\s*[一二三四五六七八九十百\d]+\s*[章节節条條部編编].*)$",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"[ ]{0,3}(?P<number>\d{1,3}(?:\.\d{1,3})*|[IVXLC]{1,7}(?=[.)])|[A-Z](?=[.)]))"
    r"(?:[.):][ \t]+|[ \t]{1,2})(?P<title>\S.*)$"
)
_CJK_NUMBER = re.compile(
    r"[ ]{0,3}(?:[一二三四五六七八九十]{1,3}[、．.]|[（(][一二三四五六七八九十]{1,3}[）)])\s*\S.*$"
)
_BOLD = re.compile(r"[ ]{0,3}(\*\*|__)(?P<title>[^*_\n]{2,90}?)\1:?[ \t]*$")
_BULLET = re.compile(r"[ \t]*(?:[-*+•‣·]|\d{1,3}[.)]|[a-z][.)])[ \t]")
_SENTENCE_END = (".", "!", "?", ";", ",", "。", "！", "？", "；", "，", "؟")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；])|\n")


class Heading(NamedTuple):
    """A line that begins a section.

    Args:
        start (int): Where it begins in the text.
        title (str): Its words.
        tier (int): How surely it is a heading, the surest first: kinds of one tier outrank all of the next.
        kind (str): How it is marked.
        depth (int): Its depth among those of its kind, by its own mark.
    """

    start: int
    title: str
    tier: int
    kind: str
    depth: int


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document, word for word.

    Args:
        title (str): What it is called, or how it begins; one line of its own words.
        text (str): All of it, its heading included.
        headed (bool): Whether it begins with a heading.
    """

    title: str
    text: str
    headed: bool = True


@dataclass(frozen=True, slots=True)
class Document:
    """A text in parts; put together, they are the text.

    Args:
        preamble (str): What comes before the first section. Where nothing is a section, the first paragraph.
        sections (tuple[Section, ...]): What follows.
    """

    preamble: str
    sections: tuple[Section, ...]


def read_document(text: str) -> Document:
    """Read a text into its preamble and its sections, at the highest level that has more than one.

    Headings are those of Markdown, underlined and framed lines, tags such as `<policy>`, chapters and numbers in
    several languages, lines in capitals or bold, and lines that end with a colon. A text without any is read by
    paragraphs, of which lists are no less than one.
    """
    if places := _main_headings(_levels(list(_headings(text))), len(text)):
        return Document(text[: places[0].start], tuple(_cut_at(text, places)))
    blocks = _blocks(text) or [text]
    return Document(blocks[0], tuple(Section(title_of(block), block, headed=False) for block in blocks[1:]))


def split_section(section: Section) -> list[Section]:
    """Split a section into its own sections, or where it has none, into its paragraphs, lines or sentences."""
    text, title = section.text, section.title
    levels = _levels([heading for heading in _headings(text) if heading.start > 0 or not section.headed])
    if levels:
        highest = min(level for _, level in levels)
        places = [heading for heading, level in levels if level == highest]
        begins = [Section(title, text[: places[0].start], section.headed)] if places[0].start else []
        return [*begins, *_cut_at(text, places)]
    for parts in (_blocks(text), text.splitlines(keepends=True), _sentences(text)):
        if len(parts) > 1:
            head, *rest = parts
            return [Section(title, head, section.headed), *(Section(title, part, headed=False) for part in rest)]
    return [section]


def title_of(text: str) -> str:
    """Return how a text begins, in one line: words of its own."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "").lstrip("#*•- ")
    if len(line) <= MAX_TITLE:
        return line
    return line[: line.rfind(" ", 20, MAX_TITLE) if " " in line[20:MAX_TITLE] else MAX_TITLE]


def _cut_at(text: str, headings: Sequence[Heading]) -> Iterator[Section]:
    ends = [*(heading.start for heading in headings[1:]), len(text)]
    for heading, end in zip(headings, ends, strict=True):
        yield Section(title_of(heading.title), text[heading.start : end])


def _main_headings(levels: Sequence[tuple[Heading, int]], length: int) -> list[Heading]:
    """Return the headings of the main sections: of the surest level that has several, and of those above it.

    Headings that come later than a less sure level and part the text far worse than it does, as one underlined table
    among numbered sections, are inside sections.
    """
    starts: dict[int, list[int]] = {}
    for heading, level in levels:
        starts.setdefault(level, []).append(heading.start)
    several = sorted(level for level, places in starts.items() if len(places) > 1)
    if not several:
        return []

    def largest(level: int) -> int:
        return max(b - a for a, b in pairwise([0, *starts[level], length]))

    main = several[0]
    for level in several[1:]:
        if starts[level][0] < starts[main][0] and largest(level) * 2 < largest(main):
            main = level
    first = starts[main][0]
    above = {level for level, places in starts.items() if level // _TIER == main // _TIER or places[0] < first}
    return [heading for heading, level in levels if heading.start >= first and level <= main and level in above]


def _levels(headings: Sequence[Heading]) -> list[tuple[Heading, int]]:
    """Return the headings with their levels, 0 the highest: kinds rank by tier, then by what they first stand under."""
    known: dict[tuple[int, str, int], int] = {}
    current: dict[int, int] = {}
    found: list[tuple[Heading, int]] = []
    for heading in headings:
        tier, kind, depth = heading.tier, heading.kind, heading.depth
        if (tier, kind, depth) not in known:
            similar = {other[2]: level for other, level in known.items() if other[:2] == (tier, kind)}
            above = [level for other, level in similar.items() if other < depth]
            below = [level for other, level in similar.items() if other > depth]
            # Of one kind, the marks themselves say which is the higher one.
            known[tier, kind, depth] = max(above) + 1 if above else min(below) if below else current.get(tier, -1) + 1
        current[tier] = known[tier, kind, depth]
        found.append((heading, _TIER * tier + current[tier]))
    return found


def _headings(text: str) -> Iterator[Heading]:
    """Yield the lines that begin sections, in order; what stands in fences is passed over."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    lines = [text[a:b].rstrip("\r\n") for a, b in pairwise([*starts, len(text)])]
    closing = {match[1]: match.start() for match in _CLOSING.finditer(text)}
    fenced, open_tags = False, list[str]()
    for i, (start, line) in enumerate(zip(starts, lines, strict=True)):
        if _FENCE.match(line):
            fenced = not fenced
        if fenced or not line.strip():
            continue
        alone = i == 0 or not lines[i - 1].strip()
        after = lines[i + 1] if i + 1 < len(lines) else ""
        heading = _tagged(line, start, closing, len(open_tags)) or _strong(line, start, after)
        heading = heading or _weak(line, start, after, alone=alone)
        if heading is not None:
            yield heading
        if heading is not None and heading.kind == "tag" and len(open_tags) < MAX_DEPTH:
            open_tags.append(line.strip()[1:].split(">")[0].split()[0])
        for match in _CLOSING.finditer(line) if open_tags else ():
            if match[1] in open_tags:
                del open_tags[open_tags.index(match[1]) :]


def _tagged(line: str, start: int, closing: Mapping[str, int], depth: int) -> Heading | None:
    """Return a tag that is closed somewhere below, or one of HTML's headings."""
    if match := _HTML.match(line):
        return Heading(start, match["title"], 0, "html", int(match[1]))
    tag = _TAG.match(line)
    if tag is None or tag["tag"].lower() in _PLAIN_TAGS or closing.get(tag["tag"], -1) < start:
        return None
    named = _NAMED.search(tag["more"] or "")
    return Heading(start, named[1] if named else tag["tag"], 0, "tag", depth)


def _strong(line: str, start: int, after: str) -> Heading | None:
    """Return the headings that hardly anything else can be."""
    if len(line) > MAX_HEADING:
        return None
    if match := _ATX.match(line):
        return Heading(start, match["title"], 0, match[1][0], len(match[1]))
    if match := _FRAMED.match(line):
        return Heading(start, match["title"], 0, f"framed {match[1]}", 1)
    underline = _UNDERLINE.match(after)
    if underline and not _BULLET.match(line) and len(after.strip()) * 2 >= len(line.strip()) and "|" not in line:
        return Heading(start, line.strip(), 0, f"under {underline[1]}", 1)
    if (match := _CHAPTER.match(line)) and not line.rstrip().endswith(_SENTENCE_END):
        word = match["word"] or match["sign"] or match["cjk"]
        return Heading(start, line.strip(), 0, f"chapter {word[:1].lower()}", 1)
    return None


def _weak(line: str, start: int, after: str, *, alone: bool) -> Heading | None:
    """Return the headings that are distinguished from lists and sentences by what stands around them only."""
    words, is_sentence = line.strip(), line.rstrip().endswith(_SENTENCE_END)
    if (match := _NUMBER.match(line)) and (match["number"][:1].isdigit() or len(line) <= MAX_HEADING):
        depth = match["number"].count(".")
        listed = _NUMBER.match(after) is not None or (not match["number"][0].isdigit() and not alone)
        listed = listed or after.startswith("  ")  # an item of a list that goes on
        if depth or (alone and not is_sentence and len(line) <= MAX_HEADING and not listed):
            kind = "number" if match["number"][0].isdigit() else "letter"
            return Heading(start, words, 1, kind, depth)
    if len(line) > MAX_HEADING or is_sentence:
        return None
    if _CJK_NUMBER.match(line):
        return Heading(start, words, 1, "cjk number", int(words[0] in "（("))
    letters = [letter for letter in words if letter.isalpha()]
    if alone and len(letters) > 3 and words.isupper() and not _BULLET.match(line):
        return Heading(start, words.rstrip(":"), 1, "capitals", 1)
    if match := _BOLD.match(line):
        return Heading(start, match["title"], 2, "bold", 1)
    few = len(words) <= MAX_PLAIN and len(words.split()) <= MAX_PLAIN_WORDS and not _BULLET.match(line)
    few = few and not line[0].isspace()  # indented lines are code more often than headings
    if few and alone and words.endswith((":", "：")) and after.strip():
        return Heading(start, words[:-1], 3, "colon", 1)
    if few and alone and (not after.strip() or len(after) > MAX_PLAIN):
        return Heading(start, words, 3, "plain", 1)
    return None


def _blocks(text: str) -> list[str]:
    """Split a text into paragraphs, with the empty lines behind them; a list stays whole, with its lead."""
    ends = [match.end() for match in _BLANK.finditer(text)]
    places, before = list[int](), ""
    for start, end in pairwise([0, *ends, len(text)]):
        block = text[start:end]
        listed = _BULLET.match(block) is not None
        goes_on = listed and (_BULLET.match(before) or before.rstrip().endswith((":", "：")))
        if block.strip() and not (places and goes_on):
            places.append(start)
        before = block
    return [text[a:b] for a, b in pairwise([0, *places[1:], len(text)])] if places else []


def _sentences(text: str) -> list[str]:
    ends = [match.end() for match in _SENTENCE.finditer(text)]
    return [text[a:b] for a, b in pairwise([0, *ends, len(text)]) if b > a]
