"""Refuse arguments of the wrong kind before anything is done with them, and say what is expected."""

from collections.abc import Callable, Sequence

from autogen_core.models import ChatCompletionClient

from autogen_budget._artifacts import ArtifactStore
from autogen_budget._budget import TokenBudget
from autogen_budget._checks import check_budget, check_sequence, kind_of
from autogen_budget._compaction import Strategy, check_compaction
from autogen_budget._counting import TokenCounter, TokenSource
from autogen_budget._limits import Limits
from autogen_budget._spend import SpendPool
from autogen_budget._turns import Pin


def check_arguments(
    budget: TokenBudget,
    strategies: Sequence[Strategy] | None = None,
    counter: TokenCounter | None = None,
    hooks: Sequence[Callable[..., object]] = (),
    artifacts: ArtifactStore | None = None,
    pins: Sequence[Pin] = (),
    pool: SpendPool | None = None,
    larger: ChatCompletionClient | None = None,
    pin_tools: Sequence[str] = (),
    limits: Limits | None = None,
    fallback: ChatCompletionClient | None = None,
    token_source: TokenSource | None = None,
) -> None:
    """Refuse arguments of the wrong kind, with a message that says what is expected.

    Raises:
        TypeError: One of them is of the wrong kind.
    """
    check_budget(budget)
    check_compaction(strategies, counter, pins)
    check_sequence("hooks", hooks, "[print]")
    for hook in hooks:
        if not callable(hook):
            raise TypeError(f"hooks must be functions that take a record, got {kind_of(hook)}")
    if isinstance(pin_tools, str) or not all(isinstance(name, str) for name in pin_tools):
        raise TypeError(f"pin_tools must be names of tools, for example pin_tools=('search',), got {pin_tools!r}")
    _check_kind("pool", pool, SpendPool, "a SpendPool, for example SpendPool(max_tokens=200_000)")
    _check_kind("artifacts", artifacts, ArtifactStore, "an ArtifactStore, for example ArtifactStore('./artifacts')")
    _check_kind("limits", limits, Limits, "a Limits, for example Limits(model_timeout=60)")
    _check_kind("fallback", fallback, ChatCompletionClient, "a ChatCompletionClient")
    _check_kind("larger", larger, ChatCompletionClient, "a ChatCompletionClient with a larger window")
    _check_kind(
        "token_source", token_source, TokenSource, "a TokenSource, for example AnthropicTokenSource(model, key)"
    )


def _check_kind(name: str, value: object, kind: type, expected: str) -> None:
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"{name} must be {expected}, got {kind_of(value)}")
