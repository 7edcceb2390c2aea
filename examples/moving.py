"""From AutoGen's own contexts to budgets: the same long talk with each, side by side.

python examples/moving.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.model_context import (
    BufferedChatCompletionContext,
    ChatCompletionContext,
    HeadAndTailChatCompletionContext,
    TokenLimitedChatCompletionContext,
)
from autogen_core.models import AssistantMessage, CreateResult, FunctionExecutionResultMessage, LLMMessage, UserMessage

from autogen_budget import BudgetedAgent, TiktokenCounter, TokenBudget
from model_choice import ScriptedModel

CAP = 2_000  # tokens
FIRST = "My boat is called Tern. Read the soundings of day 1"
LAST = "What is my boat called?"
DAYS = 12
COUNTER = TiktokenCounter()


def soundings(day: int) -> str:
    """Reads the soundings of one day.

    Args:
        day (int): From 1.
    """
    return "\n".join(f"day {day}, point {point}: {day * point % 97 / 10:.1f} m over chart datum" for point in range(30))


def script(messages: Sequence[LLMMessage]) -> str | FunctionCall:
    """Look the day's soundings up, then answer."""
    newest = messages[-1]
    if isinstance(newest, UserMessage) and "soundings" in str(newest.content):
        day = str(newest.content).split()[-1]
        return FunctionCall(id=f"call_{day}", name="soundings", arguments=f'{{"day": {day}}}')
    return "It is in the log." if isinstance(newest, FunctionExecutionResultMessage) else "Let me see."


class WatchedModel(ScriptedModel):
    """A scripted model that keeps the requests it gets."""

    def __init__(self) -> None:
        super().__init__(script)
        self.requests: list[Sequence[LLMMessage]] = []

    async def create(self, messages: Sequence[LLMMessage], **options: Any) -> CreateResult:
        """Answer as the script says."""
        self.requests.append(list(messages))
        return await super().create(messages, **options)

    def count_tokens(self, messages: Sequence[LLMMessage], **_: Any) -> int:
        """Count as the provider would."""
        return COUNTER.count(messages)


def clerk(model: WatchedModel, context: ChatCompletionContext | None = None) -> AssistantAgent:
    """An agent with one of AutoGen's contexts."""
    return AssistantAgent("clerk", model, tools=[soundings], model_context=context)


WAYS: dict[str, Callable[[WatchedModel], AssistantAgent | BudgetedAgent]] = {
    "no context of its own": clerk,
    "BufferedChatCompletionContext(20)": lambda model: clerk(model, BufferedChatCompletionContext(20)),
    "HeadAndTailChatCompletionContext(2, 20)": lambda model: clerk(model, HeadAndTailChatCompletionContext(2, 20)),
    f"TokenLimitedChatCompletionContext({CAP})": lambda model: clerk(
        model, TokenLimitedChatCompletionContext(model, token_limit=CAP)
    ),
    f"TokenBudget({CAP})": lambda model: BudgetedAgent(clerk(model), TokenBudget(CAP)),
}


def has_orphan(messages: Sequence[LLMMessage]) -> bool:
    """Whether a request holds a result without its call, which providers refuse."""
    called: set[str] = set()
    for message in messages:
        if isinstance(message, AssistantMessage) and not isinstance(message.content, str):
            called |= {call.id for call in message.content}
        if isinstance(message, FunctionExecutionResultMessage) and {r.call_id for r in message.content} - called:
            return True
    return False


async def main() -> None:
    """Hold the talk with each, and print what the model got."""
    print(f"{'':<40}{'largest request':>16}{'over the cap':>14}{'broken':>8}  knows the boat")
    for name, make in WAYS.items():
        model = WatchedModel()
        agent = make(model)
        for task in (FIRST, *(f"Read the soundings of day {day}" for day in range(2, DAYS)), LAST):
            await agent.run(task=task)
        sizes = [COUNTER.count(request) for request in model.requests]
        broken = sum(map(has_orphan, model.requests))
        knows = "yes" if "Tern" in str(model.requests[-1]) else "no"
        print(f"{name:<40}{max(sizes):>16,}{sum(size > CAP for size in sizes):>14}{broken:>8}  {knows}")


if __name__ == "__main__":
    asyncio.run(main())
