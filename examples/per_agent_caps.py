"""Three agents, three caps: each request of each agent fits its own, however long the thread grows.

python examples/per_agent_caps.py
OPENAI_API_KEY=... python examples/per_agent_caps.py --model openai:gpt-4o-mini
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import FunctionCall
from autogen_core.models import ChatCompletionClient, FunctionExecutionResultMessage, LLMMessage

from autogen_budget import RecordLog, SpendPool, TokenBudget, budget_team
from model_choice import PRICES, chosen_model, spending_table

TASK = "Write a notice to skippers about the works in the north basin, from what the harbour log says."
CAPS = {"reader": TokenBudget(4_000), "writer": TokenBudget(1_500), "critic": TokenBudget(900)}
ROUNDS = 5


def harbour_log(month: int) -> str:
    """Reads the harbour log of one month.

    Args:
        month (int): 1 to 12.
    """
    days = (
        f"2026-{month:02d}-{day:02d} north basin, berth {day % 9 + 1}: dredging to 7.{day % 10} m"
        for day in range(1, 29)
    )
    return "\n".join(f"{day}; crew {len(day) * 7 % 23}, pontoon P-{len(day) * 31 % 97}" for day in days)


def script(messages: Sequence[LLMMessage]) -> str | FunctionCall:
    """What each of the three does in its turn."""
    instructions = str(messages[0].content)
    turn = sum("Notice, version" in str(message.content) for message in messages)
    if "read the log" in instructions and not isinstance(messages[-1], FunctionExecutionResultMessage):
        return FunctionCall(id=f"call_{turn}", name="harbour_log", arguments=f'{{"month": {turn % 12 + 1}}}')
    if "write the notice" in instructions:
        return f"Notice, version {turn + 1}: dredging goes on in the north basin; berths 1 to 9 are closed in turn."
    return "Name the berths, the depth and the dates; one sentence for each. " * 4


async def main(client: ChatCompletionClient) -> None:
    """Run the team under its caps, and print what each agent sent."""
    reader = AssistantAgent("reader", client, tools=[harbour_log], system_message="You read the log and report.")
    writer = AssistantAgent("writer", client, system_message="You write the notice, anew after each remark.")
    critic = AssistantAgent("critic", client, system_message="You say what the notice lacks.")
    records = RecordLog()
    pool = SpendPool(name="notice", prices=PRICES)
    team = budget_team(
        RoundRobinGroupChat([reader, writer, critic], termination_condition=MaxMessageTermination(3 * ROUNDS + 1)),
        TokenBudget(4_000),
        per_agent=CAPS,
        pool=pool,
        hooks=[records.add],
    )
    await team.run(task=TASK)
    await client.close()

    print(f"{'agent':<10}{'cap':>8}{'calls':>8}{'longest history':>18}{'largest request':>18}")
    for name, budget in CAPS.items():
        own = [record for record in records.calls if record.name == name]
        came, sent = (max(sizes) for sizes in zip(*((r.tokens_before, r.tokens_sent) for r in own), strict=True))
        print(f"{name:<10}{budget.max_prompt_tokens or 0:>8,}{len(own):>8}{came:>18,}{sent:>18,}")
    print(f"\n{spending_table(pool.report())}")


if __name__ == "__main__":
    asyncio.run(main(chosen_model("Runs three agents, each within a cap of its own.", script)))
