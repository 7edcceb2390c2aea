"""The form in which a conversation is sent: repaired and perhaps compacted, with its sizes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from autogen_core.models import LLMMessage, SystemMessage

from autogen_budget._counting import Tally, TokenCounter
from autogen_budget._turns import Repair, RetentionPolicy, Turn, TurnReader

from ._breakdown import Layer, TokenBreakdown, sizes_of_history, sizes_of_turns
from ._history import History, leading_system, system_repairs
from ._recognition import same_message


@dataclass(frozen=True, slots=True)
class Projection:
    """What is sent of a conversation. It is measured as it grows, so that a call looks at what is new only.

    Args:
        history (History): What to send.
        reader (TurnReader): Reads what comes next. It is copied before it reads.
        sizes (TokenBreakdown): What `history` weighs, by layer.
        original (TokenBreakdown): The sizes of everything received, as if nothing had been compacted.
        repaired (bool): Whether any received message had to be repaired.
    """

    history: History
    reader: TurnReader
    sizes: TokenBreakdown = field(default_factory=TokenBreakdown)
    original: TokenBreakdown = field(default_factory=TokenBreakdown)
    repaired: bool = False

    @classmethod
    def empty(cls, *, multiple_system_messages: bool, keep: RetentionPolicy) -> "Projection":
        """Return nothing yet."""
        return cls(History(keep=keep), TurnReader(multiple_system_messages=multiple_system_messages))

    @property
    def is_compacted(self) -> bool:
        """Whether `history` is smaller than what was received."""
        return self.sizes != self.original

    @property
    def is_unmodified(self) -> bool:
        """Whether `history` is what was received, message for message."""
        return not (self.repaired or self.is_compacted)

    def extended(
        self, new: Sequence[LLMMessage], counter: TokenCounter
    ) -> tuple["Projection", Sequence[Turn], Sequence[Repair]]:
        """Read what is new.

        Raises:
            TypeError: An element is not one of AutoGen's four message classes.
        """
        history, sizes, original = self.history, self.sizes, self.original
        mended: tuple[Repair, ...] = ()
        if not history.turns and not history.system:
            history = replace(history, system=leading_system(new))
            mended = system_repairs(new, history.system)
            sizes = original = sizes_of_history(history, counter)
            new = new[len(history.system) :]
        reader = self.reader.copy()
        turns, repairs = reader.read(new)
        repairs = (*mended, *repairs)
        if turns:
            history = replace(history, turns=history.turns + turns)
            task = None if history.task is None else history.turns[history.task]
            added = sizes_of_turns(turns, counter, task=task)
            sizes, original = sizes + added, original + added
        return Projection(history, reader, sizes, original, self.repaired or bool(repairs)), turns, repairs

    def compacted(self, history: History, counter: TokenCounter, *, multiple_system_messages: bool) -> "Projection":
        """Send a compacted form from now on."""
        # Ids of calls that are gone are free again: what is read next depends on nothing but what is sent.
        reader = TurnReader(multiple_system_messages=multiple_system_messages, before=history.turns)
        return replace(self, history=history, reader=reader, sizes=sizes_of_history(history, counter))

    def with_fixed(self, history: History, counter: TokenCounter) -> "Projection":
        """Send other instructions, or other forms of single turns, from now on."""
        changed = [(old, new) for old, new in zip(self.history.turns, history.turns, strict=True) if old is not new]
        old = _sizes(self.history.system, (turn for turn, _ in changed), counter)
        new = _sizes(history.system, (turn for _, turn in changed), counter)
        return replace(self, history=history, sizes=self.sizes - old + new)

    def with_other_instructions(self, system: tuple[SystemMessage, ...], counter: TokenCounter) -> "Projection":
        """Go on with other instructions than before."""
        measured: dict[Layer, Tally] = {"system": Tally.sum(map(counter.measure_message, system))}
        changed = self.with_fixed(replace(self.history, system=system), counter)
        return replace(changed, original=TokenBreakdown({**self.original.layers, **measured}))

    def without_newest(self, counter: TokenCounter) -> tuple["Projection", TokenBreakdown]:
        """Take the newest turn back; what stands before it stays as it was sent."""
        *rest, newest = self.history.turns
        removed = sizes_of_turns((newest,), counter, task=None)
        history = replace(self.history, turns=tuple(rest))
        return replace(self, history=history, sizes=self.sizes - removed, original=self.original - removed), removed

    def keeping(self, keep: RetentionPolicy) -> "Projection":
        """Return the same form, of which other turns may not be dropped from now on."""
        return self if self.history.keep == keep else replace(self, history=replace(self.history, keep=keep))


def _sizes(system: Sequence[SystemMessage], turns: Iterable[Turn], counter: TokenCounter) -> TokenBreakdown:
    return sizes_of_history(History(tuple(system)), counter) + sizes_of_turns(turns, counter, task=None)


def common_prefix(a: History, b: History, counter: TokenCounter) -> Tally:
    """Return what the messages weigh with which both histories begin."""
    pairs = takewhile(lambda pair: same_message(*pair), zip(a.flatten(), b.flatten(), strict=False))
    return Tally.sum(counter.measure_message(message) for message, _ in pairs)
