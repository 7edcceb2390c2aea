"""What was read of turns: their facts and what the agent did, read once while there is room, whoever asks for them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from autogen_budget._text import Recent
from autogen_budget._turns import Turn, text_of

from ._facts import Fact
from ._uses import Works, works_of

MOST_CHARACTERS = 4_000_000
"""Characters of the turns that are remembered at most, in one process. Their facts take up to ten times as many bytes.
A turn is read when it comes and needed when it is dropped: for a cap of 8,000 tokens, so many hold 100 agents."""

_OF_A_TURN = 500  # characters that a turn counts for beside its texts


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a turn.

    Args:
        turn (Turn): The turn. It is held, so that no other object gets its identity.
        number (int): The number that its facts tell.
        facts (tuple[Fact, ...]): Its facts.
        works (Works): What it tells of the agent's work.
    """

    turn: Turn
    number: int
    facts: tuple[Fact, ...]
    works: Works


class Readings:
    """Readings of turns, those used last; they can be used from any thread.

    Args:
        read (Callable[[Turn, int], Sequence[Fact]]): Reads the facts of a turn with a number.
    """

    def __init__(self, read: Callable[[Turn, int], Sequence[Fact]]) -> None:
        self._read = read
        self._known: Recent[int, Reading] = Recent(MOST_CHARACTERS)

    def of(self, turn: Turn, number: int) -> Reading:
        """Return what a turn says under a number, from memory where it was read before."""
        known = self._known.get(id(turn))
        if known is None:
            facts = tuple(self._read(turn, number))
            return self._remember(Reading(turn, number, facts, works_of(turn, facts)))
        if known.number == number:
            return known
        places = {id(fact.place): fact.place for fact in known.facts}
        moved = {key: replace(place, turn=number) for key, place in places.items()}
        facts = tuple(fact.at(moved[id(fact.place)]) for fact in known.facts)
        return self._remember(Reading(turn, number, facts, known.works))

    def _remember(self, reading: Reading) -> Reading:
        size = _OF_A_TURN + sum(len(text_of(message)) for message in reading.turn.messages)
        self._known.put(id(reading.turn), reading, size)
        return reading
