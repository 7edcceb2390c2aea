"""Recognises a conversation across calls, so that a call looks only at what is new and sends a stable prefix.

Agents send their whole history with every call. What is known already is compared, by identity first and by content
where that fails; only the rest is parsed, mended and measured. The form in which it was sent is kept, so that the same
bytes are sent again until the next compaction.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from operator import is_

from autogen_core import Image
from autogen_core.models import AssistantMessage, FunctionExecutionResultMessage, LLMMessage, SystemMessage, UserMessage

from ._conversation_state import SavedConversation
from ._counting import TokenCounter
from ._history import History, leading_system
from ._keep import Keep
from ._repair import Repair, TurnReader
from ._sizes import Sizes, sizes_of_history, sizes_of_turns
from ._tally import Tally
from ._turns import Turn


class Conversation:
    """One growing list of messages, and the form in which it is sent.

    Args:
        counter (TokenCounter): Measures what comes in.
        multiple_system_messages (bool): Whether the model takes system messages anywhere.
        keep (Keep | None): What may not be dropped. `None` means the task, the newest request and the newest turn.
    """

    def __init__(self, counter: TokenCounter, *, multiple_system_messages: bool, keep: Keep | None = None) -> None:
        self.history = History(keep=keep or Keep())
        """What to send: what came, mended and perhaps compacted."""
        self.repairs: tuple[Repair, ...] = ()
        """What was mended in the messages that the latest `extend` added."""
        self.added: tuple[LLMMessage, ...] = ()
        """The messages that the latest `extend` added, as they came; after a load, all that are known."""
        self.verbatim = True
        """Whether `history` is still just what came, message for message."""
        self.came = Sizes()
        """Sizes of all that ever came, by layer, as if nothing had been compacted."""
        self.sizes = Sizes()
        """Sizes of `history`, by layer."""
        self.stable = Tally()
        """What the leading messages of `history` weigh that the latest request had as well."""
        self.came_before = Tally()
        """What weighed, of all that ever came, what the latest request was made of."""
        self._counter = counter
        self._mixed = multiple_system_messages
        self._reader = TurnReader(multiple_system_messages=multiple_system_messages)
        self._extras: Tally | None = None
        self._known: list[LLMMessage] = []
        self._latest: list[LLMMessage] = []  # the same messages, as the objects they were when they came last
        self._compacted = False
        self._unfolded = False
        self._logged = 0
        self._unseen: tuple[LLMMessage, ...] = ()

    def __len__(self) -> int:
        """How many messages are known."""
        return len(self._known)

    def matches(self, messages: Sequence[LLMMessage]) -> bool:
        """Whether these messages are the known ones, with or without more behind them.

        A list that goes on in the middle of what was read as a whole (a turn, the leading system messages) is no match.

        Args:
            messages (Sequence[LLMMessage]): A whole history, as an agent sends it.
        """
        known = len(self._known)
        if len(messages) < known:
            return False
        if len(messages) > known:
            inside = FunctionExecutionResultMessage if self.history.turns else SystemMessage
            if isinstance(messages[known], inside):
                return False
        if all(map(is_, self._latest, messages)):
            return True
        if not all(map(_same, self._known, messages)):
            return False
        self._latest = list(messages[:known])  # the next comparison is by identity again
        return True

    def matches_but_newest(self, messages: Sequence[LLMMessage]) -> bool:
        """Whether these messages are the known ones but for the newest, which stood there for one call only.

        So do the prompts that orchestrators put behind a thread: each call has another one in that place.

        Args:
            messages (Sequence[LLMMessage]): A whole history, as an agent sends it.
        """
        if len(self.history.turns) < 2 or not _is_plain(self._known[-1]):
            return False
        stem = self._known[:-1]
        return len(messages) >= len(stem) and all(map(_same, stem, messages)) and _is_plain(messages[len(stem)])

    def forget_newest(self) -> None:
        """Take the newest message back; what stands before it stays as it was sent."""
        *rest, newest = self.history.turns
        gone = sizes_of_turns((newest,), self._counter, task=None)
        self.history = replace(self.history, turns=tuple(rest))
        self.sizes, self.came = self.sizes - gone, self.came - gone
        self.stable, self.came_before = self.stable - gone.total, self.came_before - gone.total
        self._logged = min(self._logged, len(rest))
        del self._known[-1], self._latest[-1]

    def extend(self, messages: Sequence[LLMMessage]) -> None:
        """Take in what is new in these messages.

        Args:
            messages (Sequence[LLMMessage]): A whole history, which `matches` has accepted.
        """
        new = messages[len(self._known) :]
        self._known.extend(new)
        self._latest.extend(new)
        self.added, self._unseen = (*self._unseen, *new), ()
        if not self.history.turns and not self.history.system:
            self.history = replace(self.history, system=leading_system(new))
            self.came = self.sizes = sizes_of_history(self.history, self._counter)
            new = new[len(self.history.system) :]
        turns, self.repairs = self._reader.read(new)
        self.verbatim = self.verbatim and not self.repairs
        if turns:
            self.history = replace(self.history, turns=self.history.turns + turns)
            task = None if self.history.task is None else self.history.turns[self.history.task]
            added = sizes_of_turns(turns, self._counter, task=task)
            self.sizes, self.came = self.sizes + added, self.came + added

    def replace_history(self, old: History, new: History) -> tuple[Turn, ...]:
        """Send another form from now on, unless another call has changed it since.

        Args:
            old (History): The form that was compacted.
            new (History): The form it was compacted to.

        Returns:
            tuple[Turn, ...]: The turns up to the last one that is not sent as it was, without those an earlier
            compaction gave: what a log of the whole conversation goes on with.
        """
        if new is old or self.history is not old:
            return ()
        self._take(new)
        common = common_beginning(old, new, self._counter)
        self.stable = min(self.stable, common, key=self._counter.tokens)
        left = {id(turn.uncut): turn for turn in new.turns}
        changed = [i for i, turn in enumerate(old.turns) if left.get(id(turn.uncut)) is not turn]
        begin, end = self._logged, max((self._logged, *(i + 1 for i in changed)))
        self._logged = sum(id(turn.uncut) in left for turn in old.turns[:end])
        return tuple(left.get(id(turn.uncut), turn) for turn in old.turns[begin:end])

    def _take(self, history: History) -> None:
        """Send a compacted form from now on."""
        self.history, self.verbatim = history, False
        self.sizes = sizes_of_history(history, self._counter)
        self._compacted = self._unfolded = True
        # Ids of calls that are gone are free again: what is read next depends on nothing but what is sent.
        self._reader = TurnReader(multiple_system_messages=self._mixed, before=history.turns)

    def is_held(self, messages: Sequence[LLMMessage]) -> bool:
        """Whether an agent's context holds what is known, without the agent's own instructions, and perhaps more.

        Args:
            messages (Sequence[LLMMessage]): All messages of a model context.
        """
        return self._instructions(messages) is not None

    def fold(self, messages: Sequence[LLMMessage]) -> list[LLMMessage] | None:
        """What a context can hold in place of what it holds; from now on, that is what is known.

        Args:
            messages (Sequence[LLMMessage]): All messages of a model context, which `is_held` has accepted.

        Returns:
            list[LLMMessage] | None: Less, from which the very same requests follow. `None` means nothing was compacted
            since the last time.
        """
        before = self._instructions(messages)
        if before is None or not self._unfolded:
            return None
        new = messages[len(self._known) - before :]
        self._known[before:] = self.history.flatten()[before:]
        self._latest, self._unfolded = [*self._known], False
        return [*self._known[before:], *new]

    def _instructions(self, held: Sequence[LLMMessage]) -> int | None:
        """How many of the known messages stand before those of a context. `None` means it holds something else."""
        for before in range(len(self.history.system) + 1):
            rest = self._latest[before:]
            behind = held[len(rest) : len(rest) + 1]
            torn = any(isinstance(message, FunctionExecutionResultMessage) for message in behind)
            if len(held) >= len(rest) > 0 and not torn and all(map(_same, rest, held)):
                return before
        return None

    def turns_of(self, held: Sequence[LLMMessage]) -> tuple[Turn, ...]:
        """All turns a context stands for, but those that were dropped.

        Args:
            held (Sequence[LLMMessage]): All messages of a model context, which `is_held` has accepted.
        """
        behind = held[len(self._known) - (self._instructions(held) or 0) :]
        reader = TurnReader(multiple_system_messages=self._mixed, before=self.history.turns)
        return (*self.history.turns, *reader.read(behind)[0])

    @property
    def logged(self) -> int:
        """How many of the leading turns `replace_history` has given."""
        return self._logged

    def save(self) -> SavedConversation | None:
        """What a state holds of it. `None` means what is sent follows from what came."""
        if not self._compacted or not self.history.turns:
            return None
        return SavedConversation.of(self.history, self._known, self.came, mixed=self._mixed, written=self._logged)

    def restore(self, saved: SavedConversation, messages: Sequence[LLMMessage]) -> None:
        """Become a conversation that was saved.

        Args:
            saved (SavedConversation): What `save` returned.
            messages (Sequence[LLMMessage]): A list of messages that begins with those it knew.

        Raises:
            ValueError: What was saved does not go with them.
        """
        history, came = saved.history(messages, self.history.keep), saved.sizes()
        self._known = list(messages[: len(history.system) + saved.count])
        self._latest = [*self._known]
        self._take(history)
        self.came, self.came_before, self._logged = came, came.total, saved.written
        cut = (turn.whole for turn in history.turns if turn.whole is not None)
        self._unseen = (*self._known, *history.flatten(), *(message for turn in cut for message in turn.messages))

    def mark_sent(self, extras: Tally) -> Tally:
        """Note that a request is made of `history` as it is: the next one begins with it, if nothing changes.

        Args:
            extras (Tally): What the request carries beside its messages: schemas, which stand before them.

        Returns:
            Tally: What its beginning weighs that the latest request had as well; other schemas leave nothing of it.
        """
        same = extras + self.stable if extras == self._extras else Tally()
        self.stable, self.came_before, self._extras = self.sizes.total, self.came.total, extras
        return same


def common_beginning(a: History, b: History, counter: TokenCounter) -> Tally:
    """What the messages weigh with which both histories begin.

    Args:
        a (History): One history.
        b (History): Another.
        counter (TokenCounter): Weighs the messages.
    """
    pairs = takewhile(lambda pair: _same(*pair), zip(a.flatten(), b.flatten(), strict=False))
    return Tally.sum(counter.measure_message(message) for message, _ in pairs)


def _is_plain(message: LLMMessage) -> bool:
    """Whether a message is a turn of its own: no calls, no results."""
    return not isinstance(message, FunctionExecutionResultMessage) and not (
        isinstance(message, AssistantMessage) and isinstance(message.content, list)
    )


def _same(a: LLMMessage, b: LLMMessage) -> bool:
    if a is b or a == b:
        return True
    if not (isinstance(a, UserMessage) and isinstance(b, UserMessage)) or a.source != b.source:
        return False
    return (
        isinstance(a.content, list)
        and isinstance(b.content, list)
        and len(a.content) == len(b.content)
        and all(map(_same_part, a.content, b.content))
    )


def _same_part(a: str | Image, b: str | Image) -> bool:
    if isinstance(a, Image) and isinstance(b, Image):  # AutoGen's images compare by identity only
        return a is b or (a.image.size == b.image.size and a.to_base64() == b.to_base64())
    return a == b
