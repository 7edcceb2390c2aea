"""Drop the thoughts of long ago: what a model gave beside its answers and calls."""

from dataclasses import dataclass

from autogen_core.models import AssistantMessage

from autogen_budget._history import History
from autogen_budget._turns import Turn

from ._component import DeclaredStrategy
from ._protocol import CompactionContext


@dataclass(frozen=True)
class DropThoughts(DeclaredStrategy):
    """Leaves out the thoughts that models gave beside their answers and calls; their texts and calls are kept.

    Those of the newest turns and of pinned ones stay.
    """

    async def __call__(self, history: History, context: CompactionContext) -> History:
        """Leave out thoughts where the target is not reached."""
        if context.tokens <= context.target:
            return history
        kept = history.kept
        return history.with_turns(t if i in kept else _without_thought(t) for i, t in enumerate(history.turns))


def _without_thought(turn: Turn) -> Turn:
    head = turn.head
    if not isinstance(head, AssistantMessage) or head.thought is None:
        return turn
    return turn.with_head(head.model_copy(update={"thought": None}))
