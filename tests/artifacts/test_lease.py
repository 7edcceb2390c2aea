"""What one conversation keeps: its cut texts, and all that its messages refer to."""

import gc
import logging
from pathlib import Path

import pytest

from autogen_budget import ArtifactNotFoundError, ArtifactStore
from autogen_budget._artifacts import MAX_CUTS_KNOWN, ArtifactLease, StoreResult


async def fill(store: ArtifactStore, texts: int = 40) -> None:
    """Puts so much into a store that nothing stays in it that nobody holds."""
    for i in range(texts):
        await store.put(f"filler {i} " + "word " * 200)


def notice(reference: str) -> str:
    """A cut text as it stands in a conversation."""
    return f'[cut: 7 of 9 characters left out; read_artifact("{reference}")]'


async def test_keeps_a_text_while_it_lives() -> None:
    """A text stays although the store is full, until its keeper is gone."""
    store = ArtifactStore(max_bytes=5_000)
    keeper = ArtifactLease(store)
    kept = await keeper.keep("the whole")
    assert kept == StoreResult(kept.reference)
    assert kept.reference is not None
    await fill(store)
    assert await store.get(kept.reference) == "the whole"
    del keeper
    gc.collect()
    await fill(store)
    with pytest.raises(ArtifactNotFoundError):
        await store.get(kept.reference)


async def test_a_failing_store_is_one_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """There is no reference then, and no error."""
    (tmp_path / "file").write_text("no folder")
    with caplog.at_level(logging.WARNING, "autogen_budget"):
        kept = await ArtifactLease(ArtifactStore(tmp_path / "file")).keep("the whole")
    assert kept.reference is None
    assert kept.error
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("quote", ['"', '\\"', '\\\\"'])
async def test_holds_what_messages_refer_to(quote: str) -> None:
    """A text that somebody else stored stays while a message names it, as itself or inside of JSON."""
    store = ArtifactStore(max_bytes=5_000)
    one, two, free = [await store.put(text) for text in ("one", "two", "free")]
    keeper = ArtifactLease(store)
    await keeper.hold(["nothing", f"{notice(one)} and {notice(two)}".replace('"', quote)])
    await keeper.hold([notice(one)])
    await fill(store)
    assert [await store.exists(reference) for reference in (one, two, free)] == [True, True, False]


async def test_releases_everything() -> None:
    """After a release the texts may go, and may be held again."""
    store = ArtifactStore(max_bytes=5_000)
    keeper = ArtifactLease(store)
    mine = (await keeper.keep("mine")).reference
    assert mine is not None
    other = await store.put("other")
    await keeper.hold([notice(other)])
    keeper.release()
    await keeper.hold([notice(mine)])
    await fill(store)
    assert [await store.exists(reference) for reference in (mine, other)] == [True, False]


async def test_a_cut_text_is_not_stored_again() -> None:
    """What was cut from a stored text has its whole there, unless that is gone or somebody else wrote the text."""
    store = ArtifactStore(max_bytes=5_000)
    lease = ArtifactLease(store)
    whole = str((await lease.keep("the whole")).reference)
    assert (await lease.keep(notice(whole))).reference != whole, "words like any others"
    store.remember_cut(notice(whole), whole)
    assert store.whole_of(notice(whole)) == whole
    assert (await ArtifactLease(store).keep(notice(whole))).reference == whole
    lease.release()
    await fill(store)
    again = await lease.keep(notice(whole))
    assert again.reference != whole
    assert await store.get(str(again.reference)) == notice(whole)


async def test_only_so_many_cuts_are_known() -> None:
    """The oldest are forgotten: they would be stored again."""
    store = ArtifactStore()
    for i in range(MAX_CUTS_KNOWN + 1):
        store.remember_cut(f"cut {i} abcdefghij", "abcdefghij")
    assert [store.whole_of(f"cut {i} abcdefghij") for i in (0, 1, MAX_CUTS_KNOWN)] == [None, "abcdefghij", "abcdefghij"]


async def test_a_bare_mark_stands_for_no_whole() -> None:
    """It may be left of any text; whether a whole is stored is told by that."""
    store = ArtifactStore()
    lease = ArtifactLease(store)
    for text in ("one", "another"):
        store.remember_cut("[cut]", str((await lease.keep(text)).reference))
    assert store.whole_of("[cut]") is None
    assert await store.get(str((await lease.keep("[cut]")).reference)) == "[cut]"
    assert [lease.keeps(text) for text in ("one", "another", "a third")] == [True, True, False]
