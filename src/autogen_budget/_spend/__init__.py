"""What a set of agents may spend together, and what it has spent: a pool, its books, its prices, the end of a run."""

from ._amounts import Allowance, Amount, Purpose, SpendReport, Spent
from ._pool import SpendPool, pool_to_charge
from ._prices import Price, list_price
from ._reservation import Reservation
from ._termination import SpendTermination

__all__ = [
    "Allowance",
    "Amount",
    "Price",
    "Purpose",
    "Reservation",
    "SpendPool",
    "SpendReport",
    "SpendTermination",
    "Spent",
    "list_price",
    "pool_to_charge",
]
