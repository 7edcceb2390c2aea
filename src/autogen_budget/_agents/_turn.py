"""One turn of the inner agent: the messages it is given, and the items it yields."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage
from autogen_core import CancellationToken

from autogen_budget._tools import ToolOutputLimiter

from ._contexts import Contexts
from ._sharing import Sharing

TurnItem = BaseAgentEvent | BaseChatMessage | Response
"""What a turn brings."""

BeginTurn = Callable[[CancellationToken], AsyncGenerator[TurnItem, None]]
"""Begins a turn that a token ends."""


class InnerTurns:
    """The turns of an agent under budget."""

    def __init__(self, agent: BaseChatAgent, outputs: ToolOutputLimiter, sharing: Sharing, contexts: Contexts) -> None:
        self._agent = agent
        self._outputs = outputs
        self._sharing = sharing
        self._contexts = contexts

    def answer(self, messages: Sequence[BaseChatMessage]) -> BeginTurn:
        """Return a turn that brings a response, and what is said on the way where the agent answers by its stream.

        `messages`: What the agent is given. They are copied: teams clear their list.
        """
        streams = type(self._agent).on_messages_stream is not BaseChatAgent.on_messages_stream
        if streams and type(self._agent).on_messages.__module__.startswith("autogen_agentchat."):
            return self.stream(messages)  # as AutoGen's own agents do
        given = list(messages)

        async def turn(token: CancellationToken) -> AsyncGenerator[TurnItem, None]:
            self._outputs.remember(given)
            async with self._contexts.turn():
                yield await self._agent.on_messages(await self._sharing.choose(given), token)

        return turn

    def stream(self, messages: Sequence[BaseChatMessage]) -> BeginTurn:
        """Return a turn that brings all that the agent says on the way.

        `messages`: What the agent is given. They are copied: teams clear their list.
        """
        given = list(messages)

        async def turn(token: CancellationToken) -> AsyncGenerator[TurnItem, None]:
            self._outputs.remember(given)
            shared = await self._sharing.choose(given)
            async with self._contexts.turn(), aclosing(self._agent.on_messages_stream(shared, token)) as items:
                async for item in items:
                    yield item

        return turn

    def forget(self) -> None:
        """Begin anew, as after a reset."""
        self._outputs.forget()
        self._sharing.forget()
