"""The declarative form of an agent under budget."""

from typing import Literal

from autogen_core import ComponentModel

from autogen_budget._client import CallConfig


class BudgetedAgentConfig(CallConfig):
    """The declarative form of a `BudgetedAgent`."""

    agent: ComponentModel
    read_back: bool = True
    share: Literal["all", "summary"] = "all"
    bounded_memory: bool = False
