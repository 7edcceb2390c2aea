"""What an agent does, read from its calls: what they use, how they fail, and the plan that is written down."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import cast

from autogen_core import FunctionCall
from autogen_core.models import AssistantMessage

from autogen_budget._text import Shape, is_error_line, names_in, one_line, shape_of, words_of
from autogen_budget._turns import Turn, text_of

from ._facts import Fact, Origin

WRITTEN, READ = "files written", "files read"

LONGEST_NAME, MOST_NAMES = 120, 60
"""Characters of a thing, and things of one call, that are remembered."""

LONGEST_REPORT = 400
"""Characters up to which a result may be nothing but the report of an error."""

LONGEST_PLAN, MOST_STEPS = 80, 12
"""Characters of a step of a plan, and steps, that are remembered."""

_CHANGES = frozenset(
    (
        *(
            "write",
            "create",
            "edit",
            "insert",
            "replace",
            "append",
            "update",
            "save",
            "patch",
            "apply",
            "modify",
            "set",
        ),
        *("move", "rename", "copy", "delete", "remove", "upload", "tee", "sed", "mv", "cp", "rm", "touch", "mkdir"),
    )
)
"""Words that tools and programs that change files are called by."""

_COMMAND_FIELDS = frozenset(("command", "cmd", "commands", "script", "shell", "bash"))
_PARTED = re.compile(r"\|\||&&|[;|\n]")
_PROGRAM = re.compile(r"\s*(?:\w+=\S* )*(?:sudo )?([\w./-]{2,40})")
_PRINTS = re.compile(r"\bsed +(?:-n|--quiet)\b")
_SUBSTITUTION = re.compile(r"[sy]?/[^/]*/[^/]*/\w{0,3}")
_STATUS = re.compile(r"(?:exit|return|status)\W{0,3}(?:code|status)?\W{1,3}[1-9]\d{0,2}\b", re.IGNORECASE)
_BOX = re.compile(r"^\s*(?:[-*+]|\d{1,2}[.)])?\s*\[([ xX~>-])\][ \t]+(\S.*)$", re.MULTILINE)
_MARKS = {"x": "x", "~": "~", ">": "~", "-": "~"}
_STATES = {"done": "x", "completed": "x", "complete": "x", "finished": "x", "in_progress": "~", "in progress": "~"}
_OPEN = frozenset(("pending", "todo", "open", "not_started", "not started", "planned"))


@dataclass(frozen=True, slots=True)
class Use:
    """A thing that a call uses, or that is seen.

    Args:
        value (str): The thing, word for word.
        label (str): What it is: `files written`, or the field or the command that it stands in.
    """

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Works:
    """What a turn tells of the agent's work.

    Args:
        uses (tuple[Use, ...]): What its calls use, each thing once.
        sights (tuple[Use, ...]): Other things that are merely seen in it.
        failures (tuple[tuple[str, str], ...]): Each call in short, and how it failed; empty for one that did not.
        plan (str): The plan that it writes down; empty for none.
    """

    uses: tuple[Use, ...] = ()
    sights: tuple[Use, ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    plan: str = ""


def works_of(turn: Turn, facts: Iterable[Fact]) -> Works:
    """Read what a turn tells of the agent's work; `facts` are the facts in it."""
    uses = {use.value: use for call in turn.calls for use in _uses_in(call)}
    sights = tuple(_sight(fact) for fact in facts if _names_a_thing(fact) and fact.value not in uses)
    return Works(tuple(uses.values()), sights, tuple(_failures_in(turn)), _plan_in(turn))


def _names_a_thing(fact: Fact) -> bool:
    """Return whether a fact that was merely seen is a thing to work with: others are told as facts."""
    if fact.shape is Shape.PATH:
        last = fact.value.rpartition("/")[2]
        return fact.value[0] in "/~." or fact.value.count("/") > 1 or ("/" in fact.value and "." in last)
    if fact.place.origin not in (Origin.RESULT, Origin.USER):
        return False
    coded = fact.shape is Shape.IDENTIFIER and any(map(str.isdigit, fact.value))
    return coded or fact.shape in (Shape.EMAIL, Shape.URL)


def _sight(fact: Fact) -> Use:
    return Use(fact.value, "files seen" if fact.shape is Shape.PATH else fact.label.rpartition(".")[2])


def _uses_in(call: FunctionCall) -> Iterator[Use]:
    """Return what a call uses, in the order in which it stands there."""
    changes = bool(_CHANGES.intersection(words_of(call.name)))
    leaves = _leaves("", _arguments(call))
    return islice(chain.from_iterable(_uses(name, text, changes=changes) for name, text in leaves), MOST_NAMES)


def _failures_in(turn: Turn) -> Iterator[tuple[str, str]]:
    """Yield each call of a turn in short, and the line that tells how it failed; empty for one that did not."""
    results = {result.call_id: result for result in turn.results.content} if turn.results else {}
    for call in turn.calls:
        result = results[call.id]
        text = result.content.strip()
        short = len(text) <= LONGEST_REPORT
        failed, how = result.is_error or _STATUS.search(text[-200:]) is not None, ""
        if failed or short:
            lines = [line for line in text[-4_000:].splitlines() if is_error_line(line)]
            reasons = [line for line in lines if not _STATUS.search(line)]
            if failed or lines:
                how = (reasons or lines or text.splitlines() or ["failed"])[-1]
        yield _call_in_short(call), one_line(how.strip())[:LONGEST_NAME]


def _plan_in(turn: Turn) -> str:
    """Return the plan that a turn writes down, with the state of each step; empty for none."""
    for call in turn.calls:
        steps = _steps(_arguments(call))
        if len(steps) > 1:
            return _plan(steps)
    head = turn.head
    words = f"{head.thought or ''}\n{text_of(head)}" if isinstance(head, AssistantMessage) else ""
    boxes = [(f"[{_MARKS.get(mark.lower(), ' ')}]", step) for mark, step in _BOX.findall(words)]
    return _plan(boxes) if len(boxes) > 1 else ""


def _arguments(call: FunctionCall) -> object:
    """Return what a call passes, with its numbers as they are written; nothing where it is no JSON."""
    try:
        return cast(object, json.loads(call.arguments, parse_int=str, parse_float=str, parse_constant=str))
    except (ValueError, RecursionError):
        return None


def _leaves(name: str, data: object) -> Iterator[tuple[str, str]]:
    """Yield the texts and numbers of a call's arguments with their fields."""
    if isinstance(data, dict):
        for key, value in cast("dict[str, object]", data).items():
            yield from _leaves(key, value)
    elif isinstance(data, list):
        for value in cast("list[object]", data):
            yield from _leaves(name, value)
    elif isinstance(data, str):
        yield name, data


def _uses(name: str, text: str, *, changes: bool) -> Iterator[Use]:
    if name.lower() in _COMMAND_FIELDS:
        for part in _PARTED.split(text):
            yield from _uses_in_command(part)
    elif len(text) <= LONGEST_NAME // 2 and (shape_of(text).distinctive or shape_of(text) is Shape.NAME):
        yield _use(text, name, changes=changes)
    else:
        yield from (_use(value, name, changes=changes) for value in names_in(text, MOST_NAMES))


def _uses_in_command(command: str) -> Iterator[Use]:
    """Yield what one command of a shell uses; a file behind `>` is written."""
    program = _PROGRAM.match(command)
    word = program[1].rpartition("/")[2] if program else ""
    changes = word in _CHANGES and not _PRINTS.search(command)
    given, _, output = command.partition(">")
    for text, written in ((given, changes), (output, True)):
        names = (name for name in names_in(text, MOST_NAMES) if name != word and not _SUBSTITUTION.fullmatch(name))
        yield from (_use(name, word, changes=written) for name in names)


def _use(value: str, label: str, *, changes: bool) -> Use:
    value = value[:LONGEST_NAME]
    if shape_of(value) is Shape.PATH:
        label = WRITTEN if changes else READ
    return Use(one_line(value), one_line(label))


def _call_in_short(call: FunctionCall) -> str:
    values = " ".join(text for _, text in _leaves("", _arguments(call)))
    return one_line(" ".join(f"{call.name} {values}".split()))[: LONGEST_NAME // 2 + 20]


def _items(data: object) -> list[object]:
    return cast("list[object]", data) if isinstance(data, list) else []


def _steps(data: object) -> list[tuple[str, str]]:
    """Return the steps of a plan in the arguments of a call: records with a text and a state."""
    if isinstance(data, dict):
        nested = (_steps(value) for value in cast("dict[str, object]", data).values())
        return next(filter(None, nested), list[tuple[str, str]]())
    steps: list[tuple[str, str]] = []
    for item in _items(data):
        fields = cast("dict[str, object]", item) if isinstance(item, dict) else {}
        texts = [value for value in fields.values() if isinstance(value, str)]
        states = [text.lower() for text in texts if text.lower() in _STATES or text.lower() in _OPEN]
        words = [text for text in texts if text.lower() not in states]
        if states and words:
            steps.append((f"[{_STATES.get(states[0], ' ')}]", max(words, key=len)))
    return steps


def _plan(steps: list[tuple[str, str]]) -> str:
    return "; ".join(f"{box} {one_line(step)[:LONGEST_PLAN].strip()}" for box, step in steps[:MOST_STEPS])
