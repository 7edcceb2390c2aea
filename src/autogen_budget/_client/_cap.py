"""How much one request may hold: by the budget, by the model's window, and by what the provider has refused."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from autogen_budget._budget import TokenBudget
from autogen_budget._model_facts import (
    DEFAULT_WINDOW,
    ClientFacts,
    Window,
    max_reply_tokens,
    window_by_name,
    window_of_server,
)

from ._provider_errors import Overflow

logger = logging.getLogger("autogen_budget")

RETRY_SHARE = 0.9
"""How much of a refused request is sent again at most, beside what the error's own numbers ask for."""

FILLED = 0.75
"""Share of the ceiling from which on an accepted request says that the ceiling may be too low: compaction keeps
requests between 0.6 and 1 of the cap."""

RISE = 1.2
"""How far the ceiling rises then: from `RETRY_SHARE` of what was refused, one step leads over it."""

MAX_STRIKES = 8
"""Refusals in a row after which the ceiling is tried no more rarely: every 2 ** 8 accepted requests."""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What requests were held to after a refusal that did not name the window: a guess, which rises again.

    Args:
        tokens (int): Tokens a request may hold.
        strikes (int): How often the guess was too high; each doubles the number of accepted requests before it rises.
        accepted (int): How many requests near it were accepted since it changed.
    """

    tokens: int
    strikes: int = 0
    accepted: int = 0

    def after_acceptance(self, tokens: int) -> "Ceiling":
        """Return the ceiling once a request of so many tokens was accepted."""
        if tokens < FILLED * self.tokens:
            return self
        if self.accepted + 1 < 2**self.strikes:
            return Ceiling(self.tokens, self.strikes, self.accepted + 1)
        return Ceiling(int(self.tokens * RISE) + 1, self.strikes)


class RequestCap:
    """Tokens that each request of one client may hold, by what is known now."""

    def __init__(self, facts: ClientFacts, budget: TokenBudget) -> None:
        self._facts = facts
        self._budget = budget
        self._window = _window_without_network(facts, budget)
        self._window_asked = False
        self._asking: asyncio.Task[None] | None = None
        self._ceiling: Ceiling | None = None
        self._warn()

    @property
    def window(self) -> Window | None:
        """The model's window. `None` means it is not known."""
        return self._window

    def tokens(self, extra_create_args: Mapping[str, object] | None = None) -> int:
        """Return the tokens a request may hold."""
        window = None if self._window is None else self._window.tokens
        if window is None and self._budget.max_prompt_tokens is None:
            window = DEFAULT_WINDOW
        cap = self._budget.cap(window, self.asked_for(extra_create_args))
        return cap if self._ceiling is None else min(cap, self._ceiling.tokens)

    def reply_room(self, extra_create_args: Mapping[str, object] | None = None) -> int:
        """Return the tokens a reply may take."""
        window = None if self._window is None else self._window.tokens
        return self._budget.reply_room(window, self.asked_for(extra_create_args))

    def change_budget(self, budget: TokenBudget) -> None:
        """Go by another budget. A window that the provider reported is kept; a guessed ceiling is not."""
        self._budget, self._ceiling = budget, None
        reported = self._reported_window()
        if reported is None or (budget.context_window or reported.tokens) < reported.tokens:
            self._window, self._window_asked = _window_without_network(self._facts, budget), False
            self._asking = None
        self._warn()

    def learn_refusal(self, overflow: Overflow, tokens: int) -> None:
        """Learn from a refusal: the true window, or at least that this was too much."""
        if overflow.window is None:
            strikes = 0 if self._ceiling is None else min(MAX_STRIKES, self._ceiling.strikes + 1)
            self._ceiling = Ceiling(int(tokens * RETRY_SHARE), strikes)
        elif self._window is None or self._window.source == "default" or overflow.window < self._window.tokens:
            self._window = Window(overflow.window, "overflow error")

    def learn_acceptance(self, tokens: int) -> None:
        """Let a guessed ceiling rise again."""
        if self._ceiling is None:
            return
        ceiling, self._ceiling = self._ceiling.after_acceptance(tokens), None
        self._ceiling = ceiling if ceiling.tokens < self.tokens() else None

    def forget_refusals(self) -> Callable[[], None]:
        """Forget what refusals taught; what is returned takes that back."""
        window, asked, ceiling = self._window, self._window_asked, self._ceiling
        self._ceiling = None
        if window is not None and window.source == "overflow error":
            self._window, self._window_asked = _window_without_network(self._facts, self._budget), False
            self._asking = None

        def restore() -> None:
            self._window, self._window_asked, self._ceiling = window, asked, ceiling

        return restore

    async def ask_server(self) -> None:
        """Ask the model's server for a window that is not known otherwise, once; assume one if it has to be."""
        if self._window is not None or self._window_asked:
            return
        loop = asyncio.get_running_loop()
        if self._asking is None or self._asking.get_loop() is not loop:
            self._asking = loop.create_task(self._ask_server())
        await asyncio.shield(self._asking)  # a call that is cancelled does not end it for the others

    async def _ask_server(self) -> None:
        reported = await window_of_server(self._facts.base_url) if self._facts.base_url else None
        self._window = self._window or reported  # an overflow error may have named one meanwhile
        if self._window is None and self._budget.max_prompt_tokens is None:
            self._window = Window(DEFAULT_WINDOW, "default")
            logger.warning(
                "the context window of model %r is not known: assuming %d tokens; "
                "set context_window or max_prompt_tokens in TokenBudget",
                self._facts.model,
                DEFAULT_WINDOW,
            )
        self._window_asked = True

    def save_state(self) -> Mapping[str, object]:
        """Return what the provider taught, as values that JSON can hold."""
        window, ceiling = self._reported_window(), self._ceiling
        return {
            "window": None if window is None else window.tokens,
            "ceiling": None if ceiling is None else ceiling.tokens,
        }

    def load_state(self, state: Mapping[str, object]) -> None:
        """Take over what was taught about the same model; what is not understood is ignored."""
        window, ceiling = state.get("window"), state.get("ceiling")
        if type(window) is int and window > 0:  # not isinstance: True is an int
            self._window = Window(window, "overflow error")
        if type(ceiling) is int and ceiling > 0:
            self._ceiling = Ceiling(ceiling)

    def _warn(self) -> None:
        """Tell of settings that cannot mean what they say."""
        _warn_of_silent_truncation(self._facts, self._budget)
        budget, window, model = self._budget, self._window, self._facts.model
        if window is not None and (budget.max_prompt_tokens or 0) > window.tokens:
            logger.warning(
                "max_prompt_tokens is %d, but the window of model %r holds %d (by %s): requests are held to %d. Lower "
                "max_prompt_tokens, or set context_window in TokenBudget if the model has a larger one",
                budget.max_prompt_tokens,
                model,
                window.tokens,
                window.source,
                self.tokens(),
            )
        limits = {"max_tool_output_tokens": budget.max_tool_output_tokens or 0}
        limits |= {f"tool_output_tokens[{tool!r}]": tokens for tool, tokens in budget.tool_output_tokens.items()}
        for name, tokens in limits.items():
            if tokens > self.tokens():
                logger.warning(
                    "%s is %d, but a request may hold %d: a longer output is cut again when it is sent. Lower it",
                    name,
                    tokens,
                    self.tokens(),
                )

    def _reported_window(self) -> Window | None:
        window = self._window
        return window if window is not None and window.source in ("overflow error", "server") else None

    def asked_for(self, extra_create_args: Mapping[str, object] | None) -> int | None:
        """Return the tokens that the call, or its client, limits the reply to. `None` means neither does."""
        return max_reply_tokens(extra_create_args or {}) or self._facts.max_reply_tokens


def _window_without_network(facts: ClientFacts, budget: TokenBudget) -> Window | None:
    if budget.context_window is not None:
        return Window(budget.context_window, "budget")
    if facts.window is not None:
        return Window(facts.window, "client")
    return window_by_name(facts.model) if facts.model else None


def _warn_of_silent_truncation(facts: ClientFacts, budget: TokenBudget) -> None:
    """Ollama, the one client that sets its window by itself, cuts what is over it without an error."""
    if facts.window is not None and (budget.context_window or 0) > facts.window:
        logger.warning(
            "context_window is %d, but the server gives model %r a window of %d tokens and cuts what is over it "
            "without an error: set OllamaChatCompletionClient(..., options={'num_ctx': %d})",
            budget.context_window,
            facts.model,
            facts.window,
            budget.context_window,
        )
