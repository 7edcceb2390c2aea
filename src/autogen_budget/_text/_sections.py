"""INI, TOML, properties and BibTeX: `key = value` lines under headings, and entries in braces."""

import re

from ._notation import read_notation
from ._values import COUNTER, HEADING, Value, scalar_of

_SECTION = re.compile(r"\[{1,2}([^\[\]\n]{1,200})\]{1,2}(?:\s*[#;].*)?")
_ASSIGNMENT = re.compile(r"(?:export )?([\w.\-\" ]{1,80}?)[ \t]{0,40}=(.*)", re.DOTALL)
_MORE_PAIRS = re.compile(r"(?:\"[^\"\n]*\"|'[^'\n]*'|\S+)\s+[\w.]{1,60}=\S")
_COMMENT = re.compile(r"\s*(?:[#;].*)?")
_ENTRY = re.compile(r"@(\w{1,40})\s*\{\s*([^,\s{}]{1,200})\s*,")
_BARE = re.compile(r"[^,}\n]*")
_BRACE = re.compile(r"[{}]")
_FIELD = re.compile(r"\s*([\w-]{1,60})\s*=\s*")
_FEWEST = 2
_LONGEST_LIST = 20_000


def is_sections(text: str) -> bool:
    """Return whether the first line of a text that says anything is a section or an assignment."""
    head = text[:4_000].split("\n")
    first = next((line.strip() for line in head if not _COMMENT.fullmatch(line)), "")
    return _SECTION.fullmatch(first) is not None or _ASSIGNMENT.fullmatch(first) is not None


def read_sections(text: str) -> Value:
    """Read INI, TOML or properties, line by line.

    The standard library's readers give up at the first odd line, and TOML's loses the spelling of numbers and dates.

    Returns:
        Value: A record by section, with lists for sections that repeat; the assignments before the first section stand
        at the top. `None` when a line is neither.
    """
    whole: dict[str, Value] = {}
    section: dict[str, Value] = whole
    count = 0
    lines = text.split("\n")
    place = 0
    while place < len(lines):
        line, place = lines[place].strip(), place + 1
        if _COMMENT.fullmatch(line):
            continue
        if heading := _SECTION.fullmatch(line):
            section = {}
            _put(whole, heading[1].strip("\"' "), section)
            continue
        pair = _ASSIGNMENT.fullmatch(line)
        if pair is None:
            return None
        value = pair[2].strip()
        if _MORE_PAIRS.match(value):  # several pairs on a line: a log
            return None
        for mark in ('"""', "'''"):
            if value.startswith(mark) and mark not in value[3:]:
                while place < len(lines) and mark not in value[3:]:
                    value, place = f"{value}\n{lines[place]}", place + 1
        while place < len(lines) and _is_open_list(value):
            value, place = f"{value}\n{lines[place].split(' #')[0]}", place + 1
        _put(section, pair[1].strip("\"' "), _value(value))
        count += 1
    if count < _FEWEST:
        return None
    numbered = len(whole) > _FEWEST and all(COUNTER.fullmatch(name) for name in whole)
    sections = [{HEADING: name, **part} for name, part in whole.items() if isinstance(part, dict)]
    return [*sections] if numbered and len(sections) == len(whole) else whole


def is_bibtex(text: str) -> bool:
    """Return whether a text begins with an entry of BibTeX, perhaps behind comments."""
    return re.match(r"\s*(?:%[^\n]*\s+)*@\w{1,40}\s*\{", text[:4_000]) is not None


def read_bibtex(text: str) -> Value:
    """Read BibTeX.

    Returns:
        Value: The entries, each with its `type`, its `key` and its fields. `None` when there is none.
    """
    entries: list[Value] = []
    position = 0
    while match := _ENTRY.search(text, position):
        entry: dict[str, Value] = {"type": match[1], "key": match[2]}
        position = match.end()
        while field := _FIELD.match(text, position):
            value, position = _braced(text, field.end())
            entry[field[1]] = scalar_of(value)
            position += text.startswith(",", position)
        entries.append(entry)
    return entries or None


def _braced(text: str, start: int) -> tuple[str, int]:
    """Return a value in braces or quotation marks, or a bare word, and the place behind it."""
    opening = text[start : start + 1]
    if opening == '"':
        end = text.find('"', start + 1)
        end = len(text) if end < 0 else end
        return text[start + 1 : end], end + 1
    if opening != "{":
        bare = _BARE.match(text, start)
        return (bare[0].strip(), bare.end()) if bare else ("", start)
    depth = 0
    for mark in _BRACE.finditer(text, start):
        depth += 1 if mark[0] == "{" else -1
        if not depth:
            return text[start + 1 : mark.start()], mark.end()
    return text[start + 1 :], len(text)


def _value(text: str) -> Value:
    """Return the value of an assignment: a quoted string, a list, or the text as it stands."""
    for mark in ('"""', "'''", '"', "'"):
        if text.startswith(mark) and text.endswith(mark) and len(text) >= 2 * len(mark):
            read = read_notation(f"[{text}, 0]")
            first = read[0] if isinstance(read, list) and len(read) == _FEWEST else None
            return first if isinstance(first, str) else text[len(mark) : -len(mark)]
    if text[:1] in ("[", "{"):
        return read_notation(text) or text
    return scalar_of(text.split(" #")[0].strip())


def _is_open_list(value: str) -> bool:
    return value.startswith("[") and value.count("[") > value.count("]") and len(value) < _LONGEST_LIST


def _put(record: dict[str, Value], name: str, value: Value) -> None:
    """Sets a field; one that is there already becomes a list of its values."""
    before = record.get(name)
    if name not in record:
        record[name] = value
    elif isinstance(before, list):
        before.append(value)
    else:
        record[name] = [before, value]
