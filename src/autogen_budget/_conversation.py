"""Recognises conversations across calls, so that a call looks only at what is new and sends a stable prefix.

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

from ._counting import TokenCounter
from ._history import History, leading_system
from ._keep import Keep
from ._repair import Repair, TurnReader
from ._sizes import Sizes, sizes_of_history, sizes_of_turns
from ._tally import Tally

MAX_CONVERSATIONS = 32
"""How many conversations one client keeps apart; the one that was silent for longest is forgotten first."""


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
        """The messages that the latest `extend` added, as they came."""
        self.verbatim = True
        """Whether `history` is still just what came, message for message."""
        self.came = Sizes()
        """Sizes of all that ever came, by layer, as if nothing had been compacted."""
        self.sizes = Sizes()
        """Sizes of `history`, by layer."""
        self.stable = Tally()
        """What the leading messages of `history` weigh that the latest request had as well."""
        self._counter = counter
        self._reader = TurnReader(multiple_system_messages=multiple_system_messages)
        self.came_before = Tally()
        """What weighed, of all that ever came, what the latest request was made of."""
        self._extras: Tally | None = None
        self._known: list[LLMMessage] = []

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
        if all(map(is_, self._known, messages)):
            return True
        if not all(map(_same, self._known, messages)):
            return False
        self._known = list(messages[:known])  # the next comparison is by identity again
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
        del self._known[-1]

    def extend(self, messages: Sequence[LLMMessage]) -> None:
        """Take in what is new in these messages.

        Args:
            messages (Sequence[LLMMessage]): A whole history, which `matches` has accepted.
        """
        new = messages[len(self._known) :]
        self._known.extend(new)
        self.added = tuple(new)
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

    def replace_history(self, old: History, new: History) -> None:
        """Send another form from now on, unless another call has changed it since.

        Args:
            old (History): The form that was compacted.
            new (History): The form it was compacted to.
        """
        if new is not old and self.history is old:
            self.history, self.verbatim = new, False
            self.sizes = sizes_of_history(new, self._counter)
            common = common_beginning(old, new, self._counter)
            self.stable = min(self.stable, common, key=self._counter.tokens)

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


class Conversations:
    """The conversations that go through one client, the latest last.

    Args:
        counter (TokenCounter): Measures what comes in.
        multiple_system_messages (bool): Whether the model takes system messages anywhere.
        keep (Keep | None): What may not be dropped. `None` means the task, the newest request and the newest turn.
    """

    def __init__(self, counter: TokenCounter, *, multiple_system_messages: bool, keep: Keep | None = None) -> None:
        self._counter = counter
        self._multiple_system_messages = multiple_system_messages
        self._keep = keep
        self._latest_last: list[Conversation] = []

    def recall(self, messages: Sequence[LLMMessage]) -> Conversation:
        """The conversation these messages belong to, with what is new in them taken in.

        Args:
            messages (Sequence[LLMMessage]): A whole history, as an agent sends it.

        Returns:
            Conversation: A known one where there is one, else a new one.

        Raises:
            TypeError: An element is not one of AutoGen's four message classes.
        """
        found = self._find(messages) or Conversation(
            self._counter, multiple_system_messages=self._multiple_system_messages, keep=self._keep
        )
        found.extend(messages)
        self._latest_last = [known for known in self._latest_last if known is not found][-MAX_CONVERSATIONS + 1 :]
        self._latest_last.append(found)
        return found

    def forget(self) -> None:
        """Begin anew: no conversation is known."""
        self._latest_last = []

    def _find(self, messages: Sequence[LLMMessage]) -> Conversation | None:
        known = [conversation for conversation in self._latest_last if conversation.matches(messages)]
        if known:
            return max(known, key=len)
        for conversation in reversed(self._latest_last):
            if conversation.matches_but_newest(messages):
                conversation.forget_newest()
                return conversation
        return None


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
