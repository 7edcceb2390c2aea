"""One growing conversation as an immutable value: its messages as received, the form it is sent in, what is stored.

Agents send their whole history with every call. What is known already is recognised, and only the rest is read, mended
and measured. The form in which it was sent is kept, so that the same bytes are sent again until the next compaction.
Each step gives a new value; two calls at once go on from the same one without seeing each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from autogen_core.models import FunctionExecutionResultMessage, LLMMessage, SystemMessage

from autogen_budget._counting import Tally, TokenCounter
from autogen_budget._turns import Turn

from ._history import History
from ._projection import Projection, common_prefix
from ._recognition import KnownMessages


class ConversationIdentity:
    """Stands for one conversation, the same object from call to call, for as long as the conversation is known."""

    __slots__ = ("__weakref__",)


@dataclass(frozen=True, slots=True)
class LatestRequest:
    """What the latest request of a conversation was made of.

    Args:
        extras (Tally | None): What it carried beside the messages. `None` means there was no request yet.
        stable (Tally): What its leading messages weigh that the next one will have as well.
        original (Tally): What all that had come by then weighs.
    """

    extras: Tally | None = None
    stable: Tally = field(default_factory=Tally)
    original: Tally = field(default_factory=Tally)


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation, as far as it is known.

    Args:
        projection (Projection): The form in which it is sent.
        known (KnownMessages): All its messages, as received.
        latest (LatestRequest): What its latest request was made of.
        archived (int): How many of the leading turns of the projection are stored, or listed in `unstored`.
        unstored (tuple[Turn, ...]): Turns that left or were cut and are not stored yet.
        identity (ConversationIdentity): Which conversation it is, however far it has come.
    """

    projection: Projection
    known: KnownMessages = field(default_factory=KnownMessages)
    latest: LatestRequest = field(default_factory=LatestRequest)
    archived: int = 0
    unstored: tuple[Turn, ...] = ()
    identity: ConversationIdentity = field(default_factory=ConversationIdentity, compare=False, repr=False)

    def __len__(self) -> int:
        """Return how many messages are known."""
        return len(self.known)

    @property
    def history(self) -> History:
        """What is sent."""
        return self.projection.history

    def begins(self, messages: Sequence[LLMMessage]) -> bool:
        """Return whether a whole history, as an agent sends it, is this conversation, with or without more behind it.

        One that goes on in the middle of what was read as a whole (a turn, the leading system messages) is not.
        """
        inside = FunctionExecutionResultMessage if self.history.turns else SystemMessage
        torn = any(isinstance(message, inside) for message in messages[len(self) :][:1])
        return not torn and self.known.begin(messages)

    def begins_but_newest(self, messages: Sequence[LLMMessage]) -> bool:
        """Return whether a history is this conversation but for its newest message, which was for one call only.

        So do the prompts that orchestrators put behind a thread: each call has another one in that place.
        """
        return len(self.history.turns) > 1 and self.known.begin_but_newest(messages)

    def begins_but_instructions(self, messages: Sequence[LLMMessage]) -> bool:
        """Return whether a history begins with this conversation, apart from its instructions.

        Some agents write the time of day into them. What was compacted stays so; else nothing is lost by reading anew.
        """
        return self.projection.is_compacted and self.known.begin_but_instructions(messages)

    def with_other_instructions(self, system: tuple[SystemMessage, ...], counter: TokenCounter) -> "Conversation":
        """Go on with other instructions than before."""
        projection = self.projection.with_other_instructions(system, counter)
        changed = projection.original.total - self.projection.original.total
        latest = LatestRequest(original=self.latest.original + changed)
        return replace(self, projection=projection, known=self.known.with_instructions(system), latest=latest)

    def with_fixed(self, history: History, counter: TokenCounter) -> "Conversation":
        """Send other instructions, or other forms of single new turns, from now on."""
        if history is self.history:
            return self
        same = history.system == self.history.system
        latest = self.latest if same else LatestRequest(original=self.latest.original)
        return replace(self, projection=self.projection.with_fixed(history, counter), latest=latest)

    def without_newest(self, counter: TokenCounter) -> "Conversation":
        """Take the newest message back; what stands before it stays as it was sent."""
        projection, removed = self.projection.without_newest(counter)
        latest = replace(
            self.latest, stable=self.latest.stable - removed.total, original=self.latest.original - removed.total
        )
        archived = min(self.archived, len(projection.history.turns))
        return replace(self, projection=projection, known=self.known.without_newest(), latest=latest, archived=archived)

    def compacted(self, history: History, counter: TokenCounter, *, multiple_system_messages: bool) -> "Conversation":
        """Send another form from now on.

        The turns up to the last one that is not sent as it was become `unstored`, without those that an earlier
        compaction had stored: what an archive of the whole conversation goes on with.
        """
        old = self.history
        common = common_prefix(old, history, counter)
        stable = min(self.latest.stable, common, key=counter.tokens)
        left = {id(turn.uncut): turn for turn in history.turns}
        changed = [i for i, turn in enumerate(old.turns) if left.get(id(turn.uncut)) is not turn]
        end = max((self.archived, *(i + 1 for i in changed)))
        return replace(
            self,
            projection=self.projection.compacted(history, counter, multiple_system_messages=multiple_system_messages),
            latest=replace(self.latest, stable=stable),
            archived=sum(id(turn.uncut) in left for turn in old.turns[:end]),
            unstored=(*self.unstored, *(left.get(id(turn.uncut), turn) for turn in old.turns[self.archived : end])),
        )

    def stored(self) -> "Conversation":
        """Return whether all turns that left or were cut are stored, or nobody expects them to be."""
        return replace(self, unstored=()) if self.unstored else self

    def stable_prefix(self, extras: Tally) -> Tally:
        """Return what the beginning of the next request weighs that the latest one had as well."""
        return extras + self.latest.stable if extras == self.latest.extras else Tally()

    def new_since_latest(self) -> Tally:
        """Return the sizes of the messages, as received, that follow the latest request."""
        return self.projection.original.total - self.latest.original

    def requested(self, extras: Tally, behind: Tally | None = None) -> "Conversation":
        """Return the conversation once it is requested as it is: the next request begins with it, if nothing changes.

        `behind`: What stands behind a message that the next request may not have. `None` means there is no such
        message.
        """
        projection = self.projection
        stable = projection.sizes.total if behind is None else projection.sizes.total - behind
        return replace(self, latest=LatestRequest(extras, stable, projection.original.total))
