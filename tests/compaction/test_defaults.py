"""The strategies that are used when none are given."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from autogen_core import ComponentLoader

from autogen_budget import (
    ClearToolOutputs,
    DropDuplicates,
    DropImages,
    DropThoughts,
    Strategy,
    TokenBudget,
    TrimOldest,
    TruncateToolOutputs,
    default_strategies,
)


def test_default_strategies_follow_the_budget() -> None:
    """The cheapest comes first, the hard guarantee last, with the budget's own limits."""
    assert default_strategies(TokenBudget(100))[-6:] == (
        DropDuplicates(),
        DropThoughts(),
        DropImages(keep=1),
        TruncateToolOutputs(None),
        ClearToolOutputs(keep_last=3),
        TrimOldest(),
    )
    budget = TokenBudget(100, max_tool_output_tokens=7, tool_output_tokens={"read": 9})
    assert TruncateToolOutputs(7, {"read": 9}) in default_strategies(budget)


@pytest.mark.parametrize("strategy", [DropDuplicates(), DropThoughts(), DropImages(3), ClearToolOutputs(5)], ids=repr)
def test_strategies_are_components(strategy: DropDuplicates | DropThoughts | DropImages | ClearToolOutputs) -> None:
    """What is dumped loads as an equal value, by the name that the package exports."""
    dumped = strategy.dump_component()
    assert dumped.provider == f"autogen_budget.{type(strategy).__name__}"
    assert ComponentLoader.load_component(dumped, object) == strategy


def test_strategies_are_frozen_values() -> None:
    """Two with the same settings are equal, and none can be changed."""
    strategy: Any = TruncateToolOutputs(50)
    assert isinstance(TruncateToolOutputs(50), Strategy)
    assert strategy == TruncateToolOutputs(50) != TruncateToolOutputs(51)
    with pytest.raises(FrozenInstanceError):
        strategy.max_tokens = 1
    with pytest.raises(ValueError, match="at least 1, got 0"):
        TruncateToolOutputs(0)
    assert hash(strategy) == hash(TruncateToolOutputs(50))
