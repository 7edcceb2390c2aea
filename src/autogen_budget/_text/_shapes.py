"""What a value looks like: an identifier, an address, a path, a date, a number, a name, a word or a text.

Shapes are recognised by the characters alone, so they hold for any tool, language and domain. Every repetition in
the patterns is bounded, so that finding takes time in proportion to the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise


class Shape(Enum):
    """The shapes of values."""

    IDENTIFIER = "identifier"
    EMAIL = "email"
    URL = "url"
    PATH = "path"
    DATE = "date"
    SYMBOL = "symbol"
    NAME = "name"
    NUMBER = "number"
    WORD = "word"
    TEXT = "text"

    __hash__ = object.__hash__  # looked up for each value: that of `Enum` takes five times as long

    @property
    def distinctive(self) -> bool:
        """Whether two values of this shape that are the same mean the same thing, whatever they are called."""
        return self in _DISTINCTIVE


_DISTINCTIVE = frozenset((Shape.IDENTIFIER, Shape.EMAIL, Shape.URL, Shape.PATH, Shape.DATE, Shape.SYMBOL))


@dataclass(frozen=True, slots=True)
class Found:
    """A value found in a text.

    Args:
        start (int): Where it begins, in characters.
        value (str): The value as it stands there.
        shape (Shape): What it looks like.
    """

    start: int
    value: str
    shape: Shape

    @property
    def end(self) -> int:
        """Where it ends, in characters."""
        return self.start + len(self.value)


_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?"
_WRITTEN_DAY = (
    rf"{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?\b(?:,? \d{{4}}\b)?"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)? (?:of )?{_MONTH}\b(?:,? \d{{4}}\b)?"
)
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?: ?[AaPp]\.?[Mm]\b)?"
_ZONE = r"(?: ?(?:Z|UTC|GMT|E[SD]T|P[SD]T|[+-]\d{2}:?\d{2})\b)?"
_DAY = rf"\d{{4}}[-/]\d{{1,2}}[-/]\d{{1,2}}|\d{{1,2}}[./-]\d{{1,2}}[./-](?:\d{{4}}|\d{{2}})\b|{_WRITTEN_DAY}"
_MOMENT = rf"(?:{_DAY})(?:(?:T| |, | at ){_CLOCK}{_ZONE})?"
_LINK = r"[A-Za-z][A-Za-z0-9+.-]{1,15}://[^\s'\"<>()\[\]{}\\`|]{1,300}"
_CAPITAL, _LETTERS = r"[^\W\d_a-z]", r"(?:[^\W\d_]|[&-]){1,40}"
_NAMES = rf"{_CAPITAL}{_LETTERS}(?: (?:(?:of|de|van|von|la|du) )?{_CAPITAL}(?:['’]{_CAPITAL})?{_LETTERS}){{1,4}}(?!\w)"

_DATE = re.compile(rf"{_MOMENT}|{_CLOCK}{_ZONE}")
_URL = re.compile(_LINK)
_EMAIL = re.compile(r"[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,5}[\w-]{1,63}")
_PATH = re.compile(r"(?:~|[A-Za-z]:|[\w.+@-]{1,80})?(?:[/\\][\w.+@~$*-]{0,80}){1,30}")
_FILE = re.compile(r"[\w.+@-]{0,80}[\w+@-]{2}\.(?=\w{0,4}[A-Za-z])\w{1,5}")
_NUMBER = re.compile(r"[-+]?(?:[$€£¥₹]\s?)?\d{1,30}(?:[.,]\d{1,30}){0,8}\s?(?:%|[$€£¥₹]|[A-Za-z]{1,3})?")
_CODED = re.compile(r"[#@+]?\w[\w.:#+-]*")
_SYMBOL = re.compile(r"@?[A-Za-z_]\w*(?:(?:\.|::|->|-)[A-Za-z_]\w*)*(?:\(\))?")
_NAME = re.compile(r"[^\W\d_a-z][\w'’.&-]*(?: [\w'’.&-]+){0,5}")
_SPACED_CODE = re.compile(r"[^\W\d_][\w.:/-]{0,9}(?: [\w.:/-]{1,10}){1,4}")
"""What a call number, a licence plate or a postcode looks like, if it has digits and no small letters."""

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_PARTS = re.compile(r"[^:=]+")

_FINDER = re.compile(
    rf"(?P<url>{_LINK})"
    r"|`(?P<code>[^`\n]{2,80})`"
    r"|\"(?P<quoted>[^\"\n]{2,60})\""
    rf"|(?P<date>(?<![\w.-]){_MOMENT})"
    rf"|(?P<names>(?<!\w){_NAMES})"
    r"|(?P<phone>(?<!\w)(?:\+\d{1,3}(?:[ .-]?\(\d{1,4}\))?|\(\d{2,4}\))(?:[ .-]?\d{2,4}){2,5}(?!\w))"
    r"|(?P<amount>(?<![\w.,])[$€£¥₹]?\d{1,3}(?:,\d{3}){1,5}(?:\.\d{1,9})?(?![\w,]))"
    r"|(?P<chunk>[$€£¥₹#@~+./\\]{0,3}\w[\w./\\:#@%+~&=-]{0,300}(?:\(\))?)"
)

_RUN = re.compile(r"""https?://[^\s"'<>()\[\]{};\\]{1,200}|[#@~/\w][\w@/\\~+.:%-]{2,150}""")
_NO_NAME = re.compile(r"[^\W\d_]+/[^\W\d_]+|[-rwxdlst]+|\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?")

_SHAPES_OF_GROUPS = {
    "url": Shape.URL,
    "date": Shape.DATE,
    "names": Shape.NAME,
    "phone": Shape.IDENTIFIER,
    "amount": Shape.NUMBER,
}
_NEVER_FIRST, _NEVER_LAST = " ,.:;')]}=+*", " ,:;'([{=+\\"
"""Characters that a quoted value does not begin or end with: there, the quotation marks were paired wrongly."""

TELLING_DIGITS = 4
"""Digits from which on a bare number identifies a thing."""


def shape_of(value: str) -> Shape:
    """Tell the shape of a whole value: a JSON leaf, an argument, what stands behind a colon.

    `value`: The value, of at most some hundred characters.
    """
    if value.split() == [value]:
        return _shape_of_chunk(value)
    if _DATE.fullmatch(value):
        return Shape.DATE
    if _NUMBER.fullmatch(value):
        return Shape.NUMBER
    if _SPACED_CODE.fullmatch(value) and any(map(str.isdigit, value)) and value.isupper():
        return Shape.IDENTIFIER
    if _NAME.fullmatch(value) and sum(word[:1].isupper() for word in value.split()) * 2 > value.count(" "):
        return Shape.NAME
    digits = sum(map(str.isdigit, value))
    return Shape.IDENTIFIER if digits >= TELLING_DIGITS and digits * 2 > len(value) else Shape.TEXT


def occurrences(value: str, text: str) -> Iterator[int]:
    """Yield where a value stands in a text as a whole, not as a part of a longer word or number.

    `value`: The value, not empty.
    """
    at = text.find(value)
    while at >= 0:
        end = at + len(value)
        begins = at == 0 or not (value[0].isalnum() and text[at - 1].isalnum())
        if begins and (end == len(text) or not (value[-1].isalnum() and text[end].isalnum())):
            yield at
        at = text.find(value, end)


def find_values(text: str) -> Iterator[Found]:
    """Find the values that stand out in a text, in order; plain words and plain texts are not among them."""
    for match in _FINDER.finditer(text):
        group, start = str(match.lastgroup), match.start(str(match.lastgroup))
        value = match[group]
        if group == "chunk":
            yield from _values_in_chunk(value, start)
        elif group in ("code", "quoted"):
            if value[0] not in _NEVER_FIRST and value[-1] not in _NEVER_LAST:
                shape = shape_of(value)
                yield Found(start, value, Shape.SYMBOL if shape in (Shape.WORD, Shape.TEXT) else shape)
        elif group != "names" or not value.isupper():
            value = value.rstrip(".,;:!?'*_-")
            yield Found(start, value, _SHAPES_OF_GROUPS[group])


def names_in(text: str, most: int) -> list[str]:
    """Find what names things in a text, each once, in the order of first appearance.

    Faster and coarser than `find_values`: for long texts of which only the names are needed.

    `most`: Names at most.

    Returns:
        list[str]: Web and e-mail addresses, paths, file names, dates, identifiers with digits or in snake or camel
        case, versions, and numbers of at least four digits. Plain words, times of day and access modes are none.
    """
    found: dict[str, None] = {}
    for match in _RUN.finditer(text):
        name = match[0].strip(".:-+%\\")
        if len(name) > 3 and _is_distinctive(name):
            found.setdefault(name)
            if len(found) >= most:
                break
    return list(found)


def _is_distinctive(name: str) -> bool:
    """Return whether a run of characters names something: cheap tests first, most runs are plain words."""
    if name.isalpha() and (name.islower() or name.istitle()):
        return False
    shape = _shape_of_chunk(name)
    versioned = shape is Shape.NUMBER and name.count(".") > 1
    return (shape in _DISTINCTIVE or versioned) and not _NO_NAME.fullmatch(name)


def _values_in_chunk(chunk: str, start: int) -> Iterator[Found]:
    """Yield the values in a run of characters without white space: one, or what stands between colons."""
    bare = chunk.rstrip(".,;:!?=&-/\\" if chunk.count("/") < 2 else ".,;:!?=&-")
    shape = _shape_of_chunk(bare) if bare else Shape.WORD
    if shape is not Shape.TEXT or not any(mark in bare for mark in ":="):
        if shape not in (Shape.WORD, Shape.TEXT) and _stands_out(bare):
            yield Found(start, bare, shape)
        return
    for part in _PARTS.finditer(bare):
        is_field = bare[part.end() : part.end() + 1] == "="
        shape = _shape_of_chunk(part[0])
        if not is_field and shape not in (Shape.WORD, Shape.TEXT) and _stands_out(part[0]):
            yield Found(start + part.start(), part[0], shape)


def _stands_out(value: str) -> bool:
    """Return whether a value is more than a letter or two."""
    return len(value) > 2 or value.isdigit()


def _shape_of_chunk(value: str) -> Shape:
    """Return the shape of a value without white space. Most are plain words, recognised without any pattern."""
    if value.isalpha():
        return _shape_of_word(value)
    if "://" in value and _URL.fullmatch(value):
        return Shape.URL
    if "@" in value and _EMAIL.fullmatch(value):
        return Shape.EMAIL
    digits = sum(map(str.isdigit, value))
    if digits == len(value):
        return Shape.IDENTIFIER if digits >= TELLING_DIGITS else Shape.NUMBER
    if digits and _DATE.fullmatch(value):
        return Shape.DATE
    if _NUMBER.fullmatch(value):
        return Shape.NUMBER
    if _FILE.fullmatch(value) or (_PATH.fullmatch(value) and len(value) > value.count("/") + 2):
        return Shape.PATH
    if digits and _CODED.fullmatch(value):
        return Shape.IDENTIFIER
    if _WORD.fullmatch(value):
        return _shape_of_word(value)
    return Shape.SYMBOL if _SYMBOL.fullmatch(value) else Shape.TEXT


def _shape_of_word(value: str) -> Shape:
    """Return the shape of letters only: a code, a symbol with inner capitals, a name, a word."""
    if value.islower():
        return Shape.WORD
    if value.isupper() and len(value) > 1:
        return Shape.IDENTIFIER if len(value) > TELLING_DIGITS else Shape.NAME
    if any(a.islower() and b.isupper() for a, b in pairwise(value)):
        return Shape.SYMBOL
    return Shape.NAME if value[:1].isupper() else Shape.WORD
