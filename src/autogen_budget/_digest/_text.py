"""Facts of texts: what stands behind a label, and every value that stands out, in the words around it."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from autogen_budget._text import (
    Found,
    Shape,
    find_values,
    is_error_line,
    rule_level,
    shape_of,
    split_sentences,
)

from ._facts import LONGEST_VALUE, Fact, Origin, Place
from ._tables import read_table, split_tables

HEAD, TAIL = 16_000, 8_000
"""Characters at the beginning and at the end of a text that are read; the middle of a longer one is not."""

LONGEST_LINE = 1_000
"""Characters read at a time: a longer line is taken for several, so that no pattern meets a long text."""

_WORDS_BEFORE, _WORDS_WITH_A_VALUE = 5, 8
"""Words before a value that may name it; more, where another value is among them."""

_FEW_WORDS = 5
"""Words up to which what stands behind a label is one value."""

_PAIR = re.compile(
    r"[\s>|*•+-]{0,12}(?:\d{1,3}[.)]\s)?[\s*_`\"']{0,6}(?P<label>[^\W\d_][^:=|\n]{0,40}?)[*_`\"']{0,4}\s?[:=]"
    r"[*_`\"']{0,4}\s{1,20}(?P<value>\S.{0,160})"
)
_FIELD = re.compile(
    r"(?:(?P<name>[^\W\d_][\w.#-]{0,30})[*_`\"']{0,4}=|"
    r"(?P<names>[^\W\d_][\w.#-]{0,30}(?: [\w.#-]{1,20}){0,2})[*_`\"']{0,4}(?:\s?:\s?|\s=\s))[*_`\"'\[({$]{0,4}$"
)
_HEADING = re.compile(r"\W{0,80}\w{1,40}\W{0,80}")
_LINE_NUMBER = re.compile(r"\s{0,8}\d{1,7}(?:[:|\t]|\s{2})")
_WORD = re.compile(r"[^\W\d][\w'’-]*")
_LINK = re.compile(r"\b(?!(?:and|or)\b)[^\W\d]+")
_CLAUSE = re.compile(r"[.;:!?,()\[\]{}|<>*\"“”`](?=\s|$)|\s[-–—(\[{<]|[\[{}|<>]|\s{2}|\t")
_LINE_END = re.compile(r"[\r\n]+|\\r?\\n|\\n")
_PIECE = re.compile(rf".{{1,{LONGEST_LINE}}}(?:\s|$)|.{{1,{LONGEST_LINE}}}")
_FUNCTION_WORDS = frozenset(
    re.findall(
        r"\S+",
        "a an the is are was were be been am i i'm it it's its my your our their his her this that these those to of "
        "in on at for and or with by as from via so if but not do does did has have had can could will would please "
        "just also me you we they he she there here then",
    )
)
"""English words that name nothing. In other languages a context begins a word or two earlier, and no fact is lost."""


def read_lines(text: str, place: Place, label: str = "") -> Iterator[Fact]:
    """Yield the facts of a text by its lines: prose, log, listing, code."""
    tables, lines = split_tables(_lines(text))
    for rows in tables:
        yield from read_table(rows, place)
    pairs = [_PAIR.fullmatch(line) for line in lines]
    names = Counter(pair["label"].strip() for pair in pairs if pair)
    loose: list[Fact] = []
    for line, pair in zip(lines, pairs, strict=True):
        whole = _one_value(pair["value"]) if pair else ""
        if pair and whole:
            name = pair["label"].strip()
            yield Fact(place, name, whole, shape_of(whole), single=names[name] == 1, crowd=names[name])
        else:
            loose.extend(_read_line(line, place, label))
    crowds = Counter(fact.shape for fact in loose)
    for fact in loose:
        yield Fact(place, fact.label, fact.value, fact.shape, fact.context, crowd=crowds[fact.shape] * place.crowd)


def read_troubles(text: str, place: Place) -> Iterator[Fact]:
    """Yield the lines of a text that report an error: the first three and the last two, without mere headings."""
    lines = [line.strip() for line in _lines(text) if is_error_line(line) and not _HEADING.fullmatch(line)]
    for line in dict.fromkeys((*lines[:3], *lines[-2:])):
        yield Fact(place, "", line[:LONGEST_VALUE], Shape.TEXT, line[:LONGEST_VALUE])


def read_sentences(text: str, place: Place) -> Iterator[Fact]:
    """Yield what somebody said, sentence by sentence."""
    sentences = [sentence[:LONGEST_VALUE] for sentence in split_sentences(text)]
    for sentence in sentences:
        if len(_WORD.findall(sentence)) > 3:
            stated = place if rule_level(sentence) is None else replace(place, origin=Origin.STATED)
            yield Fact(stated, "", sentence, Shape.TEXT, sentence, crowd=len(sentences))


def _read_line(line: str, place: Place, label: str) -> Iterator[Fact]:
    """Yield the values of one line, each in the words between it and its neighbours."""
    number = _LINE_NUMBER.match(line)
    bare = line[number.end() :] if number else line
    found = [one for one in find_values(bare) if not _opens_sentence(bare, one)]
    starts = [0, *(one.end for one in found)]
    ends = [*(one.start for one in found), len(bare)]
    for i, one in enumerate(found):
        before, behind = bare[starts[i] : ends[i]], bare[starts[i + 1] : ends[i + 1]]
        value = one.value[:LONGEST_VALUE]
        if field := _FIELD.search(before[-60:]):
            yield Fact(place, field["name"] or field["names"], value, one.shape)
            continue
        lead = _last_clause(before)
        if not lead and one.shape is Shape.NAME and before.endswith(", "):
            who = _last_clause(before[:-2])  # "the duty officer, Tom Aldridge"
            lead = f"{who}, " if " " in who else ""
        if not _telling(lead) and _LINK.search(before):
            # Nothing but "is" or "of the" between two values: the first of them labels the second one.
            lead = _last_clause(bare[: one.start], words=_WORDS_WITH_A_VALUE)
        tail = "" if _telling(lead) else _first_clause(behind)
        words = " ".join(_telling(lead) or _telling(tail))
        context = f"{lead}{one.value}{tail}".strip() if words else ""
        if words or label or one.shape is not Shape.NUMBER:
            yield Fact(place, words or label, value, one.shape, context)


def _last_clause(text: str, words: int = _WORDS_BEFORE) -> str:
    """Return the last words before a value, within the clause, from the first that carries meaning."""
    clause = _CLAUSE.split(text[-12 * words :])[-1]
    for word in list(_WORD.finditer(clause))[-words:]:
        if word[0].lower() not in _FUNCTION_WORDS:
            return clause[word.start() :]
    return ""


def _first_clause(text: str) -> str:
    """Return the first words behind a value, within the clause, to the last that carries meaning."""
    clause = _CLAUSE.split(text[:40])[0]
    words = list(_WORD.finditer(clause))[:4]
    for word in reversed(words):
        if word[0].lower() not in _FUNCTION_WORDS:
            return clause[: word.end()]
    return ""


def _telling(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if word.lower() not in _FUNCTION_WORDS]


def _one_value(text: str) -> str:
    """Return what stands behind a label, where it is one value; empty where it is a text of many words."""
    bare = text.strip().strip("*_`\"',;").rstrip(".")
    return bare if len(bare.split()) <= _FEW_WORDS and len(bare) <= 60 and ": " not in bare else ""


def _opens_sentence(line: str, found: Found) -> bool:
    """Return whether a word has a capital only because a sentence begins with it."""
    if found.shape is not Shape.NAME or " " in found.value:
        return False
    return line[: found.start].rstrip(" *-#>\"'([")[-1:] in ("", ".", "!", "?", ":")


def _lines(text: str) -> list[str]:
    """Return the lines of a text that are read, none of them long."""
    read = text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"
    return [piece for line in _LINE_END.split(read) for piece in _PIECE.findall(line)]
