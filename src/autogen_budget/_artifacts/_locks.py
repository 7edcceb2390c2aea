"""Who may change files at the same time: texts are put side by side, and removed while none is put."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

STRIPES = 64
"""Texts that are put at the same time wait for one another by chance this rarely; the same text always does."""


class StoreLocks:
    """Locks of one store object, so that a store with latency takes many texts at once; they block."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._putting = 0
        self._removing = False
        self._remover = threading.Lock()
        self._stripes = [threading.Lock() for _ in range(STRIPES)]

    @contextmanager
    def putting(self, reference: str) -> Generator[None]:
        """Put a text: nothing is removed meanwhile, and no other text is put under its first reference."""
        with self._condition:
            self._condition.wait_for(lambda: not self._removing)
            self._putting += 1
        try:
            with self._stripes[hash(reference) % STRIPES]:
                yield
        finally:
            with self._condition:
                self._putting -= 1
                self._condition.notify_all()

    @contextmanager
    def removing(self) -> Generator[None]:
        """Remove texts: none is put meanwhile, and those that come wait."""
        with self._remover:
            with self._condition:
                self._removing = True
                self._condition.wait_for(lambda: not self._putting)
            try:
                yield
            finally:
                with self._condition:
                    self._removing = False
                    self._condition.notify_all()
