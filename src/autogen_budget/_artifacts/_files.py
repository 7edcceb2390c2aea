"""The files behind an artifact store, in any place that fsspec reaches; every failure is an `OSError`."""

from __future__ import annotations

import os
import re
import time
import uuid
import weakref
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, cast

_PRIVATE = "memory://"
_NAME = re.compile(r"artifact-([a-z2-7]+(?:\.[0-9a-f]{8}\.part)?)\.txt")  # a folder may hold files that are not ours
_STAMPS = ("mtime", "LastModified", "last_modified", "updated", "created")  # each backend has its own word for it


class _FileSystem(Protocol):
    """What is used of fsspec, which has no types of its own."""

    protocol: str | tuple[str, ...]

    def cat_file(self, path: str) -> bytes: ...
    def pipe_file(self, path: str, value: bytes) -> object: ...
    def exists(self, path: str) -> bool: ...
    def info(self, path: str) -> dict[str, object]: ...
    def ls(self, path: str, detail: bool) -> list[dict[str, object]]: ...
    def rm_file(self, path: str) -> object: ...
    def rm(self, path: str, recursive: bool) -> object: ...
    def makedirs(self, path: str, exist_ok: bool) -> object: ...
    def invalidate_cache(self, path: str | None) -> object: ...


@dataclass(frozen=True)
class ArtifactFile:
    """A stored text, seen from outside.

    Args:
        reference (str): Its reference. A write that was broken off has one that nobody uses.
        size (int): Bytes.
        stamp (float | None): When it was written, in seconds since 1970 by the clock of the place. None means the place
            does not tell.
    """

    reference: str
    size: int
    stamp: float | None


class ArtifactFolder:
    """One folder of texts. Its methods block.

    Raises:
        ValueError: The URL's protocol is unknown.
        ImportError: The URL needs a package that is not installed.
    """

    def __init__(self, url: str) -> None:
        # Here, since it is large: whoever stores nothing does not wait for it.
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]  # fsspec ships no types
        from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]  # the same

        self.shared = url != _PRIVATE
        """Whether other store objects can reach the folder."""
        fs, self._root = cast(
            "tuple[_FileSystem, str]", url_to_fs(url if self.shared else f"{_PRIVATE}autogen-budget-{uuid.uuid4().hex}")
        )
        self._fs = fs
        self._local = isinstance(fs, LocalFileSystem)
        self.has_latency = not self._local and fs.protocol != "memory"
        """Whether a text takes a round trip to be written."""
        if not self.shared:
            weakref.finalize(self, _forget, fs, self._root).atexit = False

    def read(self, reference: str) -> bytes | None:
        """Read a text's bytes; `None` when there are none."""
        with _os_errors(), suppress(FileNotFoundError):
            return self._fs.cat_file(self._path(reference))
        return None

    def write(self, reference: str, data: bytes) -> float | None:
        """Write a text's bytes so that nobody sees half of them, in place of what was there.

        Object stores write whole objects anyway. Elsewhere half a file shows in its digest.
        """
        with _os_errors():
            try:
                return self._write(reference, data)
            except FileNotFoundError:
                self._make_folder()
                return self._write(reference, data)

    def _make_folder(self) -> None:
        """Make the folder; on a disk, for this user alone: it holds conversations."""
        if self._local:
            os.makedirs(self._root, mode=0o700, exist_ok=True)
        else:
            self._fs.makedirs(self._root, exist_ok=True)

    def _write(self, reference: str, data: bytes) -> float | None:
        if not self._local:
            self._fs.pipe_file(self._path(reference), data)
            return None
        part = self._path(f"{reference}.{uuid.uuid4().hex[:8]}.part")
        try:
            with open(part, "xb", opener=_private) as file:
                file.write(data)
            stamp = os.stat(part).st_mtime
            os.replace(part, self._path(reference))
        except OSError:
            with suppress(OSError):
                os.remove(part)
            raise
        return stamp

    def renew(self, reference: str) -> bool:
        """Give a text the date of now; False when there is no such text."""
        with _os_errors(), suppress(FileNotFoundError):
            path = self._path(reference)
            if self._local:
                now = time.time_ns()  # finer than the clock by which the system dates a new file
                os.utime(path, ns=(now, now))
            else:
                self._fs.pipe_file(path, self._fs.cat_file(path))
            return True
        return False

    def exists(self, reference: str) -> bool:
        """Return whether there is a text."""
        with _os_errors():
            return self._fs.exists(self._path(reference))

    def stamp(self, reference: str) -> float | None:
        """Return when a text was written, as in `ArtifactFile`; None also when there is none."""
        with _os_errors(), suppress(FileNotFoundError):
            self._fs.invalidate_cache(self._root)
            return _stamp(self._fs.info(self._path(reference)))
        return None

    def files(self) -> list[ArtifactFile]:
        """Return all texts, and what is left of writes that were broken off."""
        with _os_errors():
            self._fs.invalidate_cache(self._root)
            entries = [(str(entry["name"]).rpartition("/")[2], entry) for entry in self._fs.ls(self._root, detail=True)]
            return [
                ArtifactFile(name[1], cast("int", entry["size"]), _stamp(entry))
                for name, entry in ((_NAME.fullmatch(base), entry) for base, entry in entries)
                if name
            ]

    def remove(self, reference: str) -> None:
        """Remove a text, if nobody else has done so."""
        with _os_errors(), suppress(FileNotFoundError):
            self._fs.rm_file(self._path(reference))

    def _path(self, reference: str) -> str:
        return f"{self._root}/artifact-{reference}.txt"


@contextmanager
def _os_errors() -> Generator[None]:
    """Give one type to the errors of all backends; most come from the packages of cloud vendors."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{type(error).__name__}: {error}") from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _stamp(entry: dict[str, object]) -> float | None:
    for key in _STAMPS:
        value = entry.get(key)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, float):
            return value
    return None


def _forget(fs: _FileSystem, root: str) -> None:
    with suppress(FileNotFoundError):
        fs.rm(root, recursive=True)
