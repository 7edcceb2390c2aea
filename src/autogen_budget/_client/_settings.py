"""The arguments that clients and agents under budget have in common: checked, passed on, dumped and loaded as one."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from autogen_core import ComponentModel
from autogen_core.models import ChatCompletionClient
from pydantic import BaseModel, ConfigDict

from autogen_budget._artifacts import ArtifactStore
from autogen_budget._budget import TokenBudget
from autogen_budget._checks import kind_of
from autogen_budget._compaction import Strategy, SummarizerChoice, check_compaction, dump_strategies, load_strategies
from autogen_budget._counting import TokenCounter
from autogen_budget._hooks import Hook
from autogen_budget._limits import Limits
from autogen_budget._spend import Purpose, SpendPool
from autogen_budget._turns import Pin, PinConfig, declared


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How the calls of a client or an agent are made, beside their budget; the fields are arguments of both.

    Raises:
        TypeError: One of them is of the wrong kind.
    """

    strategies: Sequence[Strategy] | None = None
    counter: TokenCounter | None = None
    hooks: Sequence[Hook] = ()
    artifacts: ArtifactStore | None = None
    pool: SpendPool | None = None
    pins: Sequence[Pin] = ()
    pin_tools: Sequence[str] = ()
    summarizer: SummarizerChoice = None
    limits: Limits = field(default_factory=Limits)
    fallback: ChatCompletionClient | None = None
    larger: ChatCompletionClient | None = None

    def __post_init__(self) -> None:
        check_compaction(self.strategies, self.counter, self.pins)
        if isinstance(self.pin_tools, str) or not all(isinstance(name, str) for name in self.pin_tools):
            raise TypeError(
                f"pin_tools must be names of tools, for example pin_tools=('search',), got {self.pin_tools!r}"
            )
        check_kind("pool", self.pool, SpendPool, "a SpendPool, for example SpendPool(max_tokens=200_000)")
        check_kind(
            "artifacts", self.artifacts, ArtifactStore, "an ArtifactStore, for example ArtifactStore('./artifacts')"
        )
        check_kind("limits", self.limits, Limits, "a Limits, for example Limits(model_timeout=60)")
        check_kind("fallback", self.fallback, ChatCompletionClient, "a ChatCompletionClient")
        check_kind("larger", self.larger, ChatCompletionClient, "a ChatCompletionClient with a larger window")

    def arguments(self) -> dict[str, Any]:
        """Return the settings as keyword arguments of a client or an agent."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def dump(self) -> dict[str, Any]:
        """Return the settings as keyword arguments of a `CallConfig`."""
        own = self.summarizer if isinstance(self.summarizer, str) else None
        return {
            "artifacts": self.artifacts and self.artifacts.dump_component(),
            "pool": self.pool and self.pool.dump_component(),
            "pins": declared(self.pins),
            "pin_tools": list(self.pin_tools),
            "strategies": dump_strategies(self.strategies),
            "summarizer": own or _dumped(self.summarizer),
            "limits": self.limits,
            "fallback": _dumped(self.fallback),
            "larger": _dumped(self.larger),
        }


class CallConfig(BaseModel):
    """The declarative form of a budget and of `CallSettings`; hooks and a counter are code, and not in it."""

    model_config = ConfigDict(extra="forbid")

    budget: TokenBudget
    artifacts: ComponentModel | None = None
    pool: ComponentModel | None = None
    pins: list[PinConfig] = []
    pin_tools: list[str] = []
    strategies: list[ComponentModel] | None = None
    summarizer: ComponentModel | Literal["own"] | None = None
    limits: Limits = Limits()
    fallback: ComponentModel | None = None
    larger: ComponentModel | None = None

    def settings(self) -> CallSettings:
        """Return the settings that are described."""
        summarizer = self.summarizer
        return CallSettings(
            artifacts=None if self.artifacts is None else ArtifactStore.load_component(self.artifacts),
            pool=None if self.pool is None else SpendPool.load_component(self.pool),
            pins=[pinned.pin() for pinned in self.pins],
            pin_tools=self.pin_tools,
            strategies=load_strategies(self.strategies),
            summarizer=summarizer if isinstance(summarizer, str) else _loaded(summarizer),
            limits=self.limits,
            fallback=_loaded(self.fallback),
            larger=_loaded(self.larger),
        )


class BudgetedChatCompletionClientConfig(CallConfig):
    """The declarative form of a `BudgetedChatCompletionClient`."""

    client: ComponentModel
    name: str | None = None
    purpose: Purpose = "reply"


def check_kind(name: str, value: object, kind: type, expected: str) -> None:
    """Refuse an argument that is given and of another kind, with a message that says what is expected."""
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"{name} must be {expected}, got {kind_of(value)}")


def _dumped(client: object) -> ComponentModel | None:
    return client.dump_component() if isinstance(client, ChatCompletionClient) else None


def _loaded(model: ComponentModel | None) -> ChatCompletionClient | None:
    return None if model is None else ChatCompletionClient.load_component(model)
