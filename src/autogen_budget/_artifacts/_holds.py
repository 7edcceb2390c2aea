"""Who refers to which stored texts: what is held may not go."""

import weakref
from collections.abc import Iterable


class Holds:
    """The references that owners hold. They are told apart by identity and referred to weakly.

    References are only added to an owner's, or taken away all together, which needs no lock: nobody waits for a file.
    """

    def __init__(self) -> None:
        self._by_owner: dict[int, dict[str, None]] = {}  # in the order in which they were held first
        self._idle: dict[int, None] = {}  # owners, the longest idle first

    def of(self, owner: object) -> dict[str, None]:
        """Return what an owner holds, to be added to; it is idle no more.

        Raises:
            TypeError: The owner cannot be referred to weakly.
        """
        if id(owner) not in self._by_owner:
            # The entry goes with its owner, so an identity that is used again starts with nothing.
            weakref.finalize(owner, self._by_owner.pop, id(owner), None).atexit = False
        self._idle.pop(id(owner), None)
        return self._by_owner.setdefault(id(owner), {})

    def listed(self, owner: object) -> tuple[str, ...]:
        """Return the references that an owner holds, in the order in which it held them first."""
        return tuple(self._by_owner.get(id(owner), ()))

    def all(self) -> Iterable[str]:
        """Return the references that anybody holds."""
        return (reference for held in list(self._by_owner.values()) for reference in list(held))

    def __contains__(self, reference: str) -> bool:
        return any(reference in held for held in list(self._by_owner.values()))

    def idle(self, owner: object) -> None:
        """Let an owner's texts go where nothing else may."""
        if self._by_owner.get(id(owner)):
            self._idle[id(owner)] = None

    def release(self, owner: object) -> None:
        """Hold nothing any more for an owner."""
        self._by_owner.get(id(owner), {}).clear()

    def release_idle(self) -> bool:
        """Hold nothing any more for the owner that is idle longest. False: none is."""
        owner = next(iter(list(self._idle)), None)
        if owner is None:
            return False
        self._idle.pop(owner, None)
        self._by_owner.get(owner, {}).clear()
        return True
