"""What an agent can do without first: its thoughts of long ago, and images that newer ones have taken the place of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autogen_core import Image
from autogen_core.models import AssistantMessage, UserMessage

from ._declared import DeclaredStrategy
from ._history import History
from ._need import Need
from ._sizes import images_in
from ._stand_in import IMAGE_LEFT_OUT
from ._turns import Turn


@dataclass(frozen=True)
class DropThoughts(DeclaredStrategy):
    """Leaves out the thoughts that models gave beside their answers and calls; what they said and did stays.

    Those of the newest turns and of pinned ones stay.
    """

    async def __call__(self, history: History, need: Need) -> History:
        """Leave out thoughts where the target is not reached."""
        if need.tokens <= need.target:
            return history
        kept = history.kept
        return _changed(history, [t if i in kept else _without_thought(t) for i, t in enumerate(history.turns)])


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

    async def __call__(self, history: History, need: Need) -> History:
        """Leave out older images where the target is not reached."""
        if need.tokens <= need.target:
            return history
        kept, newer = history.kept, 0
        newest_first: list[Turn] = []
        for i in range(len(history.turns) - 1, -1, -1):
            turn = history.turns[i]
            newest_first.append(turn if i in kept else _with_newest_images(turn, self.keep - newer))
            newer += len(images_in(turn.head))
        return _changed(history, newest_first[::-1])


def _without_thought(turn: Turn) -> Turn:
    head = turn.head
    if not isinstance(head, AssistantMessage) or head.thought is None:
        return turn
    return turn.with_head(head.model_copy(update={"thought": None}))


def _with_newest_images(turn: Turn, count: int) -> Turn:
    """The turn with so many of its images, the last ones."""
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


def _changed(history: History, turns: Sequence[Turn]) -> History:
    if all(new is old for new, old in zip(turns, history.turns, strict=True)):
        return history
    return replace(history, turns=tuple(turns))
