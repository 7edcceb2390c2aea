"""Which pool a wrapper around other clients charges, so that no call is paid for twice."""

from collections.abc import Iterable

from ._pool import SpendPool


def pool_to_charge(pool: SpendPool | None, inside: Iterable[SpendPool]) -> SpendPool | None:
    """Return the pool that a wrapper around clients charges, so that no call is paid for twice.

    `pool`: The pool it was given. `None` means none.

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


def _upwards(pool: SpendPool) -> list[SpendPool]:
    """Return a pool and those above it; the last is the root."""
    found = [pool]
    while (above := found[-1].parent) is not None:
        found.append(above)
    return found
