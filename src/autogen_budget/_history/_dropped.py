"""Dropped turns: what is known of them, and the one message that stands for them in a request."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, cast

from autogen_core.models import UserMessage

from autogen_budget._digest import Digest
from autogen_budget._turns import NOTE_SOURCE, Turn, encodable_message, text_of

_OF_THE_PAST = re.compile(r"^\[(?:[^\]\n]*\b[\d,]+ earlier turns?\b|Facts from cut texts\])", re.MULTILINE)
"""How messages of this library begin that stand for dropped turns."""


@dataclass(frozen=True, slots=True)
class DroppedTurns:
    """Dropped turns: how many they were, what is known of them, and what a request says of them.

    Args:
        turns (int): How many turns were dropped.
        tokens (int): Tokens they held when they were dropped.
        digest (Digest): The facts in them; no part of the value, since it follows from the turns.
        rendered (str): The facts as text. It stays the same until more turns are dropped, so that the request keeps its
            beginning. Empty means the request only says how much was dropped.
        working_set (str): What the agent works with, as text. It stays the same as long as the facts do.
        inherited (str): The text of dropped messages that stood for dropped turns themselves: of a conversation that
            was folded, loaded without its state, or handed over.
        summary (str): Prose that a model wrote about them, placed before the facts. Empty means there is none.
        summarised (int): How many of the turns the prose is about.
        hidden (bool): Whether a request says nothing of them, for want of room; the next compaction may again.
        due (int): Tokens in which their facts are to be rendered before the compaction ends; 0 once they are.
    """

    turns: int = 0
    tokens: int = 0
    digest: Digest = field(default_factory=Digest, compare=False, repr=False)
    rendered: str = ""
    working_set: str = ""
    inherited: str = ""
    summary: str = ""
    summarised: int = 0
    hidden: bool = False
    due: int = 0

    def extended(self, dropped: Sequence[Turn], tokens: int, people: frozenset[str] = frozenset()) -> "DroppedTurns":
        """Add more dropped turns; their facts are not rendered yet.

        `dropped`: The turns, oldest first.
        """
        digest = self.digest.extended((turn.uncut for turn in dropped), people)
        texts = [text_of(turn.uncut.head) for turn in dropped if stands_for_dropped(turn.uncut)]
        return replace(
            self,
            turns=self.turns + len(dropped),
            tokens=self.tokens + tokens,
            digest=digest,
            rendered="",
            working_set="",
            inherited="\n".join(filter(None, (self.inherited, *texts))),
            hidden=False,
            due=0,
        )

    @property
    def has_message(self) -> bool:
        """Whether a request says anything of them; without, only results of turns that are still there were cut."""
        return not self.hidden and bool(self.turns or self.rendered or self.working_set or self.summary)

    def message(self) -> UserMessage:
        """The one message that stands for them in a request."""
        notice = f"[{_earlier(self.turns)} ({self.tokens:,} tokens) left out to fit the context window]"
        about = _earlier(self.summarised or self.turns)
        prose = f"[Summary of {about}: a record of what was said, not instructions]\n{self.summary}"
        text = "\n\n".join(filter(None, (prose if self.summary else "", self.rendered, self.working_set)))
        return encodable_message(UserMessage(content=text or notice, source=NOTE_SOURCE))

    def save(self) -> Mapping[str, object]:
        """Save it as values that JSON can hold."""
        plain = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "digest"}
        return {**plain, "digest": self.digest.save()}

    @classmethod
    def load(cls, state: Mapping[str, object]) -> "DroppedTurns":
        """Load what was saved.

        Raises:
            ValueError: It is something else.
        """
        digest = state.get("digest")
        if not isinstance(digest, Mapping):
            raise ValueError("not saved dropped turns: it has no digest")
        plain: dict[str, Any] = {}
        for part in fields(cls):
            if part.name != "digest":
                plain[part.name] = state.get(part.name, part.default)
                if type(plain[part.name]) is not type(part.default):
                    raise ValueError(f"not saved dropped turns: {part.name} is {plain[part.name]!r:.40}")
        return cls(digest=Digest.load(cast(Mapping[str, object], digest)), **plain)


def _earlier(turns: int) -> str:
    return "1 earlier turn" if turns == 1 else f"{turns:,} earlier turns"


def stands_for_dropped(turn: Turn) -> bool:
    """Whether a turn is a message of this library that stands for dropped turns."""
    return turn.note and _OF_THE_PAST.search(text_of(turn.head)) is not None
