"""A conversation as an immutable value: system messages, whole turns, and what stands for dropped ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from operator import is_

from autogen_core.models import LLMMessage, SystemMessage
from typing_extensions import Self

from autogen_budget._turns import Repair, RetentionPolicy, Turn, TurnReader, encodable_message

from ._dropped import DroppedTurns


@dataclass(frozen=True, slots=True)
class History:
    """An immutable conversation: what strategies are given, and what they return.

    Args:
        system (tuple[SystemMessage, ...]): The system messages it begins with.
        turns (tuple[Turn, ...]): Everything after them, oldest first.
        past (DroppedTurns | None): The dropped turns; their message stands right after the task. `None` means that
            nothing was dropped.
        keep (RetentionPolicy): What may not be dropped, beside the task and the newest request.
        repairs (tuple[Repair, ...]): What `parse` mended; no part of the history's value.
    """

    system: tuple[SystemMessage, ...] = ()
    turns: tuple[Turn, ...] = ()
    past: DroppedTurns | None = None
    keep: RetentionPolicy = field(default_factory=RetentionPolicy)
    repairs: tuple[Repair, ...] = field(default=(), compare=False)

    @classmethod
    def parse(
        cls,
        messages: Sequence[LLMMessage],
        *,
        multiple_system_messages: bool = False,
        keep: RetentionPolicy | None = None,
    ) -> Self:
        """Make atomic turns out of any list of messages, and mend what is broken.

        A history without damage flattens to the very same message objects.

        Args:
            messages (Sequence[LLMMessage]): Messages as an agent would send them, in any state.
            multiple_system_messages (bool): Whether the model takes system messages anywhere. Where it does not, those
                inside the conversation become user messages in their place.
            keep (RetentionPolicy | None): What may not be dropped. `None` means the task, the newest request and
                the newest turn.

        Returns:
            History: Its `repairs` say what was mended.

        Raises:
            TypeError: An element is not one of AutoGen's four message classes.
        """
        system = leading_system(messages)
        turns, repairs = TurnReader(multiple_system_messages=multiple_system_messages).read(messages[len(system) :])
        repairs = (*system_repairs(messages, system), *repairs)
        return cls(system, turns, keep=keep or RetentionPolicy(), repairs=repairs)

    @property
    def task(self) -> int | None:
        """Position of the turn with the first words of a user. `None` means there are none."""
        return next((i for i, turn in enumerate(self.turns) if turn.said_by_user), None)

    @property
    def people(self) -> frozenset[str]:
        """Under which name the task was given: whoever gives it sets rules, beside those who are called a user."""
        return frozenset() if self.task is None else frozenset({self.turns[self.task].source})

    @property
    def request(self) -> int | None:
        """Position of the turn with the newest words of a user. `None` means there are none."""
        return next((i for i in range(len(self.turns) - 1, -1, -1) if self.turns[i].said_by_user), None)

    @property
    def kept(self) -> frozenset[int]:
        """Positions of the turns that stay: the task, the newest request, the newest turns and what is pinned."""
        asked = (i for i in (self.task, self.request) if i is not None)
        return self.keep.positions(self.turns).union(asked)

    @property
    def exchange(self) -> tuple[int, ...]:
        """Positions of what the newest request is about, most important first.

        That is the turn it replies to, the assistant's last answer, and, while nothing has followed it, the
        results that this answer was made of.
        """
        request = self.request
        if request is None:
            return ()
        before = range(request - 1, -1, -1)
        spoken = [i for i in before if self.turns[i].kind in ("assistant", "user") and not self.turns[i].note]
        answer = next((i for i in spoken if self.turns[i].kind == "assistant"), None)
        found = [*spoken[:1], *(() if answer is None else (answer,))]
        if answer is not None and request == len(self.turns) - 1:
            user = next((i for i in spoken if i < answer and self.turns[i].kind == "user"), -1)
            found += [i for i in range(answer - 1, user, -1) if self.turns[i].kind == "tools"][:1]
        return tuple(dict.fromkeys(found))

    def flatten(self) -> list[LLMMessage]:
        """Return the messages to send: instructions, then turns, with the dropped ones' message after the task.

        Where the conversation does not begin with its task, that message comes first, so that a user's message leads.
        """
        flat: list[LLMMessage] = [*self.system]
        split = 1 if self.task == 0 else 0
        for turn in self.turns[:split]:
            flat.extend(turn.messages)
        if self.past is not None and self.past.has_message:
            flat.append(self.past.message())
        for turn in self.turns[split:]:
            flat.extend(turn.messages)
        return flat

    def with_turns(self, turns: Iterable[Turn]) -> "History":
        """Return the history with other turns.

        Args:
            turns (Iterable[Turn]): All of them, oldest first.

        Returns:
            History: This object when they are the very same turns.
        """
        new = tuple(turns)
        same = len(new) == len(self.turns) and all(map(is_, new, self.turns))
        return self if same else replace(self, turns=new)

    def without(self, dropped: frozenset[int], tokens: int) -> "History":
        """Return the history without some turns, which `past` then accounts for.

        Args:
            dropped (frozenset[int]): Positions of the turns to drop.
            tokens (int): Tokens these turns hold.

        Returns:
            History: This object when nothing is dropped.
        """
        if not dropped:
            return self
        removed = [turn for i, turn in enumerate(self.turns) if i in dropped]
        left = tuple(turn for i, turn in enumerate(self.turns) if i not in dropped)
        past = (self.past or DroppedTurns()).extended(removed, tokens, self.people)
        return replace(self, turns=left, past=past)


def leading_system(messages: Sequence[LLMMessage]) -> tuple[SystemMessage, ...]:
    """Return the system messages that a list of messages begins with."""
    system: list[SystemMessage] = []
    for message in messages:
        if not isinstance(message, SystemMessage):
            break
        system.append(encodable_message(message))
    return tuple(system)


def system_repairs(messages: Sequence[LLMMessage], system: Sequence[SystemMessage]) -> tuple[Repair, ...]:
    """Return what `leading_system` mended."""
    changed = (new for old, new in zip(messages, system, strict=False) if new is not old)
    return tuple(Repair("half a character", type(message).__name__) for message in changed)
