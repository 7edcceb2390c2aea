"""Leases that are renewed as long as something is held, and as long as anybody has what holds it."""

import threading
from collections.abc import Callable
from weakref import WeakMethod

RENEWALS_PER_LEASE = 3
"""A lease survives two renewals that are lost."""


class Leases:
    """Renews the leases of one holder from time to time, in a thread of its own."""

    def __init__(self, renew: Callable[[], bool], seconds: float) -> None:
        self._renew = WeakMethod(renew)
        self._pause = seconds / RENEWALS_PER_LEASE
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def keep(self) -> None:
        """Begin to renew, if that has not begun."""
        with self._lock:
            if self._timer is None or not self._timer.is_alive():  # a process that was forked has no thread for it
                self._timer = threading.Timer(self._pause, self._beat)
                self._timer.daemon = True
                self._timer.start()

    def stop(self) -> None:
        """Renew nothing any more, until something else is held."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        renew = self._renew()
        with self._lock:
            self._timer = None
        if renew is not None and renew():
            self.keep()
