"""The strategies that are used when none are given."""

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from autogen_budget import Strategy, TokenBudget, TrimOldest, TruncateToolOutputs, default_strategies


def test_default_strategies_follow_the_budget() -> None:
    """The cheapest comes first, the hard guarantee last, with the budget's own limits."""
    assert default_strategies(TokenBudget(100)) == (TruncateToolOutputs(None), TrimOldest())
    budget = TokenBudget(100, max_tool_output_tokens=7, tool_output_tokens={"read": 9})
    assert default_strategies(budget)[0] == TruncateToolOutputs(7, {"read": 9})


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
