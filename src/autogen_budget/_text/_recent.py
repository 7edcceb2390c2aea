"""A cache of values by key, bounded by what was used lately."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Values by key, those used last, up to a size; it can be used from any thread."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = 0
        self._known: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """Return the value of a key; None when it is not known any more."""
        with self._lock:
            known = self._known.get(key)
            if known is None:
                return None
            self._known.move_to_end(key)
            return known[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Keep a value, and forget those that were not used for longest where not all fit."""
        if size > self._most:
            return
        with self._lock:
            before = self._known.pop(key, None)
            self._known[key] = value, size
            self._held += size - (before[1] if before else 0)
            while self._held > self._most:
                self._held -= self._known.popitem(last=False)[1][1]
