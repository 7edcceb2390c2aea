"""A selector is a caller too: AutoGen puts the whole thread into its prompt, and here that stays small and readable.

python examples/selector_team.py
OPENAI_API_KEY=... python examples/selector_team.py --model openai:gpt-4o-mini
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import SelectorGroupChat
from autogen_core.models import ChatCompletionClient, LLMMessage

from autogen_budget import RecordLog, SpendPool, TokenBudget, budget_team
from model_choice import PRICES, chosen_model, spending_table

TASK = "Plan the repair of the north quay: how long, in which order, with how many divers?"
EXPERTS = {
    "engineer": "Knows quays, piles and concrete.",
    "diver": "Leads the divers, knows visibility and currents.",
    "planner": "Puts the work into order and days.",
}
SELECTOR_CAP = 500
TURNS = 18


def script(messages: Sequence[LLMMessage]) -> str:
    """The selector asks one expert after the other; each of them has something to say."""
    prompt = str(messages[0].content)
    if "select the next role" in prompt:
        last = max(EXPERTS, key=lambda name: prompt.rfind(f"\n{name}: "))
        names = list(EXPERTS)
        return names[(names.index(last) + 1) % len(names)]
    who = next((name for name, about in EXPERTS.items() if about in prompt), "planner")
    return f"As the {who} I see it so: pile {len(messages) * 7} needs {len(messages) + 2} days, and 2 divers. " * 3


async def main(client: ChatCompletionClient) -> None:
    """Run the team, and print the selector's requests beside what they would have been."""
    experts = [
        AssistantAgent(name, client, description=about, system_message=f"You are the {name}. {about}")
        for name, about in EXPERTS.items()
    ]
    records = RecordLog()
    pool = SpendPool(name="quay", prices=PRICES)
    team = budget_team(
        SelectorGroupChat([*experts], client, termination_condition=MaxMessageTermination(TURNS)),
        TokenBudget(2_000),
        per_agent={"selector": TokenBudget(SELECTOR_CAP)},
        pool=pool,
        hooks=[records.add],
    )
    await team.run(task=TASK)
    await client.close()

    print(f"{'selection':>9}{'whole prompt':>14}{'sent':>8}{'cap':>8}  what was done")
    selected = [record for record in records.calls if record.purpose == "selector"]
    for number, record in enumerate(selected, 1):
        done = "; ".join(step.detail for step in record.steps) or "sent whole"
        print(f"{number:>9}{record.tokens_before:>14,}{record.tokens_sent:>8,}{record.cap:>8,}  {done}")
    print(f"\n{spending_table(pool.report())}")


if __name__ == "__main__":
    asyncio.run(main(chosen_model("Runs a team whose selector has a cap of its own.", script)))
