"""Against a real model behind a real server: SmolLM2 in llama.cpp on 127.0.0.1, with a window of 2,048 tokens."""

import json
import logging
import random
import statistics
import urllib.request
from collections.abc import Generator, Sequence

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.utils import remove_images
from autogen_core import EVENT_LOGGER_NAME, FunctionCall, Image
from autogen_core.model_context import UnboundedChatCompletionContext
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)
from autogen_ext.models.openai._openai_client import to_oai_type
from autogen_ext.models.replay import ReplayChatCompletionClient
from openai import BadRequestError
from PIL import Image as Picture

from autogen_budget import BudgetedAgent, BudgetedChatCompletionClient, TiktokenCounter, TokenBudget
from cache_simulation import Trimmed
from local_model import LocalModel
from mixed_text import KINDS, conversations, predictions


def turn(chance: random.Random, i: int) -> list[LLMMessage]:
    """What one turn of an agent's life adds: words, or words with a picture, or calls with results; then an answer."""
    text = KINDS[chance.choice(sorted(KINDS))](chance, chance.randint(20, 200))
    added: list[LLMMessage] = [UserMessage(content=f"Part {i}: {text}", source="user")]
    if chance.random() < 0.2:
        added = [UserMessage(content=[f"Picture {i}", Image(Picture.new("RGB", (8, 8)))], source="user")]
    if chance.random() < 0.4:
        ids = [f"call_{i}_{n}" for n in range(chance.randint(1, 3))]
        added += [
            AssistantMessage(
                content=[FunctionCall(id=c, name="look", arguments='{"at": "log"}') for c in ids], source="a"
            ),
            FunctionExecutionResultMessage(
                content=[
                    FunctionExecutionResult(
                        content=KINDS[chance.choice(sorted(KINDS))](chance, chance.randint(0, 400)),
                        name="look",
                        call_id=c,
                        is_error=False,
                    )
                    for c in ids
                ]
            ),
        ]
    return added


@pytest.mark.parametrize(("cap", "before", "turns"), [(512, 0, 60), (1_024, 12, 8), (1_900, 20, 8)])
async def test_the_server_accepts_every_request(local_model: LocalModel, cap: int, before: int, turns: int) -> None:
    """Over many turns of random texts, results and stripped images, no request is refused and none is over the cap."""
    chance = random.Random(cap)
    inner = local_model.client(max_tokens=1)
    client = BudgetedChatCompletionClient(inner, TokenBudget(cap, context_window=2_048, reply_reserve=1))
    messages: list[LLMMessage] = [SystemMessage(content="You watch the logs.")]
    for i in range(before):
        messages += [*turn(chance, i), AssistantMessage(content="yes", source="a")]
    for i in range(before, before + turns):
        messages += turn(chance, i)
        result = await client.create(remove_images(messages))
        messages.append(AssistantMessage(content=str(result.content) or "yes", source="a"))
    await client.close()
    assert [record.retries for record in client.records] == [0] * turns
    assert all(record.tokens_sent <= cap for record in client.records)
    assert sum(bool(record.steps) for record in client.records) >= (6 if turns == 60 else 1)
    late = client.records[5:]
    under = [r for r in late if r.reported_prompt_tokens and r.reported_prompt_tokens > r.tokens_sent]
    assert len(under) <= len(late) * 0.05


async def test_the_true_window_is_learned_from_a_refusal(local_model: LocalModel) -> None:
    """A window that is thought to be larger than it is costs one refusal, once."""
    inner = local_model.client(max_tokens=1)
    agent = BudgetedAgent(AssistantAgent("clerk", inner), TokenBudget(context_window=8_000, reply_reserve=100))
    for i in range(4):
        await agent.run(task=f"Note {i}: " + "the pump at pier nine lost pressure again. " * 90)
    await inner.close()
    assert sum(record.retries for record in agent.records) == 1
    assert agent.records[-1].window == 2_048
    assert all(record.error is None for record in agent.records)


async def test_a_broken_agent_works_again_under_a_budget(local_model: LocalModel) -> None:
    """With nothing set: the window is asked of the server, so that not even one request is refused."""
    inner = local_model.client(max_tokens=1)
    assistant = AssistantAgent("clerk", inner)
    with pytest.raises(BadRequestError):
        for i in range(9):
            await assistant.run(task=f"Note {i}: " + "the pump at pier nine lost pressure again. " * 40)
    with pytest.raises(BadRequestError):
        await assistant.run(task="hi")
    agent = BudgetedAgent(assistant, TokenBudget(reply_reserve=100))
    await agent.run(task="hi")
    await agent.run(task="Go on.")
    await inner.close()
    assert [record.window for record in agent.records] == [2_048, 2_048]
    assert [record.retries for record in agent.records] == [0, 0]


async def test_an_exact_count_of_the_server_agrees_with_its_report(local_model: LocalModel) -> None:
    """The window is asked of the server itself when no name tells it."""
    inner = local_model.client(max_tokens=1)
    client = BudgetedChatCompletionClient(inner, TokenBudget(reply_reserve=48))
    await client.create([UserMessage(content="hi", source="user")])
    await client.close()
    assert (client.records[0].window, client.records[0].window_source) == (2_048, "server")
    assert client.records[0].cap == 2_000


def test_the_counter_learns_how_this_model_counts(local_model: LocalModel) -> None:
    """After five calls of mixed text, at most 2 % are predicted too low, and the average is at most 20 % too high."""

    def server_count(messages: Sequence[LLMMessage]) -> int:
        wire = [part for message in messages for part in to_oai_type(message)]
        request = urllib.request.Request(  # noqa: S310 (the local server's address)
            f"{local_model.base_url}/chat/completions/input_tokens",
            data=json.dumps({"messages": wire}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as reply:  # noqa: S310  # the local server's address
            return int(json.load(reply)["input_tokens"])

    ratios = [
        ratio
        for seed in range(10)
        for ratio in predictions(TiktokenCounter("smollm2"), conversations(seed), server_count)
    ]
    assert len(ratios) == 250
    assert sum(ratio < 1 for ratio in ratios) <= len(ratios) * 0.02
    assert statistics.mean(ratios) <= 1.2


@pytest.fixture
def usage_is_told() -> Generator[None]:
    """AutoGen's event logger tells what was read from the cache."""
    events = logging.getLogger(EVENT_LOGGER_NAME)
    before = events.level
    events.setLevel(logging.INFO)
    yield
    events.setLevel(before)


def day(number: int) -> str:
    """What the user tells in one turn."""
    goods = ", ".join(f"{number * 7 % (9 + i) + 3} tonnes of {name}" for i, name in enumerate(("salt", "tar", "wool")))
    return f"Day {number}: the quay took {goods}. The crane was out for {number * 13 % 50} minutes."


async def read_in_thirty_turns(agent: BudgetedAgent) -> tuple[int, int]:
    """Prompt tokens that the server was sent, and how many of them it found in its cache, by its own report."""
    for number in range(30):
        await agent.run(task=day(number))
    records = agent.records
    return sum(record.reported_prompt_tokens or 0 for record in records), sum(r.cached_tokens or 0 for r in records)


@pytest.mark.usefixtures("usage_is_told")
async def test_most_of_thirty_prompts_is_read_from_the_cache(local_model: LocalModel) -> None:
    """With several compactions on the way at least 79 % was, and less was read anew than by trimming in blocks."""
    client, wide = local_model.client(max_tokens=3), TokenBudget(2_000)  # a budget that never binds
    blocks = BudgetedAgent(AssistantAgent("clerk", client, model_context=Trimmed(860, 430)), wide)
    agent = BudgetedAgent(AssistantAgent("clerk", client), TokenBudget(900, context_window=2_048, reply_reserve=24))
    sent_in_blocks, cached_in_blocks = await read_in_thirty_turns(blocks)
    sent, cached = await read_in_thirty_turns(agent)
    await client.close()
    assert cached >= 0.79 * sent
    assert sent - cached < sent_in_blocks - cached_in_blocks
    assert sum(bool(record.steps) for record in agent.records) >= 2
    assert not any(record.steps for record in blocks.records)


async def test_a_fact_of_turn_1_is_answered_in_turn_30(local_model: LocalModel) -> None:
    """What was told in turn 1 is in the request of turn 30 as a fact only, and the model answers from it."""
    context, budget = UnboundedChatCompletionContext(), TokenBudget(900, context_window=2_048, reply_reserve=32)
    brief = AssistantAgent("clerk", ReplayChatCompletionClient(["OK"] * 29), model_context=context)
    agent = BudgetedAgent(brief, budget)
    first = ("Please keep the harbour's books with me.", "The berth code of the Albatross is QX-4417.")
    await agent.run(task=[TextMessage(content=text, source="user") for text in first])
    for number in range(2, 30):
        await agent.run(task=day(number))
    client = local_model.client(max_tokens=32)
    asked = BudgetedAgent(AssistantAgent("clerk", client, model_context=context), budget)
    await asked.load_state(await agent.save_state())
    result = await asked.run(task="What is the berth code of the Albatross?")
    await client.close()
    assert isinstance(result.messages[-1], TextMessage)
    assert "QX-4417" in result.messages[-1].content
    layers = asked.records[-1].layers_sent
    assert layers.get("digest", 0) + layers.get("recall", 0) > 0
    assert asked.records[-1].tokens_before > 2 * asked.records[-1].tokens_sent
