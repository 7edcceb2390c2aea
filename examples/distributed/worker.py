"""One worker: a process of its own, whose agent has its own cap, and shares the pool and the store with all others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from multiprocessing.synchronize import Event
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import TextMessage
from autogen_core import MessageContext, RoutedAgent, message_handler, try_get_known_serializers_for_type
from autogen_core.models import CreateResult, LLMMessage
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntime
from messages import CAPS, Answer, Task, shared_pool, shared_store

from autogen_budget import BudgetedAgent
from model_choice import ScriptedModel

MODEL_SECONDS = 0.05  # how long the scripted model takes


def answer(messages: Sequence[LLMMessage]) -> str:
    """What the scripted model says."""
    return f"From {len(messages)} messages: the tide turned at four. " + "All boats came in. " * 10


class SlowModel(ScriptedModel):
    """A scripted model that takes its time, as real ones do."""

    async def create(self, messages: Sequence[LLMMessage], **options: Any) -> CreateResult:
        """Answer after a moment."""
        await asyncio.sleep(MODEL_SECONDS)
        return await super().create(messages, **options)


class Worker(RoutedAgent):
    """Answers tasks with a budgeted agent."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The {name}.")
        self._store = shared_store()
        self._agent = BudgetedAgent(
            AssistantAgent(name, SlowModel(answer)), CAPS[name], pool=shared_pool(), artifacts=self._store
        )

    @message_handler
    async def work(self, message: Task, ctx: MessageContext) -> Answer:
        """Read the document where it is stored, and answer."""
        document = await self._store.get(message.document) if message.document else ""
        task = [TextMessage(content=text, source="user") for text in (message.question, document) if text]
        result = await self._agent.run(task=task, cancellation_token=ctx.cancellation_token)
        said = [told.content for told in result.messages if isinstance(told, TextMessage)]
        return Answer(said[-1], f"{self._agent.name} in process {os.getpid()}")


async def serve(host: str, name: str, ready: Event) -> None:
    """Answer until the process is ended."""
    runtime = GrpcWorkerAgentRuntime(host_address=host)
    for kind in (Task, Answer):
        runtime.add_message_serializer(try_get_known_serializers_for_type(kind))
    await runtime.start()
    await Worker.register(runtime, name, lambda: Worker(name))
    ready.set()
    await runtime.stop_when_signal()


def main(host: str, name: str, ready: Event) -> None:
    """Serve in this process."""
    asyncio.run(serve(host, name, ready))
