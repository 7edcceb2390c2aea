"""The facts of one turn: of what was said, of calls and their arguments, and of what came back."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, pairwise
from typing import cast

from autogen_core import FunctionCall
from autogen_core.models import AssistantMessage, FunctionExecutionResult, SystemMessage, UserMessage

from autogen_budget._text import Document, Shape, read_text, shape_of, words_of
from autogen_budget._turns import Turn, text_of

from ._data import identity_of, read_data
from ._facts import LONGEST_VALUE, Fact, Origin, Place
from ._rank import prepare
from ._reading import Reading, Readings
from ._text import read_lines, read_sentences, read_troubles

MOST_FACTS_OF_A_TURN = 1_000
"""Facts that one turn may add; those after them are not read."""

LONGEST_MESSAGE = 2_000
"""Characters up to which a user's message is taken for words rather than for a document, and kept by the sentence."""

_LONGEST_REPORT = 400
"""Characters up to which a result may be nothing but the report of an error."""

_LONGEST_ARGUMENT = 60
"""Characters of an argument in the name of a call."""

_LAYOUTS = frozenset(("items", "labelled lines", "pairs", "sections", "yaml"))
"""Formats that words of people have by chance."""

_QUESTION = re.compile(r"[^.!?\n]{2,200}\w [^.!?\n]{1,100}\?")
_LONGEST_QUESTION = 304  # characters that the pattern matches at most
_SENTENCE_END = re.compile(r"[.!?\n]")
_READING = frozenset(
    ("get", "list", "search", "find", "read", "view", "open", "show", "fetch", "lookup", "query", "check", "describe")
)
"""Verbs that the names of tools begin with that change nothing, so that a call of one is no event of its own."""


def question_of(turn: Turn) -> str:
    """Return the question that an assistant's text ends with; empty for none."""
    if turn.kind != "assistant":
        return ""
    text = text_of(turn.head)[-LONGEST_MESSAGE:]
    ends = [0, *(mark.end() for mark in _SENTENCE_END.finditer(text))] if "?" in text else []
    for start, end in reversed([*pairwise(ends)]):
        if text[end - 1] == "?" and (found := _QUESTION.search(text, max(start, end - _LONGEST_QUESTION), end)):
            return found[0].strip(" *-\t")[-LONGEST_VALUE:]
    return ""


def read_turn(turn: Turn, number: int) -> Reading:
    """Read a turn: its facts, in the order they are met, and what the agent did.

    A turn is read once, while there is room to remember what was read: when it comes, and not when it is dropped.

    Args:
        turn (Turn): The turn. One that this library wrote tells nothing.
        number (int): Its number, counted from the first dropped one.

    Returns:
        Reading: At most `MOST_FACTS_OF_A_TURN` facts.
    """
    return _READINGS.of(turn, number)


def answer_to(question: str, turn: Turn, number: int) -> Fact | None:
    """Return what a short message answers to the question of the turn before it; `None` where it answers none."""
    if turn.note or isinstance(turn.head, AssistantMessage):
        return None
    text = text_of(turn.head)
    if not question or not 0 < len(text) <= LONGEST_VALUE:
        return None
    answer = " ".join(text.split())
    return Fact(Place("asked and answered", Origin.OUTCOME, number), "", answer, Shape.TEXT, f"{question} {answer}")


def _read(turn: Turn, number: int) -> list[Fact]:
    facts = [] if turn.note else list(islice(_facts_of(turn, number), MOST_FACTS_OF_A_TURN))
    prepare(facts)
    return facts


_READINGS = Readings(_read)


def _facts_of(turn: Turn, number: int) -> Iterator[Fact]:
    head = turn.head
    if not isinstance(head, AssistantMessage):
        yield from _facts_of_words(head, number)
        return
    text = head.content if isinstance(head.content, str) else head.thought or ""
    yield from _facts_of_text(text, Place("assistant", Origin.ASSISTANT, number))
    results = {result.call_id: result for result in turn.results.content} if turn.results else {}
    for call in turn.calls:
        yield from _facts_of_arguments(call, number)
        yield from _facts_of_result(call, results[call.id], number)


def _facts_of_words(head: UserMessage | SystemMessage, number: int) -> Iterator[Fact]:
    """Yield what a user, another agent or the system said."""
    text = text_of(head)
    place = Place("system" if isinstance(head, SystemMessage) else head.source, Origin.USER, number)
    yield from _facts_of_text(text, place)
    if len(text) <= LONGEST_MESSAGE:
        yield from read_sentences(text, place)


def _facts_of_text(text: str, place: Place) -> Iterator[Fact]:
    """Return what somebody wrote: lines, but for the data in it. Sentences behind a dash or a colon are no records."""
    document = read_text(text)
    return (
        read_data(document, place)
        if document.structured and document.format not in _LAYOUTS
        else read_lines(text, place)
    )


def _is_plain_list(document: Document) -> bool:
    """Return whether a document is a list of lines without any fields."""
    items = document.value if isinstance(document.value, list) else ()
    return document.format == "items" and not any(isinstance(item, dict) for item in items)


def _facts_of_arguments(call: FunctionCall, number: int) -> Iterator[Fact]:
    """Return what a call passes. It is passed anew each time: no value takes another one's place."""
    place = Place(call.name, Origin.ARGUMENT, number)
    document = read_text(call.arguments)
    facts = read_data(document, place) if document.structured else read_lines(call.arguments, place)
    return (replace(fact, single=False) for fact in facts)


def _facts_of_result(call: FunctionCall, result: FunctionExecutionResult, number: int) -> Iterator[Fact]:
    """Yield what a call brought, and that it was made or failed."""
    name = _name_of_call(call)
    place = Place(name, Origin.RESULT, number)
    document = read_text(result.content)
    identity = identity_of(document)
    answer = result.content.strip()
    if (
        not document.structured
        and len(answer) <= _LONGEST_ARGUMENT
        and not result.is_error
        and shape_of(answer).distinctive
    ):
        yield Fact(place, _asked_by(call.name), answer, shape_of(answer))
    elif not document.structured or _is_plain_list(document):
        yield from read_lines(result.content, place)
    elif identity:
        # A record that identifies itself is the same subject, whichever call shows it.
        yield from read_data(document, replace(place, subject=identity, source=call.name))
    else:
        yield from read_data(document, place)
    if result.is_error or len(result.content) <= _LONGEST_REPORT:
        yield from read_troubles(result.content, replace(place, origin=Origin.OUTCOME))
    if name and not result.is_error and not _READING.intersection(words_of(call.name)[:1]):
        yield Fact(Place("calls made", Origin.OUTCOME, number), "", name, Shape.TEXT, name)


def _asked_by(tool: str) -> str:
    """Return what a tool is asked for, by its name: `user_id` by `find_user_id_by_email`; else the whole name."""
    words = tool.split("_")
    words = words[1:] if len(words) > 1 and words[0].lower() in _READING else words
    end = next((i for i, word in enumerate(words) if i and word in ("by", "for", "from", "of", "in")), None)
    return "_".join(words[:end])


def _name_of_call(call: FunctionCall) -> str:
    """Return a call in few words: the tool and the beginning of each argument."""
    try:
        record: object = json.loads(call.arguments, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        record = None
    arguments = call.arguments
    if isinstance(record, dict):
        fields = cast("dict[str, object]", record).items()
        parts = (f"{label}={_short(str(value), _LONGEST_ARGUMENT)}" for label, value in fields)
        arguments = ", ".join(islice(parts, LONGEST_VALUE))
    return _short(f"{call.name} {arguments}", LONGEST_VALUE)


def _short(text: str, length: int) -> str:
    """Return the beginning of a text, in one line."""
    return " ".join(text[:length].split())
