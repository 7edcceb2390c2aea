"""What stays in a conversation whatever happens to the rest of it: pinned turns and the newest ones."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from autogen_core.models import AssistantMessage, LLMMessage, UserMessage
from pydantic import BaseModel, ConfigDict

from ._turn import Turn, text_of

logger = logging.getLogger("autogen_budget")

Predicate = Callable[[LLMMessage], bool]
"""Says whether a message is one that must stay."""


@dataclass(frozen=True, slots=True)
class Pin:
    """Marks messages that must stay; made by `pin`.

    Args:
        source (str | None): Who must have said it: the name of an agent or user. `None` means anybody.
        contains (str | None): Words that must stand in it. `None` means any.
        predicate (Predicate | None): What must hold for it. `None` means nothing further.
    """

    source: str | None = None
    contains: str | None = None
    predicate: Predicate | None = None

    def marks(self, turn: Turn) -> bool:
        """Return whether one of the turn's messages is marked, and with it the turn: calls and results never part."""
        return not turn.note and any(map(self._marks, turn.messages))

    def _marks(self, message: LLMMessage) -> bool:
        try:
            return (
                (self.source is None or _source_of(message) == self.source)
                and (self.contains is None or self.contains in text_of(message))
                and (self.predicate is None or bool(self.predicate(message)))
            )
        except Exception:  # the predicate is the user's code; a request must not fail for it
            logger.warning("the predicate %r of a pin failed; the message is not pinned", self.predicate, exc_info=True)
            return False


def pin(predicate: Predicate | None = None, *, source: str | None = None, contains: str | None = None) -> Pin:
    """Mark messages that must stay in every request, such as a contract's terms or a lawyer's words.

    All that is given must hold. Pinned messages are shortened only if the request would not fit otherwise.

    .. code-block:: python

        from autogen_budget import pin

        pins = [pin(source="lawyer"), pin(contains="ACCEPTANCE CRITERIA"), pin(lambda message: "!" in message.content)]

    Args:
        predicate (Predicate | None): A function that takes one of AutoGen's messages and says whether it must stay.
            Components that hold one cannot be dumped. `None` means nothing further must hold.
        source (str | None): The name of who must have said it. `None` means anybody.
        contains (str | None): Words that must stand in it, as they are written. `None` means any.

    Raises:
        ValueError: Nothing is given: every message would be pinned.
        TypeError: The predicate cannot be called.
    """
    if predicate is None and not source and not contains:
        raise ValueError("pin() needs a predicate, a source or words it contains: otherwise every message would stay")
    if predicate is not None and not callable(predicate):
        raise TypeError(f"a pin's predicate must be a function that takes a message, got {predicate!r:.40}")
    return Pin(source, contains, predicate)


class PinConfig(BaseModel):
    """The declarative form of a pin."""

    model_config = ConfigDict(extra="forbid")

    source: str | None = None
    contains: str | None = None

    def pin(self) -> Pin:
        """Return the pin it describes."""
        return pin(source=self.source, contains=self.contains)


def declared(pins: Sequence[Pin]) -> list[PinConfig]:
    """Return the declarative form of pins.

    Raises:
        TypeError: One of them holds a function.
    """
    if any(pinned.predicate is not None for pinned in pins):
        raise TypeError("a pin with a predicate cannot be dumped: it is code; use pin(source=...) or pin(contains=...)")
    return [PinConfig(source=pinned.source, contains=pinned.contains) for pinned in pins]


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """What may not be dropped, beside the task and the newest request.

    Args:
        last_turns (int): How many of the newest turns, at least 1.
        pins (tuple[Pin, ...]): What else.
    """

    last_turns: int = 1
    pins: tuple[Pin, ...] = ()

    def positions(self, turns: Sequence[Turn]) -> frozenset[int]:
        """Return the positions of the turns that may not be dropped.

        `turns`: The turns of a conversation, oldest first.
        """
        newest = range(max(0, len(turns) - self.last_turns), len(turns))
        return frozenset(newest).union(i for i, turn in enumerate(turns) if any(pin.marks(turn) for pin in self.pins))


def _source_of(message: LLMMessage) -> str | None:
    return message.source if isinstance(message, (UserMessage, AssistantMessage)) else None
