"""The artifact store: what was put in comes out again, for as long as anybody refers to it."""

# fsspec has no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportIncompatibleVariableOverride=false

from __future__ import annotations

import asyncio
import errno
import gc
import hashlib
import multiprocessing
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import fsspec  # type: ignore[import-untyped]  # fsspec ships no types
import pytest
from autogen_core import ComponentLoader
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]  # fsspec ships no types
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from autogen_budget import ArtifactNotFoundError, ArtifactStore
from profiles import examples
from store_worker import use_store

ANY_TEXT = st.text(st.characters(exclude_categories=()))  # lone surrogates among them


class Owner:
    """Somebody who refers to texts."""


class _OddFileSystem(MemoryFileSystem):  # type: ignore[misc]  # its base has no types
    """A place whose errors, speed and listings a test decides."""

    protocol = "odd"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    cachable = False
    write_seconds = 0.0
    write_error: Exception | None = None
    list_error: Exception | None = None
    tells_time = True

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return "/" + path.removeprefix("odd://").strip("/")

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: object) -> None:
        time.sleep(self.write_seconds)
        if self.write_error is not None:
            raise self.write_error
        super().pipe_file(path, value, mode)

    def ls(self, path: str, detail: bool = True, **_: object) -> Any:
        if self.list_error is not None:
            raise self.list_error
        return [self._timeless(entry) for entry in super().ls(path, detail)]

    def info(self, path: str, **_: object) -> Any:
        return self._timeless(super().info(path))

    def _timeless(self, entry: Any) -> Any:
        return entry if self.tells_time else {key: value for key, value in entry.items() if key != "created"}


@pytest.fixture
def odd() -> Iterator[type[_OddFileSystem]]:
    """A place to reach by `odd://name`, set back to normal and emptied afterwards."""
    fsspec.register_implementation("odd", _OddFileSystem, clobber=True)
    settings_before = {name: getattr(_OddFileSystem, name) for name in ("write_seconds", "write_error", "list_error")}
    yield _OddFileSystem
    for name, value in {**settings_before, "tells_time": True}.items():
        setattr(_OddFileSystem, name, value)
    _OddFileSystem.store.clear()


@pytest.fixture(params=["private memory", "shared memory", "folder", "file URL", "foreign"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, odd: type[_OddFileSystem]
) -> AsyncIterator[ArtifactStore]:
    """A store in every kind of place."""
    del odd
    urls: dict[str, str | Path] = {
        "private memory": "memory://",
        "shared memory": f"memory://{tmp_path.name}",
        "folder": tmp_path / "deep" / "folder",
        "file URL": f"file://{tmp_path}/texts",
        "foreign": "odd://bucket/run",
    }
    yield ArtifactStore(urls[request.param])
    with suppress(FileNotFoundError):
        fsspec.filesystem("memory").rm(f"/{tmp_path.name}", recursive=True)


@pytest.fixture(params=["memory", "folder"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place where a store knows which texts are its own."""
    return "memory://" if request.param == "memory" else str(tmp_path)


def files(folder: Path) -> dict[str, str]:
    """The stored texts of a folder by reference."""
    return {path.name[9:-4]: path.read_text("utf-8") for path in folder.glob("artifact-*.txt")}


def grow_old(folder: Path, seconds: float) -> None:
    """Makes every file of a folder look as if it had been written so long ago."""
    then = time.time() - seconds
    for path in folder.iterdir():
        os.utime(path, (then, then))


class TestPutAndGet:
    """A text comes back as it was, under a reference that is its own."""

    async def test_round_trip_in_every_place(self, store: ArtifactStore) -> None:
        """A text comes back from any kind of place, unknown ones do not, and `exists` tells which is which."""
        reference = await store.put("Zeile 1\r\nline 2 \ud800 \x00 \U0001f600")
        assert await store.get(reference) == "Zeile 1\r\nline 2 \ud800 \x00 \U0001f600"
        assert await store.exists(reference)
        assert not await store.exists("a" * 10)
        with pytest.raises(ArtifactNotFoundError):
            await store.get("a" * 10)

    @given(texts=st.lists(ANY_TEXT, min_size=1, max_size=5))
    def test_any_unicode(self, texts: list[str]) -> None:
        """Any texts come back unchanged, and have the same reference exactly when they are the same text."""

        async def check() -> None:
            store = ArtifactStore()
            references = [await store.put(text) for text in texts]
            assert [await store.get(reference) for reference in references] == texts
            assert len(set(references)) == len(set(texts))

        asyncio.run(check())

    @given(text=ANY_TEXT)
    def test_references_are_easy_to_copy(self, text: str) -> None:
        """A reference is short, of lower-case letters and digits, and the same in every store."""
        first, second = (asyncio.run(ArtifactStore().put(text)) for _ in range(2))
        assert re.fullmatch("[a-z2-7]{1,12}", first)
        assert first == second

    @pytest.mark.parametrize("spelling", ["{}", "`{}`", ' "{}" ', "[{}]", "<{}>.", "“{}”"])
    async def test_what_models_add_does_no_harm(self, store: ArtifactStore, spelling: str) -> None:
        """Quotes, brackets and capitals around a reference are read as the reference."""
        reference = await store.put("text")
        assert await store.get(spelling.format(reference.upper())) == "text"

    async def test_the_same_text_is_stored_once(self, tmp_path: Path) -> None:
        """Two store objects on one folder keep one plain file for a text, and read each other's."""
        one, two = ArtifactStore(tmp_path), ArtifactStore(tmp_path)
        reference = await one.put("shared")
        assert await two.put("shared") == reference
        assert await two.get(reference) == "shared"
        assert files(tmp_path) == {reference: "shared"}

    async def test_default_stores_are_private(self) -> None:
        """A store in memory knows nothing of another one."""
        reference = await ArtifactStore().put("mine")
        assert not await ArtifactStore().exists(reference)

    async def test_private_memory_goes_with_its_store(self) -> None:
        """When a store in memory is gone, so are its texts."""
        before = set(MemoryFileSystem.store)
        unused = ArtifactStore()
        used = ArtifactStore()
        await used.put("x" * 1000)
        assert set(MemoryFileSystem.store) != before
        del unused, used
        gc.collect()
        assert set(MemoryFileSystem.store) == before

    async def test_texts_put_at_the_same_time(self, store: ArtifactStore) -> None:
        """Many texts at once, the same and different ones, all come back."""
        texts = [f"text {number % 10}" for number in range(40)]
        references = await asyncio.gather(*map(store.put, texts))
        assert await asyncio.gather(*map(store.get, references)) == texts

    async def test_another_event_loop(self, tmp_path: Path) -> None:
        """One store serves several event loops, one after the other."""
        store = ArtifactStore(tmp_path)
        reference = await asyncio.to_thread(asyncio.run, store.put("text"))
        assert await store.get(reference) == "text"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"max_bytes": 0}, "max_bytes"),
            ({"timeout": 0}, "timeout"),
            ({"grace": -1}, "grace"),
            ({"url": "no://x"}, "no"),
        ],
    )
    def test_bad_arguments(self, arguments: dict[str, Any], message: str) -> None:
        """Numbers out of range and unknown protocols are refused at once."""
        with pytest.raises(ValueError, match=message):
            ArtifactStore(**arguments)

    def test_component(self, tmp_path: Path) -> None:
        """A store survives `dump_component`, with all its settings, as a component of its public name."""
        store = ArtifactStore(tmp_path, max_bytes=5, timeout=3.0, grace=7.0, write_behind=True)
        dumped = store.dump_component()
        assert (dumped.component_type, dumped.provider) == ("artifact_store", "autogen_budget.ArtifactStore")
        dumped.provider = f"{ArtifactStore.__module__}.ArtifactStore"
        loaded = ComponentLoader.load_component(dumped, ArtifactStore)
        assert loaded.dump_component().config == store.dump_component().config
        assert loaded.url == str(tmp_path)


class TestNotFound:
    """Whoever asks for what is not there is told what would work."""

    @pytest.mark.parametrize("reference", ["", "nope", "../../../etc/passwd", "a" * 10, "a" * 10_000, "artifact-x.txt"])
    async def test_unknown(self, store: ArtifactStore, reference: str) -> None:
        """An unknown reference, whatever it looks like, gives a short error that says how to get a good one."""
        with pytest.raises(ArtifactNotFoundError, match="copy the 10 letters and digits") as caught:
            await store.get(reference)
        assert len(str(caught.value)) < 250
        if reference != "a" * 10:
            assert not await store.exists(reference)

    async def test_a_typo(self, store: ArtifactStore) -> None:
        """A reference with a typo is answered with the one that was meant: one put here, or one held here."""
        reference = await store.put("text")
        with pytest.raises(ArtifactNotFoundError, match=f"did you mean '{reference}'"):
            await store.get(reference[:-1])
        owner = Owner()
        await store.hold(["bcdefghijk"], owner)
        with pytest.raises(ArtifactNotFoundError, match="did you mean 'bcdefghijk'"):
            await store.get("bcdefghijz")

    @pytest.mark.parametrize("content", ["", "half of the te"])
    async def test_a_damaged_file(self, tmp_path: Path, content: str) -> None:
        """A file that is not whole is never taken for the text, and is mended when the text is put again."""
        store = ArtifactStore(tmp_path)
        reference = await store.put("half of the text is not enough")
        (tmp_path / f"artifact-{reference}.txt").write_text(content)
        with pytest.raises(ArtifactNotFoundError, match="damaged"):
            await store.get(reference)
        assert await store.put("half of the text is not enough") == reference
        assert await store.get(reference) == "half of the text is not enough"

    @pytest.mark.parametrize(("same", "different"), [(25, 4), (64, 0)])
    async def test_collisions(self, monkeypatch: pytest.MonkeyPatch, same: int, different: int) -> None:
        """Texts whose digests begin alike get different references, and none when there is no other left."""
        real = hashlib.blake2b

        class Weak:
            def __init__(self, data: bytes) -> None:
                self.data = data

            def digest(self) -> bytes:
                return bytes(same) + real(self.data).digest()[same:]

        monkeypatch.setattr(hashlib, "blake2b", Weak)
        store = ArtifactStore()
        texts = ["first", "second", "third"]
        if different:
            references = [await store.put(text) for text in texts]
            assert references[0] == "a" * 10
            assert [await store.get(reference) for reference in references] == texts
            assert [await store.put(text) for text in texts] == references
        else:
            await store.put("first")
            with pytest.raises(OSError, match="taken"):
                await store.put("second")
            assert await store.get("a" * 10) == "first"


class TestRoom:
    """The bound is kept, and what is referred to is kept above all."""

    async def test_oldest_first(self, url: str) -> None:
        """The oldest texts nobody holds make room, the newest stays even when it is larger than the store."""
        small = ArtifactStore(url, max_bytes=2_500)
        references = [await small.put(letter * 1_000) for letter in "abcd"]
        assert [await small.exists(reference) for reference in references] == [False, False, True, True]
        huge = await small.put("e" * 10_000)
        assert [await small.exists(reference) for reference in (*references[2:], huge)] == [False, False, True]

    async def test_held_texts_stay(self, url: str, caplog: pytest.LogCaptureFixture) -> None:
        """Held texts stay whatever comes; a store too full for them says so once; released ones go."""
        small = ArtifactStore(url, max_bytes=1_000)
        agent, conversation = Owner(), Owner()
        held = [await small.put(letter * 900, owner=agent) for letter in "abc"]
        loose = await small.put("d" * 900)
        await small.hold([loose.upper(), "not a reference"], conversation)
        last = await small.put("e" * 900)
        assert [await small.exists(reference) for reference in (*held, loose, last)] == [True] * 5
        assert [record.message for record in caplog.records if "max_bytes" in record.message] == [
            f"{small.url} holds 1800 bytes, above max_bytes (1000): all are referred to"
        ]
        small.release(agent)
        small.release(agent)
        small.release(Owner())
        newest = await small.put("f" * 900)
        assert [await small.exists(reference) for reference in (*held, loose, last, newest)] == [
            *[False] * 3,
            True,
            False,
            True,
        ]

    @pytest.mark.parametrize("url", ["memory://", "FOLDER"])
    async def test_idle_owners_give_way(self, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        """Where what nobody holds is not enough, the longest idle owner's texts go; who puts a text is idle no more."""
        store = ArtifactStore(str(tmp_path) if url == "FOLDER" else url, max_bytes=10_000)
        owners = [Owner() for _ in range(4)]
        references = [await store.put(f"{i} " + "x" * 2_400, owner=owner) for i, owner in enumerate(owners)]
        for owner in owners[:3]:
            store.idle(owner)
        await store.hold([], owners[0])
        more = await store.put("y" * 2_400)
        assert [await store.exists(reference) for reference in (*references, more)] == [True, False, True, True, True]
        assert store.held(owners[1]) == ()
        assert not caplog.records

    async def test_owners_are_referred_to_weakly(self) -> None:
        """An owner that is gone holds nothing, and one that comes to the same address later starts with nothing."""
        store = ArtifactStore(max_bytes=10)
        owner = Owner()
        held = await store.put("a" * 10, owner=owner)
        await store.put("b" * 10)
        assert await store.exists(held)
        del owner
        gc.collect()
        await store.put("c" * 10)
        assert not await store.exists(held)

    async def test_a_text_that_is_there_already_makes_room_too(self) -> None:
        """What was kept above the bound for an owner goes at the next put, even of a text that needs no room."""
        store, owner = ArtifactStore(max_bytes=10), Owner()
        held = await store.put("a" * 10, owner=owner)
        await store.put("b" * 10)
        store.release(owner)
        await store.put("b" * 10)
        assert not await store.exists(held)

    async def test_an_owner_that_cannot_be_referred_to_weakly(self) -> None:
        """A string as an owner is refused before anything is written."""
        store = ArtifactStore()
        with pytest.raises(TypeError, match="weak reference"):
            await store.put("text", owner="agent")
        with pytest.raises(TypeError, match="weak reference"):
            await store.hold([], "agent")

    async def test_files_of_others_are_not_touched(self, tmp_path: Path) -> None:
        """A folder may hold other files: they are neither counted nor removed."""
        (tmp_path / "presentation.txt").write_text("x" * 5_000)
        (tmp_path / "artifact-x").mkdir()
        store = ArtifactStore(tmp_path, max_bytes=2_500)
        for letter in "abcd":
            await store.put(letter * 1_000)
        assert (tmp_path / "presentation.txt").exists()
        assert len(files(tmp_path)) == 2

    async def test_no_room_can_be_made(self, odd: type[_OddFileSystem], caplog: pytest.LogCaptureFixture) -> None:
        """A text is stored even when the store cannot be looked through; the log says so."""
        odd.list_error = PermissionError("no listing")
        store = ArtifactStore("odd://bucket", max_bytes=1)
        reference = await store.put("text")
        assert await store.get(reference) == "text"
        assert [record.message for record in caplog.records] == ["odd://bucket could not be tidied: no listing"]


class TestSeveralStores:
    """Several store objects, here or in other processes, use one folder."""

    async def test_texts_of_others_have_a_grace_period(self, tmp_path: Path) -> None:
        """Another store's text stays while it is young, and goes first once it is old."""
        other, store = ArtifactStore(tmp_path), ArtifactStore(tmp_path, max_bytes=2_500, grace=3_600)
        foreign = await other.put("a" * 1_000)
        young = [await store.put(letter * 1_000) for letter in "bc"]
        assert [await store.exists(reference) for reference in (foreign, *young)] == [True, False, True]
        grow_old(tmp_path, 3_700)
        newest = await store.put("d" * 1_000)
        assert await store.exists(newest)
        assert not await store.exists(foreign)

    async def test_a_text_that_another_store_holds_stays(self, tmp_path: Path) -> None:
        """A store leaves its own text alone once another store has declared that it is referred to there."""
        store, other = ArtifactStore(tmp_path, max_bytes=1_500), ArtifactStore(tmp_path)
        reference = await store.put("a" * 1_000)
        grow_old(tmp_path, 10)
        owner = Owner()
        await other.hold([reference], owner)
        for letter in "bcd":
            await store.put(letter * 1_000)
        assert await other.get(reference) == "a" * 1_000

    async def test_a_text_that_another_store_put_again_stays(self, tmp_path: Path) -> None:
        """A store leaves its own text alone once another store has put the same text."""
        store, other = ArtifactStore(tmp_path, max_bytes=1_500), ArtifactStore(tmp_path)
        reference = await store.put("a" * 1_000)
        grow_old(tmp_path, 10)
        assert await other.put("a" * 1_000) == reference
        for letter in "bcd":
            await store.put(letter * 1_000)
        assert await other.exists(reference)

    async def test_a_text_removed_while_it_is_put_again(
        self, odd: type[_OddFileSystem], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A text that another process removes just as it is found is written again."""
        read = odd.cat_file

        def read_and_remove(self: _OddFileSystem, path: str) -> Any:
            data = read(self, path)
            self.rm_file(path)
            return data

        reference = await ArtifactStore("odd://bucket").put("text")
        with monkeypatch.context() as patched:
            patched.setattr(odd, "cat_file", read_and_remove)
            store = ArtifactStore("odd://bucket")
            assert await store.put("text") == reference
        assert await store.get(reference) == "text"

    async def test_held_texts_are_renewed(self, tmp_path: Path) -> None:
        """A store in use renews what it holds before the grace period of others is over."""
        store = ArtifactStore(tmp_path, grace=0.02)
        owner = Owner()
        reference = await store.put("kept", owner=owner)
        grow_old(tmp_path, 1_000)
        await asyncio.sleep(0.02)
        await store.put("something else")
        assert time.time() - (tmp_path / f"artifact-{reference}.txt").stat().st_mtime < 500

    async def test_held_texts_that_are_gone_do_no_harm(self, tmp_path: Path) -> None:
        """To hold what was removed is not an error, and does not bring it back."""
        store, owner = ArtifactStore(tmp_path), Owner()
        await store.hold(["a" * 10], owner)
        await store.put("text")
        assert not await store.exists("a" * 10)

    async def test_broken_off_writes_are_cleared_away(self, tmp_path: Path) -> None:
        """What a killed process left of a write goes when room is needed, after the grace period."""
        store = ArtifactStore(tmp_path, max_bytes=1_000)
        part = tmp_path / "artifact-abcdefghij.0123abcd.part.txt"
        part.write_text("x" * 5_000)
        await store.put("a" * 900)
        assert part.exists()
        grow_old(tmp_path, 90_000)
        await store.put("b" * 900)
        assert not part.exists()

    async def test_a_place_that_does_not_tell_the_time(self, odd: type[_OddFileSystem]) -> None:
        """Where files have no date, nothing is removed, since nobody can know who needs it."""
        odd.tells_time = False
        store = ArtifactStore("odd://bucket", max_bytes=1_000)
        references = [await store.put(letter * 900) for letter in "abc"]
        assert [await store.exists(reference) for reference in references] == [True] * 3

    async def test_dates_in_every_form(self, odd: type[_OddFileSystem], monkeypatch: pytest.MonkeyPatch) -> None:
        """Dates are understood as numbers and as date objects, under the names that backends use; the oldest goes."""
        references = [await ArtifactStore().put(letter * 1_000) for letter in "abc"]
        dates: list[dict[str, Any]] = [
            {"mtime": "yesterday", "LastModified": datetime(2020, 1, 1)},
            {"mtime": 1_500_000_000.0},
            {"updated": "just now"},
        ]

        def dated(self: _OddFileSystem, entry: Any) -> Any:
            del self
            reference = entry["name"][-14:-4]
            date = dates[references.index(reference)] if reference in references else {}
            return {"name": entry["name"], "size": entry["size"], "type": entry["type"], **date}

        monkeypatch.setattr(odd, "_timeless", dated)
        store = ArtifactStore("odd://bucket", max_bytes=2_500)
        for letter in "abc":
            await store.put(letter * 1_000)
        assert [await store.exists(reference) for reference in references] == [True, False, True]

    @pytest.mark.usefixtures("odd")
    async def test_an_object_store(self) -> None:
        """Where dates are coarse, a store leaves even its own young texts alone; old ones go, renewed ones do not."""
        store, other, owner = (
            ArtifactStore("odd://bucket", max_bytes=1_500, grace=0.2),
            ArtifactStore("odd://bucket"),
            Owner(),
        )
        references = [await store.put(letter * 1_000) for letter in "ab"]
        assert [await store.exists(reference) for reference in references] == [True] * 2
        await asyncio.sleep(0.25)
        await other.hold(references[:1], owner)
        await store.put("c" * 1_000)
        assert [await store.exists(reference) for reference in references] == [True, False]

    async def test_a_listing_behind_the_times(self, odd: type[_OddFileSystem], monkeypatch: pytest.MonkeyPatch) -> None:
        """A listing may show files that are gone, or dates of before they were renewed: neither does harm."""
        listed = odd.ls

        def outdated(self: _OddFileSystem, path: str, detail: bool = True) -> Any:
            ghost = {"name": f"{path}/artifact-abcdefghij.txt", "size": 500}
            return [{**entry, "created": 0.0} for entry in (ghost, *listed(self, path, detail))]

        monkeypatch.setattr(odd, "ls", outdated)
        other, store = ArtifactStore("odd://bucket"), ArtifactStore("odd://bucket", max_bytes=1_000)
        references = [await other.put("a" * 2_000), await store.put("b")]
        assert [await store.exists(reference) for reference in references] == [True] * 2

    def test_four_processes_on_one_folder(self, tmp_path: Path) -> None:
        """Four processes that write, hold and evict in one folder at the same time lose nothing that is held."""
        context = multiprocessing.get_context("spawn")
        with context.Pool(4) as pool:
            results = pool.map(use_store, [(str(tmp_path), process) for process in range(4)])
        store = ArtifactStore(tmp_path)
        for references in results:
            assert len(references) == 30
            for text, reference in references.items():
                assert asyncio.run(store.get(reference)) == text
        assert {results[0][text] for text in results[0]} & {results[1][text] for text in results[1]}
        assert not [path for path in tmp_path.iterdir() if ".part." in path.name]


class TestFailing:
    """A store that fails or hangs costs the whole text, never the agent."""

    async def test_no_such_place(self, tmp_path: Path) -> None:
        """Where no folder can be made, `put` raises an OSError."""
        (tmp_path / "file").write_text("in the way")
        store = ArtifactStore(tmp_path / "file" / "folder")
        with pytest.raises(OSError, match="file"):
            await store.put("text")

    async def test_foreign_errors(self, odd: type[_OddFileSystem]) -> None:
        """Whatever a backend raises becomes an OSError that names it."""
        store = ArtifactStore("odd://bucket")
        odd.write_error = RuntimeError("quota of the cloud")
        with pytest.raises(OSError, match="RuntimeError: quota of the cloud"):
            await store.put("text")

    async def test_disk_full(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A write that fails at its end leaves nothing behind."""
        store = ArtifactStore(tmp_path)

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", full)
            with pytest.raises(OSError, match="No space left"):
                await store.put("text")
        assert not files(tmp_path)

    async def test_too_slow(self, odd: type[_OddFileSystem]) -> None:
        """A store that does not answer in time is given up, while the event loop runs on."""
        odd.write_seconds = 0.5
        store = ArtifactStore("odd://bucket", timeout=0.05)
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                await asyncio.sleep(0.005)
                beats += 1

        beating = asyncio.create_task(beat())
        with pytest.raises(TimeoutError, match=r"odd://bucket did not answer within 0\.05 seconds"):
            await store.put("text")
        beating.cancel()
        assert beats > 1

    async def test_given_up_before_it_began(self, odd: type[_OddFileSystem]) -> None:
        """To cancel a put ends the waiting at once; the text may still be written."""
        odd.write_seconds = 0.2
        store = ArtifactStore("odd://bucket")
        putting = asyncio.create_task(store.put("text"))
        await asyncio.sleep(0.02)
        putting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await putting
        odd.write_seconds = 0
        assert await store.get(await store.put("text")) == "text"

    async def test_holding_in_a_failing_store(
        self, odd: type[_OddFileSystem], caplog: pytest.LogCaptureFixture
    ) -> None:
        """What cannot be renewed is still held here, and the log says so."""
        other, store, owner = ArtifactStore("odd://bucket"), ArtifactStore("odd://bucket"), Owner()
        reference = await other.put("text")
        odd.write_error = ConnectionError("away")
        await store.hold([reference], owner)
        assert [record.message for record in caplog.records] == [
            "Held texts could not be renewed in odd://bucket: away"
        ]
        assert await store.get(reference) == "text"


class _StoreMachine(RuleBasedStateMachine):
    """Any sequence of puts, holds, releases and deaths of owners."""

    references = Bundle("references")
    owners = Bundle("owners")

    def __init__(self) -> None:
        super().__init__()
        self.bound = 100
        self.store = self.make_store()
        self.texts: dict[str, str] = {}
        self.newest: set[str] = set()
        self.alive: dict[int, Owner] = {}
        self.held: dict[int, set[str]] = {}

    def make_store(self) -> ArtifactStore:
        return ArtifactStore(max_bytes=self.bound)

    def exists(self, reference: str) -> bool:
        return asyncio.run(self.store.exists(reference))

    def kept(self) -> set[str]:
        """What must be there: what is held, and the newest text."""
        return self.newest.union(*self.held.values())

    @rule(target=owners)
    def new_owner(self) -> int:
        number = len(self.held)
        self.alive[number], self.held[number] = Owner(), set()
        return number

    @rule(target=references, size=st.integers(0, 60), letter=st.sampled_from("abcdef"))
    def put(self, size: int, letter: str) -> str:
        reference = asyncio.run(self.store.put(letter * size))
        self.texts[reference], self.newest = letter * size, {reference}
        return reference

    @rule(target=references, size=st.integers(0, 60), letter=st.sampled_from("abcdef"), owner=owners)
    def put_for(self, size: int, letter: str, owner: int) -> str:
        reference = asyncio.run(self.store.put(letter * size, owner=self.alive.get(owner)))
        self.texts[reference], self.newest = letter * size, {reference}
        if owner in self.alive:
            self.held[owner].add(reference)
        return reference

    @rule(reference=references, owner=owners)
    def hold(self, reference: str, owner: int) -> None:
        if owner in self.alive:
            asyncio.run(self.store.hold([reference], self.alive[owner]))
            self.held[owner].update({reference} if self.exists(reference) else ())

    @rule(owner=owners)
    def release(self, owner: int) -> None:
        self.store.release(self.alive.get(owner))
        self.held[owner] = set()

    @rule(owner=owners)
    def die(self, owner: int) -> None:
        self.alive.pop(owner, None)
        self.held[owner] = set()

    @invariant()
    def what_is_held_is_there(self) -> None:
        for reference in self.kept():
            assert asyncio.run(self.store.get(reference)) == self.texts[reference]

    @rule()
    def the_bound_is_kept(self) -> None:
        """After a put, the store is within its bound, or nothing more may go."""
        self.put(1, "z")
        stored = [reference for reference in self.texts if self.exists(reference)]
        size = sum(len(self.texts[reference]) for reference in stored)
        assert size <= self.bound or not any(
            self.texts[reference] for reference in stored if reference not in self.kept()
        )


class _FolderMachine(_StoreMachine):
    """The same in a folder."""

    def make_store(self) -> ArtifactStore:
        self.folder = tempfile.TemporaryDirectory()
        return ArtifactStore(self.folder.name, max_bytes=self.bound)

    def teardown(self) -> None:
        self.folder.cleanup()


TestAnySequence = _StoreMachine.TestCase
TestAnySequence.settings = settings(max_examples=examples(0.5), stateful_step_count=20)
TestAnySequenceInAFolder = _FolderMachine.TestCase
TestAnySequenceInAFolder.settings = settings(max_examples=examples(0.3), stateful_step_count=20)


@pytest.mark.skipif(os.name != "posix", reason="other systems have no modes")
async def test_nobody_else_on_the_machine_reads_what_was_stored(tmp_path: Path) -> None:
    """The folder and its files are for this user alone, whatever the umask."""
    before = os.umask(0)
    try:
        await ArtifactStore(tmp_path / "texts").put("what was said")
    finally:
        os.umask(before)
    (file,) = (tmp_path / "texts").iterdir()
    assert [path.stat().st_mode & 0o777 for path in (file.parent, file)] == [0o700, 0o600]
