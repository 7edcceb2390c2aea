"""Plans the requests of one client: its conversations, its cap, its counter, and what the provider has taught."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from autogen_core.models import LLMMessage
from autogen_core.tools import Tool, ToolSchema
from pydantic import BaseModel

from ._artifacts import ArtifactStore
from ._budget import TokenBudget
from ._conversations import Conversations
from ._counting import TiktokenCounter, TokenCounter
from ._history import History
from ._input_prices import input_prices
from ._keep import Keep, Pin
from ._memory import Memory
from ._need import LooksAhead, Need, Strategy
from ._overflow import Overflow
from ._pipeline import Plan, fit, repair_steps
from ._report import Step
from ._sizes import Sizes, sizes_of_extras, sizes_of_history
from ._summary import Summarizer
from ._tally import Tally
from ._target import InputPrices, target_of
from ._turns import Turn
from ._windows import DEFAULT_WINDOW, ClientFacts, Window, max_reply_tokens, window_by_name, window_of_server

logger = logging.getLogger("autogen_budget")

RETRY_SHARE = 0.9
"""How much of a refused request is sent again at most, beside what the error's own numbers ask for."""


@dataclass(frozen=True, slots=True)
class Request:
    """One planned request.

    Args:
        messages (Sequence[LLMMessage]): What to send; the caller's own list when nothing had to change.
        tally (Tally): What the whole request weighs, schemas included.
        tokens (int): The same in tokens.
        cap (int): Tokens it was allowed to hold.
        window (Window | None): The model's window. `None` means it is not known.
        came (Mapping[str, int]): Tokens by layer of all that ever came in this conversation.
        tokens_before (int): The same as one number.
        sent (Mapping[str, int]): Tokens by layer of what is sent.
        steps (tuple[Step, ...]): What was done.
        compacted (bool): Whether what is sent differs from what came.
        stable (int): Tokens of its beginning that the conversation's previous request had as well.
        new (int): Tokens of the messages that came since then.
        history (History): The conversation that the messages were made of.
        extras (Sizes): What the request carries beside it.
    """

    messages: Sequence[LLMMessage]
    tally: Tally
    tokens: int
    cap: int
    window: Window | None
    came: Mapping[str, int]
    tokens_before: int
    sent: Mapping[str, int]
    steps: tuple[Step, ...]
    compacted: bool
    stable: int
    new: int
    history: History
    extras: Sizes


@dataclass(frozen=True, slots=True)
class Call:
    """What an agent asks for, as it came.

    Args:
        messages (Sequence[LLMMessage]): Its whole history.
        tools (Sequence[Tool | ToolSchema]): Tools and hand-offs.
        json_output (bool | type[BaseModel] | None): The structure asked for.
        extra_create_args (Mapping[str, object]): Further arguments.
    """

    messages: Sequence[LLMMessage]
    tools: Sequence[Tool | ToolSchema] = ()
    json_output: bool | type[BaseModel] | None = None
    extra_create_args: Mapping[str, object] | None = None


class Planner:
    """Makes requests that fit one client.

    Args:
        facts (ClientFacts): What the client's configuration tells.
        budget (TokenBudget): The cap and how to keep it.
        strategies (Sequence[Strategy]): How to make a history smaller.
        counter (TokenCounter): How to count; it learns from what is reported.
        multiple_system_messages (bool): Whether the model takes system messages anywhere.
        artifacts (ArtifactStore | None): Where the whole of what is cut is kept. `None` means nowhere.
        pins (Sequence[Pin]): What may not be dropped.
        summarizer (Summarizer | None): Has a model write summaries. `None` means there is no model.
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
        summarizer: Summarizer | None = None,
    ) -> None:
        self._facts = facts
        self._budget = budget
        self._strategies = strategies
        self._looking_ahead = _looking_ahead(strategies)
        self._counter = counter
        self._pins = tuple(pins)
        keep = Keep(budget.keep_last_turns, self._pins)
        conversations = Conversations(counter, multiple_system_messages=multiple_system_messages, keep=keep)
        self.memory = Memory(conversations, artifacts)
        """The conversations, and what is kept of them."""
        self._window = _window_without_network(facts, budget)
        self._summarizer = summarizer
        self._window_asked = False
        self._ceiling: int | None = None

    @property
    def estimated(self) -> bool:
        """Whether tokens are estimated because no vocabulary could be used."""
        return isinstance(self._counter, TiktokenCounter) and self._counter.estimated

    def tokens_of(self, text: str) -> int:
        """Tokens of a text as this model counts it."""
        return self._counter.tokens(self._counter.measure_text(text))

    def observe(self, request: Request, reported: int) -> None:
        """Learn how the model counts from what it reported for a request.

        Args:
            request (Request): What was sent.
            reported (int): Its prompt tokens as the provider counts them.
        """
        self._counter.observe(request.tally, reported)

    def change_budget(self, budget: TokenBudget, strategies: Sequence[Strategy]) -> None:
        """Plan the next call by another budget; what was learned about the model stays, and what was compacted too.

        Args:
            budget (TokenBudget): The cap and how to keep it.
            strategies (Sequence[Strategy]): How to make a history smaller.
        """
        self._budget, self._strategies, self._looking_ahead = budget, strategies, _looking_ahead(strategies)
        self.memory.conversations.keep_from_now(Keep(budget.keep_last_turns, self._pins))
        told = self._window if self._window and self._window.source in ("overflow error", "server") else None
        if told is None or (budget.context_window or told.tokens) < told.tokens:
            self._window, self._window_asked = _window_without_network(self._facts, budget), False

    def save_state(self) -> Mapping[str, object]:
        """What the provider taught about the window, and what is remembered, as values that JSON can hold."""
        window = self._window
        told = window if window and window.source in ("overflow error", "server") else None
        return {"window": None if told is None else told.tokens, "ceiling": self._ceiling, **self.memory.save()}

    def load_state(self, state: Mapping[str, object]) -> None:
        """Take over what another planner knew; what is not understood is ignored.

        Args:
            state (Mapping[str, object]): What `save_state` returned.
        """
        window, ceiling = state.get("window"), state.get("ceiling")
        if type(window) is int and window > 0:  # not isinstance: True is an int
            self._window = Window(window, "overflow error")
        if type(ceiling) is int and ceiling > 0:
            self._ceiling = ceiling
        self.memory.load(state)

    async def plan(self, call: Call) -> Request:
        """Make a request that fits.

        Args:
            call (Call): What the agent asks for. Nothing in it is changed.

        Raises:
            ContextOverflowError: Even the parts that may not be dropped or cut are over the cap.
        """
        await self._ask_for_window()
        return await self._plan(call, self.cap(call.extra_create_args), self._summarizer)

    async def plan_smaller(self, call: Call, refused: Request) -> Request:
        """Make a request that is strictly smaller than one the provider refused, without waiting for a summary.

        Args:
            call (Call): What the agent asks for.
            refused (Request): What was sent for it.

        Raises:
            ContextOverflowError: There is none.
        """
        size = self._counter.tokens(refused.tally)  # by what the refusal has taught
        # The refused request still holds its reservation: a summary could wait for what only this call gives back.
        return await self._plan(call, min(self.cap(call.extra_create_args), int(size * RETRY_SHARE)), None)

    async def look_ahead(self, request: Request) -> None:
        """Let strategies prepare what the next compaction will need; their failure is not the call's.

        Args:
            request (Request): What was sent, and answered.
        """
        if self._summarizer is None or not self._looking_ahead:
            return
        counter, cap = self._counter, request.cap
        need = Need(
            tokens=request.tokens,
            target=cap,
            cap=cap,
            extras=request.extras.total,
            counter=counter,
            summarizer=self._summarizer,
        )
        for strategy in self._looking_ahead:
            try:
                if strategy.is_due(need):
                    target = target_of(
                        request.history,
                        cap=cap,
                        compact_to=self._budget.compact_to,
                        extras=request.extras,
                        counter=counter,
                        prices=self._prices(cap),
                    )
                    await strategy.look_ahead(request.history, replace(need, target=target))
            except Exception:
                logger.warning("%s could not look ahead", type(strategy).__name__, exc_info=True)

    async def learn_cap(self) -> int:
        """Tokens a request may hold, asking the model's server where nothing else tells its window."""
        await self._ask_for_window()
        return self.cap()

    def learn(self, overflow: Overflow, refused: Request) -> None:
        """Remember what a refusal tells: the true window, how the model counts, or at least that this was too much.

        Args:
            overflow (Overflow): What the provider said.
            refused (Request): What was sent.
        """
        if overflow.prompt_tokens is not None:
            self.observe(refused, overflow.prompt_tokens)
        if overflow.window is not None:
            if self._window is None or self._window.source == "default" or overflow.window < self._window.tokens:
                self._window = Window(overflow.window, "overflow error")
        else:
            self._ceiling = int(refused.tokens * RETRY_SHARE)

    def cap(self, extra_create_args: Mapping[str, object] | None = None) -> int:
        """Tokens a request may hold, by what is known now.

        Args:
            extra_create_args (Mapping[str, object] | None): Arguments of the call, which may ask for a longer reply.
        """
        window = None if self._window is None else self._window.tokens
        if window is None and self._budget.max_prompt_tokens is None:
            window = DEFAULT_WINDOW
        cap = self._budget.cap(window, self._asked(extra_create_args))
        return cap if self._ceiling is None else min(cap, self._ceiling)

    def reply_room(self, extra_create_args: Mapping[str, object] | None = None) -> int:
        """Tokens a reply may take, by what is known now.

        Args:
            extra_create_args (Mapping[str, object] | None): Arguments of the call, which may ask for a longer reply.
        """
        window = None if self._window is None else self._window.tokens
        return self._budget.reply_room(window, self._asked(extra_create_args))

    def _prices(self, tokens: int) -> InputPrices | None:
        return input_prices(self._facts.model, tokens, own_server=self._facts.base_url is not None)

    def _asked(self, extra_create_args: Mapping[str, object] | None) -> int | None:
        return max_reply_tokens(extra_create_args or {}) or self._facts.max_reply_tokens

    async def _plan(self, call: Call, cap: int, summarizer: Summarizer | None) -> Request:
        counter = self._counter
        conversation = await self.memory.recall(call.messages)
        history, verbatim = conversation.history, conversation.verbatim
        extras = sizes_of_extras(counter, call.tools, call.json_output, call.extra_create_args)
        came, sizes = extras + conversation.came, extras + conversation.sizes
        tokens = counter.tokens(sizes.total)
        repairs = repair_steps(conversation.repairs, tokens)
        plan = await fit(
            history,
            tokens=tokens,
            cap=cap,
            compact_to=self._budget.compact_to,
            extras=extras,
            counter=counter,
            strategies=self._strategies,
            tools=call.tools,
            keeper=self.memory.keeper,
            summarizer=summarizer,
            prices=self._prices(cap),
        )
        gone = conversation.replace_history(history, plan.history)
        new = counter.tokens(conversation.came.total - conversation.came_before)
        stable = counter.tokens(conversation.mark_sent(extras.total))
        steps = await self._logged(gone, history, plan)
        untouched = plan.history is history
        sent: Sizes = sizes if untouched else extras + sizes_of_history(plan.history, counter)
        return Request(
            messages=call.messages if untouched and verbatim else plan.history.flatten(),
            tally=sent.total,
            tokens=plan.tokens,
            cap=cap,
            window=self._window,
            came=dict(came.tokens(counter)),
            tokens_before=counter.tokens(came.total),
            sent=dict(sent.tokens(counter)),
            steps=(*repairs, *steps),
            compacted=not (untouched and verbatim),
            stable=stable,
            new=new,
            history=plan.history,
            extras=extras,
        )

    async def _logged(self, gone: Sequence[Turn], before: History, plan: Plan) -> tuple[Step, ...]:
        """The steps of a plan, once the turns that went are stored; where they cannot be, the last step says so."""
        if plan.history is before or await self.memory.keep(gone):
            return plan.steps
        lost = {id(turn.uncut) for turn in before.turns} - {id(turn.uncut) for turn in plan.history.turns}
        if not lost:  # what was cut says so by itself
            return plan.steps
        *steps, last = plan.steps
        return (*steps, replace(last, detail=f"{last.detail}, {len(lost):,} turns not kept"))

    async def _ask_for_window(self) -> None:
        """Ask the server for a window that nothing else tells, once; assume one if it has to be."""
        if self._window is not None or self._window_asked:
            return
        self._window_asked = True
        if self._facts.base_url:
            self._window = await window_of_server(self._facts.base_url)
        if self._window is None and self._budget.max_prompt_tokens is None:
            self._window = Window(DEFAULT_WINDOW, "default")
            logger.warning(
                "the context window of model %r is not known: assuming %d tokens; "
                "set context_window or max_prompt_tokens in TokenBudget",
                self._facts.model,
                DEFAULT_WINDOW,
            )


def _looking_ahead(strategies: Sequence[Strategy]) -> tuple[LooksAhead, ...]:
    return tuple(strategy for strategy in strategies if isinstance(strategy, LooksAhead))


def _window_without_network(facts: ClientFacts, budget: TokenBudget) -> Window | None:
    if budget.context_window is not None:
        return Window(budget.context_window, "budget")
    if facts.window is not None:
        return Window(facts.window, "client")
    return window_by_name(facts.model) if facts.model else None
