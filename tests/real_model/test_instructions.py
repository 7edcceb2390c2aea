"""Instructions under a cap of their own against a real server: what is left of its prompt cache."""

import logging
from collections.abc import Generator

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_core import EVENT_LOGGER_NAME

from autogen_budget import BudgetedAgent, TokenBudget
from local_model import LocalModel
from made_up_manuals import manual


@pytest.fixture
def usage_is_told() -> Generator[None]:
    """AutoGen's event logger tells what was read from the cache."""
    events = logging.getLogger(EVENT_LOGGER_NAME)
    before = events.level
    events.setLevel(logging.INFO)
    yield
    events.setLevel(before)


@pytest.mark.usefixtures("usage_is_told")
async def test_most_prompts_are_read_from_the_cache_while_the_cap_binds(local_model: LocalModel) -> None:
    """Thirty turns of a talk that stays with a subject for three: at least 75 %, by the server's own report."""
    made = manual("en", "markdown", sentences=4)
    client = local_model.client(max_tokens=3)
    clerk = AssistantAgent("clerk", client, system_message=made.text)
    agent = BudgetedAgent(clerk, TokenBudget(1_000, max_instruction_tokens=500, context_window=2_048, reply_reserve=24))
    for request, _ in sorted(made.requests, key=lambda request: request[1])[:30]:
        await agent.run(task=request)
    await client.close()
    records = agent.records
    assert all(record.layers_before["system"] > 2 * 500 for record in records)
    assert all(record.layers_sent["system"] <= 500 for record in records)
    assert sum(step.sections for record in records for step in record.steps) >= 10
    sent = sum(record.reported_prompt_tokens or 0 for record in records)
    assert sum(record.cached_tokens or 0 for record in records) >= 0.75 * sent
