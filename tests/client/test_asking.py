"""What a client asks its server: its window, once for all first calls, and its own count of a request near the cap."""

import asyncio
from collections.abc import Sequence
from unittest.mock import patch

import pytest
from autogen_core.models import LLMMessage, ModelInfo, UserMessage
from autogen_core.tools import Tool, ToolSchema
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import BudgetedChatCompletionClient, TiktokenCounter, TokenBudget
from autogen_budget._client import _cap
from autogen_budget._model_facts import Window
from builders import user
from servers import OpenAIServer


async def test_a_cancelled_first_call_does_not_end_the_question() -> None:
    """The window that a server tells is known to the calls that wait for it, though the first is cancelled."""
    asked = 0

    async def slow(base_url: str) -> Window | None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.05)
        return Window(777, "server")

    async with OpenAIServer(window=10_000) as server:
        inner = OpenAIChatCompletionClient(
            model="mine",
            base_url=server.base_url,
            api_key="x",
            max_retries=0,
            model_info=ModelInfo(
                vision=False, function_calling=True, json_output=True, family="unknown", structured_output=True
            ),
        )
        client = BudgetedChatCompletionClient(inner, TokenBudget(reply_reserve=10))
        with patch.object(_cap, "window_of_server", slow):
            calls = [asyncio.ensure_future(client.create([user("hi")])) for _ in range(4)]
            await asyncio.sleep(0.01)
            calls[0].cancel()
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
        await client.close()
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert asked == 1
    assert [record.window for record in client.records if record.error is None] == [777] * 3
    assert client.cap == 767


class Exact:
    """A source that finds fewer tokens than the counter's safe rates."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    async def count_request(self, messages: Sequence[LLMMessage], tools: Sequence[Tool | ToolSchema]) -> int | None:
        """Count with OpenAI's vocabulary."""
        tokens = TiktokenCounter("gpt-4o").count(messages, tools=tools)
        self.asked.append(tokens)
        return tokens


@pytest.mark.parametrize("words", [100, 2_000])
async def test_a_source_is_asked_near_the_cap_only(words: int) -> None:
    """A request far below the cap is sent unasked; one over it is counted, fitted, and fills the cap well."""
    source = Exact()
    counter = TiktokenCounter("mine")
    client = BudgetedChatCompletionClient(
        ReplayChatCompletionClient(["yes"]), TokenBudget(1_000), counter=counter, token_source=source
    )
    text = " ".join(f"straw{number}" for number in range(words // 4))
    await client.create([UserMessage(content=text, source="user")])
    sent = client.records[0]
    assert sent.tokens_sent <= 1_000
    if words == 100:
        assert source.asked == []
    else:
        assert source.asked
        assert source.asked[-1] <= 1_000
        assert source.asked[-1] > 800
