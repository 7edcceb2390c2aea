"""Quick searches through texts too large to be looked at closely."""

_SAMPLE = 65_536
_PER_LINE = 200.0
_MAX_SEARCHES = 8
_MAX_HITS = 100


def affordable_searches(text: str) -> int:
    """Return how many words to search for in a text, so that it takes no longer than splitting it a few times.

    A search with `str.find` costs about half of what splitting a text into lines of a hundred characters does, and as
    much as splitting one without line feeds. So the shorter the lines at the beginning of a text, the more searches.
    """
    return min(1 + int(_PER_LINE * text.count("\n", 0, _SAMPLE) / _SAMPLE), _MAX_SEARCHES)


def hits(text: str, start: int, end: int, word: str) -> list[int]:
    """Return where a word stands in a part of a text: the first places, and the last."""
    found: list[int] = []
    at = text.find(word, start, end)
    while at >= 0 and len(found) < _MAX_HITS:
        found.append(at)
        at = text.find(word, at + len(word), end)
    return [*found, text.rfind(word, start, end)] if at >= 0 else found
