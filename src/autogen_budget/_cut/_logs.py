"""What matters in logs and the output of programs: errors, tracebacks, and each repeated line once."""

import re
from collections.abc import Sequence
from itertools import accumulate

_ERROR = re.compile(
    r"\b(?:errors?|fatal|panic(?:ked)?|fail(?:ed|ure|ures|s)?|critical|exceptions?|denied|refused|abort(?:ed)?|killed|segfault"
    r"|segmentation fault|cannot|could not|unable to|no such|not found|timed out|timeout|undefined|unresolved)\b"
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


def errors(texts: Sequence[str]) -> list[int]:
    """Places of the lines that tell of an error, in the order in which they should be kept.

    Tracebacks come with all their lines, the last line first, since it names the error. What is said for the first time
    comes before what was said already, and errors come before warnings.

    Args:
        texts (Sequence[str]): The lines.

    Returns:
        list[int]: Their places.
    """
    fresh: list[int] = []
    again: list[int] = []
    warned: list[int] = []
    seen: set[str] = set()
    place = 0
    while place < len(texts):
        text = texts[place]
        if _TRACEBACK.search(text):
            end = _end_of_traceback(texts, place)
            fresh += reversed(range(place, end))
            place = end
            continue
        if _ERROR.search(text) and not _NOTHING.search(text):
            form = template(text)
            (again if form in seen else fresh).append(place)
            seen.add(form)
        elif _WARNING.search(text) and not _NOTHING.search(text):
            warned.append(place)
        place += 1
    return [*fresh, *warned, *again]


def template(text: str) -> str:
    """A line without what varies between its repetitions: numbers, times, addresses, hashes."""
    return _VARYING.sub("#", text).strip()


def is_log(texts: Sequence[str]) -> bool:
    """Whether many lines begin with a time of day."""
    return sum(_STAMP.match(text) is not None for text in texts) > _LOG_SHARE * len(texts)


def repeats(texts: Sequence[str]) -> list[int]:
    """For each line the place of the first line that says the same.

    In a log, whose lines begin with a time, lines say the same if they differ in nothing but numbers, times, addresses
    and hashes; in any other text only if they are equal.
    """
    dated = is_log(texts)
    first: dict[str, int] = {}
    forms = [template(text) if dated else text.strip() for text in texts]
    return [first.setdefault(form, place) if texts[place] else place for place, form in enumerate(forms)]


def runs_of(alike: Sequence[int]) -> list[int]:
    """Numbers the runs of lines in a row that say the same."""
    changes = [place > 0 and alike[place] != alike[place - 1] for place in range(len(alike))]
    return list(accumulate(changes))


def _end_of_traceback(texts: Sequence[str], start: int) -> int:
    """The place behind a traceback: its frames are indented, the line after them names the error."""
    end = start + 1
    while end < min(len(texts), start + _LONGEST_TRACEBACK) and texts[end][:1] in (" ", "\t"):
        end += 1
    return min(end + 1, len(texts))
