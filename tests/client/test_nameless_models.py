"""Clients that do not tell which model they call: how their first requests are counted."""

import random
import re
from collections.abc import Mapping
from typing import Any

import pytest
from autogen_core.models import ModelInfo
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient

import mixed_text
from autogen_budget import BudgetedChatCompletionClient, TiktokenCounter, TokenBudget
from builders import user
from first_calls import russian
from servers import OpenAIServer

CAP = 1_000
TEXTS: Mapping[str, str] = {
    "prose": mixed_text.prose(random.Random(1), 12_000),
    "Russian": russian(random.Random(1), 12_000),
    "digits": mixed_text.table(random.Random(1), 12_000),
    "Chinese": mixed_text.chinese(random.Random(1), 12_000),
}


def short_pieces(text: str) -> int:
    """A vocabulary that knows little: six letters at most, digits and other scripts one by one."""
    return len(re.findall(r" ?[A-Za-z]{1,6}|[0-9]|[^\x00-\x7f]|\s+|[^\sA-Za-z0-9]", text))


class Nameless(OpenAIChatCompletionClient):
    """A client of a user's own, which cannot be dumped and so does not tell its model."""

    def __init__(self, base_url: str, family: str) -> None:
        info = ModelInfo(vision=False, function_calling=True, json_output=True, family=family, structured_output=True)
        super().__init__(model="x", base_url=base_url, api_key="x", max_retries=0, model_info=info)

    def _to_config(self) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize("kind", TEXTS)
async def test_a_first_request_to_an_unknown_model_fits(kind: str) -> None:
    """Whatever its vocabulary makes of the text, the first request is not over its cap."""
    async with OpenAIServer(count_text=short_pieces) as server:
        client = BudgetedChatCompletionClient(Nameless(server.base_url, "unknown"), TokenBudget(CAP))
        await client.create([user(TEXTS[kind])])
        await client.close()
    assert 0 < server.requests[0].prompt_tokens <= CAP


async def test_a_family_of_openais_is_counted_exactly() -> None:
    """Where the family says that the vocabulary is OpenAI's, the first request fills its cap."""
    async with OpenAIServer() as server:
        client = BudgetedChatCompletionClient(Nameless(server.base_url, "gpt-4o"), TokenBudget(CAP))
        await client.create([user(TEXTS["prose"])])
        await client.close()
    assert 0.95 * CAP <= server.requests[0].prompt_tokens <= CAP


def test_a_script_counts_as_ever() -> None:
    """Replayed replies come from no model that could count otherwise."""
    client = BudgetedChatCompletionClient(ReplayChatCompletionClient(["yes"]), TokenBudget(CAP))
    assert client.counter.count_text(TEXTS["prose"]) == TiktokenCounter("gpt-4o").count_text(TEXTS["prose"])
