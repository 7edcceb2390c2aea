"""One pool pays for a whole team: a share for research, a limit for everything, and a clean end when it is spent.

python examples/shared_pool.py
OPENAI_API_KEY=... python examples/shared_pool.py --model openai:gpt-4o-mini
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core.models import ChatCompletionClient, LLMMessage

from autogen_budget import SpendPool, SpendTermination, TokenBudget, budget_team
from model_choice import PRICES, chosen_model, spending_table

TASK = "Should the harbour buy a second tug? Argue it out."
LIMIT = 12_000  # tokens, prompts and replies together
BUDGET = TokenBudget(2_000, reply_reserve=200)


def script(messages: Sequence[LLMMessage]) -> str:
    """Both sides go on for as long as they are let."""
    side = "for" if "for it" in str(messages[0].content) else "against"
    return f"Point {len(messages)} {side} the tug: " + "last winter three ships waited for more than nine hours. " * 6


async def main(client: ChatCompletionClient) -> None:
    """Let two agents argue until the pool is spent, and print who spent what."""
    pool = SpendPool(max_tokens=LIMIT, name="tug", prices=PRICES)
    pro = AssistantAgent("pro", client, system_message="You are for it. One paragraph.")
    contra = AssistantAgent("contra", client, system_message="You are against it. One paragraph.")
    team = budget_team(
        RoundRobinGroupChat([pro, contra], termination_condition=SpendTermination(pool) | MaxMessageTermination(200)),
        BUDGET,
        pool=pool,
    )
    result = await team.run(task=TASK)
    await client.close()

    print(f"{len(result.messages) - 1} replies; the run ended because: {result.stop_reason}\n")
    print(spending_table(pool.report()))
    left = pool.report().remaining.tokens
    print(f"{left or 0:,} tokens are left: too few for another call as large as the largest so far.")


if __name__ == "__main__":
    asyncio.run(main(chosen_model("Runs a team that shares one pool of tokens.", script)))
