"""Hold instructions and memory to their cap: what a request shows of them, and the sections it is about before it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from autogen_core.models import LLMMessage, SystemMessage, UserMessage

from autogen_budget._artifacts import ArtifactLease
from autogen_budget._background import in_background
from autogen_budget._counting import Tally, TokenCounter
from autogen_budget._fixed import Outline, fit_memory, outline
from autogen_budget._history import History, TokenBreakdown, measure_turn
from autogen_budget._records import Step
from autogen_budget._turns import NOTE_SOURCE, Turn, encodable_message, text_of

logger = logging.getLogger("autogen_budget")

LARGEST_SHARE = 0.75
"""Share of what tools leave of the cap that instructions may take at most, whatever their own cap: the rest is for the
conversation."""

SMALLER, LARGER = 0.9, 2.0
"""How far the tokens for instructions may change before they are read anew, so that requests begin the same: calls
without tools, in between, have more of it."""

FRAME = 8
"""Tokens that a message takes beside its text, at most."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Sections that are shown before one message of a user.

    Args:
        request (LLMMessage): The message, as received.
        places (frozenset[int]): Which parts of the outline they are.
        message (SystemMessage | UserMessage): What is sent.
        tally (Tally): What that weighs.
    """

    request: LLMMessage
    places: frozenset[int]
    message: SystemMessage | UserMessage
    tally: Tally


@dataclass(frozen=True, slots=True)
class Guidance:
    """What a conversation shows of its instructions.

    Args:
        source (tuple[SystemMessage, ...]): The instructions as received.
        limit (int): Tokens they were to take when they were read.
        system (tuple[SystemMessage, ...]): What every request shows of them.
        outline (Outline | None): Their sections. `None` means they are shown whole.
        shown (tuple[Shown, ...]): The sections that are shown, in the order of the messages they are shown with.
    """

    source: tuple[SystemMessage, ...] = ()
    limit: int = 0
    system: tuple[SystemMessage, ...] = ()
    outline: Outline | None = None
    shown: tuple[Shown, ...] = ()

    @property
    def tally(self) -> Tally:
        """What the sections weigh that are shown beside the instructions."""
        return Tally.sum(shown.tally for shown in self.shown)

    @property
    def sizes(self) -> TokenBreakdown:
        """The same as part of a request's layers."""
        return TokenBreakdown({"system": self.tally}) if self.shown else TokenBreakdown()

    def only_for(self, request: LLMMessage | None) -> "Guidance":
        """Return what is left after a compaction: the sections shown with the newest request."""
        left = tuple(shown for shown in self.shown if shown.request is request)
        return self if len(left) == len(self.shown) else replace(self, shown=left)


class InstructionFitter:
    """Holds the instructions of conversations to a cap.

    `lease`: Keeps the whole of what is cut. `None` means nothing does.
    """

    def __init__(
        self, counter: TokenCounter, *, multiple_system_messages: bool = False, lease: ArtifactLease | None = None
    ) -> None:
        self._counter = counter
        self._mixed = multiple_system_messages
        self._lease = lease
        self._warned = False

    async def fit(
        self,
        history: History,
        source: tuple[SystemMessage, ...],
        new: Sequence[LLMMessage],
        known: Guidance | None = None,
        *,
        limit: int | None,
        cap: int,
        extras: Tally,
        readable: bool,
    ) -> tuple[History, Guidance]:
        """Hold the instructions of a conversation, and memory that is new in it, to their cap.

        What was shown before is kept as long as it fits.

        `known`: What the request before showed. `None` means there was none. `limit`: Tokens that instructions
        may take, and each memory block. `None` means only the whole counts.
        """
        if limit is None or not history.turns:  # a selector's prompt is one system message
            return history, Guidance()
        available = cap - self._counter.tokens(extras)
        limit = max(0, min(limit, int(available * LARGEST_SHARE)))
        blocks = [message for message in new if isinstance(message, SystemMessage)]
        history = await self._fit_memory(history, blocks, limit, readable=readable)
        kept = Tally.sum(measure_turn(history.turns[place], self._counter) for place in history.kept)
        guidance = await self._guidance(
            history, source, known, limit=limit, within=available - self._counter.tokens(kept), readable=readable
        )
        same = history.system == guidance.system
        return (history if same else replace(history, system=guidance.system)), guidance

    async def _guidance(
        self,
        history: History,
        source: tuple[SystemMessage, ...],
        known: Guidance | None,
        *,
        limit: int,
        within: int,
        readable: bool,
    ) -> Guidance:
        """Return what a request shows of instructions, with fewer sections where what stays of the history is large."""
        if known is None or not self._holds(known, source, limit):
            known = await self._read(source, limit, readable=readable)
        request = None if history.request is None else history.turns[history.request].uncut.head
        sections = known.outline
        if sections is None or request is None:
            return known
        available = min(limit, within)
        left = {id(turn.uncut.head) for turn in history.turns}
        known = replace(known, shown=tuple(shown for shown in known.shown if id(shown.request) in left))
        fits = self._left(known, available) >= 0
        if fits and any(shown.request is request for shown in known.shown):
            return known
        alone = replace(known, shown=())
        wanted = sections.about(text_of(request), self._left(alone, available), self._counter)
        missing = [place for place in wanted if not any(place in shown.places for shown in known.shown)]
        longer = self._with(known, request, missing)
        if fits and self._left(longer, available) >= 0:
            return longer
        while wanted and self._left(self._with(alone, request, wanted), available) < 0:
            wanted = wanted[:-1]
        return self._with(alone, request, wanted)

    def _holds(self, known: Guidance, source: tuple[SystemMessage, ...], limit: int) -> bool:
        """Return whether what the request before showed of the instructions is what this one shows of them."""
        near = limit == known.limit or known.limit * SMALLER <= limit <= known.limit * LARGER
        return known.source == source and near and self._counter.tokens(self._measure(known.system)) <= limit

    def _measure(self, messages: Sequence[LLMMessage]) -> Tally:
        return Tally.sum(map(self._counter.measure_message, messages))

    def _left(self, guidance: Guidance, limit: int) -> int:
        return limit - self._counter.tokens(self._measure(guidance.system) + guidance.tally)

    def _with(self, known: Guidance, request: LLMMessage, places: Sequence[int]) -> Guidance:
        """Return the same, with some sections shown before a request."""
        if known.outline is None or not places:
            return known
        text = known.outline.show(places)
        made = SystemMessage(content=text) if self._mixed else UserMessage(content=text, source=NOTE_SOURCE)
        message = encodable_message(made)
        shown = Shown(request, frozenset(places), message, self._counter.measure_message(message))
        return replace(known, shown=(*known.shown, shown))

    async def _read(self, source: tuple[SystemMessage, ...], limit: int, *, readable: bool) -> Guidance:
        """Read instructions; they are shown whole where they fit."""
        if self._counter.tokens(self._measure(source)) <= limit:
            return Guidance(source, limit, source)
        text = "\n\n".join(message.content for message in source)
        reference = (await self._lease.keep(text)).reference if self._lease is not None and readable else None
        inner = max(0, limit - FRAME)
        while True:
            made = await in_background(partial(outline, text, inner, self._counter, reference), len(text))
            system = encodable_message(SystemMessage(content=made.text))
            over = self._counter.tokens(self._counter.measure_message(system)) - limit
            if over <= 0 or inner <= 0:
                break
            inner = max(0, inner - over - 1)
        if made.cut and not self._warned:
            self._warned = True
            logger.warning(
                "the instructions were cut: what comes before their first section is over their cap of %d tokens. "
                "Raise max_instruction_tokens in TokenBudget, or give parts of it headings of their own",
                limit,
            )
        return Guidance(source, limit, (system,), made)

    async def _fit_memory(
        self, history: History, blocks: Sequence[SystemMessage], limit: int, *, readable: bool
    ) -> History:
        """Return the history with memory blocks held to a limit."""
        large = {block.content for block in blocks if self._counter.count_text(block.content, limit=limit) > limit}
        request = "" if history.request is None else text_of(history.turns[history.request].head)
        shorter: dict[str, str] = {}
        for text in sorted(large):
            reference = (await self._lease.keep(text)).reference if self._lease is not None and readable else None
            work = partial(fit_memory, text, request, limit, self._counter, reference)
            shorter[text] = await in_background(work, len(text))
        return history.with_turns(_shortened(turn, shorter) for turn in history.turns) if shorter else history


def instruction_step(before: int, after: int, guidance: Guidance, known: Guidance | None) -> Step | None:
    """Return the step that records instructions and memory in a request. `None` means that nothing has changed.

    `known`: What the request before showed. `None` means there was none.
    """
    newly = [shown for shown in guidance.shown if known is None or shown not in known.shown]
    if before == after and not newly:
        return None
    places = frozenset[int]().union(*(shown.places for shown in newly))
    cut = guidance.outline is not None and guidance.outline.cut and guidance.system != (known or Guidance()).system
    return Step("Instructions", before, after, sections=len(places), instructions_cut=cut)


def with_sections(history: History, guidance: Guidance) -> list[LLMMessage]:
    """Return the messages to send, each section that is shown before the message that it is about."""
    before: Mapping[int, LLMMessage] = {
        id(turn.head): shown.message
        for shown in guidance.shown
        for turn in history.turns
        if turn.uncut.head is shown.request
    }
    messages: list[LLMMessage] = []
    for message in history.flatten():
        if id(message) in before:
            messages.append(before[id(message)])
        messages.append(message)
    return messages


def _shortened(turn: Turn, shorter: Mapping[str, str]) -> Turn:
    head = turn.head
    if isinstance(head.content, str) and head.content in shorter and (turn.note or turn.kind == "system"):
        return turn.with_head(head.model_copy(update={"content": shorter[head.content]}))
    return turn
