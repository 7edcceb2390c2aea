"""Reads what a model answered: a record, or the reason why there is none."""

import re
from collections.abc import Iterable, Iterator
from typing import cast

from autogen_core.models import CreateResult
from pydantic_core import from_json

from autogen_budget._text import encodable, one_line

_REFUSAL = re.compile(
    r"\W*(i['’]m (very |really )?sorry|i am (very |really )?sorry|sorry\b|i (can['’]?t|cannot|can not|won['’]t)\b"
    r"|i['’]m (unable|not able)|i am (unable|not able)|as an ai\b)",
    re.IGNORECASE,
)
"""How models begin that decline. A record begins otherwise: with a heading, a name, a thing."""

_DIGITS = re.compile(r"\d+")


class NoSummaryError(Exception):
    """There is no summary, and why."""


def text_of_reply(result: CreateResult) -> str:
    """Return the text of an answer that is meant to be a record.

    Raises:
        NoSummaryError: It called functions, said nothing, or declined.
    """
    if not isinstance(result.content, str):
        raise NoSummaryError("the model called functions")
    if result.finish_reason == "content_filter":
        raise NoSummaryError("the provider's content filter stopped it")
    text = encodable(result.content).strip()
    if not text:
        raise NoSummaryError("the model said nothing")
    if _REFUSAL.match(text):
        raise NoSummaryError(f"the model declined: {text.splitlines()[0]:.80}")
    return text


def record_of_notes(text: str, source: str) -> str:
    """Return a record in JSON as text; what was cut off at its end, or repeated, or made up, is left out.

    Small models invent dates and figures: a line with a number that the source does not hold is not taken.

    Raises:
        NoSummaryError: It is not JSON, or nothing in it is left.
    """
    try:
        value = from_json(text, allow_partial="trailing-strings")
    except ValueError as error:
        raise NoSummaryError(f"invalid JSON: {error}") from None
    notes = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    known = frozenset(_DIGITS.findall(source))
    lines: list[str] = []
    for name, heading in (
        ("goal", "Goal"),
        ("decisions", "Decisions"),
        ("facts", "Facts"),
        ("open_points", "Open points"),
        ("next_step", "Next step"),
    ):
        items = dict.fromkeys(item for item in _strings(notes.get(name)) if known.issuperset(_DIGITS.findall(item)))
        if items:
            lines.append(f"{heading}: {'; '.join(items)}")
    if not lines:
        raise NoSummaryError("nothing in the model's JSON could be used")
    return "\n".join(lines)


def _strings(value: object) -> Iterator[str]:
    values = cast("Iterable[object]", value) if isinstance(value, list) else (value,)
    for item in values:
        if isinstance(item, str) and (words := one_line(item).strip()):
            yield words
