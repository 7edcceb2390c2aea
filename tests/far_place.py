"""A place for texts that takes its time and fails at will, reached as `far://name`; its files are in memory.

python far_place.py FOLDER   # stores texts behind in a place that writes to a folder, and ends at once
"""

# fsspec types little of what is used here.
# pyright: reportUnknownMemberType=false, reportIncompatibleVariableOverride=false

import asyncio
import sys
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

import fsspec  # type: ignore[import-untyped]  # fsspec ships no types
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]  # the same

from autogen_budget import ArtifactStore


class FarPlace(MemoryFileSystem):  # type: ignore[misc]  # its base has no types
    """Writes when a gate is open, and fails as a schedule says."""

    protocol = "far"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    cachable = False
    gate = threading.Event()
    failures: ClassVar[list[bool]] = []
    """Which of the next writes fail; those after them do not."""
    written: ClassVar[list[str]] = []
    """What was written, in order."""

    @classmethod
    def begin(cls) -> None:
        """Forget everything, and write at once."""
        fsspec.register_implementation("far", cls, clobber=True)
        cls.gate.set()
        for kept in (cls.store, cls.failures, cls.written):
            kept.clear()

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.removeprefix("far://").strip("/")

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: object) -> None:
        """Write a file, as soon as the gate is open."""
        self.gate.wait()
        if self.failures and self.failures.pop(0):
            raise ConnectionError("the line is down")
        super().pipe_file(path, value, mode)
        self.written.append(value.decode())


class SlowFolder(FarPlace):
    """Takes a while, and writes to a real folder."""

    cachable = True

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: object) -> None:
        """Write a file, after a while."""
        time.sleep(0.2)
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_bytes(value)


if __name__ == "__main__":
    SlowFolder.begin()
    store = ArtifactStore(f"far://{sys.argv[1]}")
    for number in range(3):
        asyncio.run(store.put_behind(f"text {number}"))
