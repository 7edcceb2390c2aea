"""Magentic-One under budget: facts, plan, ledger and final answer are model calls too, and all of them fit.

python examples/magentic.py
OPENAI_API_KEY=... python examples/magentic.py --model openai:gpt-4o-mini
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import MagenticOneGroupChat
from autogen_core.models import ChatCompletionClient, LLMMessage

from autogen_budget import RecordLog, SpendPool, TokenBudget, budget_team
from model_choice import PRICES, chosen_model, spending_table

TASK = "Which of our buoys drifted most this year, and by how much?"
AGENTS = {"surveyor": "Reads positions of buoys.", "clerk": "Keeps the register of buoys."}
STEPS = 8


def script(messages: Sequence[LLMMessage]) -> str:
    """What the orchestrator and the two agents answer, by what they are asked."""
    asked = str(messages[-1].content)
    if "pre-survey" in asked:
        return "1. GIVEN OR VERIFIED FACTS: none\n2. FACTS TO LOOK UP: positions of all buoys"
    if "bullet-point plan" in asked:
        return "- ask the surveyor for each buoy\n- ask the clerk for the register"
    if "pure JSON format" in asked:
        step = sum("Position" in str(message.content) for message in messages)
        return ledger(step)
    if "provide the final answer" in asked:
        return "Buoy N-7 drifted most: 41 metres."
    number = len(messages)
    return f"Position list {number}: " + "".join(f"N-{i} drifted {i * number % 42} m; " for i in range(60))


def ledger(step: int) -> str:
    """The orchestrator's progress ledger after so many reports."""
    done, name = step >= STEPS, [*AGENTS][step % 2]
    answers: dict[str, object] = {
        "is_request_satisfied": done,
        "is_in_loop": False,
        "is_progress_being_made": True,
        "next_speaker": name,
        "instruction_or_question": f"Give list {step + 1}.",
    }
    return json.dumps({key: {"reason": "as planned", "answer": answer} for key, answer in answers.items()})


async def main(client: ChatCompletionClient) -> None:
    """Run the team, and print how large its requests were."""
    agents = [AssistantAgent(name, client, description=about) for name, about in AGENTS.items()]
    records = RecordLog()
    pool = SpendPool(name="buoys", prices=PRICES)
    team = budget_team(
        MagenticOneGroupChat([*agents], client, max_turns=20),
        TokenBudget(1_500),
        per_agent={"orchestrator": TokenBudget(2_500)},
        pool=pool,
        hooks=[records.add],
    )
    result = await team.run(task=TASK)
    await client.close()

    print(f"{result.messages[-1].to_text()}\n")
    for purpose in ("orchestrator", "reply"):
        own = [record for record in records.calls if record.purpose == purpose]
        came, sent = max(record.tokens_before for record in own), max(record.tokens_sent for record in own)
        print(f"{purpose}: {len(own)} calls; the largest would have held {came:,} tokens, sent were {sent:,} at most")
    print(f"\n{spending_table(pool.report())}")


if __name__ == "__main__":
    asyncio.run(main(chosen_model("Runs Magentic-One with every one of its model calls under budget.", script)))
