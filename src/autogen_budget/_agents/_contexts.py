"""The model contexts of one agent: folded so that they stop growing, summed up, and begun anew from the summary."""

import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Literal, get_args

from autogen_core.model_context import ChatCompletionContext, UnboundedChatCompletionContext
from autogen_core.models import LLMMessage, UserMessage

from autogen_budget._client import BudgetedChatCompletionClient
from autogen_budget._compaction import render
from autogen_budget._counting import TokenCounter
from autogen_budget._cut import cut_middle
from autogen_budget._errors import ArtifactNotFoundError
from autogen_budget._history import (
    Conversation,
    DroppedTurns,
    History,
    turns_in_context,
)
from autogen_budget._turns import NOTE_SOURCE, Turn

logger = logging.getLogger("autogen_budget")

Phase = Literal["summary", "nothing", "all"]
"""What stays of an agent's conversation when its next job begins."""

SUMMARY_TOKENS = 1_000
"""Tokens that the summary may hold that is kept for the next job."""

SMALLEST_SUMMARY = 64
"""Tokens a summary may hold at least: its heading alone takes about 20."""


class Contexts:
    """The contexts that an agent holds, and the conversations in them.

    Only public methods of a context are used. A context is folded only if it is AutoGen's default one, which shows all
    it holds: others choose what they show, and what they do not show would be lost.
    """

    def __init__(
        self,
        name: str,
        held: Callable[[], Mapping[str, ChatCompletionContext]],
        clients: Sequence[BudgetedChatCompletionClient],
        counter: TokenCounter,
        *,
        fold: bool,
    ) -> None:
        self._name = name
        self._held = held
        self._conversations = [client.conversations for client in clients]
        self._archives = [client.archive for client in clients]
        self._counter = counter
        self.folding = fold
        """Whether they are folded."""
        if fold and not any(map(_shows_all, held().values())):
            logger.warning("%s: bounded_memory has no effect: it folds AutoGen's default model context only", name)

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None, None]:
        """Around a turn of the agent: its contexts are folded after it.

        One that was broken off may end anywhere, even between its calls and their results: what it left is folded
        before the next turn.
        """
        await self._fold()
        yield
        await self._fold()

    async def _fold(self) -> None:
        """Let each context hold the compacted form of its conversation; requests stay the very same."""
        if not self.folding:
            return
        for context in filter(_shows_all, self._held().values()):
            messages = list(await context.get_messages())
            for known in self._conversations:
                folded = known.fold(messages)
                if folded is not None:
                    await _replace(context, folded)
                    break

    async def summary(self, max_tokens: int) -> str:
        """Return what is known of all that was said, in what was dropped and in what is still there.

        `max_tokens`: Tokens it may hold, at least 64.

        Returns:
            str: Empty if nothing was said.

        Raises:
            ValueError: `max_tokens` is below 64.
        """
        if max_tokens < SMALLEST_SUMMARY:
            raise ValueError(f"max_tokens must be at least {SMALLEST_SUMMARY}, got {max_tokens}: its heading takes 20")
        past, turns = await self._conversation_turns()
        past = past.extended(turns, 0)
        if not past.turns:
            return ""
        count = "1 earlier turn" if past.turns == 1 else f"{past.turns:,} earlier turns"
        heading = f"[What {self._name} knows of {count}]"
        prose = cut_middle(past.summary, max_tokens // 2, self._counter)
        opening = "\n\n".join(filter(None, (heading, prose)))
        facts = render(past, max_tokens - self._tokens(f"{opening}\n\n"), self._counter).rendered
        return "\n\n".join(filter(None, (opening, facts)))

    async def read_history(self) -> str:
        """Return all that was said up to the newest turn that was left out or cut, as text.

        Raises:
            ArtifactNotFoundError: Nothing was left out so far.
        """
        parts = [text for archive in self._archives if (text := await archive.read())]
        if not parts:
            raise ArtifactNotFoundError("nothing was left out of this conversation so far: all of it is in the prompt")
        return "\n\n".join(parts)

    @property
    def references(self) -> tuple[str, ...]:
        """References of the texts that the conversations let go or name."""
        return tuple(reference for archive in self._archives for reference in archive.references)

    async def start_task(self, keep: Phase, cap: int) -> None:
        """Make the contexts ready for the next job.

        `cap`: Tokens a request may hold; what is known takes a quarter of it, and at most `SUMMARY_TOKENS`.

        Raises:
            ValueError: It is none of these, or there is no context that could begin with a summary.
        """
        if keep not in get_args(Phase):
            raise ValueError(f"keep must be 'summary', 'nothing' or 'all', got {keep!r}")
        if keep != "all":
            limit = max(SMALLEST_SUMMARY, min(SUMMARY_TOKENS, cap // 4))
            await self._begin_from(await self.summary(limit) if keep == "summary" else "")

    async def _begin_from(self, summary: str) -> None:
        """Let each context hold nothing but a summary, if there is any. What it held is in the log then."""
        contexts = self._held()
        if summary and not contexts:
            raise ValueError(
                f"agent {self._name!r} holds no model context that could begin with a summary: use keep='nothing' or "
                "keep='all', and put the text that handoff_summary(agent) gives into the next task yourself"
            )
        for context in contexts.values():
            if summary and self._archives:
                await self._archives[0].add(await self._unlogged(context))
            await _replace(context, [UserMessage(content=summary, source=NOTE_SOURCE)] if summary else [])
        for known in self._conversations:
            known.forget()

    async def _conversation_turns(self) -> tuple[DroppedTurns, Sequence[Turn]]:
        """Return what is known of dropped turns, and the turns that are still there, of the longest conversation."""
        held: list[tuple[DroppedTurns, Sequence[Turn]]] = []
        for context in self._held().values():
            messages = list(await context.get_messages())
            conversation = self._conversation(messages) or self._loaded_conversation(messages)
            if conversation is None:
                held.append((DroppedTurns(), History.parse(messages).turns))
            else:
                held.append((conversation.history.past or DroppedTurns(), turns_in_context(conversation, messages)))
        if not held:  # an agent without a context keeps its messages in a way of its own
            latest = (known.latest for known in self._conversations)
            held = [
                (known.history.past or DroppedTurns(), known.history.turns) for known in latest if known is not None
            ]
        return max(held, key=lambda item: item[0].turns + len(item[1]), default=(DroppedTurns(), ()))

    async def _unlogged(self, context: ChatCompletionContext) -> Sequence[Turn]:
        messages = list(await context.get_messages())
        conversation = self._conversation(messages) or self._loaded_conversation(messages)
        if conversation is None:
            return History.parse(messages).turns
        return (*conversation.unstored, *turns_in_context(conversation, messages)[conversation.archived :])

    def _conversation(self, held: Sequence[LLMMessage]) -> Conversation | None:
        found = (known.find(held) for known in self._conversations)
        return max((known for known in found if known is not None), key=len, default=None)

    def _loaded_conversation(self, held: Sequence[LLMMessage]) -> Conversation | None:
        found = (known.find_loaded(held) for known in self._conversations)
        return max((known for known in found if known is not None), key=len, default=None)

    def _tokens(self, text: str) -> int:
        return self._counter.count_text(text)


def _shows_all(context: ChatCompletionContext) -> bool:
    """Return whether a context is AutoGen's default one; none that is derived from it, since it may hide a part."""
    return type(context) is UnboundedChatCompletionContext


async def _replace(context: ChatCompletionContext, messages: Sequence[LLMMessage]) -> None:
    await context.clear()
    for message in messages:
        await context.add_message(message)
