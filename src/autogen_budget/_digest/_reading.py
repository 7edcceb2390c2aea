"""What was read of turns: their facts, read once while there is room, whoever asks for them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from autogen_budget._text import Recent
from autogen_budget._turns import Turn, text_of

from ._facts import Fact

MOST_CHARACTERS = 4_000_000
"""Characters of the turns that are remembered at most, in one process. Their facts take up to ten times as many bytes.
A turn is read when it comes and needed when it is dropped: for a cap of 8,000 tokens, so many hold 100 agents."""

_OF_A_TURN = 500  # characters that a turn counts for beside its texts


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was read of a turn.

    Args:
        turn (Turn): The turn. It is held, so that no other object gets its identity.
        number (int): The number that its facts tell.
        facts (tuple[Fact, ...]): Its facts.
    """

    turn: Turn
    number: int
    facts: tuple[Fact, ...]


class Readings:
    """Readings of turns, those used last; they can be used from any thread."""

    def __init__(self, read: Callable[[Turn, int], Sequence[Fact]]) -> None:
        self._read = read
        self._known: Recent[int, _Reading] = Recent(MOST_CHARACTERS)

    def facts_of(self, turn: Turn, number: int) -> tuple[Fact, ...]:
        """Return the facts of a turn under a number, from memory where they were read before."""
        known = self._known.get(id(turn))
        if known is None:
            return self._remember(turn, number, tuple(self._read(turn, number)))
        if known.number == number:
            return known.facts
        places = {id(fact.place): fact.place for fact in known.facts}
        moved = {key: replace(place, turn=number) for key, place in places.items()}
        return self._remember(turn, number, tuple(fact.at(moved[id(fact.place)]) for fact in known.facts))

    def _remember(self, turn: Turn, number: int, facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
        size = _OF_A_TURN + sum(len(text_of(message)) for message in turn.messages)
        self._known.put(id(turn), _Reading(turn, number, facts), size)
        return facts
