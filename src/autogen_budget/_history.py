"""A conversation as an immutable value: instructions, whole turns, and what stands for turns that are gone."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from autogen_core.models import LLMMessage, SystemMessage
from typing_extensions import Self

from ._keep import Keep
from ._past import Past
from ._repair import Repair, TurnReader
from ._turns import Turn


@dataclass(frozen=True, slots=True)
class History:
    """An immutable conversation. What strategies are given, and what they give back.

    Args:
        system (tuple[SystemMessage, ...]): The system messages it begins with.
        turns (tuple[Turn, ...]): Everything after them, oldest first.
        past (Past | None): What was dropped; it is told right after the task. `None` means nothing was.
        keep (Keep): What may not be dropped, beside the task and the newest request.
        repairs (tuple[Repair, ...]): What `parse` mended; no part of the history's value.
    """

    system: tuple[SystemMessage, ...] = ()
    turns: tuple[Turn, ...] = ()
    past: Past | None = None
    keep: Keep = field(default_factory=Keep)
    repairs: tuple[Repair, ...] = field(default=(), compare=False)

    @classmethod
    def parse(
        cls, messages: Sequence[LLMMessage], *, multiple_system_messages: bool = False, keep: Keep | None = None
    ) -> Self:
        """Make atomic turns out of any list of messages, and mend what is broken.

        A history without damage flattens to the very same message objects.

        Args:
            messages (Sequence[LLMMessage]): Messages as an agent would send them, in any state.
            multiple_system_messages (bool): Whether the model takes system messages anywhere. Where it does not, those
                inside the conversation become user messages in their place.
            keep (Keep | None): What may not be dropped. `None` means the task, the newest request and the newest turn.

        Returns:
            History: Its `repairs` say what was mended.

        Raises:
            TypeError: An element is not one of AutoGen's four message classes.
        """
        system = leading_system(messages)
        turns, repairs = TurnReader(multiple_system_messages=multiple_system_messages).read(messages[len(system) :])
        return cls(system, turns, keep=keep or Keep(), repairs=repairs)

    @property
    def task(self) -> int | None:
        """Position of the turn with the first words of a user. `None` means there are none."""
        return next((i for i, turn in enumerate(self.turns) if turn.said_by_user), None)

    @property
    def request(self) -> int | None:
        """Position of the turn with the newest words of a user. `None` means there are none."""
        return next((i for i in range(len(self.turns) - 1, -1, -1) if self.turns[i].said_by_user), None)

    @property
    def kept(self) -> frozenset[int]:
        """Positions of the turns that stay: the task, the newest request, the newest turns and what is pinned."""
        asked = (i for i in (self.task, self.request) if i is not None)
        return self.keep.positions(self.turns).union(asked)

    def flatten(self) -> list[LLMMessage]:
        """The messages to send, as a new list: instructions, then turns, with the past told right after the task.

        Where the conversation does not begin with its task, the past comes first, so that a user's message leads.
        """
        flat: list[LLMMessage] = [*self.system]
        split = 1 if self.task == 0 else 0
        for turn in self.turns[:split]:
            flat.extend(turn.messages)
        if self.past:
            flat.append(self.past.message())
        for turn in self.turns[split:]:
            flat.extend(turn.messages)
        return flat

    def without(self, dropped: frozenset[int], tokens: int, *, facts: bool = True) -> "History":
        """The history without some turns, which its past then accounts for.

        Args:
            dropped (frozenset[int]): Positions of the turns that go.
            tokens (int): Tokens these turns hold.
            facts (bool): Whether the past remembers the facts in them.

        Returns:
            History: This object when nothing is dropped.
        """
        if not dropped:
            return self
        gone = [turn for i, turn in enumerate(self.turns) if i in dropped]
        left = tuple(turn for i, turn in enumerate(self.turns) if i not in dropped)
        return replace(self, turns=left, past=(self.past or Past()).extended(gone, tokens, facts=facts))


def leading_system(messages: Sequence[LLMMessage]) -> tuple[SystemMessage, ...]:
    """The system messages that a list of messages begins with."""
    system: list[SystemMessage] = []
    for message in messages:
        if not isinstance(message, SystemMessage):
            break
        system.append(message)
    return tuple(system)
