"""The budget as a value: what it allows, what it refuses, and the cap it makes."""

from typing import Any

import pytest
from autogen_core.tools import StaticWorkbench
from autogen_ext.models.replay import ReplayChatCompletionClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from autogen_budget import (
    ArtifactStore,
    BudgetedChatCompletionClient,
    BudgetedWorkbench,
    Limits,
    SpendPool,
    TokenBudget,
)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_prompt_tokens": 0}, "greater than or equal to 1"),
        ({"max_prompt_tokens": -5}, "greater than or equal to 1"),
        ({"max_prompt_tokens": "8000"}, "valid integer"),
        ({"max_prompt_tokens": 8_000.0}, "valid integer"),
        ({"context_window": 0}, "greater than or equal to 1"),
        ({"reply_reserve": -1}, "greater than or equal to 0"),
        ({"compact_to": 1.5}, "less than or equal to 1"),
        ({"compact_to": 0}, "greater than 0"),
        ({"max_tool_output_tokens": 0}, "greater than or equal to 1"),
        ({"tool_output_tokens": {"read": 0}}, "greater than or equal to 1"),
        ({"tool_output_tokens": 7}, "valid dictionary"),
        ({"context_window": 100, "reply_reserve": 100}, r"reply_reserve \(100\) must be below context_window \(100\)"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    """Each setting says what is allowed; the error is a `ValueError` as well."""
    with pytest.raises(ValidationError, match=message) as caught:
        TokenBudget(**settings)
    assert isinstance(caught.value, ValueError)


def test_unknown_settings_are_refused() -> None:
    """A misspelt setting is not silently ignored."""
    settings: dict[str, Any] = {"max_promt_tokens": 1}
    with pytest.raises(TypeError, match="max_promt_tokens"):
        TokenBudget(**settings)


def test_is_a_frozen_value() -> None:
    """Equal settings are equal budgets, and none can be changed."""
    budget: Any = TokenBudget(8_000)
    assert budget == TokenBudget(max_prompt_tokens=8_000) != TokenBudget(8_001)
    with pytest.raises(ValidationError, match="frozen"):
        budget.max_prompt_tokens = 1
    assert hash(budget) == hash(TokenBudget(8_000))
    one, other = TokenBudget(tool_output_tokens={"a": 1, "b": 2}), TokenBudget(tool_output_tokens={"b": 2, "a": 1})
    assert one == other
    assert hash(one) == hash(other) != hash(TokenBudget())


def test_goes_through_json() -> None:
    """What is dumped loads to an equal budget."""
    budget = TokenBudget(
        8_000,
        context_window=16_000,
        reply_reserve=0,
        compact_to=0.5,
        max_tool_output_tokens=7,
        tool_output_tokens={"read": 9},
    )
    assert TokenBudget.model_validate_json(budget.model_dump_json()) == budget
    assert TokenBudget.model_validate(budget.model_dump(exclude_none=True)) == budget


@pytest.mark.parametrize(
    ("budget", "window", "reply", "cap"),
    [
        (TokenBudget(8_000), None, None, 8_000),
        (TokenBudget(8_000), 128_000, None, 8_000),
        (TokenBudget(8_000), 8_000, None, 6_000),  # a quarter of the window is kept free
        (TokenBudget(), 128_000, None, 123_904),  # but at most 4,096
        (TokenBudget(), 128_000, 16_000, 112_000),  # unless the client asks for longer replies
        (TokenBudget(reply_reserve=1_000), 10_000, None, 9_000),
        (TokenBudget(reply_reserve=1_000), 10_000, 500, 9_000),
        (TokenBudget(reply_reserve=0), 10_000, None, 10_000),
        (TokenBudget(reply_reserve=9_999), 2_000, None, 500),  # a reserve never takes all of a small window
        (TokenBudget(), 1, None, 1),
    ],
)
def test_cap(budget: TokenBudget, window: int | None, reply: int | None, cap: int) -> None:
    """The cap is the smaller of what is set and what the window leaves beside the reply."""
    assert budget.cap(window, reply) == cap


def test_limits_of_single_tools() -> None:
    """A tool's own limit comes first, then the general one, then a quarter of the cap."""
    budget = TokenBudget(max_tool_output_tokens=7, tool_output_tokens={"read": 9})
    assert [budget.tool_output_limit(tool, 100) for tool in ("read", "list")] == [9, 7]
    assert [TokenBudget().tool_output_limit("read", cap) for cap in (100, 3)] == [25, 1]


def test_nothing_known_is_no_cap() -> None:
    """Without a window and without a setting there is no cap to give."""
    with pytest.raises(ValueError, match="set max_prompt_tokens or context_window"):
        TokenBudget().cap(None)


@given(
    st.none() | st.integers(1, 10**6), st.none() | st.integers(0, 10**6), st.integers(1, 10**6), st.integers(0, 10**6)
)
def test_the_cap_leaves_room(limit: int | None, reserve: int | None, window: int, reply: int) -> None:
    """Whatever is set, the cap is positive, within the window and within the limit."""
    cap = TokenBudget(limit, reply_reserve=reserve).cap(window, reply)
    assert 1 <= cap <= min(window, limit or window)


@pytest.mark.parametrize(
    ("budget", "window", "reply", "available"),
    [
        (TokenBudget(), None, None, 4_096),
        (TokenBudget(), None, 300, 300),
        (TokenBudget(reply_reserve=50), None, 300, 300),
        (TokenBudget(reply_reserve=500), None, 300, 500),
        (TokenBudget(), 2_048, None, 512),
        (TokenBudget(), 2_048, 1_000, 1_000),
        (TokenBudget(), 2_048, 9_000, 1_536),
    ],
)
def test_room_for_the_reply(budget: TokenBudget, window: int | None, reply: int | None, available: int) -> None:
    """The larger of what is set and what the client asks for, and never more than three quarters of the window."""
    assert budget.reply_room(window, reply) == available


@pytest.mark.parametrize(
    ("made", "printed"),
    [
        (TokenBudget(8_000), "TokenBudget(max_prompt_tokens=8000)"),
        (TokenBudget(8_000, compact_to=0.5), "TokenBudget(max_prompt_tokens=8000, compact_to=0.5)"),
        (Limits(tool_timeouts={"fetch": 3}), "Limits(tool_timeouts={'fetch': 3.0})"),
        (SpendPool(5, name="press").child("desk", max_calls=3), "SpendPool(name='press/desk', max_calls=3)"),
        (ArtifactStore(max_bytes=9), "ArtifactStore(max_bytes=9)"),
        (
            BudgetedChatCompletionClient(ReplayChatCompletionClient([]), TokenBudget(9), name="writer"),
            "BudgetedChatCompletionClient(ReplayChatCompletionClient 'writer', TokenBudget(max_prompt_tokens=9))",
        ),
        (
            BudgetedWorkbench(StaticWorkbench([]), TokenBudget(9)),
            "BudgetedWorkbench(StaticWorkbench, TokenBudget(max_prompt_tokens=9))",
        ),
    ],
)
def test_a_repr_names_what_was_set(made: object, printed: str) -> None:
    """Settings that have their default are not in it; wrappers name what they wrap."""
    assert repr(made) == printed
