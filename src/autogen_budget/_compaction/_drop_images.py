"""Drop all but the newest images: a few words stand in the place of each."""

from dataclasses import dataclass

from autogen_core import Image
from autogen_core.models import UserMessage

from autogen_budget._history import History, images_in
from autogen_budget._turns import Turn

from ._component import DeclaredStrategy
from ._placeholder import IMAGE_LEFT_OUT
from ._protocol import CompactionContext


@dataclass(frozen=True)
class DropImages(DeclaredStrategy):
    """Leaves out images but for the newest; a few words stand in the place of each.

    Those of the task, of the newest request, of the newest turns and of pinned ones stay beside them.

    Args:
        keep (int): How many of the newest images of the whole conversation stay, at least 0.

    Raises:
        ValueError: `keep` is negative.
    """

    keep: int = 1

    def __post_init__(self) -> None:
        if self.keep < 0:
            raise ValueError(f"keep must be 0 or more images, got {self.keep}")

    async def __call__(self, history: History, context: CompactionContext) -> History:
        """Leave out older images where the target is not reached."""
        if context.tokens <= context.target:
            return history
        kept, newer = history.kept, 0
        newest_first: list[Turn] = []
        for i in range(len(history.turns) - 1, -1, -1):
            turn = history.turns[i]
            newest_first.append(turn if i in kept else _with_newest_images(turn, self.keep - newer))
            newer += len(images_in(turn.head))
        return history.with_turns(reversed(newest_first))


def _with_newest_images(turn: Turn, count: int) -> Turn:
    """Return the turn with so many of its images, the last ones."""
    head = turn.head
    old = len(images_in(head)) - max(0, count)
    if not isinstance(head, UserMessage) or old <= 0:
        return turn
    content: list[str | Image] = []
    for part in head.content:
        leave_out = isinstance(part, Image) and old > 0
        old -= leave_out
        content.append(IMAGE_LEFT_OUT if leave_out else part)
    return turn.with_head(head.model_copy(update={"content": content}))
