"""A condition that ends the run of a team that repeats itself: `LoopTermination`."""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Literal

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
    changing: bool = True


class LoopTermination(TerminationCondition, Component[LoopTerminationConfig]):
    """Ends a run in which the same one to five steps are repeated: calls, hand-offs, or the same words.

    What leads to the same result may be repeated `max_repeats` times, what leads to other results six times as often. A
    speaker who is chosen as often as that in a row ends a run as well, if others spoke before. Times, durations and ids
    in results do not count as a difference. A message of a user begins anew; in a team under budget, so does what a
    `UserProxyAgent` says, and agents are warned before the end.

    `budget_team` gives each team one, with `changing=False`, that has none.

    .. code-block:: python

        from autogen_agentchat.conditions import TextMentionTermination
        from autogen_budget import LoopTermination

        termination = TextMentionTermination("DONE") | LoopTermination()

    Args:
        max_repeats (int): How often the same may be done in a row, at least 2.
        changing (bool): Whether what leads to other results, and a speaker who is chosen all the time, end a run too.

    Raises:
        pydantic.ValidationError: A `ValueError`; `max_repeats` is below 2.
    """

    component_config_schema = LoopTerminationConfig
    component_provider_override = "autogen_budget.LoopTermination"

    def __init__(self, max_repeats: int = 5, *, changing: bool = True) -> None:
        self._config = LoopTerminationConfig(max_repeats=max_repeats, changing=changing)
        self.max_repeats = self._config.max_repeats
        """How often the same may be done in a row."""
        self.warning = ""
        """What is repeated and will end the run if it goes on. Empty means nothing is."""
        self._report: Callable[[Repetition], None] = lambda _: None
        self._people: frozenset[str] = frozenset({"user"})
        self._terminated = False
        self._steps: list[Step] = []
        self._speakers: set[str] = set()

    @property
    def terminated(self) -> bool:
        """Whether it has ended the run."""
        return self._terminated

    def watch(self, name: str, report: Callable[[Record], None], people: Iterable[str] = ()) -> None:
        """Record warnings and ends; `budget_team` sees to it that its hooks are called.

        Args:
            name (str): The team's name.
            report (Callable[[Record], None]): Takes the record.
            people (Iterable[str]): The names of agents that people speak through.
        """

        def tell(found: Repetition) -> None:
            action: Literal["nudged", "ended"] = "ended" if self._terminated else "nudged"
            report(LoopRecord(name, found.pattern, found.subject, found.repeats, action))

        self._report = tell
        self._people |= frozenset(people)

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
        self._speakers |= {message.source for message in messages} - self._people
        if any(message.source in self._people for message in messages):
            self._steps.clear()
        self._steps += steps_of_team(messages, self._people)
        del self._steps[: -LONGEST_CYCLE * PATIENCE * self.max_repeats]
        found = find_repetition(
            reversed(self._steps),
            self.max_repeats,
            changing=self._config.changing,
            one_of_many=len(self._speakers) > 1,
        )
        self._terminated = found is not None and found.is_over(self.max_repeats)
        self.warning = "" if found is None else str(found)
        if found is None:
            return None
        self._report(found)
        return StopMessage(content=f"Loop: {found}", source="LoopTermination") if self._terminated else None

    async def reset(self) -> None:
        """Begin anew."""
        self._terminated = False
        self.warning = ""
        self._steps.clear()
        self._speakers.clear()

    def _to_config(self) -> LoopTerminationConfig:
        return self._config

    @classmethod
    def _from_config(cls, config: LoopTerminationConfig) -> Self:
        return cls(config.max_repeats, changing=config.changing)
