"""The declarative form of a client under budget."""

from typing import Literal

from autogen_core import ComponentModel
from pydantic import BaseModel, ConfigDict

from autogen_budget._budget import TokenBudget
from autogen_budget._limits import Limits
from autogen_budget._spend import Purpose
from autogen_budget._turns import PinConfig


class BudgetedChatCompletionClientConfig(BaseModel):
    """The declarative form of a `BudgetedChatCompletionClient`; hooks and a counter are code, and not in it."""

    model_config = ConfigDict(extra="forbid")

    client: ComponentModel
    budget: TokenBudget
    name: str | None = None
    artifacts: ComponentModel | None = None
    pool: ComponentModel | None = None
    purpose: Purpose = "reply"
    pins: list[PinConfig] = []
    pin_tools: list[str] = []
    strategies: list[ComponentModel] | None = None
    summarizer: ComponentModel | Literal["own"] | None = None
    limits: Limits = Limits()
    fallback: ComponentModel | None = None
    larger: ComponentModel | None = None
