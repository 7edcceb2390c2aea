"""The errors of this library, one tree.

Bad arguments raise `ValueError` or `TypeError`. Only what the library exists for has classes of its own:

    BudgetError
    ├── ContextOverflowError      a request cannot be made to fit, or the provider refused it for its size
    ├── SpendLimitError           a pool has too little left for a model call
    └── ArtifactNotFoundError     a reference names no stored text

Teams turn an agent's exception into `RuntimeError(text)`, so each message begins with the name of its class.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal


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


class SpendLimitError(BudgetError):
    """A pool has too little left for a model call. Raised before the call; nothing was sent or reserved.

    Args:
        message (str): What is spent, reserved, asked for and allowed, and what to do about it.
        pool (str): The pool that refused: the one that was to pay, or one above it.
        unit (Literal["tokens", "cost", "calls"]): What there is too little of; the numbers are in it, cost in US
            dollars.
        limit (int | Decimal): What the pool may spend.
        spent (int | Decimal): What finished calls used.
        reserved (int | Decimal): What calls under way hold.
        asked (int | Decimal | None): What this call asked for. `None` means nobody can say: its price is not known.
        final (bool): Whether nothing can change that. False means it may fit once calls under way are settled.
    """

    def __init__(
        self,
        message: str,
        *,
        pool: str,
        unit: Literal["tokens", "cost", "calls"],
        limit: int | Decimal,
        spent: int | Decimal,
        reserved: int | Decimal,
        asked: int | Decimal | None,
        final: bool,
    ) -> None:
        super().__init__(message)
        self.pool = pool
        self.unit = unit
        self.limit = limit
        self.spent = spent
        self.reserved = reserved
        self.asked = asked
        self.final = final


class ArtifactNotFoundError(BudgetError):
    """A reference names no text in the store."""
