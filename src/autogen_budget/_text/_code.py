"""Source code: what makes a text one, and where its signatures are."""

import re
from collections.abc import Sequence

_NUMBERED = r"^(?:\s*\d+\s*[:|→\t-]\s?)?"
_MODIFIERS = (
    r"(?:(?:export|default|pub(?:\([\w:]+\))?|public|private|protected|internal|static|final|abstract|async|unsafe"
    r"|override|virtual|inline|extern)\s+)*"
)
_DECLARED = r"(?:def|class|func|function|fn|interface|struct|enum|trait|impl|module|namespace|type|object|record)"
_SIGNATURE = re.compile(_NUMBERED + r"(?P<indent>\s*)(?:@\w|" + _MODIFIERS + _DECLARED + r"\s+[\w$(<])")
_METHOD = re.compile(
    _NUMBERED + r"(?P<indent>\s*)" + _MODIFIERS + r"[\w<>\[\]*&:]+\s+[\w:~]+\s*\([^;=]*\)?\s*(?:const)?\s*\{\s*$"
)
_IMPORT = re.compile(
    _NUMBERED + r"\s*(?:import\s|from\s+\S+\s+import\s|#include\s|use\s+[\w:]+|using\s|require|package\s)"
)
_CODE = re.compile(_NUMBERED + r"(?:\s{2,}\S|\s?[}\])]|#|//|/\*)|[{};:(,\[]\s*$|\s[=!+-]=?\s|\)\s*$")
_SAMPLE = 400
_MIN_SIGNATURES = 0.02
_MIN_CODE = 0.5


def is_code(texts: Sequence[str]) -> bool:
    """Return whether lines look like source code, numbered or not."""
    lines = [text for text in texts if text.strip()]
    step = max(1, len(lines) // _SAMPLE)
    sample = lines[::step]
    if not sample:
        return False
    marked = sum(is_signature(line) or _IMPORT.match(line) is not None for line in sample)
    code = sum(_CODE.search(line) is not None for line in sample)
    return marked >= max(1.0, _MIN_SIGNATURES * len(sample)) and code >= _MIN_CODE * len(sample)


def is_signature(text: str) -> bool:
    """Return whether a line begins a function, a class or the like."""
    return _SIGNATURE.match(text) is not None or _METHOD.match(text) is not None


def signatures(texts: Sequence[str]) -> list[int]:
    """Return the places of the signatures, the outermost first."""

    def indent(place: int) -> int:
        match = _SIGNATURE.match(texts[place]) or _METHOD.match(texts[place])
        return len(match["indent"].expandtabs()) if match else 0

    return sorted(
        (place for place, text in enumerate(texts) if is_signature(text)), key=lambda place: (indent(place), place)
    )
