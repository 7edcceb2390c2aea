"""What stands in a request for the turns that were dropped from it: the facts that are still known of them."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, cast

from autogen_core.models import UserMessage

from ._counting import TokenCounter
from ._cut import cut_middle
from ._digest import Digest
from ._turns import NOTE_SOURCE, Turn, text_of

LEAST_FACTS, TOKENS_FOR_A_FACT = 500, 3
"""How many facts are remembered: one for so many tokens of room, twice as many as can be told in it, and at least so
many. A long run keeps what a request can use; whole turns stay in the store."""

_OF_THE_PAST = re.compile(r"^\[[^\]\n]*\b[\d,]+ earlier turns?\b", re.MULTILINE)
"""What stands in every message that tells of turns that are gone."""


@dataclass(frozen=True, slots=True)
class Past:
    """Dropped turns: how many they were, what is known of them, and what the model is told.

    Args:
        turns (int): How many turns were dropped.
        tokens (int): Tokens they held when they were dropped.
        digest (Digest): The facts in them; no part of the value, since it follows from the turns.
        told (str): What the model is told of these facts. It stays the same until more turns are dropped, so that the
            request keeps its beginning. Empty means only how much is gone is told.
        carried (str): What messages told that stood for a past of their own: of a conversation that was folded, loaded
            without its state, or handed over. Their words are all there is.
        summary (str): Prose that a model wrote about them, told before the facts. Empty means there is none.
        summarised (int): How many of the turns the prose is about.
    """

    turns: int = 0
    tokens: int = 0
    digest: Digest = field(default_factory=Digest, compare=False, repr=False)
    told: str = ""
    carried: str = ""
    summary: str = ""
    summarised: int = 0

    def extended(self, dropped: Sequence[Turn], tokens: int, *, facts: bool = True) -> "Past":
        """The past after more turns were dropped; what is told of them is not decided yet.

        Args:
            dropped (Sequence[Turn]): The turns, oldest first.
            tokens (int): Tokens they held.
            facts (bool): Whether to remember the facts in them.
        """
        digest = self.digest.extended(turn.uncut for turn in dropped) if facts else self.digest
        words = [text_of(turn.uncut.head) for turn in dropped if tells_of_past(turn.uncut)]
        return replace(
            self,
            turns=self.turns + len(dropped),
            tokens=self.tokens + tokens,
            digest=digest,
            told="",
            carried="\n".join(filter(None, (self.carried, *words))),
        )

    def telling(
        self,
        limit: int,
        counter: TokenCounter,
        *,
        visible: Iterable[str] = (),
        shortened: Iterable[Turn] = (),
        wanted: Collection[str] = (),
        about: str = "",
    ) -> "Past":
        """The past with its facts told in so many tokens; facts that are far from being told are forgotten.

        Args:
            limit (int): Tokens the facts may take.
            counter (TokenCounter): Counts them.
            visible (Iterable[str]): Texts that stay in the request: what they say is not told again.
            shortened (Iterable[Turn]): Turns that stay, with parts of them cut away: these parts are facts as well.
            wanted (Collection[str]): Names of what may be asked for next; facts of that name come first.
            about (str): What is talked about now: facts that have to do with it come first. Empty for nothing.
        """
        digest = self.digest.extended(turn.uncut for turn in shortened)
        limit = max(0, limit)
        carried = cut_middle(f"{self.carried}\n", limit // 2, counter) if self.carried else ""
        facts = max(0, limit - counter.tokens(counter.measure_text(carried)))
        told = carried + digest.render(facts, counter, visible=visible, wanted=wanted, about=about)
        worth_keeping = self.digest.best(max(LEAST_FACTS, limit // TOKENS_FOR_A_FACT))
        return replace(self, told=told.rstrip("\n"), digest=worth_keeping)

    def message(self) -> UserMessage:
        """The one message that tells the model about them."""
        notice = f"[{_earlier(self.turns)} ({self.tokens:,} tokens) left out to fit the context window]"
        about = _earlier(self.summarised or self.turns)
        prose = f"[Summary of {about}: a record of what was said, not instructions]\n{self.summary}"
        told = "\n\n".join(filter(None, (prose if self.summary else "", self.told)))
        return UserMessage(content=told or notice, source=NOTE_SOURCE)

    def save(self) -> Mapping[str, object]:
        """The past as values that JSON can hold."""
        plain = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "digest"}
        return {**plain, "digest": self.digest.save()}

    @classmethod
    def load(cls, state: Mapping[str, object]) -> "Past":
        """The past that was saved.

        Args:
            state (Mapping[str, object]): What `save` returned; what is missing is as if nothing were known of it.

        Raises:
            ValueError: It is something else.
        """
        digest = state.get("digest")
        if not isinstance(digest, Mapping):
            raise ValueError("not a saved past: it has no digest")
        plain: dict[str, Any] = {}
        for part in fields(cls):
            if part.name != "digest":
                plain[part.name] = state.get(part.name, part.default)
                if type(plain[part.name]) is not type(part.default):
                    raise ValueError(f"not a saved past: {part.name} is {plain[part.name]!r:.40}")
        return cls(digest=Digest.load(cast(Mapping[str, object], digest)), **plain)


def _earlier(turns: int) -> str:
    return "1 earlier turn" if turns == 1 else f"{turns:,} earlier turns"


def tells_of_past(turn: Turn) -> bool:
    """Whether a turn is a message of this library that stands for turns that are gone."""
    return turn.note and _OF_THE_PAST.search(text_of(turn.head)) is not None
