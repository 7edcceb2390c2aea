"""After failures, summaries pause: for one compaction, then two, four, and so on."""

LONGEST_PAUSE = 32
"""Compactions that go without a summary at most before it is tried again."""


class Backoff:
    """Counts failures in a row, and the compactions that go without since; no clock is involved."""

    def __init__(self) -> None:
        self.reason = ""
        """Why the latest attempt failed. Empty means it did not."""
        self._failures = 0
        self._pause = 0

    @property
    def resting(self) -> bool:
        """Whether the next compaction goes without."""
        return self._pause > 0

    def skip(self) -> bool:
        """Count a compaction."""
        if not self._pause:
            return False
        self._pause -= 1
        return True

    def failed(self, reason: str) -> None:
        """Count a failure."""
        self.reason = reason
        self._failures += 1
        self._pause = min(LONGEST_PAUSE, 2 ** (self._failures - 1))

    def worked(self) -> None:
        """Begin anew."""
        self.reason = ""
        self._failures = self._pause = 0
