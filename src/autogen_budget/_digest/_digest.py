"""The digest: facts of dropped turns, kept without any model, for a reader who will need them again."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from autogen_budget._counting import TokenCounter
from autogen_budget._turns import Turn

from ._facts import Fact, Facts
from ._lines import is_told, lines_of
from ._rank import cost_of, keep_best, rank
from ._state import pack, unpack
from ._turns import facts_of, question_of

MOST_FACTS = 4_000
"""Facts a digest holds; when there are more, those worth the least are forgotten."""

_KEPT_OF_TOO_MANY = MOST_FACTS * 3 // 4
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
    """

    facts: Facts = field(default_factory=dict[tuple[str, ...], Fact])
    turns: int = 0
    question: str = ""

    def extended(self, turns: Iterable[Turn]) -> "Digest":
        """The digest after some more turns were dropped.

        It takes time in proportion to these turns, and a copy of the references to what was known before: facts
        themselves are shared. Extending by parts gives what extending at once gives.

        Args:
            turns (Iterable[Turn]): The turns, in the order of the conversation, as they were before they were cut.

        Returns:
            Digest: This object when there are none.
        """
        facts, number, question = dict(self.facts), self.turns, self.question
        for turn in turns:
            for fact in facts_of(turn, number, question):
                # Met again, a fact moves to the end: facts stand in the order in which they were seen last.
                older = facts.pop(fact.key, None)
                facts[fact.key] = fact if older is None else fact.after(older)
            number, question = number + 1, question_of(turn)
            if len(facts) > MOST_FACTS:
                best = keep_best(facts.values(), _KEPT_OF_TOO_MANY, number)
                facts = {key: fact for key, fact in facts.items() if key in best}
        return self if number == self.turns else Digest(facts, number, question)

    def best(self, count: int) -> "Digest":
        """The digest with so many of its facts, those worth the most; the rest is forgotten.

        Args:
            count (int): How many facts to keep at most.

        Returns:
            Digest: This object when it holds no more.
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
    ) -> str:
        """The facts most likely to be needed, as text for a person or a model.

        Args:
            limit (int): Tokens the text may hold, by `counter.tokens(counter.measure_text(...))`.
            counter (TokenCounter): Counts them.
            visible (str | Iterable[str]): Texts that stay in the prompt: what they tell is not repeated.
            wanted (Collection[str]): Names of what may be asked for next, such as the parameters of the tools offered;
                values of fields that are called alike come first.
            about (str): What is talked about now: facts that share rare words with it are worth more. Empty for
                nothing.

        Returns:
            str: At most `limit` tokens; empty when nothing is known that is not visible, or nothing fits.

        Raises:
            ValueError: The limit is negative.
        """
        if limit < 0:
            raise ValueError(f"limit must be 0 or more tokens, got {limit}.")
        candidates = self._candidates(limit, visible if isinstance(visible, str) else "\n".join(visible), wanted, about)

        def tokens_of(count: int) -> int:
            return counter.tokens(counter.measure_text(self._text(candidates[:count]), limit=limit))

        # One fact more can make the text shorter. The search ends at a count that it has seen fit all the same.
        count = bisect_right(range(1, len(candidates) + 1), limit, key=tokens_of)
        return self._text(candidates[:count])

    def save(self) -> Mapping[str, object]:
        """The digest as values that JSON can hold: about 20 bytes a fact, at most some 80 kB."""
        return {"turns": self.turns, "question": self.question, "facts": pack(self.facts.values())}

    @classmethod
    def load(cls, state: Mapping[str, object]) -> "Digest":
        """The digest that was saved.

        Args:
            state (Mapping[str, object]): What `save` returned.

        Raises:
            ValueError: It is something else.
        """
        turns, question, packed = state.get("turns"), state.get("question"), state.get("facts")
        if not isinstance(turns, int) or not isinstance(question, str) or not isinstance(packed, str):
            raise ValueError("not a saved digest")
        return cls({fact.key: fact for fact in unpack(packed)}, turns, question)

    def _candidates(self, limit: int, visible: str, wanted: Collection[str], about: str) -> list[Fact]:
        """The best facts that are not told yet, somewhat more than fit."""
        chosen: list[Fact] = []
        told, cost = visible, 0
        for fact in rank(self.facts.values(), self.turns, wanted, about):
            if cost > limit * _ROOM:
                break
            if not is_told(fact, told):
                chosen.append(fact)
                cost += cost_of(fact)
                told = f"{told}\n{fact.context}" if fact.context else told
        return chosen

    def _text(self, facts: Collection[Fact]) -> str:
        keys = {fact.key for fact in facts}
        lines = lines_of([fact for key, fact in self.facts.items() if key in keys])
        count = "1 earlier turn" if self.turns == 1 else f"{self.turns:,} earlier turns"
        return "\n".join((f"[Facts from {count}]", *lines)) if lines else ""
