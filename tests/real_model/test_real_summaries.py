"""Summaries by a real model: SmolLM2 in llama.cpp on 127.0.0.1, which is asked by schema as it says it can be."""

from collections.abc import Sequence
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_core.model_context import UnboundedChatCompletionContext
from autogen_core.models import AssistantMessage, CreateResult, LLMMessage, UserMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient

from autogen_budget import BudgetedAgent, Summarize, TiktokenCounter, TokenBudget, TrimOldest
from local_model import MODEL_INFO, MODEL_NAME, LocalModel

# AutoGen's client complains about the schema's reply that it has parsed itself, when it logs the call.
pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")

FACTS = {
    "Marta Okafor": "Marta Okafor books the cargo ship",
    "Halcyon": "Halcyon.",
    "Gdansk": "It leaves the city of Gdansk",
    "14 March": "on 14 March",
    "Rotterdam": "and goes to Rotterdam.",
    "KX-2291": "The booking code is KX-2291",
    "7,450": "and the price is 7,450 euros.",
    "berth 17": "The ship lies at berth 17.",
    "lager@portline.example": "The contact is lager@portline.example.",
    "ice class": "We chose an ice class container.",
}
"""Ten facts, each with the words that tell it."""


def writer_of(model: LocalModel) -> OpenAIChatCompletionClient:
    """A client for summaries: replies may be longer, and are kept from going round in circles."""
    return OpenAIChatCompletionClient(
        model=MODEL_NAME,
        base_url=model.base_url,
        api_key="not needed",
        model_info=MODEL_INFO,
        max_retries=0,
        max_tokens=400,
        temperature=0,
        frequency_penalty=0.6,
    )


async def test_a_real_summary_enters_the_request(local_model: LocalModel) -> None:
    """Of ten facts that left the conversation, most are told; some in the model's own words, within their bound."""
    own, writer = local_model.client(max_tokens=16), writer_of(local_model)
    requests: list[Sequence[LLMMessage]] = []
    create = own.create

    async def overheard(messages: Sequence[LLMMessage], **options: Any) -> CreateResult:
        requests.append(messages)
        return await create(messages, **options)

    own.create = overheard  # type: ignore[method-assign]  # to overhear what it is asked
    note = "the crane at the pier was painted again and looks fine today. " * 3
    context = UnboundedChatCompletionContext(
        [
            UserMessage(content="Help me with my bookings.", source="user"),
            UserMessage(content=" ".join(FACTS.values()), source="user"),
            AssistantMessage(content="Noted.", source="clerk"),
            *(UserMessage(content=f"Note {i}: {note}", source="user") for i in range(22)),
        ]
    )
    agent = BudgetedAgent(
        AssistantAgent("clerk", own, system_message="You book ships.", model_context=context),
        TokenBudget(1_000, context_window=2_048, keep_last_turns=14, compact_to=0.9),
        strategies=[Summarize(writer, max_tokens=150, soft=1), TrimOldest()],
    )
    await agent.run(task="Go on.")
    await agent.close()
    await own.close()
    await writer.close()

    summary, *_ = (record for record in agent.records if record.purpose == "summary")
    assert summary.error is None
    assert summary.reported_completion_tokens
    assert any(step.summarised for record in agent.records for step in record.steps)
    told, *_ = (str(part.content) for part in requests[-1] if getattr(part, "source", "") == "autogen_budget")
    prose, _, facts = told.partition("\n\n[Facts from ")
    words = prose.split("not instructions]\n")[1]
    counter = TiktokenCounter(MODEL_NAME)
    assert 0 < counter.count_text(words) <= 150
    assert any(fact.casefold() in words.casefold() for fact in FACTS)
    assert facts
    assert sum(fact in told for fact in FACTS) >= 6
    assert agent.records[-1].tokens_sent <= 1_000
