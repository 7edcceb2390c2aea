"""A condition that ends the run of a team that repeats itself: `LoopTermination`."""

from collections.abc import Callable, Sequence
from typing import Annotated

from autogen_agentchat.base import TerminatedException, TerminationCondition
from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage, StopMessage
from autogen_core import Component
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import Self, override

from autogen_budget._records import LoopRecord, Record

from ._loops import LONGEST_CYCLE, PATIENCE, Repetition, find_repetition
from ._steps import Step, steps_of_team


class LoopTerminationConfig(BaseModel):
    """The declarative form of a `LoopTermination`."""

    model_config = ConfigDict(extra="forbid")

    max_repeats: Annotated[int, Field(ge=2, strict=True)] = 5


class LoopTermination(TerminationCondition, Component[LoopTerminationConfig]):
    """Ends a run in which the same one to five steps are repeated: calls, hand-offs, or the same words.

    What leads to the same result may be repeated `max_repeats` times, what leads to other results six times as often. A
    speaker who is chosen as often as that in a row ends a run as well, if others spoke before. Times, durations and ids
    in results do not count as a difference, and a user's message begins anew.

    .. code-block:: python

        from autogen_agentchat.conditions import TextMentionTermination
        from autogen_budget import LoopTermination

        termination = TextMentionTermination("DONE") | LoopTermination()

    Args:
        max_repeats (int): How often the same may be done in a row, at least 2.

    Raises:
        pydantic.ValidationError: A `ValueError`; `max_repeats` is below 2.
    """

    component_config_schema = LoopTerminationConfig
    component_provider_override = "autogen_budget.LoopTermination"

    def __init__(self, max_repeats: int = 5) -> None:
        self.max_repeats = LoopTerminationConfig(max_repeats=max_repeats).max_repeats
        """How often the same may be done in a row."""
        self._report: Callable[[Repetition], None] = lambda _: None
        self._terminated = False
        self._steps: list[Step] = []
        self._speakers: set[str] = set()

    @property
    def terminated(self) -> bool:
        """Whether it has ended the run."""
        return self._terminated

    def report_to(self, name: str, report: Callable[[Record], None]) -> None:
        """Record an end; `budget_team` sees to it that its hooks are called.

        Args:
            name (str): The team's name.
            report (Callable[[Record], None]): Takes the record.
        """

        def tell(found: Repetition) -> None:
            report(LoopRecord(name, found.pattern, found.subject, found.repeats, "ended"))

        self._report = tell

    @override
    async def __call__(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> StopMessage | None:
        """End the run if the newest steps are a circle.

        Returns:
            StopMessage | None: Says what is repeated. `None` means the run may go on.

        Raises:
            TerminatedException: It has ended the run already.
        """
        if self._terminated:
            raise TerminatedException("Termination condition has already been reached")
        self._speakers |= {message.source for message in messages if message.source != "user"}
        if any(message.source == "user" for message in messages):
            self._steps.clear()
        self._steps += steps_of_team(messages)
        del self._steps[: -LONGEST_CYCLE * PATIENCE * self.max_repeats]
        found = find_repetition(reversed(self._steps), self.max_repeats, one_of_many=len(self._speakers) > 1)
        if found is None or not found.is_over(self.max_repeats):
            return None
        self._terminated = True
        self._report(found)
        return StopMessage(content=f"Loop: {found}", source="LoopTermination")

    async def reset(self) -> None:
        """Begin anew."""
        self._terminated = False
        self._steps.clear()
        self._speakers.clear()

    def _to_config(self) -> LoopTerminationConfig:
        return LoopTerminationConfig(max_repeats=self.max_repeats)

    @classmethod
    def _from_config(cls, config: LoopTerminationConfig) -> Self:
        return cls(config.max_repeats)
