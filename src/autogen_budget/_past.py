"""What stands in a request for the turns that were dropped from it: the facts that are still known of them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from autogen_core.models import UserMessage

from ._counting import TokenCounter
from ._digest import Digest
from ._turns import NOTE_SOURCE, Turn


@dataclass(frozen=True, slots=True)
class Past:
    """Dropped turns: how many they were, what is known of them, and what the model is told.

    Args:
        turns (int): How many turns were dropped.
        tokens (int): Tokens they held when they were dropped.
        digest (Digest): The facts in them; no part of the value, since it follows from the turns.
        told (str): What the model is told of these facts. It stays the same until more turns are dropped, so that the
            request keeps its beginning. Empty means only how much is gone is told.
    """

    turns: int = 0
    tokens: int = 0
    digest: Digest = field(default_factory=Digest, compare=False, repr=False)
    told: str = ""

    def extended(self, dropped: Sequence[Turn], tokens: int, *, facts: bool = True) -> "Past":
        """The past after more turns were dropped; what is told of them is not decided yet.

        Args:
            dropped (Sequence[Turn]): The turns, oldest first.
            tokens (int): Tokens they held.
            facts (bool): Whether to remember the facts in them.
        """
        digest = self.digest.extended(turn.uncut for turn in dropped) if facts else self.digest
        return Past(self.turns + len(dropped), self.tokens + tokens, digest)

    def telling(
        self,
        limit: int,
        counter: TokenCounter,
        *,
        visible: Iterable[str] = (),
        shortened: Iterable[Turn] = (),
        wanted: Collection[str] = (),
    ) -> "Past":
        """The past with its facts told in so many tokens.

        Args:
            limit (int): Tokens the facts may take.
            counter (TokenCounter): Counts them.
            visible (Iterable[str]): Texts that stay in the request: what they say is not told again.
            shortened (Iterable[Turn]): Turns that stay, with parts of them cut away: these parts are facts as well.
            wanted (Collection[str]): Names of what may be asked for next; facts of that name come first.
        """
        digest = self.digest.extended(turn.uncut for turn in shortened)
        return replace(self, told=digest.render(max(0, limit), counter, visible=visible, wanted=wanted))

    def message(self) -> UserMessage:
        """The one message that tells the model about them."""
        what = "1 earlier turn" if self.turns == 1 else f"{self.turns:,} earlier turns"
        notice = f"[{what} ({self.tokens:,} tokens) left out to fit the context window]"
        return UserMessage(content=self.told or notice, source=NOTE_SOURCE)
