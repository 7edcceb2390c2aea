"""Checks of arguments that all sub-packages share."""

from collections.abc import Sequence

from ._budget import TokenBudget


def check_budget(budget: TokenBudget) -> None:
    """Refuse what is no budget.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(budget, TokenBudget):
        raise TypeError(f"budget must be a TokenBudget, for example TokenBudget(8_000), got {kind_of(budget)}")


def check_sequence(name: str, value: object, example: str) -> None:
    """Refuse a single value, or a text, where several are expected.

    `value`: What was given for it. `None` passes.

    Raises:
        TypeError: It is no list, tuple or other sequence of things.
    """
    if value is not None and (isinstance(value, (str, bytes)) or not isinstance(value, Sequence)):
        raise TypeError(f"{name} must be a list or tuple, for example {name}={example}, got {kind_of(value)}")


def kind_of(value: object) -> str:
    """Return what a value is, for messages: its class and how it begins."""
    return f"the class {value.__name__}" if isinstance(value, type) else f"{type(value).__name__} {value!r:.40}"
