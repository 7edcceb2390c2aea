"""What a participant is told of a team's conversation: everything, its task with news and facts, or a user's choice."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, Literal

import pytest
from autogen_agentchat.agents import AssistantAgent, BaseChatAgent
from autogen_agentchat.base import Team
from autogen_agentchat.messages import BaseChatMessage, HandoffMessage, TextMessage
from autogen_agentchat.teams import DiGraphBuilder, GraphFlow, RoundRobinGroupChat, Swarm
from autogen_core import CancellationToken, FunctionCall
from autogen_core.models import (
    AssistantMessage,
    ChatCompletionClient,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
)
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import ArtifactStore, BudgetedAgent, TokenBudget, budget_team
from builders import Recorder
from servers import Answer, Call, OpenAIServer, Received
from servers.clients import client_of

CAP = 800
LIMIT = CAP // 8


class Listener:
    """An agent whose requests may hold 800 tokens, and what it hears of a conversation."""

    def __init__(self, share: Any, store: ArtifactStore | None = None) -> None:
        self.inner = Recorder(ReplayChatCompletionClient([]))
        self.agent = BudgetedAgent(self.inner, TokenBudget(CAP), share=share, artifacts=store or ArtifactStore())

    async def hears(self, messages: Sequence[BaseChatMessage]) -> Sequence[BaseChatMessage]:
        """What it is given of some messages."""
        await self.agent.on_messages(messages, CancellationToken())
        return self.inner.given


def said(source: str, content: str) -> TextMessage:
    """A message of a team."""
    return TextMessage(source=source, content=content)


def talk() -> list[BaseChatMessage]:
    """A task, long talk about it, and the newest words."""
    return [
        said("captain", "Find the lost container."),
        said("scout", "Container MSKU-481516 was seen at berth 23, drifting. " + "The rain did not stop. " * 60),
        said("mate", "The crane operator is called Ngozi Eze. " + "Nobody answered the radio. " * 60),
        said("scout", "I go there now."),
    ]


def texts_of(messages: Sequence[BaseChatMessage]) -> list[str]:
    """What messages say."""
    return [message.to_model_text() for message in messages]


async def test_all_is_a_copy_of_everything() -> None:
    """The messages are the same, the list is another one: teams clear theirs."""
    messages = talk()
    told = await Listener("all").hears(messages)
    assert told == messages
    assert told is not messages


async def test_a_summary_keeps_task_and_news_and_tells_the_facts() -> None:
    """The rest is one message with its facts, who said it, and where to read it whole."""
    store, messages = ArtifactStore(), talk()
    copies = [message.model_copy(deep=True) for message in messages]
    task, note, newest = await Listener("summary", store).hears(messages)
    assert (task, newest) == (messages[0], messages[-1])
    assert messages == copies, "nothing that came is changed"
    assert (type(note), note.source) == (TextMessage, "autogen_budget")
    text = note.to_model_text()
    assert "MSKU-481516" in text
    assert "2 messages of scout, mate left out" in text
    assert len(text) < len(messages[1].to_model_text()) / 2
    reference = text.partition('read_artifact("')[2].partition('"')[0]
    whole = await store.get(reference)
    assert whole == "\n\n".join(f"{message.source}: {message.to_model_text()}" for message in messages[1:3])


async def test_what_follows_is_summarised_without_its_first_message() -> None:
    """The task is in the agent's own conversation by then; after a reset the first message is a task again."""
    listener, messages = Listener("summary"), talk()
    await listener.hears(messages)
    assert [message.source for message in await listener.hears(messages)] == ["autogen_budget", "scout"]
    await listener.agent.on_reset(CancellationToken())
    assert [message.source for message in await listener.hears(messages)] == ["captain", "autogen_budget", "scout"]


async def test_words_of_users_and_handoffs_stay() -> None:
    """A new task in the middle is kept, and so is what is handed over."""
    calls = AssistantMessage(content=[FunctionCall(id="1", name="look", arguments="{}")], source="mate")
    seen = FunctionExecutionResultMessage(
        content=[FunctionExecutionResult(content="fog", name="look", call_id="1", is_error=False)]
    )
    handoff = HandoffMessage(source="mate", target="pilot", content="Yours.", context=[calls, seen])
    order = said("user", "And mind the fuel.")
    told = await Listener("summary").hears([*talk()[:2], order, *talk()[2:3], handoff, said("cook", "Soup.")])
    assert [message.source for message in told] == ["captain", "autogen_budget", "user", "mate", "cook"]
    assert told[2] is order
    assert told[3] is handoff


@pytest.mark.parametrize(
    "messages",
    [[], [said("user", "Go.")], [said("user", "Go."), said("one", "Aye."), said("two", "Aye."), said("three", "Aye.")]],
)
async def test_what_is_short_is_passed_on_as_it_is(messages: list[BaseChatMessage]) -> None:
    """A summary that would be no shorter is none."""
    assert await Listener("summary").hears(messages) == messages


async def test_a_store_that_fails_costs_the_reference_only(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The facts are told all the same."""
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    _, note, _ = await Listener("summary", ArtifactStore(blocked.as_uri())).hears(talk())
    assert "MSKU-481516" in note.to_model_text()
    assert note.to_model_text().endswith("[2 messages of scout, mate left out]")
    assert "was not kept" in caplog.text


async def test_a_function_decides() -> None:
    """It is given the messages, and what it returns is passed on."""
    messages = talk()
    assert texts_of(await Listener(newest).hears(messages)) == texts_of(messages[-2:])


def newest(messages: Sequence[BaseChatMessage]) -> Sequence[BaseChatMessage]:
    """Keeps two."""
    return messages[-2:]


def beyond(messages: Sequence[BaseChatMessage]) -> Sequence[BaseChatMessage]:
    """Looks where nothing is."""
    return [messages[99]]


def wordy(messages: Sequence[BaseChatMessage]) -> Any:
    """Returns no messages."""
    return ["a word"]


def silent(messages: Sequence[BaseChatMessage]) -> Any:
    """Returns nothing."""


@pytest.mark.parametrize("share", [beyond, wordy, silent])
async def test_a_function_that_fails_costs_nothing(share: Any, caplog: pytest.LogCaptureFixture) -> None:
    """All is passed on, and the log says why."""
    messages = talk()
    with caplog.at_level(logging.WARNING):
        assert await Listener(share).hears(messages) == messages
    assert "all messages are passed on" in caplog.text


def test_anything_else_is_refused() -> None:
    """The message says what there is."""
    word: Any = "some"
    with pytest.raises(ValueError, match="'all', 'summary' or a function that takes messages, got 'some'"):
        Listener(word)


async def test_dumps_by_its_name() -> None:
    """A summary goes through JSON; a function is code."""

    def build(share: Any) -> BudgetedAgent:
        assistant = AssistantAgent("assistant", ReplayChatCompletionClient(["a"]))
        return BudgetedAgent(assistant, TokenBudget(CAP), share=share)

    loaded = BaseChatAgent.load_component(build("summary").dump_component())
    assert loaded.dump_component().config["share"] == "summary"
    with pytest.raises(TypeError, match="function as share cannot be dumped"):
        build(newest).dump_component()


async def test_agents_hear_the_summary_streaming_or_not() -> None:
    """Both ways to ask an agent share alike; after a reset the agent begins anew."""
    client = ReplayChatCompletionClient(["a", "b", "c"])
    agent = BudgetedAgent(AssistantAgent("pilot", client), TokenBudget(CAP), share="summary")
    await agent.on_messages(talk(), CancellationToken())
    await agent.on_reset(CancellationToken())
    _ = [item async for item in agent.on_messages_stream(talk(), CancellationToken())]
    for call in client.create_calls:
        sources = [getattr(message, "source", "system") for message in call["messages"]]
        assert sources == ["system", "captain", "autogen_budget", "scout"]


def round_robin(client: ChatCompletionClient) -> Team:
    """One after the other."""
    return RoundRobinGroupChat([AssistantAgent(name, client) for name in NAMES], max_turns=3)


def graph(client: ChatCompletionClient) -> Team:
    """Along a graph."""
    one, two, three = (AssistantAgent(name, client) for name in NAMES)
    builder = DiGraphBuilder()
    builder.add_node(one).add_node(two).add_node(three)
    builder.add_edge(one, two).add_edge(two, three)
    return GraphFlow([one, two, three], builder.build())


def swarm(client: ChatCompletionClient) -> Team:
    """From hand to hand."""
    one, two = (AssistantAgent(name, client, handoffs=[after]) for name, after in (("one", "two"), ("two", "three")))
    return Swarm([one, two, AssistantAgent("three", client)], max_turns=3)


NAMES = ("one", "two", "three")
STORY = "The fog came in at 5:40. " * 60


@pytest.mark.parametrize("build", [round_robin, graph, swarm])
async def test_teams_go_on_as_before_with_less_to_read(build: Callable[[ChatCompletionClient], Team]) -> None:
    """Names, graphs, hand-offs and states are untouched; what the last agent is sent is less."""
    sizes: dict[str, int] = {}
    shares: tuple[Literal["all", "summary"], ...] = ("all", "summary")
    for share in shares:
        async with OpenAIServer() as server, client_of(server) as client:
            server.reply_with(tell_and_pass_on)
            team = budget_team(build(client), TokenBudget(4_000), share=share, artifacts=ArtifactStore())
            result = await team.run(task="Go.")
            await team.load_state(await team.save_state())
            sizes[share] = server.requests[-1].prompt_tokens
        spoken = [message.source for message in result.messages if isinstance(message, BaseChatMessage)]
        assert spoken == ["user", *NAMES]
    # Hand-offs stay whole, and there is nothing else to leave out in a swarm.
    assert sizes["summary"] == sizes["all"] if build is swarm else sizes["summary"] < 0.9 * sizes["all"]


def tell_and_pass_on(received: Received) -> Answer:
    """A story, and a hand-over where there is one to make."""
    tools = [str(tool["function"]["name"]) for tool in received.tools]  # type: ignore[index]  # a tool as it is on the wire
    return Answer(STORY, tuple(Call(name) for name in tools if name.startswith("transfer_to_")))
