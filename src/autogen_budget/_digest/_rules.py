"""Standing rules: what a user said shall hold, word for word, until a later statement replaces it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from autogen_core.models import UserMessage

from autogen_budget._counting import TokenCounter
from autogen_budget._text import (
    RuleLevel,
    is_function_word,
    replaces,
    rule_level,
    sets_limit,
    split_sentences,
    terms_of,
    without_rule_marks,
)
from autogen_budget._turns import Turn, text_of

HEADING = "[What the user said shall hold, the latest last]"

MAX_RULES = 400
"""Rules that are remembered; of more, the oldest of the least firm are forgotten."""

MAX_REPLACED = 100
"""Replaced statements that are remembered."""

MAX_RULE = 280
"""Characters a rule is told in. Of a longer sentence, the clauses with figures and those that make it a rule stay."""

MAX_WORDS = 6_000
"""Characters of a message up to which it is taken for words rather than for a document that somebody pasted."""

_SAME_SUBJECT, _SAME_WITHOUT_FIGURES, _MIN_OF_ALL = 0.6, 0.5, 0.25
"""Shares of words that two statements must have in common for the later one to replace the other, if it says that it
does: of the shorter one's words, which are all its subject where both tell a figure, and hold the value as well where
they do not; and of all their words."""

_SAME_STATEMENT = 0.7
"""Share of all their words that must be common where the later one does not say that it replaces anything."""

_PEOPLE = re.compile(r"user|human|customer|client|caller|operator|owner|admin", re.IGNORECASE)
_PASTED = re.compile(
    r"```(?:[^`]|`(?!``))*(?:```|\Z)|^[ \t]*[>|{}\[\]<][^\n]*$|^[^\n]{0,200}[{}\[\]<>|]{2}[^\n]*$", re.MULTILINE
)
_CLAUSE = re.compile(r"(?<=[,;:，；：])\s*")
_QUOTED = re.compile(r"^[\"“”'«„「].*[\"“”'»」][.!]?$", re.DOTALL)
_POINTS_BACK = re.compile(r"(?:that|this|it|they|these|those|das|dies|cela|eso|isso|это)\b", re.IGNORECASE)
_FIGURE = re.compile(r"\d")
_FIGURES = re.compile(r"\d+(?:[.,:/-]\d+)*")


@dataclass(frozen=True, slots=True)
class Rule:
    """One statement of a user.

    Args:
        text (str): Its words, in one line of at most `MAX_RULE` characters.
        level (RuleLevel): How firmly it holds.
        turn (int): In which turn it was said, counted from the first dropped one.
    """

    text: str
    level: RuleLevel
    turn: int


@dataclass(frozen=True, slots=True)
class StandingRules:
    """What users said shall hold: an immutable value.

    Args:
        rules (tuple[Rule, ...]): The rules that hold, in the order in which they were stated.
        replaced (tuple[str, ...]): What was replaced, the latest `MAX_REPLACED`: nothing of it is told any more.
    """

    rules: tuple[Rule, ...] = ()
    replaced: tuple[str, ...] = ()

    def after(self, turn: Turn, number: int, people: frozenset[str] = frozenset()) -> "StandingRules":
        """Return the rules after one more turn."""
        rules, replaced = self.rules, self.replaced
        for text, level in statements_of(turn, people):
            new = Rule(text, level, number)
            replaced_now = {rule.text for rule in _replaced(rules, new)} - {text}
            replaced = (*(old for old in replaced if old != text), *sorted(replaced_now))[-MAX_REPLACED:]
            rules = (*(rule for rule in rules if rule.text not in replaced_now and rule.text != text), new)
        return self if rules is self.rules else StandingRules(_bounded(rules), replaced)

    def is_stale(self, text: str, value: str, turn: int) -> bool:
        """Return whether a later rule replaced what a text says."""
        if any(text in old or (value in old and _FIGURE.search(value)) for old in self.replaced):
            return not any(value in rule.text for rule in self.rules)
        later = (rule.text for rule in self.rules if rule.turn > turn and replaces(rule.text))
        return any(text not in rule and _contradicts(text, rule) for rule in later)

    def has_replaced(self, text: str) -> bool:
        """Return whether a text holds a statement that was replaced, or one with its figure about the same thing."""
        if not self.replaced:
            return False
        held = frozenset[str]().union(*(_figures_in(rule.text) for rule in self.rules))
        return any(
            old in sentence or ((_figures_in(old) - held) & _figures_in(sentence) and _is_about(old, sentence))
            for sentence in split_sentences(text)
            for old in self.replaced
            if not any(rule.text in sentence for rule in self.rules)
        )

    def render(self, limit: int, counter: TokenCounter, visible: str = "") -> str:
        """Return the rules as text: the firmest that fit, in the order in which they were stated.

        Returns:
            str: At most `limit` tokens; empty where there are none, or none fits.
        """
        seen = " ".join(visible.split())
        wanted = [rule for rule in self.rules if rule.level is RuleLevel.RULE and rule.text not in seen]
        chosen: list[Rule] = []
        left = limit - counter.count_text(HEADING) - 1
        for rule in sorted(wanted, key=lambda rule: (not _FIGURE.search(rule.text), -rule.turn)):
            cost = counter.count_text(f"\n- {rule.text}") + 1  # a token where two lines meet
            if cost <= left:
                chosen.append(rule)
                left -= cost
        lines = [f"- {rule.text}" for rule in wanted if rule in chosen]
        return "\n".join((HEADING, *lines)) if lines else ""

    def save(self) -> Mapping[str, object]:
        """Return the rules as values that JSON can hold."""
        return {
            "rules": [[rule.text, int(rule.level), rule.turn] for rule in self.rules],
            "replaced": list(self.replaced),
        }

    @classmethod
    def load(cls, state: object) -> "StandingRules":
        """Return the rules that were saved.

        Raises:
            ValueError: It is something else.
        """
        values: Mapping[str, object] = cast("Mapping[str, object]", state) if isinstance(state, Mapping) else {}
        items, replaced = values.get("rules"), values.get("replaced")
        if not isinstance(items, list) or not isinstance(replaced, list):
            raise ValueError("not saved rules")
        old = cast("list[object]", replaced)
        if not all(isinstance(words, str) for words in old):
            raise ValueError("not saved rules")
        return cls(tuple(map(_loaded, cast("list[object]", items))), tuple(map(str, old)))


def statements_of(turn: Turn, people: frozenset[str] = frozenset()) -> Iterator[tuple[str, RuleLevel]]:
    """Yield what a turn states that shall hold, each with how firmly.

    What is quoted, fenced or looks like the output of a program is no statement of the person who pasted it.
    """
    head = turn.head
    if turn.note or not isinstance(head, UserMessage):
        return
    if head.source not in people and not _PEOPLE.search(head.source):
        return
    yield from _statements_in(text_of(head))


@lru_cache(maxsize=512)
def _statements_in(text: str) -> tuple[tuple[str, RuleLevel], ...]:
    """Return what a text states: read once, though each request is looked through for what replaces a rule."""
    if len(text) > MAX_WORDS:
        text = f"{text[: MAX_WORDS // 2]}\n{text[-MAX_WORDS // 2 :]}"
    found: list[tuple[str, RuleLevel]] = []
    before = ""
    for part in split_sentences(_PASTED.sub("\n", text)):
        sentence = " ".join(part.encode("utf-8", "replace").decode().split()).lstrip("-*•# ")
        level = rule_level(sentence) if len(sentence) > 3 and not _QUOTED.match(sentence) else None
        if level is not None:
            needs_more = _POINTS_BACK.match(sentence) and before
            found.append((_shortened(f"{before} {sentence}" if needs_more else sentence), level))
        before = sentence
    return tuple(found)


def _loaded(item: object) -> Rule:
    match item:
        case [str(text), int(level), int(turn)]:
            return Rule(text, RuleLevel(level), turn)
        case _:
            raise ValueError(f"not a saved rule: {item!r:.40}")


def _shortened(sentence: str) -> str:
    """Return a sentence of bounded length, with its figures."""
    if len(sentence) <= MAX_RULE:
        return sentence
    clauses = [clause for clause in _CLAUSE.split(sentence) if _FIGURE.search(clause) or rule_level(clause) is not None]
    text = " ... ".join(clauses) or sentence
    if len(text) <= MAX_RULE:
        return text
    head = text[: MAX_RULE * 2 // 3]
    figures = [figure for figure in _FIGURES.findall(text) if figure not in head]
    return f"{head} ... {', '.join(figures)}"[:MAX_RULE].rstrip(" ,.") if figures else f"{head} ..."


def _replaced(rules: Iterable[Rule], new: Rule) -> list[Rule]:
    """Return the rules that a new one replaces: those nearest to it, unless it may mean one as well as another."""
    likely: dict[float, list[Rule]] = {}
    for rule in rules:
        if _contradicts(rule.text, new.text):
            likely.setdefault(_common(rule.text, new.text), []).append(rule)
    nearest = likely[max(likely)] if likely else []
    return nearest if len({_subject(rule.text) for rule in nearest}) == 1 else []


def _contradicts(old: str, new: str) -> bool:
    """Return whether a later statement is about the same thing as an older one and says otherwise."""
    first, second = _subject(old), _subject(new)
    if not first & second:
        return False
    figures = _figures_in(old), _figures_in(new)
    if replaces(new):
        least = _SAME_SUBJECT if all(figures) else _SAME_WITHOUT_FIGURES
        return len(first & second) / min(len(first), len(second)) >= least and _common(old, new) >= _MIN_OF_ALL
    other_figure = all(figures) and figures[0] != figures[1]
    return other_figure and sets_limit(old) and sets_limit(new) and _common(old, new) >= _SAME_STATEMENT


def _is_about(old: str, sentence: str) -> bool:
    """Return whether a sentence is about what a statement is about, whatever else it says."""
    subject = _subject(old)
    return bool(subject) and len(subject & _subject(sentence)) >= _SAME_SUBJECT * len(subject)


@lru_cache(maxsize=4096)
def _figures_in(text: str) -> frozenset[str]:
    return frozenset(_FIGURES.findall(text))


def _common(old: str, new: str) -> float:
    first, second = _subject(old), _subject(new)
    return len(first & second) / len(first | second)


@lru_cache(maxsize=4096)
def _subject(text: str) -> frozenset[str]:
    """Return what a statement is about: its words without figures, marks of rules, and words that name nothing."""
    terms = terms_of(without_rule_marks(text))
    return frozenset(term for term in terms if not is_function_word(term) and not _FIGURE.search(term))


def _bounded(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    if len(rules) <= MAX_RULES:
        return rules
    firmest = sorted(rules, key=lambda rule: (rule.level, -rule.turn))[:MAX_RULES]
    return tuple(rule for rule in rules if rule in firmest)
