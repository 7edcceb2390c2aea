"""Plan the requests of one client: draft, make it fit under the cap, store what left, recall, account for it all."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from autogen_budget._artifacts import ArtifactStore
from autogen_budget._background import in_background
from autogen_budget._budget import TokenBudget
from autogen_budget._compaction import (
    CompactionContext,
    Plan,
    Prefetching,
    Strategy,
    SummaryWriter,
    compaction_target,
    fit,
    input_prices,
    least_of,
    parameter_names,
    read_ahead,
    with_sections,
)
from autogen_budget._counting import CountAsker, TokenCounter, TokenSource
from autogen_budget._history import (
    Conversation,
    ConversationRegistry,
    History,
    HistoryArchive,
    TokenBreakdown,
    sizes_of_history,
)
from autogen_budget._model_facts import ClientFacts
from autogen_budget._records import Step
from autogen_budget._turns import Pin

from ._cap import RETRY_SHARE, RequestCap
from ._composition import Composer, Composition
from ._doubt import Doubt
from ._draft import Draft, Drafter
from ._provider_errors import Overflow
from ._recollection import Recollections
from ._request import Ask, Request, with_loss

logger = logging.getLogger("autogen_budget")

NEARLY = 0.5
"""Share of the cap from which on turns are read while the model answers: what a compaction will drop is known then."""

MAX_REPLANS = 3
"""How often a request is planned once more, because another call's usage has made it too large meanwhile."""

TRUNCATED = 0.7
"""Share of the predicted prompt tokens below which a report says that a server which cuts silently has done so."""


class Planner:
    """Makes requests that fit one client.

    A plan changes nothing until it is whole: calls at the same time, and calls that are cancelled, leave each other's
    conversations and the archive as they are.

    `artifacts`: Where the whole of what is cut is kept. `None` means nowhere. `summarizer`: Has a model write
    summaries. `None` means there is no model. `source`: Counts requests as the model does. `None` means nobody can
    be asked. `strategy_timeout`: Seconds after which a strategy is passed over. `None` means it has any time.
    """

    def __init__(
        self,
        facts: ClientFacts,
        budget: TokenBudget,
        strategies: Sequence[Strategy],
        counter: TokenCounter,
        *,
        multiple_system_messages: bool,
        artifacts: ArtifactStore | None = None,
        pins: Sequence[Pin] = (),
        pin_tools: Sequence[str] = (),
        summarizer: SummaryWriter | None = None,
        source: TokenSource | None = None,
        instructions: bool = True,
        strategy_timeout: float | None = None,
    ) -> None:
        self.cap = RequestCap(facts, budget)
        """How much a request may hold."""
        self.archive = HistoryArchive(artifacts)
        """What is kept of what left the conversations."""
        self._drafter = Drafter(
            budget,
            counter,
            self.archive,
            multiple_system_messages=multiple_system_messages,
            pins=pins,
            pin_tools=pin_tools,
            instructions=instructions,
        )
        self._facts = facts
        self._budget = budget
        self._strategies = tuple(strategies)
        self._counter = counter
        self._asker = CountAsker(source, counter)
        self._mixed = multiple_system_messages
        self._strategy_timeout = strategy_timeout
        self._summarizer = summarizer
        self._composer = Composer(counter)
        self._recollections = Recollections()
        self._doubt = Doubt(self.cap, counter)
        self._warned_of_truncation = False
        self._reading: asyncio.Task[None] | None = None

    @property
    def conversations(self) -> ConversationRegistry:
        """The conversations that are known."""
        return self._drafter.conversations

    def count_text(self, text: str) -> int:
        """Return the tokens of a text as this model counts it."""
        return self._counter.count_text(text)

    def change_budget(self, budget: TokenBudget, strategies: Sequence[Strategy]) -> None:
        """Plan the next call by another budget; what was learned about the model stays, and what was compacted too."""
        self._budget, self._strategies = budget, tuple(strategies)
        self.cap.change_budget(budget)
        self._drafter.change_budget(budget)

    def save_state(self) -> Mapping[str, object]:
        """Return what was learned about the model, and what is remembered, as values that JSON can hold."""
        return {
            "model": self._facts.model,
            "counter": dict(self._counter.save_state()),
            **self.cap.save_state(),
            "conversations": self.conversations.save(),
            "history": dict(self.archive.save()),
        }

    def load_state(self, state: Mapping[str, object]) -> None:
        """Take over what another planner knew; what is not understood, or about another model, is ignored."""
        counter = state.get("counter")
        if state.get("model") == self._facts.model:
            self.cap.load_state(state)
            if isinstance(counter, Mapping):
                self._counter.load_state(cast(Mapping[str, object], counter))
        self.conversations.load(state.get("conversations"))
        self.archive.load(state.get("history"))

    def forget(self) -> None:
        """Forget the conversations; what was stored of them may go."""
        self.conversations.forget()
        self.archive.forget()

    async def plan(self, ask: Ask, *, whole: bool = False) -> Request:
        """Make a request that fits.

        Raises:
            ContextOverflowError: Even the parts that may not be dropped or cut are over the cap.
        """

        async def planned() -> Request:
            await self.cap.ask_server()
            return await self._plan(ask, self.cap.tokens(ask.extra_create_args), self._summarizer, whole=whole)

        request = await (planned() if whole else self._doubt.unless_only_learned(planned))
        if request.tokens > request.cap * NEARLY and (self._reading is None or self._reading.done()):
            self._reading = asyncio.create_task(_read_ahead(request))  # while the model answers
        return request

    async def describe_unfit(self, ask: Ask) -> Request:
        """Return what the record of a request that cannot be made to fit tells of it: its size, nothing to send."""
        unfit = Request(self.cap.tokens(ask.extra_create_args), window=self.cap.window)
        try:
            received = (await self._drafter.draft(ask, unfit.cap)).original
        except Exception:
            logger.warning("a request that cannot be made to fit could not be described", exc_info=True)
            return unfit
        size, layers = self._counter.tokens(received.total), received.tokens(self._counter)
        return replace(unfit, tokens_before=size, layers_before=layers)

    async def plan_smaller(self, ask: Ask, refused: Request) -> Request:
        """Make a request that is strictly smaller than one the provider refused, without waiting for a summary.

        Raises:
            ContextOverflowError: There is none.
        """
        size = min(refused.tokens, self._counter.tokens(refused.tally))  # by what the refusal has taught
        return await self._plan(ask, min(self.cap.tokens(ask.extra_create_args), int(size * RETRY_SHARE)), None)

    async def prefetch(self, request: Request) -> None:
        """Let strategies prepare what the next compaction will need; their failure is not the call's."""
        if self._summarizer is None:
            return
        context = CompactionContext(
            tokens=request.tokens,
            target=request.cap,
            cap=request.cap,
            extras=request.extras,
            counter=self._counter,
            summarizer=self._summarizer,
        )
        for strategy in self._strategies:
            try:
                if isinstance(strategy, Prefetching) and strategy.should_prefetch(context):
                    target = self._target(request.history, request.cap, request.extras)
                    await strategy.prefetch(request.history, replace(context, target=target))
            except Exception:
                logger.warning("%s could not look ahead", type(strategy).__name__, exc_info=True)

    def describe(self, ask: Ask, request: Request) -> Composition:
        """Describe the parts of a request for its record; never raises."""
        try:
            return self._composer.describe(
                ask.messages,
                request.messages,
                request.tools,
                changed=any(step.freed for step in request.steps),
                stable=request.stable_prefix_tokens > 0,
            )
        except Exception:
            logger.warning("the parts of a request could not be described", exc_info=True)
            return Composition()

    def learn_refusal(self, overflow: Overflow, refused: Request) -> None:
        """Learn from a refusal: the true window, how the model counts, or at least that this was too much."""
        if overflow.prompt_tokens is not None:
            self._counter.observe(refused.tally, overflow.prompt_tokens)
        self.cap.learn_refusal(overflow, refused.tokens)

    def learn_usage(self, request: Request, prompt_tokens: int | None) -> None:
        """Learn from a request that was answered.

        `prompt_tokens`: Its prompt tokens as the provider reports them. `None` means it reports none.
        """
        self.cap.learn_acceptance(request.tokens)
        if prompt_tokens is None or prompt_tokens <= request.cap:
            self._doubt.forget_refusals()
        if prompt_tokens is None:
            return
        if self._facts.window is None or prompt_tokens >= request.tokens * TRUNCATED:
            self._counter.observe(request.tally, prompt_tokens)
        elif not self._warned_of_truncation:  # Ollama, the one client that sets its window by itself
            self._warned_of_truncation = True
            logger.warning(
                "model %r reports %d prompt tokens for a request of about %d: its server has cut the rest without an "
                "error. Set OllamaChatCompletionClient(..., options={'num_ctx': ...}) to the window it should have "
                "(it is taken to be %d now)",
                self._facts.model,
                prompt_tokens,
                request.tokens,
                self._facts.window,
            )

    async def _plan(self, ask: Ask, cap: int, summarizer: SummaryWriter | None, *, whole: bool = False) -> Request:
        """Plan a request; once more if it is over the cap by what other calls have taught meanwhile."""
        with self.archive.in_use():
            request, commit = await self._plan_once(ask, cap, summarizer, whole=whole)
            for _ in range(MAX_REPLANS):
                if request.tokens > cap:
                    request, commit = await self._plan_once(ask, cap, summarizer, whole=whole)
            commit()
            return request

    async def _plan_once(
        self, ask: Ask, cap: int, summarizer: SummaryWriter | None, *, whole: bool
    ) -> tuple[Request, Callable[[], None]]:
        """Return nothing that other calls see changes before the commit."""
        draft = await self._drafter.draft(ask, cap)
        await self._ask_source(draft, draft.history, cap)
        recollection = await self._recollections.of(
            draft.conversation, self.archive, multiple_system_messages=self._mixed
        )
        history = draft.history
        left = least_of(history) if self._counter.tokens(draft.sizes.total) > cap else history
        await recollection.prepare(history, self.archive, left)
        found = recollection.find(left)
        reserved = found.reserved_tokens(draft.history, cap, self._counter)
        draft, plan = await self._fit(draft, cap, reserved, summarizer, whole=whole)
        conversation, steps = draft.conversation, plan.steps
        if plan.history is not draft.history:
            await recollection.add(draft.history, plan.history, self.archive)
            found = recollection.find(plan.history)
            conversation, steps = await self._store(draft, plan)
        note = found.note((draft.extras + conversation.projection.sizes).total, cap, self._counter)
        request = draft.request(conversation, steps, note, found.text, self._counter, cap=cap, window=self.cap.window)

        def commit() -> None:
            recollection.remember(plan.history, note)
            self._drafter.commit(draft, conversation, note)

        return request, commit

    async def _ask_source(self, draft: Draft, history: History, cap: int) -> bool:
        """Let the counter learn a request's size from who knows it; whether it did."""
        sizes = draft.sizes if history is draft.history else draft.extras + sizes_of_history(history, self._counter)
        if not self._asker.should_ask(sizes.total, cap):
            return False
        return await self._asker.learn(with_sections(history, draft.guided.guidance), draft.ask.tools, sizes.total)

    async def _fit(
        self, draft: Draft, cap: int, reserved: int, summarizer: SummaryWriter | None, *, whole: bool
    ) -> tuple[Draft, Plan]:
        """Compact the conversation of a draft that is over the cap; under it, nothing is touched."""
        counter, history = self._counter, draft.history
        tokens = counter.tokens(draft.sizes.total)
        if tokens > cap - reserved:
            draft = draft.for_compaction()
            tokens = counter.tokens(draft.sizes.total)
        if tokens <= cap - reserved:
            return draft, Plan(history, tokens)
        context = CompactionContext(
            tokens=tokens,
            target=self._target(history, cap, draft.extras),
            cap=cap,
            extras=draft.extras,
            counter=counter,
            lease=self.archive.lease_of(draft.conversation.identity),
            parameters=parameter_names(draft.ask.tools),
            summarizer=summarizer,
            reserved=reserved,
        )

        async def fitted(context: CompactionContext) -> Plan:
            return await fit(history, context, self._strategies, whole=whole, seconds=self._strategy_timeout)

        plan = await fitted(context)
        if await self._ask_source(draft, plan.history, cap):  # fit it once more, by what was learned
            tokens = max(cap + 1, counter.tokens(draft.sizes.total))
            plan = await fitted(replace(context, tokens=tokens, target=self._target(history, cap, draft.extras)))
        return draft, plan

    async def _store(self, draft: Draft, plan: Plan) -> tuple[Conversation, tuple[Step, ...]]:
        """Store what left a conversation: the conversation in the form that is sent, and what was done."""
        conversation = draft.conversation.compacted(plan.history, self._counter, multiple_system_messages=self._mixed)
        if await self.archive.add(conversation.unstored, conversation.identity):
            return conversation.stored(), plan.steps
        return conversation, with_loss(plan, draft.history)

    def _target(self, history: History, cap: int, extras: TokenBreakdown) -> int:
        return compaction_target(
            history,
            cap=cap,
            compact_to=self._budget.compact_to,
            extras=extras,
            counter=self._counter,
            prices=input_prices(self._facts.model, cap, own_server=self._facts.base_url is not None),
        )


async def _read_ahead(request: Request) -> None:
    """Read what the next compaction may drop; where that fails, the compaction reads it."""
    try:
        await in_background(lambda: read_ahead(request.history), request.tokens)
    except Exception:
        logger.warning("a conversation could not be read ahead", exc_info=True)
