"""The errors of this library, one tree.

Bad arguments raise `ValueError` or `TypeError`. Only what the library exists for has classes of its own:

    BudgetError
    ├── ContextOverflowError      a request cannot be made to fit, or the provider refused it for its size
    └── ArtifactNotFoundError     a reference names no stored text

Teams turn an agent's exception into `RuntimeError(text)`, so each message begins with the name of its class.
"""

from collections.abc import Mapping


class BudgetError(Exception):
    """Base of every error this library raises about budgets; its text begins with the name of its class.

    Args:
        message (str): What was wrong, with the numbers, and what to do about it.
    """

    def __init__(self, message: str) -> None:
        super().__init__(f"{type(self).__name__}: {message}")


class ContextOverflowError(BudgetError):
    """A request is larger than its cap and nothing that may be cut is left, or the provider refused it for its size.

    Raised before the call when even the fixed part (instructions, schemas, newest turn as far as it may not be cut) is
    over the cap. Raised after the call, with the provider's error as its cause, when a strictly smaller request was
    refused as well.

    Args:
        message (str): What was too large and what to do about it.
        cap (int): Tokens the request was allowed to hold.
        size (int): Tokens the smallest possible request holds.
        parts (Mapping[str, int]): Tokens of its largest parts, by name, largest first.
    """

    def __init__(self, message: str, *, cap: int, size: int, parts: Mapping[str, int]) -> None:
        super().__init__(message)
        self.cap = cap
        self.size = size
        self.parts = dict(parts)


class ArtifactNotFoundError(BudgetError):
    """A reference names no text in the store."""
