"""Lines that report an error: in logs, the output of programs, results of tools."""

import re
from collections.abc import Sequence

ERROR_MARKS = ("rror", "ERROR", "Traceback", "FAIL", "xception", "fatal", "WARN", "panic")
"""Parts of words to search for in a text that is too large to be looked at line by line."""

_ERROR = re.compile(
    r"\b(?:errors?|fatal|panic(?:ked)?|fail(?:ed|ure|ures|s)?|critical|exceptions?|denied|refused|abort(?:ed)?|killed|segfault"
    r"|segmentation fault|cannot|could not|unable to|no such|not found|timed out|timeout|undefined|unresolved|traceback"
    r"|invalid|unable)\b"
    r"|[a-z]Error\b|[a-z]Exception\b|^E\s{2}|\bE\d{3,4}\b|assert"
    r"|exit(?:ed)?\s?(?:with\s)?(?:code|status)?[:=\s]\s?[1-9]\d{0,2}\b",
    re.IGNORECASE,
)
_WARNING = re.compile(r"\bwarn(?:ing)?s?\b|deprecat", re.IGNORECASE)
_NOTHING = re.compile(
    r"\b(?:0|no) (?:errors?|fail(?:ed|ures?)|warnings?|exceptions?)\b|\b(?:errors?|failures?|failed)\W{1,3}0\b",
    re.IGNORECASE,
)
_TRACEBACK = re.compile(r"Traceback \(most recent call last\)|^\s*(?:panicked at|goroutine \d+ \[)|^Caused by: ")
_VARYING = re.compile(r"0x[0-9a-fA-F]+|[0-9a-fA-F]{8,}|\d+")
_STAMP = re.compile(r"\W{0,2}(?:\w{3} +\d{1,2} |\d{2,4}[-/]\d\d[-/]\d\d[T ])?\d\d:\d\d:\d\d")
_LOG_SHARE = 0.3
_LONGEST_TRACEBACK = 200


def is_error_line(line: str) -> bool:
    """Return whether a line reports an error; one that states that there are none does not."""
    return _ERROR.search(line) is not None and not _NOTHING.search(line)


def error_lines(lines: Sequence[str]) -> list[int]:
    """Find the lines that report an error or a warning, in the order in which they should be kept.

    Tracebacks come with all their lines, the last line first, since it names the error. What is stated first
    precedes repetitions, and errors come before warnings.
    """
    fresh: list[int] = []
    again: list[int] = []
    warned: list[int] = []
    seen: set[str] = set()
    place = 0
    while place < len(lines):
        line = lines[place]
        if _TRACEBACK.search(line):
            end = _end_of_traceback(lines, place)
            fresh += reversed(range(place, end))
            place = end
            continue
        if is_error_line(line):
            form = line_template(line)
            (again if form in seen else fresh).append(place)
            seen.add(form)
        elif _WARNING.search(line) and not _NOTHING.search(line):
            warned.append(place)
        place += 1
    return [*fresh, *warned, *again]


def is_log(lines: Sequence[str]) -> bool:
    """Return whether many lines begin with a time of day."""
    return sum(_STAMP.match(line) is not None for line in lines) > _LOG_SHARE * len(lines)


def line_template(line: str) -> str:
    """Return a line without what varies between its repetitions: numbers, times, addresses, hashes."""
    return _VARYING.sub("#", line).strip()


def _end_of_traceback(lines: Sequence[str], start: int) -> int:
    """Return the place behind a traceback: its frames are indented, the line after them names the error."""
    end = start + 1
    while end < min(len(lines), start + _LONGEST_TRACEBACK) and lines[end][:1] in (" ", "\t"):
        end += 1
    return min(end + 1, len(lines))
