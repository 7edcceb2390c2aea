"""Refuses arguments of the wrong kind before anything is done with them, in words that say what is expected."""

from collections.abc import Callable, Iterable, Sequence

from ._artifacts import ArtifactStore
from ._budget import TokenBudget
from ._counting import TokenCounter
from ._keep import Pin
from ._need import Strategy
from ._spend import SpendPool


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
    check_budget(budget)
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


def pool_to_charge(pool: SpendPool | None, inside: Iterable[SpendPool]) -> SpendPool | None:
    """The pool that a wrapper around clients charges, so that no call is paid for twice.

    Args:
        pool (SpendPool | None): The pool it was given. `None` means none.
        inside (Iterable[SpendPool]): The pools that the clients inside it charge by themselves.

    Returns:
        SpendPool | None: `None` means that nothing is left to charge: inside, this pool or a child of it is.

    Raises:
        ValueError: Inside, another part of the same pool is charged: with both, the whole would be charged twice.
    """
    if pool is None:
        return None
    for charged in inside:
        if pool in _upwards(charged):
            return None
        if _upwards(charged)[-1] is _upwards(pool)[-1]:
            raise ValueError(
                f"the client charges {charged.name!r} already, so that with {pool.name!r} each call would be paid for "
                "twice: give the pool to one of the wrappers alone"
            )
    return pool


def check_budget(budget: TokenBudget) -> None:
    """Refuse what is no budget.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(budget, TokenBudget):
        raise TypeError(f"budget must be a TokenBudget, for example TokenBudget(8_000), got {kind_of(budget)}")


def kind_of(value: object) -> str:
    """What a value is, for messages: its class and how it begins."""
    return f"the class {value.__name__}" if isinstance(value, type) else f"{type(value).__name__} {value!r:.40}"


def _upwards(pool: SpendPool) -> list[SpendPool]:
    """A pool and those above it; the last is the root."""
    found = [pool]
    while (above := found[-1].parent) is not None:
        found.append(above)
    return found
