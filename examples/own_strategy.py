"""A strategy of one's own: old answers are shortened to their first line before any turn is dropped."""

import asyncio
from dataclasses import dataclass

from autogen_core.models import AssistantMessage, UserMessage

from autogen_budget import CompactionContext, History, TokenBudget, TrimOldest, Turn, compact


@dataclass(frozen=True)
class FirstLines:
    """Leaves the first line of long answers, oldest first, until the target is reached."""

    longest: int = 50  # tokens

    async def __call__(self, history: History, context: CompactionContext) -> History:
        """Shorten as many answers as needed; the same history means there was nothing to do."""
        turns, tokens = list(history.turns), context.tokens
        for i in sorted(set(range(len(turns))) - history.kept):
            if tokens > context.target and context.tokens_of_turn(turns[i]) > self.longest:
                turns[i] = first_line(turns[i])
                tokens -= context.tokens_of_turn(history.turns[i]) - context.tokens_of_turn(turns[i])
        return history.with_turns(turns)


def first_line(turn: Turn) -> Turn:
    """The turn with the first line of its answer; any other turn as it is."""
    if turn.kind != "assistant":
        return turn
    return turn.with_head(turn.head.model_copy(update={"content": str(turn.head.content).partition("\n")[0]}))


async def main() -> None:
    """Show what it frees."""
    papers = "Its papers are long. " * 40
    answers = [AssistantMessage(content=f"Ship {i} is in.\n{papers}", source="a") for i in range(20)]
    chat = [m for answer in answers for m in (UserMessage(content="And the next?", source="user"), answer)]
    done = await compact(chat, TokenBudget(2_000), strategies=[FirstLines(), TrimOldest()])
    for step in done.steps:
        print(f"{step.strategy}: {step.detail}, {step.freed:,} of {step.tokens_before:,} tokens freed")


if __name__ == "__main__":
    asyncio.run(main())
