"""Texts kept whole beside the conversation, each under a short reference: `ArtifactStore`."""

from __future__ import annotations

import asyncio
import difflib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from math import inf
from typing import TypeVar

from autogen_core import Component, ComponentBase
from pydantic import BaseModel
from typing_extensions import Self

from autogen_budget._budget import settings_repr
from autogen_budget._errors import ArtifactNotFoundError
from autogen_budget._turns import REFERENCE_LENGTH

from ._files import ArtifactFile, ArtifactFolder
from ._locks import StoreLocks
from ._reference import KnownCuts, references_of, said_reference

_logger = logging.getLogger(__name__)
_T = TypeVar("_T")

_SLACK = 16  # a full store gives up one part in so many more than it must, or every text would make it look again


class ArtifactStoreConfig(BaseModel):
    """The arguments of an `ArtifactStore`."""

    url: str = "memory://"
    max_bytes: int = 2**30
    timeout: float = 10.0
    grace: float = 86_400.0


class ArtifactStore(ComponentBase[ArtifactStoreConfig], Component[ArtifactStoreConfig]):
    """Keeps texts that were cut or dropped from a conversation, so that model and developer can read them back.

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
    ) -> None:
        if max_bytes < 1:
            raise ValueError(f"max_bytes must be at least 1 byte, not {max_bytes}")
        if timeout <= 0 or grace <= 0:
            raise ValueError(f"timeout ({timeout}) and grace ({grace}) are seconds and must be above 0")
        self._config = ArtifactStoreConfig(url=os.fspath(url), max_bytes=max_bytes, timeout=timeout, grace=grace)
        self._folder = ArtifactFolder(self._config.url)
        self._locks = StoreLocks()
        self._counting = threading.Lock()  # around every change of the room that is left
        self._room = 0  # bytes that may be written before the folder's size is looked at again
        self._warned = False
        # References in the order in which they were held first. They are only added to or taken away whole, which needs
        # no lock: hold() must not wait for a file.
        self._holds: dict[int, dict[str, None]] = {}
        self._written: dict[str, float] = {}  # reference -> when this object last wrote or renewed it, monotonic
        self._idle: dict[int, None] = {}  # owners, the longest idle first
        self._cuts = KnownCuts()
        self._own: dict[str, float | None] = {}  # reference -> stamp of the file this object made, until renewed

    def __repr__(self) -> str:
        return settings_repr(type(self).__name__, self._config)

    @property
    def url(self) -> str:
        """Where the texts live, as given."""
        return self._config.url

    async def put(self, text: str, *, owner: object | None = None) -> str:
        """Stores a text; when this returns, it is written.

        Args:
            text (str): Any text; lone surrogates are kept.
            owner (object | None): Whoever refers to the text from now on, as if by `hold`, but with no moment between.
                None means nobody: the text may go as soon as a later one needs the room.

        Returns:
            str: The reference, the same for the same text.

        Raises:
            OSError: The text could not be stored, whatever kind of error the backend raised. A `TimeoutError` (one of
                them) when it took longer than `timeout`.
            TypeError: The owner cannot be referred to weakly.
        """
        held = dict[str, None]() if owner is None else self._held_by(owner)
        reference = await self._off_the_loop(lambda: self._put(text, held))
        try:
            await self._off_the_loop(lambda: self._tidy(reference))
        except OSError as error:
            _logger.warning("%s could not be tidied: %s", self.url, error)
        return reference

    async def keep(self, text: str, *, owner: object | None = None) -> str | None:
        """Stores a text if it can be stored; a failing store is one line in the log.

        Args:
            text (str): As for `put`.
            owner (object | None): As for `put`.

        Returns:
            str | None: The reference; None when the store failed. To record why, use `put`.
        """
        try:
            return await self.put(text, owner=owner)
        except OSError as error:
            _logger.warning("A text of %d characters was not kept in %s: %s", len(text), self.url, error)
            return None

    async def get(self, reference: str) -> str:
        """Reads a text back.

        Args:
            reference (str): What `put` returned. Capitals, and quotes or brackets around it, do no harm.

        Returns:
            str: The very text that was stored.

        Raises:
            ArtifactNotFoundError: Nothing whole is stored under that reference; the text says what would work.
            OSError: The store failed or was too slow.
        """
        name = said_reference(reference)
        text = None if name is None else await self._off_the_loop(lambda: self._get(name))
        if text is None:
            raise ArtifactNotFoundError(self._advice(reference))
        return text

    async def exists(self, reference: str) -> bool:
        """Tells whether a text is stored.

        Args:
            reference (str): As for `get`.

        Returns:
            bool: Whether there is a text; it is not read.

        Raises:
            OSError: The store failed or was too slow.
        """
        name = said_reference(reference)
        return name is not None and await self._off_the_loop(lambda: self._folder.exists(name))

    async def hold(self, references: Iterable[str], owner: object) -> None:
        """Declares that an owner refers to texts: they stay until it releases them or is garbage collected.

        Args:
            references (Iterable[str]): References, in addition to those the owner holds already. Unknown ones do no
                harm.
            owner (object): A conversation, an agent: told apart by identity, referred to weakly.

        Raises:
            TypeError: The owner cannot be referred to weakly.
        """
        names = [name for name in map(said_reference, references) if name is not None]
        self._held_by(owner).update(dict.fromkeys(names))
        if self._folder.shared:
            try:
                await self._off_the_loop(lambda: self._renew(names))
            except OSError as error:
                _logger.warning("Held texts could not be renewed in %s: %s", self.url, error)

    def held(self, owner: object) -> tuple[str, ...]:
        """List what an owner refers to, in the order in which it was put or held.

        Args:
            owner (object): The owner.

        Returns:
            tuple[str, ...]: References. Some may be of texts that are not stored.
        """
        return tuple(self._holds.get(id(owner), ()))

    def idle(self, owner: object) -> None:
        """Declare that an owner's texts may go if the store is too large without them, the longest idle owner's first.

        Args:
            owner (object): The owner. It is idle no more as soon as it puts or holds a text.
        """
        if self._holds.get(id(owner)):
            self._idle[id(owner)] = None

    def release(self, owner: object) -> None:
        """Declares that an owner refers to nothing any more.

        Args:
            owner (object): The owner; one that holds nothing does no harm.
        """
        self._holds.get(id(owner), {}).clear()

    def remember_cut(self, cut: str, reference: str) -> None:
        """Note that a text was cut from a stored one: whoever cuts it again need not store it.

        Args:
            cut (str): What is left of the text, with the reference, exactly as it stands in a message.
            reference (str): The reference of the whole.
        """
        self._cuts.remember(cut, reference)

    def whole_of(self, text: str) -> str | None:
        """The reference of the text that a text was cut from.

        Args:
            text (str): A text of a conversation. What it says itself of being cut does not count: anybody can write
                that.

        Returns:
            str | None: What `remember_cut` was told. `None` means this object knows of no cut that gave this text.
        """
        return self._cuts.whole_of(text)

    def _held_by(self, owner: object) -> dict[str, None]:
        if id(owner) not in self._holds:
            # The entry goes with its owner, so an identity that is used again starts with nothing.
            weakref.finalize(owner, self._holds.pop, id(owner), None).atexit = False
        self._idle.pop(id(owner), None)
        return self._holds.setdefault(id(owner), {})

    def _is_held(self, reference: str) -> bool:
        return any(reference in held for held in list(self._holds.values()))

    async def _off_the_loop(self, job: Callable[[], _T]) -> _T:
        """Runs file work in a thread of its own: a store that hangs takes no thread from others, nor stops the exit."""
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
        data = self._folder.read(reference)
        if data is None:
            return None
        if reference not in references_of(data):
            raise ArtifactNotFoundError(
                f"the text stored as {reference!r} is damaged; call the tool that made it again"
            )
        return data.decode("utf-8", "surrogatepass")

    def _put(self, text: str, held: dict[str, None]) -> str:
        data = text.encode("utf-8", "surrogatepass")
        with self._locks.putting(next(references_of(data))):
            reference = self._place(data)
            held[reference] = None
        return reference

    def _tidy(self, newest: str) -> None:
        for held in list(self._holds.values()):
            self._renew(list(held))
        if self._room <= 0:
            with self._locks.removing():
                if self._room <= 0:  # nobody has made room meanwhile
                    self._make_room(newest)

    def _place(self, data: bytes) -> str:
        """Finds the text, or writes it under the first reference that no other text has."""
        for reference in references_of(data):
            stored = self._folder.read(reference)
            if stored is not None and stored != data and reference in references_of(stored):
                continue  # another text; what is neither is half of one, which a broken write left
            if stored != data or not self._renew_one(reference):
                self._own[reference] = self._folder.write(reference, data)
                self._written[reference] = time.monotonic()
                with self._counting:
                    self._room -= len(data)
            return reference
        raise OSError("every reference this text could have is taken by another text")

    def _renew(self, references: Iterable[str]) -> None:
        for reference in references:
            self._renew_one(reference)

    def _renew_one(self, reference: str) -> bool:
        """Renews a text in a shared place, unless this object did so lately; False when it turns out to be gone."""
        now = time.monotonic()
        if self._folder.shared and now - self._written.get(reference, -inf) > self._config.grace / 2:
            self._written[reference] = now
            return self._folder.renew(reference)
        return True

    def _make_room(self, newest: str) -> None:
        """Removes the oldest texts that may go, never the newest, when the store is larger than its bound."""
        bound = self._config.max_bytes
        files = sorted(self._folder.files(), key=self._by_age)
        total = sum(file.size for file in files)
        if total > bound:
            total = self._remove_free(files, total, newest)
        while total > bound and self._idle:
            owner = next(iter(list(self._idle)))
            self._idle.pop(owner, None)
            self._holds.get(owner, {}).clear()
            total = self._remove_free(files, total, newest)
        if total > bound and not self._warned:
            self._warned = True
            _logger.warning("%s holds %d bytes, above max_bytes (%d): all are referred to", self.url, total, bound)
        self._room = max(0, min(bound - total, bound // _SLACK))  # others may write to the same place meanwhile

    def _remove_free(self, files: list[ArtifactFile], total: int, newest: str) -> int:
        """Removes files that may go, which are taken out of the list, until there is room; gives the bytes left."""
        bound = self._config.max_bytes
        for file in [*files]:
            if total <= bound - bound // _SLACK:
                break
            if file.reference != newest and self._may_go(file):
                self._folder.remove(file.reference)
                self._written.pop(file.reference, None)
                self._own.pop(file.reference, None)
                files.remove(file)
                total -= file.size
        return total

    def _by_age(self, file: ArtifactFile) -> tuple[float, float]:
        """Sorts files oldest first; those of one tick of the place's clock in the order of this object's writes."""
        return file.stamp or 0.0, self._written.get(file.reference, 0.0)

    def _may_go(self, file: ArtifactFile) -> bool:
        if self._is_held(file.reference):
            return False
        if not self._folder.shared:
            return True
        if not self._is_free(file.reference, file.stamp):
            return False
        # Looked at once more, since another process may have renewed it just now.
        return self._is_free(file.reference, self._folder.stamp(file.reference))

    def _is_free(self, reference: str, stamp: float | None) -> bool:
        """Whether no other store object can need a file of this date."""
        return stamp is not None and (stamp == self._own.get(reference) or stamp < time.time() - self._config.grace)

    def _advice(self, reference: str) -> str:
        """Says why nothing was found, and what would work."""
        known = {*self._written, *(name for held in list(self._holds.values()) for name in list(held))}
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
        return cls(config.url, max_bytes=config.max_bytes, timeout=config.timeout, grace=config.grace)
