"""What errors teach about the size of requests: less than they seem to say, and never for ever."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from autogen_core.models import CreateResult, LLMMessage, RequestUsage
from autogen_ext.models.ollama import OllamaChatCompletionClient
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient

import simulated_time
from autogen_budget import BudgetedChatCompletionClient, ContextOverflowError, Limits, TokenBudget
from builders import said, user
from servers import OllamaServer

UNCLEAR = ValueError("the request exceeds the context length")
THROTTLED = ValueError("ThrottlingException: Too many tokens, please wait before trying again.")


def chat(turns: int) -> list[LLMMessage]:
    """A task and as many answers and questions."""
    messages: list[LLMMessage] = [user("the task")]
    for i in range(turns):
        messages += [said(f"answer {i} " + "ship " * 30), user(f"question {i} " + "sea " * 30)]
    return messages


class Picky(ReplayChatCompletionClient):
    """A client that raises what a function says of a request, or answers."""

    def __init__(self, refuse: Callable[[int], Exception | None]) -> None:
        super().__init__(["never"])
        self.refuse = refuse
        self.sizes: list[int] = []

    async def create(self, messages: Sequence[LLMMessage], **_: Any) -> CreateResult:
        """Answer, if the request is small enough."""
        self.sizes.append(sum(len(str(message.content)) for message in messages))
        error = self.refuse(self.sizes[-1])
        if error is not None:
            raise error
        return CreateResult(finish_reason="stop", content="yes", usage=RequestUsage(0, 0), cached=False)


def test_throttling_lowers_no_cap() -> None:
    """A provider that asks to come again later says nothing about the size of a request."""
    client = BudgetedChatCompletionClient(Picky(lambda _: THROTTLED), TokenBudget(5_000), limits=Limits(retries=0))

    async def main() -> None:
        for _ in range(3):
            with pytest.raises(ValueError, match="Throttling"):
                await client.create(chat(10))

    simulated_time.run(main())  # the calls wait for each other, as throttled calls do
    assert client.cap == 5_000
    assert [record.retries for record in client.records] == [0, 0, 0]


async def test_a_guessed_ceiling_rises_again() -> None:
    """Once larger requests are accepted, the cap is what it was."""
    errors = [UNCLEAR]
    client = BudgetedChatCompletionClient(Picky(lambda _: errors.pop() if errors else None), TokenBudget(3_000))
    await client.create(chat(8))
    assert client.records[0].retries == 1
    lowered = client.cap
    assert lowered < 1_000
    for turns in range(8, 120):
        await client.create(chat(turns))
    assert client.cap == 3_000


async def test_a_true_limit_is_tried_more_and_more_rarely() -> None:
    """Where the guess is right, few calls pay for finding out that it still is."""
    inner = Picky(lambda size: UNCLEAR if size > 4_000 else None)
    client = BudgetedChatCompletionClient(inner, TokenBudget(3_000))
    for turns in range(1, 200):
        await client.create(chat(turns))
    refused = [record.retries > 0 for record in client.records]
    assert sum(refused) <= 12
    assert sum(refused[100:]) <= 4
    assert all(record.error is None for record in client.records)


async def test_a_ceiling_gives_way_to_a_new_budget() -> None:
    """Who sets a budget knows better than a guess."""
    errors = [UNCLEAR]
    client = BudgetedChatCompletionClient(Picky(lambda _: errors.pop() if errors else None), TokenBudget(3_000))
    await client.create(chat(8))
    client.budget = TokenBudget(2_000)
    assert client.cap == 2_000


async def test_what_was_learned_of_another_model_is_ignored() -> None:
    """A state names its model: the window of a small one does not cap a large one."""

    def of_model(model: str) -> BudgetedChatCompletionClient:
        return BudgetedChatCompletionClient(OpenAIChatCompletionClient(model=model, api_key="x"), TokenBudget(9_000))

    state: Mapping[str, object] = {**of_model("gpt-4o-mini").save_state(), "window": 2_048, "ceiling": 700}
    same, other = of_model("gpt-4o-mini"), of_model("gpt-4o")
    same.load_state(state)
    other.load_state(state)
    assert (same.cap, other.cap) == (700, 9_000)
    other.load_state({"window": 2_048})
    assert other.cap == 9_000


async def test_refusals_without_end_say_why() -> None:
    """After three refusals the call ends, with what the provider said and what to set."""
    client = BudgetedChatCompletionClient(Picky(lambda _: UNCLEAR), TokenBudget(3_000))
    with pytest.raises(ContextOverflowError, match=r"3 times.*Set context_window") as caught:
        await client.create(chat(20))
    assert caught.value.__cause__ is UNCLEAR
    assert client.records[0].retries == 2


async def test_silent_truncation_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """Ollama answers a request that it has cut; what it reports teaches the counter nothing."""
    async with OllamaServer(window=500) as server:
        inner = OllamaChatCompletionClient(model="llama3.1", host=server.base_url)
        client = BudgetedChatCompletionClient(inner, TokenBudget())
        before = client.count_tokens(chat(20))
        with caplog.at_level(logging.WARNING, "autogen_budget"):
            for _ in range(3):
                await client.create(chat(20))
    (warning,) = [record.getMessage() for record in caplog.records]
    assert "num_ctx" in warning
    assert "'llama3.1' reports 4" in warning
    assert client.count_tokens(chat(20)) == before


def test_a_window_that_the_server_does_not_give_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """A budget for more than Ollama's `num_ctx` would have requests cut without an error."""
    inner = OllamaChatCompletionClient(model="llama3.1", options={"num_ctx": 8_192})
    with caplog.at_level(logging.WARNING, "autogen_budget"):
        BudgetedChatCompletionClient(inner, TokenBudget(context_window=8_192))
        assert not caplog.records
        BudgetedChatCompletionClient(inner, TokenBudget(context_window=32_768))
    assert "options={'num_ctx': 32768}" in caplog.text


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        (TokenBudget(500_000), "max_prompt_tokens is 500000, but the window of model 'gpt-4o' holds 128000"),
        (TokenBudget(9_000, context_window=8_000), "holds 8000 (by budget): requests are held to 6000"),
        (
            TokenBudget(1_000, max_tool_output_tokens=2_000),
            "max_tool_output_tokens is 2000, but a request may hold 1000",
        ),
        (TokenBudget(1_000, tool_output_tokens={"look": 1_001}), "tool_output_tokens['look'] is 1001"),
        (TokenBudget(1_000, max_tool_output_tokens=1_000, tool_output_tokens={"look": 10}), ""),
    ],
)
def test_settings_that_cannot_mean_what_they_say_are_told(
    budget: TokenBudget, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A cap over the window and a tool's limit over the cap are one warning each, also when they are set later."""
    inner = OpenAIChatCompletionClient(model="gpt-4o", api_key="x")
    with caplog.at_level(logging.WARNING, "autogen_budget"):
        BudgetedChatCompletionClient(inner, budget)
        client = BudgetedChatCompletionClient(inner, TokenBudget(1_000))
        client.budget = budget
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == (2 if words else 0)
    assert all(words in message for message in messages)
