"""YAML, read by events: scalars stay as they are spelled, and an alias costs no more than its name."""

import re
from typing import TYPE_CHECKING

from ._values import DEEPEST, Gap, Value, children_of, scalar_of

if TYPE_CHECKING:
    import yaml

_LINE = re.compile(r"\s*(?:- |-$|[\w\"'][^\n:]{0,80}:(?:\s|$))")
_FEWEST_ENTRIES = 2
_NO_COMMENT = re.compile(r"[ \t]#\w")
_NO_FOLD = re.compile(r"^( *)(?:- )?[^\n:]{1,200}: +[^\s|>&!][^\n]*\n\1 +[-*] ", re.MULTILINE)
_NO_KEY = re.compile(r"\d{1,4}[.)]\s.*|.{61,}|\S+(?:\s\S+){6,}", re.DOTALL)
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None, "~": None, "": None}
_TRUNCATED_LINES = 2


def is_yaml(text: str) -> bool:
    """Return whether the first line of a text could be one of YAML."""
    head = text[:2_000].split("\n")
    first = next((line for line in head if line.strip() and not line.startswith(("#", "---", "%"))), "")
    return _LINE.match(first) is not None and "\n" in text.strip()


def read_yaml(text: str) -> Value:
    """Read a YAML text of one document or several.

    Returns:
        Value: A record, or a list with records; of a truncated text what is there. `None` when it is no YAML, when a
        record repeats a field (then it is a text that only looks like YAML), or when there is nothing but one field.
    """
    import yaml

    if _NO_COMMENT.search(text) or _NO_FOLD.search(text):  # "order #17" has no comment, a folded line no bullet
        return None
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if not builder.take(event):
                return None
    except yaml.MarkedYAMLError as error:
        if error.problem_mark is None or error.problem_mark.line < text.count("\n") - _TRUNCATED_LINES:
            return None
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError):
        return None
    return builder.value()


def _is_prose(items: list[Value]) -> bool:
    """Return whether the items of a list are sentences with a colon in them rather than records."""
    names = [tuple(item) for item in items if isinstance(item, dict)]
    return len(names) > 1 and all(len(fields) == 1 for fields in names) and len(set(names)) > 1


class _Builder:
    """Builds a value from the parser's events, with its own stack."""

    def __init__(self) -> None:
        self._documents: list[Value] = []
        self._open: list[tuple[bool, list[Value]]] = []

    def take(self, event: "yaml.Event") -> bool:
        """Take an event; False when what it ends is no plain data."""
        import yaml

        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._open.append((isinstance(event, yaml.MappingStartEvent), []))
            return len(self._open) < 10 * DEEPEST
        if isinstance(event, yaml.ScalarEvent):
            value = str(event.value)
            plain = event.implicit[0]
            return self._add((_WORDS[value] if value in _WORDS else scalar_of(value)) if plain else value)
        if isinstance(event, yaml.AliasEvent):
            return self._add(f"*{event.anchor}")
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            return self._close()
        return True

    def value(self) -> Value:
        """Return the value of the documents so far."""
        while self._open and self._close():
            pass
        whole = self._documents[0] if len(self._documents) == 1 else self._documents
        if not isinstance(whole, (dict, list)):
            return None
        if isinstance(whole, list) and _is_prose(whole):
            return None
        nested = any(isinstance(child, (dict, list)) for child in children_of(whole))
        return whole if nested or (isinstance(whole, dict) and len(whole) >= _FEWEST_ENTRIES) else None

    def _add(self, value: Value) -> bool:
        (self._open[-1][1] if self._open else self._documents).append(value)
        return True

    def _close(self) -> bool:
        is_record, parts = self._open.pop()
        if len(self._open) >= DEEPEST:
            return self._add(Gap(len(parts)))
        if not is_record:
            return self._add(parts)
        keys = [str(key) for key in parts[::2]]
        values = [*parts[1::2], *([Gap(None)] * (len(parts) % 2))]
        fields = len(set(keys)) == len(keys) and not any(map(_NO_KEY.fullmatch, keys))
        return fields and self._add(dict(zip(keys, values, strict=True)))
