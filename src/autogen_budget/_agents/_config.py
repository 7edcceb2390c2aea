"""The declarative form of an agent under budget."""

from typing import Literal

from autogen_core import ComponentModel
from pydantic import BaseModel, ConfigDict

from autogen_budget._budget import TokenBudget
from autogen_budget._limits import Limits
from autogen_budget._turns import PinConfig


class BudgetedAgentConfig(BaseModel):
    """The declarative form of a `BudgetedAgent`; hooks and a counter are code, and not in it."""

    model_config = ConfigDict(extra="forbid")

    agent: ComponentModel
    budget: TokenBudget
    artifacts: ComponentModel | None = None
    read_back: bool = True
    pool: ComponentModel | None = None
    pins: list[PinConfig] = []
    pin_tools: list[str] = []
    strategies: list[ComponentModel] | None = None
    summarizer: ComponentModel | Literal["own"] | None = None
    share: Literal["all", "summary"] = "all"
    bounded_memory: bool = False
    limits: Limits = Limits()
    fallback: ComponentModel | None = None
    larger: ComponentModel | None = None
