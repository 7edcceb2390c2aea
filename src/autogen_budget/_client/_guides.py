"""What the conversations of one client show of their instructions, from request to request."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

from autogen_core.models import LLMMessage

from autogen_budget._artifacts import ArtifactLease
from autogen_budget._compaction import Guidance, InstructionFitter, instruction_step
from autogen_budget._counting import Tally, TokenCounter
from autogen_budget._history import Conversation, ConversationIdentity, TokenBreakdown, leading_system, measure_turn
from autogen_budget._records import Step
from autogen_budget._turns import READ_ARTIFACT

from ._cache_bust import tool_name
from ._request import Ask


@dataclass(frozen=True, slots=True)
class Guided:
    """A conversation whose instructions are within their cap.

    Args:
        conversation (Conversation): The conversation, with what its requests show of its instructions.
        guidance (Guidance): The same, and the sections that are shown beside.
        known (Guidance | None): What the request before showed. `None` means there was none, or there is no cap.
        steps (tuple[Step, ...]): What was done.
    """

    conversation: Conversation
    guidance: Guidance = field(default_factory=Guidance)
    known: Guidance | None = None
    steps: tuple[Step, ...] = ()

    def for_compaction(self) -> "Guided":
        """Keep only the sections of the newest request: where the beginning changes anyway, others go."""
        history = self.conversation.history
        request = None if history.request is None else history.turns[history.request].uncut.head
        return replace(self, guidance=self.guidance.only_for(request))

    def stable_prefix(self, conversation: Conversation, schemas: Tally, counter: TokenCounter) -> Tally:
        """Return what the beginning of the request weighs that the one before had as well."""
        before = self.known or Guidance()
        stable = conversation.stable_prefix(schemas + before.tally)
        no_longer_shown = next((shown.request for shown in before.shown if shown not in self.guidance.shown), None)
        if stable == Tally() or no_longer_shown is None:
            return stable
        prefix = Tally.sum(map(counter.measure_message, conversation.history.system))
        for turn in conversation.history.turns:
            if turn.uncut.head is no_longer_shown:
                break
            prefix = prefix + measure_turn(turn, counter)
        return schemas + min(stable - schemas - before.tally, prefix, key=counter.tokens)


class Guides:
    """Holds the instructions of one client's conversations to their cap.

    `lease`: Keeps the whole of what is cut. `None` means nothing does.
    """

    def __init__(self, counter: TokenCounter, lease: ArtifactLease | None, *, multiple_system_messages: bool) -> None:
        self._counter = counter
        self._fitter = InstructionFitter(counter, multiple_system_messages=multiple_system_messages, lease=lease)
        self._known: WeakKeyDictionary[ConversationIdentity, Guidance] = WeakKeyDictionary()

    async def guide(
        self,
        conversation: Conversation,
        ask: Ask,
        added: Sequence[LLMMessage],
        extras: TokenBreakdown,
        *,
        limit: int | None,
        cap: int,
    ) -> Guided:
        """Hold the instructions of a conversation, and memory that is new in it, to their cap.

        `limit`: Tokens instructions may take. `None` means only the whole counts.
        """
        known, source = self._known.get(conversation.identity), leading_system(ask.messages)
        if limit is None:
            shown = replace(conversation.history, system=source) if known else conversation.history
            return Guided(conversation.with_fixed(shown, self._counter))
        leading = {id(message) for message in ask.messages[: len(source)]}
        history, guidance = await self._fitter.fit(
            conversation.history,
            source,
            [message for message in added if id(message) not in leading],
            known,
            limit=limit,
            cap=cap,
            extras=extras.total,
            readable=any(tool_name(tool) == READ_ARTIFACT for tool in ask.tools),
        )
        guided = conversation.with_fixed(history, self._counter)
        before = (extras + conversation.projection.sizes).total + (known or Guidance()).tally
        after = (extras + guided.projection.sizes + guidance.sizes).total
        step = instruction_step(self._counter.tokens(before), self._counter.tokens(after), guidance, known)
        return Guided(guided, guidance, known, () if step is None else (step,))

    def commit(self, conversation: Conversation, guidance: Guidance) -> None:
        """Keep what a request shows, for the next one of the same conversation."""
        if guidance.source:
            self._known[conversation.identity] = guidance
        else:
            self._known.pop(conversation.identity, None)
