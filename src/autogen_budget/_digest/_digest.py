"""The digest: facts of dropped turns, kept without any model, for a reader who will need them again."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from operator import itemgetter

from autogen_budget._counting import TokenCounter
from autogen_budget._turns import Turn

from ._extract import answer_to, question_of, read_turn
from ._facts import Fact, Facts, Origin
from ._rank import cost_of, keep_best, rank
from ._render import count_that_fits, counted, is_told, lines_of
from ._rules import StandingRules
from ._state import pack, unpack
from ._working_set import WorkingSet

MOST_FACTS = 4_000
"""Facts a digest holds; when there are more, those worth the least are forgotten."""

_KEPT_OF_TOO_MANY = MOST_FACTS * 3 // 4
_WORDS = (Origin.USER, Origin.STATED, Origin.ASSISTANT, Origin.OUTCOME)
_OF_RULES = 0.5
"""Share of the limit that rules may take beside facts: a long task may be nothing but rules."""

_ROOM = 1.5
"""How much more than the limit the rough costs of the candidates may add up to: they are never exact."""


@dataclass(frozen=True)
class Digest:
    """What is still known of turns that were dropped: an immutable value.

    `Digest()` knows nothing. It is deterministic, needs no model and no network, and holds a bounded number of facts
    however many turns it takes in.

    .. code-block:: python

        digest = Digest().extended(dropped_turns)
        text = digest.render(500, counter, visible=text_still_in_the_prompt)

    Args:
        facts (Facts): The facts, at most `MOST_FACTS`.
        turns (int): How many turns it took in.
        question (str): The question that the last of them ended with, which the next one may answer.
        rules (StandingRules): What users said in them that shall hold.
        working_set (WorkingSet): What the agent works with, by what its own calls use.
    """

    facts: Facts = field(default_factory=dict[tuple[str, ...], Fact])
    turns: int = 0
    question: str = ""
    rules: StandingRules = field(default_factory=StandingRules)
    working_set: WorkingSet = field(default_factory=WorkingSet)

    def extended(self, turns: Iterable[Turn], people: frozenset[str] = frozenset()) -> "Digest":
        """Return the digest after some more turns were dropped.

        It takes time in proportion to these turns, and a copy of the references to what was known before: facts
        themselves are shared. Extending by parts gives what extending at once gives.
        """
        facts, number, question, rules = dict(self.facts), self.turns, self.question, self.rules
        working_set = self.working_set
        for turn in turns:
            reading, answer = read_turn(turn, number), answer_to(question, turn, number)
            working_set = working_set.after(reading.works, number)
            for fact in reading.facts if answer is None else (*reading.facts, answer):
                # Met again, a fact moves to the end: facts stand in the order in which they were seen last.
                key = fact.key
                older = facts.pop(key, None)
                facts[key] = fact if older is None else fact.after(older)
            rules = rules.after(turn, number, people)
            number, question = number + 1, question_of(turn)
            if len(facts) > MOST_FACTS:
                best = keep_best(facts.values(), _KEPT_OF_TOO_MANY, number)
                facts = {key: fact for key, fact in facts.items() if key in best}
        return self if number == self.turns else Digest(facts, number, question, rules, working_set)

    def read_ahead(self, turns: Iterable[Turn]) -> None:
        """Read turns that may be dropped next, so that dropping them takes less time then; nothing else changes."""
        for number, turn in enumerate(turns, self.turns):
            read_turn(turn, number)

    def amended(self, turns: Iterable[Turn], people: frozenset[str] = frozenset()) -> "Digest":
        """The digest as it is told beside turns that were not dropped: what these replace is not told beside them."""
        rules = self.rules
        for number, turn in enumerate(turns, self.turns):
            rules = rules.after(turn, number, people)
        return self if rules is self.rules else replace(self, rules=rules)

    def best(self, count: int) -> "Digest":
        """Return the digest with so many of its facts, those worth the most; the rest is forgotten.

        `count`: How many facts to keep at most.
        """
        if len(self.facts) <= count:
            return self
        best = keep_best(self.facts.values(), count, self.turns)
        return replace(self, facts={key: fact for key, fact in self.facts.items() if key in best})

    def render(
        self,
        limit: int,
        counter: TokenCounter,
        *,
        visible: str | Iterable[str] = (),
        wanted: Collection[str] = (),
        about: str = "",
        dropped: int | None = None,
    ) -> str:
        """Return the facts most likely to be needed, as text for a person or a model.

        `about`: What is talked about now: facts that share rare words with it are worth more. Empty for
        nothing. `dropped`: How many of the turns were dropped; the others are still there in part. `None` means
        all of them.

        Returns:
            str: At most `limit` tokens; empty when nothing is known that is not visible, or nothing fits.

        Raises:
            ValueError: The limit is negative.
        """
        if limit < 0:
            raise ValueError(f"limit must be 0 or more tokens, got {limit}.")
        seen = visible if isinstance(visible, str) else "\n".join(visible)
        rules = self.rules.render(int(limit * _OF_RULES) if self.facts else limit, counter, seen)
        if rules:
            limit, seen = max(0, limit - counter.count_text(f"{rules}\n") - 1), f"{seen}\n{rules}"
        heading = _heading(self.turns, dropped)
        places = {key: place for place, key in enumerate(self.facts)}
        candidates = [(places[fact.key], fact) for fact in self._candidates(limit, seen, wanted, about)]
        costs = [cost_of(fact) for _, fact in candidates]
        count = count_that_fits(lambda n: _text(candidates[:n], heading), len(candidates), limit, counter, costs)
        facts = _text(candidates[:count], heading)
        return "\n".join(filter(None, (rules, facts)))

    def save(self) -> Mapping[str, object]:
        """Return the digest as values that JSON can hold: about 20 bytes a fact, at most some 80 kB."""
        plain = {"turns": self.turns, "question": self.question, "rules": self.rules.save()}
        plain["working_set"] = self.working_set.save()
        return {**plain, "facts": pack(self.facts.values())}

    @classmethod
    def load(cls, state: Mapping[str, object]) -> "Digest":
        """Return the digest that was saved.

        Raises:
            ValueError: It is something else.
        """
        turns, question, packed = state.get("turns"), state.get("question"), state.get("facts")
        if not isinstance(turns, int) or not isinstance(question, str) or not isinstance(packed, str):
            raise ValueError("not a saved digest")
        rules = StandingRules.load(state["rules"]) if "rules" in state else StandingRules()
        working_set = WorkingSet.load(state["working_set"]) if "working_set" in state else WorkingSet()
        return cls({fact.key: fact for fact in unpack(packed)}, turns, question, rules, working_set)

    def _candidates(self, limit: int, visible: str, wanted: Collection[str], about: str) -> list[Fact]:
        """Return the best facts that are not told yet, somewhat more than fit."""
        chosen: list[Fact] = []
        told, cost = "", 0
        for fact in rank(self.facts.values(), self.turns, wanted, about):
            if cost > limit * _ROOM:
                break
            if not (is_told(fact, visible) or is_told(fact, told) or self._is_stale(fact)):
                chosen.append(fact)
                cost += cost_of(fact)
                if fact.context:
                    told += "\n" + fact.context  # in place, unlike a new string
        return chosen

    def _is_stale(self, fact: Fact) -> bool:
        """Return whether somebody's words, or an answer that repeats them, were replaced by a later rule."""
        where = fact.place
        text = fact.context or f"{fact.label} {fact.value}"
        return where.origin in _WORDS and self.rules.is_stale(text, fact.value, where.turn)


def _text(facts: Iterable[tuple[int, Fact]], heading: str) -> str:
    """Return the text of facts, in the order of their places."""
    lines = lines_of([fact for _, fact in sorted(facts, key=itemgetter(0))])
    return "\n".join((heading, *lines)) if lines else ""


def _heading(turns: int, dropped: int | None) -> str:
    """Return what says where facts are from; a turn that is still there in part is called no earlier turn."""
    count = turns if dropped is None else dropped
    named = (counted(count), "cut texts" if count < turns else "")
    return f"[Facts from {' and '.join(filter(None, named))}]"
