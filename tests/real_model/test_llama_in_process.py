"""llama.cpp in this process, through AutoGen's client of it, under a budget: real weights, its own tokenizer.

It needs `pip install llama-cpp-python`, which compiles llama.cpp for minutes, so that no extra brings it.
"""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from autogen_core.models import LLMMessage, SystemMessage
from autogen_core.tools import ToolSchema

import mixed_text
from autogen_budget import BudgetedChatCompletionClient, SpendPool, TokenBudget
from builders import user
from first_calls import KINDS, request
from local_model import find_weights

pytestmark = pytest.mark.real_model
client_module = pytest.importorskip(
    "autogen_ext.models.llama_cpp", reason="needs llama-cpp-python", exc_type=ImportError
)

WINDOW = 1_024
SHORT = {"max_tokens": 4}


@pytest.fixture(scope="module")
def llama() -> Iterator[Any]:
    """The client, with a window that texts outgrow."""
    client = client_module.LlamaCppChatCompletionClient(
        model_path=str(find_weights()), n_ctx=WINDOW, n_threads=2, verbose=False
    )
    yield client
    client.llm.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_first_requests_fit(llama: Any, kind: str) -> None:
    """The client tells no model's name: its first requests are not over the cap by its own count, and paid for."""
    pool = SpendPool(max_tokens=100_000)
    client = BudgetedChatCompletionClient(llama, TokenBudget(600), pool=pool)
    for shape in ("one text", "a talk"):
        await client.create(request(kind, shape), extra_create_args=SHORT)
    reported = [record.reported_prompt_tokens or 0 for record in client.records]
    assert all(0 < tokens <= 600 for tokens in reported)
    assert pool.spent.prompt_tokens == sum(reported)
    assert pool.reserved.tokens == 0


async def test_a_refusal_teaches_the_window(llama: Any) -> None:
    """What llama.cpp says when a prompt outgrows its window is read, and the request made smaller."""
    messages: list[LLMMessage] = [SystemMessage(content="Be brief."), user(mixed_text.prose(random.Random(1), 24_000))]
    client = BudgetedChatCompletionClient(llama, TokenBudget(4_000))
    await client.create(messages, extra_create_args=SHORT)
    (record,) = client.records
    assert record.retries == 1
    assert record.window == WINDOW
    assert 0 < (record.reported_prompt_tokens or 0) <= WINDOW


async def test_tools_are_counted(llama: Any) -> None:
    """Schemas go with the request, within the cap."""
    tool = ToolSchema(name="look", description="Looks a ship up.")
    client = BudgetedChatCompletionClient(llama, TokenBudget(600))
    await client.create(request("English", "a talk"), tools=[tool], extra_create_args=SHORT)
    assert 0 < (client.records[0].reported_prompt_tokens or 0) <= 600


async def test_streams_are_refused_as_without_a_budget(llama: Any) -> None:
    """AutoGen's client cannot stream; that is said, and nothing is charged."""
    pool = SpendPool(max_tokens=100_000)
    client = BudgetedChatCompletionClient(llama, TokenBudget(600), pool=pool)
    with pytest.raises(NotImplementedError):
        async for _ in client.create_stream([user("hi")]):
            pass
    assert (pool.reserved.tokens, pool.spent.tokens) == (0, 0)
