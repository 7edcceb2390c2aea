"""JSON, and JSON lines."""

import json
from collections.abc import Iterator

from ._json_ends import read_ends
from ._values import Number, Value

_OPENING = ("{", "[", '"')
_FEWEST_LINES = 2


def is_json(text: str) -> bool:
    """Return whether a text begins like a JSON object, list or string."""
    return text.lstrip()[:1] in _OPENING


def read_json(text: str) -> Value:
    """Read a JSON text; line feeds inside strings are let pass.

    Returns:
        Value: Its value. `None` when it is no JSON.
    """
    try:
        value: Value = json.loads(text, strict=False, parse_int=Number, parse_float=Number, parse_constant=Number)
    except ValueError:
        return None
    except RecursionError:  # nested deeper than the interpreter can follow
        return read_ends(text, len(text))
    return value


def is_json_lines(text: str) -> bool:
    """Return whether a text begins like lines of JSON."""
    return text.lstrip()[:1] in ("{", "[", '"') and "\n" in text.strip()


def read_json_lines(text: str) -> Value:
    """Read a text with a JSON value on each line; the last line may be truncated.

    Returns:
        Value: The values. `None` when a line is no JSON, or when there are fewer than two.
    """
    values: list[Value] = []
    for line, is_last in _lines(text):
        value = read_json(line) if is_json(line) else None
        if value is None and not (is_last and len(values) >= _FEWEST_LINES):
            return None
        if value is not None:
            values.append(value)
    return values if len(values) >= _FEWEST_LINES and any(isinstance(x, (dict, list)) for x in values) else None


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    lines = [line for line in text.split("\n") if line.strip()]
    yield from ((line, place == len(lines) - 1) for place, line in enumerate(lines))
