"""A request before it is made to fit: the conversation it belongs to, and what it carries beside its messages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autogen_core.models import LLMMessage, UserMessage

from autogen_budget._budget import TokenBudget
from autogen_budget._compaction import RecalledNote, repair_steps, with_recalled, with_sections
from autogen_budget._counting import Tally, TiktokenCounter, TokenCounter
from autogen_budget._fixed import Selection
from autogen_budget._history import (
    Conversation,
    ConversationRegistry,
    History,
    HistoryArchive,
    Recalled,
    TokenBreakdown,
    measure_turn,
    sizes_of_extras,
)
from autogen_budget._model_facts import Window
from autogen_budget._records import Step
from autogen_budget._turns import NOTE_SOURCE, Pin, RetentionPolicy, text_of

from ._guides import Guided, Guides
from ._request import Ask, Request
from ._tool_offers import ToolOffers


@dataclass(frozen=True, slots=True)
class Draft:
    """A request before it is made to fit.

    Args:
        ask (Ask): What is asked for, with the tools that are offered.
        selection (Selection): What was left out and shortened of the tools.
        notes (Sequence[LLMMessage]): What follows the messages, in this request alone.
        received (TokenBreakdown): What the request carries beside its messages, with all tools as received.
        schemas (Tally): What the offered tools, the structure asked for and further arguments weigh.
        beside (TokenBreakdown): The same, and the notes, by layer.
        recalled (Recalled): The conversation that the messages belong to.
        guided (Guided): The same with its instructions within their cap.
    """

    ask: Ask
    selection: Selection
    notes: Sequence[LLMMessage]
    received: TokenBreakdown
    schemas: Tally
    beside: TokenBreakdown
    recalled: Recalled
    guided: Guided

    @property
    def conversation(self) -> Conversation:
        """The conversation, with its instructions within their cap."""
        return self.guided.conversation

    @property
    def history(self) -> History:
        """What is sent of it, unless it has to be smaller."""
        return self.conversation.history

    @property
    def extras(self) -> TokenBreakdown:
        """What the request carries beside the history."""
        return self.beside + self.guided.guidance.sizes

    @property
    def sizes(self) -> TokenBreakdown:
        """What the whole request weighs."""
        return self.extras + self.conversation.projection.sizes

    @property
    def original(self) -> TokenBreakdown:
        """The sizes of everything received in this conversation."""
        return self.received + self.conversation.projection.original

    def for_compaction(self) -> "Draft":
        """Return the same with no sections of instructions but those that the newest request is about."""
        return replace(self, guided=self.guided.for_compaction())

    def request(
        self,
        conversation: Conversation,
        steps: tuple[Step, ...],
        note: RecalledNote | None,
        known: str,
        counter: TokenCounter,
        *,
        cap: int,
        window: Window | None,
    ) -> Request:
        """Put the request together, and account for it.

        `note`: What is recalled for it. `None` means nothing is. `window`: The model's window. `None` means it
        is not known.
        """
        sizes = self.extras + conversation.projection.sizes
        messages: Sequence[LLMMessage] = self.ask.messages
        modified = note is not None or not conversation.projection.is_unmodified
        if modified:
            shown = with_sections(conversation.history, self.guided.guidance)
            messages = with_recalled(conversation.history, "" if note is None else note.text, shown)
        stable = self.guided.stable_prefix(conversation, self.schemas, counter)
        new = self.conversation.new_since_latest()
        repairs = repair_steps(self.recalled.repairs, counter.tokens(self.sizes.total))
        steps = (*repairs, *self.guided.steps, *steps)
        if note is not None:
            sizes = sizes + TokenBreakdown({"recall": note.tally})
            steps = steps if note.text == known else (*steps, note.step)
        return Request(
            messages=[*messages, *self.notes] if self.notes else messages,
            tools=self.ask.tools,
            selection=self.selection,
            tally=sizes.total,
            tokens=counter.tokens(sizes.total),
            cap=cap,
            window=window,
            layers_before=self.original.tokens(counter),
            tokens_before=counter.tokens(self.original.total),
            layers_sent=sizes.tokens(counter),
            steps=steps,
            compacted=modified,
            stable_prefix_tokens=counter.tokens(stable),
            new_tokens=counter.tokens(new),
            history=conversation.history,
            extras=self.extras,
        )


class Drafter:
    """Drafts the requests of one client, and remembers what was made of its conversations.

    A draft changes nothing until `commit`: calls at the same time, and calls that are cancelled, leave each other's
    conversations as they are.
    """

    def __init__(
        self,
        budget: TokenBudget,
        counter: TokenCounter,
        archive: HistoryArchive,
        *,
        multiple_system_messages: bool,
        pins: Sequence[Pin],
        pin_tools: Sequence[str],
        instructions: bool,
    ) -> None:
        self.conversations = ConversationRegistry(counter, multiple_system_messages=multiple_system_messages)
        """The conversations that are known."""
        self._counter = counter
        self._archive = archive
        self._pins = tuple(pins)
        self._instructions = instructions
        self._offers = ToolOffers(budget, counter, pin_tools)
        self._guides = Guides(counter, archive.lease, multiple_system_messages=multiple_system_messages)
        self.change_budget(budget)

    def change_budget(self, budget: TokenBudget) -> None:
        """Draft the next request by other caps."""
        self._max_instruction_tokens = budget.max_instruction_tokens if self._instructions else None
        self._offers.budget = budget
        self.conversations.keep = RetentionPolicy(budget.keep_last_turns, self._pins)

    async def draft(self, ask: Ask, cap: int) -> Draft:
        """Recognise the conversation, choose the tools to offer and the instructions to show."""
        if isinstance(self._counter, TiktokenCounter):  # much text is measured off the event loop
            await self._counter.prepare(ask.large_texts(every=self.conversations.latest is None))
        recalled = self.conversations.recall(ask.messages)
        await self._archive.hold(map(text_of, recalled.added), recalled.conversation.identity)
        as_received = self._sizes_beside(ask)
        ask, selection = await self._offers.choose(ask, recalled.conversation.identity)
        schemas = self._sizes_beside(ask)
        notes = [UserMessage(content=ask.note, source=NOTE_SOURCE)] if ask.note else []
        noted = TokenBreakdown({"history": Tally.sum(map(self._counter.measure_message, notes))})
        beside = schemas + noted
        guided = await self._guides.guide(
            recalled.conversation, ask, recalled.added, beside, limit=self._max_instruction_tokens, cap=cap
        )
        return Draft(ask, selection, notes, as_received + noted, schemas.total, beside, recalled, guided)

    def _sizes_beside(self, ask: Ask) -> TokenBreakdown:
        return sizes_of_extras(self._counter, ask.tools, ask.json_output, ask.extra_create_args)

    def commit(self, draft: Draft, conversation: Conversation, note: RecalledNote | None) -> None:
        """Remember what a request is made of, for the next one of the same conversation.

        `note`: What was recalled for it: what stands behind the note does not begin the next request. `None`
        means nothing was.
        """
        guidance, history = draft.guided.guidance, conversation.history
        newest = history.turns[history.request or 0 :]
        behind = None if note is None else Tally.sum(measure_turn(turn, self._counter) for turn in newest)
        self._guides.commit(conversation, guidance)
        self.conversations.commit(draft.recalled, conversation.requested(draft.schemas + guidance.tally, behind))
