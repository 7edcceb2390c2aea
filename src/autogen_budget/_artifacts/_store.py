"""Texts kept whole beside the conversation, each under a short reference: `ArtifactStore`."""

from __future__ import annotations

import asyncio
import difflib
import logging
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

from autogen_core import Component, ComponentBase
from pydantic import BaseModel
from typing_extensions import Self

from autogen_budget._budget import settings_repr
from autogen_budget._errors import ArtifactNotFoundError
from autogen_budget._turns import REFERENCE_LENGTH

from ._bounded import BoundedFolder, Bounds
from ._files import ArtifactFolder
from ._holds import Holds
from ._reference import KnownCuts, reference_in, references_of
from ._write_behind import WriteBehind, waiting_text

_logger = logging.getLogger(__name__)
_T = TypeVar("_T")


class ArtifactStoreConfig(BaseModel):
    """The arguments of an `ArtifactStore`."""

    url: str = "memory://"
    max_bytes: int = 2**30
    timeout: float = 10.0
    grace: float = 86_400.0
    write_behind: bool | None = None


class ArtifactStore(ComponentBase[ArtifactStoreConfig], Component[ArtifactStoreConfig]):
    """Keep texts that were cut or dropped from a conversation, so that model and developer can read them back.

    A text's reference comes from its content: ten lower-case letters and digits, the same for the same text, which is
    stored once. Several processes may use one folder. Files are plain UTF-8, named `artifact-<reference>.txt`.

    When the store is larger than `max_bytes`, the oldest texts are removed that no living owner holds (see `hold`), and
    if that is not enough, those of idle owners (see `idle`), such as a client's conversations before its latest. In
    a folder, texts that another store object wrote or holds are also left alone until nobody has renewed them for
    `grace` seconds; a held text is renewed well before, whenever its store is used. Elsewhere dates are too coarse to
    tell whose a text is, and every young text is left alone. If nothing may go, the store grows beyond `max_bytes` and
    says so once in the log.

    .. code-block:: python

        store = ArtifactStore("./artifacts")
        reference = await store.put(page, owner=agent)
        assert await store.get(reference) == page

    Args:
        url (str | os.PathLike[str]): Where the texts live: a folder, or any URL that `fsspec` knows (`s3://bucket/run`,
            whose credentials come from the environment or from fsspec's configuration). "memory://" is this object's
            own memory, which goes with it; "memory://name" is shared within the process.
        max_bytes (int): Bytes the stored texts may take together, 1 GiB if not given.
        timeout (float): Seconds a text may take to be written or read before the store counts as failing.
        grace (float): Seconds during which a text is left alone that another store object may need, a day if not given.
            A conversation that leaves its store unused for longer can lose texts to another process. Not for "memory://".
        write_behind (bool | None): Whether agents go on while the texts that they cut or drop are written (see
            `put_behind`). `None` means everywhere but in folders and in memory.

    Raises:
        ValueError: A number is out of range, or the URL's protocol is unknown.
        ImportError: The URL needs a package that is not installed; the text names it.
    """

    component_type = "artifact_store"
    component_config_schema = ArtifactStoreConfig
    component_provider_override = "autogen_budget.ArtifactStore"

    def __init__(
        self,
        url: str | os.PathLike[str] = "memory://",
        *,
        max_bytes: int = 2**30,
        timeout: float = 10.0,
        grace: float = 86_400.0,
        write_behind: bool | None = None,
    ) -> None:
        if max_bytes < 1:
            raise ValueError(f"max_bytes must be at least 1 byte, not {max_bytes}")
        if timeout <= 0 or grace <= 0:
            raise ValueError(f"timeout ({timeout}) and grace ({grace}) are seconds and must be above 0")
        self._config = ArtifactStoreConfig(
            url=os.fspath(url), max_bytes=max_bytes, timeout=timeout, grace=grace, write_behind=write_behind
        )
        self._folder = ArtifactFolder(self._config.url)
        self._holds = Holds()
        self._files = BoundedFolder(self._folder, Bounds(max_bytes, grace), self._holds, self.url)
        self._cuts = KnownCuts()
        is_behind = self._folder.has_latency if write_behind is None else write_behind
        self._behind = WriteBehind(self._write, self.url, timeout) if is_behind else None

    def __repr__(self) -> str:
        return settings_repr(type(self).__name__, self._config)

    @property
    def url(self) -> str:
        """Where the texts live, as given."""
        return self._config.url

    async def put(self, text: str, *, owner: object | None = None) -> str:
        """Store a text; when this returns, it is written.

        Args:
            text (str): Any text; lone surrogates are kept.
            owner (object | None): Whoever refers to the text from now on, as if by `hold`, but with no moment between.
                None means nobody: the text may go as soon as a later one needs the space.

        Returns:
            str: The reference, the same for the same text.

        Raises:
            OSError: The text could not be stored, whatever kind of error the backend raised. A `TimeoutError` (one of
                them) when it took longer than `timeout`.
            TypeError: The owner cannot be referred to weakly.
        """
        held = dict[str, None]() if owner is None else self._holds.of(owner)
        reference = await self._off_the_loop(lambda: self._files.place(_encoded(text), held))
        with suppress(TimeoutError):  # it is written; what is left to do goes on
            await self._off_the_loop(lambda: self._tidy(reference))
        return reference

    async def put_behind(self, text: str, *, owner: object | None = None) -> str:
        """Store a text, and go on while it is written, where the store writes behind; elsewhere as `put` does.

        What cannot be written is kept in memory, where it can be read, and tried again with each further text and each
        `flush`; a WARNING says so. 32 MiB may wait: then whoever stores more waits as well.

        Args:
            text (str): As for `put`.
            owner (object | None): As for `put`. The texts of one owner are written in the order in which they came.

        Returns:
            str: The reference, the same for the same text.

        Raises:
            OSError: The text could not be stored, since too much waits already.
            TypeError: The owner cannot be referred to weakly.
        """
        behind = self._behind
        if behind is None:
            return await self.put(text, owner=owner)
        held = dict[str, None]() if owner is None else self._holds.of(owner)
        return await self._off_the_loop(lambda: self._put_behind(behind, text, held, id(owner)))

    async def flush(self) -> bool:
        """Wait until all texts are written; what cannot be is a WARNING, and still kept.

        Agents do so before their state is saved and when they are closed, and a process before it ends.

        Returns:
            bool: Whether all are written.
        """
        try:
            if self._behind is not None:
                await self._off_the_loop(self._behind.flush)
        except OSError as error:
            _logger.warning("%s", error)
            return False
        return True

    async def get(self, reference: str) -> str:
        """Read a text back.

        Args:
            reference (str): What `put` returned. Capitals, and quotes or brackets around it, do no harm.

        Returns:
            str: The very text that was stored.

        Raises:
            ArtifactNotFoundError: Nothing whole is stored under that reference; the text says what would work.
            OSError: The store failed or was too slow.
        """
        name = reference_in(reference)
        text = None if name is None else await self._off_the_loop(lambda: self._get(name))
        if text is None:
            raise ArtifactNotFoundError(self._advice(reference))
        return text

    async def exists(self, reference: str) -> bool:
        """Tell whether a text is stored.

        Args:
            reference (str): As for `get`.

        Returns:
            bool: Whether there is a text; it is not read.

        Raises:
            OSError: The store failed or was too slow.
        """
        name = reference_in(reference)
        return name is not None and (
            waiting_text(self.url, name) is not None or await self._off_the_loop(lambda: self._folder.exists(name))
        )

    async def hold(self, references: Iterable[str], owner: object) -> None:
        """Declare that an owner refers to texts: they stay until it releases them or is garbage collected.

        Args:
            references (Iterable[str]): References, in addition to those the owner holds already. Unknown ones do no
                harm.
            owner (object): A conversation, an agent: told apart by identity, referred to weakly.

        Raises:
            TypeError: The owner cannot be referred to weakly.
        """
        names = [name for name in map(reference_in, references) if name is not None]
        self._holds.of(owner).update(dict.fromkeys(names))
        written = [name for name in names if waiting_text(self.url, name) is None]
        if self._folder.shared and written:
            try:
                await self._off_the_loop(lambda: self._files.renew(written))
            except OSError as error:
                _logger.warning("Held texts could not be renewed in %s: %s", self.url, error)

    def held(self, owner: object) -> tuple[str, ...]:
        """List what an owner refers to, in the order in which it was put or held.

        Args:
            owner (object): The owner.

        Returns:
            tuple[str, ...]: References. Some may be of texts that are not stored.
        """
        return self._holds.listed(owner)

    def idle(self, owner: object) -> None:
        """Declare that an owner's texts may go if the store is too large without them, the longest idle owner's first.

        Args:
            owner (object): The owner. It is idle no more as soon as it puts or holds a text.
        """
        self._holds.idle(owner)

    def release(self, owner: object) -> None:
        """Declare that an owner refers to nothing any more.

        Args:
            owner (object): The owner; one that holds nothing does no harm.
        """
        self._holds.release(owner)

    def remember_cut(self, cut: str, reference: str) -> None:
        """Note that a text was cut from a stored one: whoever cuts it again need not store it.

        Args:
            cut (str): What is left of the text, with the reference, exactly as it stands in a message.
            reference (str): The reference of the whole.
        """
        self._cuts.remember(cut, reference)

    def whole_of(self, text: str) -> str | None:
        """Return the reference of the text that a text was cut from.

        Args:
            text (str): A text of a conversation. What it says itself of being cut does not count: anybody can write
                that.

        Returns:
            str | None: What `remember_cut` was given. `None` means this object knows of no cut that gave this text.
        """
        return self._cuts.whole_of(text)

    async def _off_the_loop(self, job: Callable[[], _T]) -> _T:
        """Run file work in a thread of its own: a store that hangs takes no thread from others, nor stops the exit."""
        future: Future[_T] = Future()
        future.set_running_or_notify_cancel()  # from here on it cannot be cancelled, only not be waited for

        def run() -> None:
            try:
                future.set_result(job())
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, name="artifact-store", daemon=True).start()
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self._config.timeout)
        except asyncio.TimeoutError:
            raise TimeoutError(f"{self.url} did not answer within {self._config.timeout:g} seconds") from None

    def _get(self, reference: str) -> str | None:
        waiting = waiting_text(self.url, reference)
        data = self._folder.read(reference) if waiting is None else waiting
        if data is None:
            return None
        if reference not in references_of(data):
            raise ArtifactNotFoundError(
                f"the text stored as {reference!r} is damaged; call the tool that made it again"
            )
        return data.decode("utf-8", "surrogatepass")

    def _put_behind(self, behind: WriteBehind, text: str, held: dict[str, None], owner: int) -> str:
        data = _encoded(text)
        reference = next(references_of(data))
        behind.add(reference, data, owner)
        held[reference] = None
        return reference

    def _write(self, reference: str, data: bytes) -> bool:
        """Write a text that waited. False: it has another reference, since another text has this one."""
        placed = self._files.place(data, {})
        self._tidy(placed)
        return placed == reference

    def _tidy(self, newest: str) -> None:
        try:
            self._files.tidy(newest)
        except OSError as error:
            _logger.warning("%s could not be tidied: %s", self.url, error)

    def _advice(self, reference: str) -> str:
        """Say why nothing was found, and what would work."""
        known = {*self._files.known, *self._holds.all()}
        meant = difflib.get_close_matches(reference.lower(), known, n=1)
        if meant:
            return f"no text is stored as {reference!r}; did you mean {meant[0]!r}?"
        return (
            f"no text is stored as {reference[:40]!r}; copy the {REFERENCE_LENGTH} letters and digits of a reference "
            "from a notice that names it, or call the tool again that made the text"
        )

    def _to_config(self) -> ArtifactStoreConfig:
        return self._config

    @classmethod
    def _from_config(cls, config: ArtifactStoreConfig) -> Self:
        return cls(**config.model_dump())


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
