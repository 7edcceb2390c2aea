"""Messages between processes: refused before the send where they are too large, and waited for within a limit."""

import asyncio
from dataclasses import dataclass

import pytest
from autogen_agentchat.agents import AssistantAgent, SocietyOfMindAgent
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import (
    AgentId,
    CancellationToken,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    message_handler,
)
from autogen_ext.models.replay import ReplayChatCompletionClient
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntime

from autogen_budget import (
    BudgetedAgent,
    BudgetedChatCompletionClient,
    MessageTooLargeError,
    RemoteTimeoutError,
    TokenBudget,
    budget_team,
    check_message_size,
    send_remote,
)
from builders import held_by


@dataclass
class Question:
    """What is asked."""

    text: str
    seconds: float = 0


@dataclass
class Nested:
    """What AutoGen's runtimes do not serialize."""

    question: Question


class Answering(RoutedAgent):
    """Answers after a while."""

    @message_handler
    async def answer(self, message: Question, ctx: MessageContext) -> Question:
        """Turn the text round."""
        await asyncio.sleep(message.seconds)
        return Question(message.text[::-1])


@pytest.fixture
async def runtime() -> SingleThreadedAgentRuntime:
    """A runtime with one agent."""
    runtime = SingleThreadedAgentRuntime()
    await Answering.register(runtime, "answering", lambda: Answering("Answers."))
    runtime.start()
    return runtime


async def test_an_answer_comes_back(runtime: SingleThreadedAgentRuntime) -> None:
    """A message of a sensible size goes there, and its answer comes back."""
    assert await send_remote(runtime, Question("abc"), AgentId("answering", "a")) == Question("cba")


async def test_too_large_is_said_before_the_send(runtime: SingleThreadedAgentRuntime) -> None:
    """What gRPC would not take is refused with its size, and what to do about it; nothing was sent."""
    with pytest.raises(MessageTooLargeError, match=r"takes 5,000,0\d\d bytes.*may take 4,177,920.*ArtifactStore"):
        await send_remote(runtime, Question("x" * 5_000_000), AgentId("answering", "a"))
    assert check_message_size(Question("é" * 100)) > 100
    with pytest.raises(MessageTooLargeError):
        check_message_size(Question("x" * 100), max_bytes=50)


async def test_silence_ends(runtime: SingleThreadedAgentRuntime) -> None:
    """An agent that does not answer in time is named, with what may have happened."""
    with pytest.raises(RemoteTimeoutError, match=r"answering/a did not answer a Question within 0\.05 s"):
        await send_remote(runtime, Question("abc", seconds=60), AgentId("answering", "a"), timeout=0.05)


async def test_a_token_ends_the_waiting(runtime: SingleThreadedAgentRuntime) -> None:
    """A cancelled token ends the call at once."""
    token = CancellationToken()
    calling = asyncio.create_task(
        send_remote(runtime, Question("abc", seconds=60), AgentId("answering", "a"), cancellation_token=token)
    )
    await asyncio.sleep(0.01)
    token.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling


@pytest.mark.parametrize("message", ["text", object(), 7, Nested(Question("abc"))])
def test_what_no_runtime_can_send(message: object) -> None:
    """Only flat dataclasses, pydantic models and protobuf messages travel."""
    with pytest.raises(ValueError, match="cannot be sent between processes"):
        check_message_size(message)


async def test_a_team_on_the_distributed_runtime_is_refused() -> None:
    """It would hang at its first run, so it is refused, nested ones too, with what works instead."""
    client = ReplayChatCompletionClient(["aye"])
    writer = AssistantAgent("writer", client)
    remote = RoundRobinGroupChat([writer], name="far", runtime=GrpcWorkerAgentRuntime("127.0.0.1:1"))
    society = SocietyOfMindAgent("society", remote, client)
    why = "team 'far' is on a GrpcWorkerAgentRuntime, where AgentChat teams cannot run.*RoutedAgents.*send_remote"
    for team in (remote, RoundRobinGroupChat([remote]), RoundRobinGroupChat([society])):
        with pytest.raises(ValueError, match=why):
            budget_team(team, TokenBudget(500))
    with pytest.raises(ValueError, match=why):
        BudgetedAgent(society, TokenBudget(500))
    assert not held_by(society, BudgetedChatCompletionClient), "nothing was changed"
    near = RoundRobinGroupChat([writer], runtime=SingleThreadedAgentRuntime())
    assert budget_team(near, TokenBudget(500)) is near
