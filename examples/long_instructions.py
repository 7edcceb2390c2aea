"""A manual of 8,000 tokens as system message, under a cap of 1,500: each question is answered from its own section.

python examples/long_instructions.py

Without the cap the agent could not make a single call within 3,000 tokens. With it, every request holds what comes
before the first section, the table of contents, and the section that the question is about, word for word.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import CreateResult, LLMMessage, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import BudgetedAgent, ContextOverflowError, TokenBudget

SECTIONS = {
    "Mooring": ("a berth", "the crew ties two lines before the engine stops", "4 knots"),
    "Customs": ("dutiable goods", "the captain fills in form C-12 before anything is unloaded", "24 hours"),
    "Fuel": ("diesel or petrol", "smoking is forbidden within 20 metres of the pump", "2,000 litres"),
    "Waste": ("oil, paint or bilge water", "it goes into the red container behind the crane", "60 litres"),
    "Storms": ("a gale warning", "ships under 12 metres move behind the inner wall", "7 Beaufort"),
    "Repairs": ("welding or grinding", "a fire watch stands by for an hour afterwards", "18:00"),
    "Guests": ("a stay overnight", "each guest is in the book with a passport number", "14 nights"),
    "Animals": ("dogs, cats or birds", "they stay on a lead on all piers", "3 animals"),
}
"""What the manual tells of each subject: its matter, its rule, its limit."""

QUESTIONS = (
    ("May we smoke while we take diesel?", "Fuel"),
    ("Where does old paint go?", "Waste"),
    ("A gale is coming, and our ship has 10 metres. What now?", "Storms"),
    ("How long may a guest stay?", "Guests"),
)


def manual() -> str:
    """The instructions: a preamble with the rules that always hold, and a section of about 1,000 tokens a subject."""
    parts = ["You are the harbour office. Never promise a berth by telephone. Quote the manual word for word."]
    for title, (matter, rule, limit) in SECTIONS.items():
        lines = [f"## {title}", "", f"For {matter}: {rule}. The limit is {limit}.", ""]
        lines += [f"- Pier {pier} keeps to the same about {matter}; its clerk notes the hour." for pier in range(1, 51)]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


class Clerk(ReplayChatCompletionClient):
    """Stands in for a model: answers with the sentence of the manual that names a limit, out of the newest section."""

    def __init__(self) -> None:
        super().__init__([])

    async def create(self, messages: Sequence[LLMMessage], *_: Any, **__: Any) -> CreateResult:
        """Quote the last section in the request."""
        text = "\n".join(message.content for message in messages if isinstance(message.content, str))
        quoted = re.findall(r"^For .* The limit is .*$", text, re.MULTILINE)
        answer = quoted[-1] if quoted else "The manual does not say."
        return CreateResult(finish_reason="stop", content=answer, usage=RequestUsage(0, 0), cached=False)


async def main() -> None:
    """Ask without the cap, then with it, and print what came and what was sent."""
    plain = BudgetedAgent(AssistantAgent("office", Clerk(), system_message=manual()), TokenBudget(3_000))
    try:
        await plain.run(task=QUESTIONS[0][0])
    except ContextOverflowError as error:
        print(f"without a cap on instructions: {error}\n")
    budget = TokenBudget(3_000, max_instruction_tokens=1_500)
    agent = BudgetedAgent(AssistantAgent("office", Clerk(), system_message=manual()), budget)
    print(f"{'question':<58}{'instructions':>13}{'sent':>7}  answered from")
    for question, title in QUESTIONS:
        result = await agent.run(task=question)
        record, answer = agent.records[-1], result.messages[-1].to_text()
        right = SECTIONS[title][1] in answer
        came, sent = record.layers_before["system"], record.layers_sent["system"]
        print(f"{question:<58}{came:>13,}{sent:>7,}  {title if right else 'somewhere else'}")


if __name__ == "__main__":
    asyncio.run(main())
