"""Refuses arguments of the wrong kind before anything is done with them, in words that say what is expected."""

from collections.abc import Callable, Sequence

from ._artifacts import ArtifactStore
from ._budget import TokenBudget
from ._counting import TokenCounter
from ._keep import Pin
from ._need import Strategy


def check_arguments(
    budget: TokenBudget,
    strategies: Sequence[Strategy] | None,
    counter: TokenCounter | None,
    hooks: Sequence[Callable[..., object]],
    artifacts: ArtifactStore | None,
    pins: Sequence[Pin] = (),
) -> None:
    """Refuse arguments of the wrong kind, with a message that says what is expected.

    Raises:
        TypeError: One of them is of the wrong kind.
    """
    if not isinstance(budget, TokenBudget):
        raise TypeError(f"budget must be a TokenBudget, for example TokenBudget(8_000), got {kind_of(budget)}")
    if counter is not None and not isinstance(counter, TokenCounter):
        raise TypeError(f"counter must be a TokenCounter, got {kind_of(counter)}")
    for strategy in strategies or ():
        if isinstance(strategy, type) or not callable(strategy):
            raise TypeError(f"strategies must be instances such as TrimOldest(), got {kind_of(strategy)}")
    for hook in hooks:
        if not callable(hook):
            raise TypeError(f"hooks must be functions that take a record, got {kind_of(hook)}")
    for pinned in pins:
        if not isinstance(pinned, Pin):
            raise TypeError(f"pins must be made by pin(), for example pin(source='lawyer'), got {kind_of(pinned)}")
    if artifacts is not None and not isinstance(artifacts, ArtifactStore):
        raise TypeError(f"artifacts must be an ArtifactStore, got {kind_of(artifacts)}")


def kind_of(value: object) -> str:
    """What a value is, for messages: its class and how it begins."""
    return f"the class {value.__name__}" if isinstance(value, type) else f"{type(value).__name__} {value!r:.40}"
