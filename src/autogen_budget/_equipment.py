"""What an agent works with beside its model, put under budget: its workbenches and the code it runs."""

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from autogen_agentchat.messages import BaseChatMessage
from autogen_core.code_executor import CodeExecutor
from autogen_core.tools import Workbench

from ._artifacts import ArtifactStore
from ._budget import TokenBudget
from ._counting import TokenCounter
from ._executor import BudgetedCodeExecutor
from ._outputs import MAX_CUTS, OutputCutter, cap_of
from ._report import OutputCut
from ._workbench import BudgetedWorkbench, ReadBack

T = TypeVar("T")
W = TypeVar("W")

LEAST_CAP_TO_READ_BACK = 600
"""Tokens a budget must allow for `read_artifact` to be offered, since its schema takes about 140 of each request."""


class Equipment:
    """The tools and the code of one agent, whose outputs are cut where they come in.

    Args:
        budget (TokenBudget): How long an output may be.
        artifacts (ArtifactStore): Where the whole of what is cut is kept.
        counter (TokenCounter): Counts for the agent's model.
        cap (Callable[[], int]): Tokens a request may hold, by what is known now.
        read_back (bool): Whether the model is offered the tool that reads what was cut.
        shared (bool): Whether other agents put texts into the store that this one should be able to read.
        history (Callable[[], Awaitable[str]]): Reads the turns that left the agent's conversations.
    """

    def __init__(
        self,
        budget: TokenBudget,
        artifacts: ArtifactStore,
        counter: TokenCounter,
        *,
        cap: Callable[[], int],
        read_back: bool,
        shared: bool,
        history: Callable[[], Awaitable[str]],
    ) -> None:
        self.cuts: deque[OutputCut] = deque(maxlen=MAX_CUTS)
        """One record for each output that was cut, oldest first."""
        self._budget = budget
        self._artifacts = artifacts
        self._counter = counter
        self._cap = cap
        self._read_back = read_back
        self._shared = shared
        self._history = history
        self._asked: tuple[str, ...] = ()
        self._workbenches: list[tuple[BudgetedWorkbench, ReadBack]] = []
        self._executors: list[BudgetedCodeExecutor] = []

    @property
    def budget(self) -> TokenBudget:
        """How long an output may be; another budget, once it is set, holds from the next call on."""
        return self._budget

    @budget.setter
    def budget(self, budget: TokenBudget) -> None:
        self._budget = budget
        for workbench, read_back in self._workbenches:
            workbench.budget, workbench.read_back = budget, self._affordable(read_back)
        for executor in self._executors:
            executor.cutter.budget = budget

    def remember(self, messages: Sequence[BaseChatMessage]) -> None:
        """Note what is asked, the first words and the newest: it tells what to keep of an output."""
        self._asked = (*self._asked[:1], *(message.to_model_text() for message in messages[-1:]))

    def forget(self) -> None:
        """Forget what was asked and let go what is kept for it, as after a reset."""
        self._asked = ()
        for workbench, _ in self._workbenches:
            workbench.forget()
        for executor in self._executors:
            executor.cutter.keeper.release()

    def wrap_workbenches(self, held: Mapping[str, Workbench | Sequence[Workbench]]) -> dict[str, object]:
        """What to put in the place of an agent's workbenches; one of them offers the tool that reads back.

        Args:
            held (Mapping[str, Workbench | Sequence[Workbench]]): The workbenches, by the name of the attribute.
        """
        rows = {name: [value] if isinstance(value, Workbench) else list(value) for name, value in held.items()}
        plain = {id(workbench): workbench for row in rows.values() for workbench in row}
        wrapped = {
            key: self._wrap_workbench(workbench, self._place_of_read_back(list(plain.values()), workbench))
            for key, workbench in plain.items()
        }
        new = {name: [wrapped[id(workbench)] for workbench in row] for name, row in rows.items()}
        return {name: new[name][0] if isinstance(value, Workbench) else new[name] for name, value in held.items()}

    def wrap_executors(self, held: Mapping[str, CodeExecutor]) -> dict[str, CodeExecutor]:
        """What to put in the place of an agent's code executors.

        Args:
            held (Mapping[str, CodeExecutor]): The executors, by the name of the attribute.
        """
        return each_once(held, self._wrap_executor)

    def _place_of_read_back(self, workbenches: Sequence[Workbench], workbench: Workbench) -> ReadBack:
        """Which of an agent's workbenches offers the tool that reads back: the last, if any does."""
        offered = any(isinstance(other, BudgetedWorkbench) for other in workbenches)  # by the user's own
        if not self._read_back or offered or workbench is not workbenches[-1]:
            return "never"
        return "always" if self._shared or len(workbenches) > 1 else "with tools"

    def _affordable(self, read_back: ReadBack) -> ReadBack:
        return read_back if cap_of(self._budget) >= LEAST_CAP_TO_READ_BACK else "never"

    def _wrap_workbench(self, workbench: Workbench, read_back: ReadBack) -> Workbench:
        if isinstance(workbench, BudgetedWorkbench):
            return workbench
        wrapper = BudgetedWorkbench(
            workbench,
            self._budget,
            artifacts=self._artifacts,
            counter=self._counter,
            read_back=self._affordable(read_back),
            cap=self._cap,
            hints=lambda: self._asked,
            hooks=(self.cuts.append,),
            history=self._history,
        )
        self._workbenches.append((wrapper, read_back))
        return wrapper

    def _wrap_executor(self, executor: CodeExecutor) -> CodeExecutor:
        cutter = OutputCutter(
            self._budget,
            self._artifacts,
            self._counter,
            cap=self._cap,
            hints=lambda: self._asked,
            hooks=(self.cuts.append,),
        )
        wrapper = BudgetedCodeExecutor(executor, cutter)
        self._executors.append(wrapper)
        return wrapper


def each_once(held: Mapping[str, T], wrap: Callable[[T], W]) -> dict[str, W]:
    """Wrap what an object holds; what it holds under two names gets one wrapper.

    Args:
        held (Mapping[str, T]): The parts, by the name of the attribute.
        wrap (Callable[[T], W]): Makes the wrapper of one part.
    """
    wrapped = {id(part): part for part in held.values()}
    wrappers = {key: wrap(part) for key, part in wrapped.items()}
    return {name: wrappers[id(part)] for name, part in held.items()}
