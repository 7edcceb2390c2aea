"""The archive of a conversation: what left it, word for word and in order, from a store that may fail."""

import asyncio
from pathlib import Path
from typing import cast

import pytest
from autogen_core import FunctionCall, Image
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResult,
    FunctionExecutionResultMessage,
    SystemMessage,
    UserMessage,
)
from PIL import Image as Picture

from autogen_budget import ArtifactStore, Turn
from autogen_budget._history import HistoryArchive
from autogen_budget._history._archive import written
from autogen_budget._text import indented


def said(text: str) -> Turn:
    """A user's words."""
    return Turn(UserMessage(content=text, source="user"))


def call(result: str, *, is_error: bool = False) -> Turn:
    """A call with its result."""
    return Turn(
        AssistantMessage(
            content=[FunctionCall(id="1", name="look", arguments='{"at": "pier"}')], thought="Hm.", source="watch"
        ),
        FunctionExecutionResultMessage(
            content=[FunctionExecutionResult(content=result, name="look", call_id="1", is_error=is_error)]
        ),
    )


def pieces_of(archive: HistoryArchive) -> list[str]:
    """References of the newest pieces."""
    pieces = archive.save()["pieces"]
    assert isinstance(pieces, list)
    return cast("list[str]", pieces)


CUT = 'head\n[cut: 90 of 99 characters left out; read_artifact("abcdefghij")]'


def nothing_cut(_text: str) -> str | None:
    """Where no text was cut."""
    return None


def only_cut(text: str) -> str | None:
    """Where results were cut when they came in, and one of them again."""
    return "abcdefghij" if text in (CUT, "all of it", "sea 2") else None


@pytest.mark.parametrize(
    ("turn", "text"),
    [
        (said("hello"), "[user] hello"),
        (Turn(SystemMessage(content="rule")), "[instructions] rule"),
        (Turn(AssistantMessage(content="yes", source="watch")), "[watch] yes"),
        (Turn(AssistantMessage(content="yes", thought="no", source="w")), "[w thinks] no\n[w] yes"),
        (
            Turn(UserMessage(content=["see", Image(Picture.new("RGB", (2, 2)))], source="user")),
            "[user] see\n  [image]",
        ),
        (call("water"), '[watch thinks] Hm.\n[watch calls look] {"at": "pier"}\n[look returns] water'),
        (
            call("fog", is_error=True),
            '[watch thinks] Hm.\n[watch calls look] {"at": "pier"}\n[look fails] fog',
        ),
    ],
)
def test_a_turn_reads_like_a_transcript(turn: Turn, text: str) -> None:
    """Each message says whose it is; a call has its arguments, a result the tool's name."""
    assert written(turn, nothing_cut) == text


def test_what_was_cut_is_whole_or_keeps_its_reference() -> None:
    """A text that was shortened is told as it was, but for a result whose whole can be read by its own reference."""
    assert written(call("all of it").with_results(["part"]), nothing_cut).endswith("[look returns] all of it")
    assert written(call("all of it").with_results([CUT]), only_cut).endswith(indented(CUT))
    cut = said("long words").with_head(UserMessage(content="long...", source="user"))
    assert written(cut, only_cut) == "[user] long words"


def test_calls_that_were_left_out_are_told() -> None:
    """A turn that lost calls to fit is told with all of them; what stays and refers to its whole stays as it is."""
    ids = ["1", "2", "2"]
    whole = Turn(
        AssistantMessage(content=[FunctionCall(id=i, name="look", arguments="{}") for i in ids], source="watch"),
        FunctionExecutionResultMessage(
            content=[
                FunctionExecutionResult(content=f"sea {place}", name="look", call_id=i, is_error=False)
                for place, i in enumerate(ids)
            ]
        ),
    )
    told = written(whole.with_calls(1).with_results([CUT]), only_cut)
    assert told == "\n".join(
        f"[watch calls look] {{}}\n[look returns] {text}" for text in ("sea 0", "sea 1", indented(CUT))
    )


async def test_pieces_are_read_in_order() -> None:
    """What was added comes back as one text, through a saved state too."""
    store = ArtifactStore()
    log = HistoryArchive(store)
    assert await log.read() == ""
    for i in range(40):
        assert await log.add([said(f"turn {i}"), said("again")])
    text = await log.read()
    assert text == "\n\n".join(f"[user] turn {i}\n\n[user] again" for i in range(40))
    loaded = HistoryArchive(store)
    loaded.load(log.save())
    assert await loaded.read() == text
    loaded.load("garbage")
    loaded.load({"older": 7, "pieces": [7, *pieces_of(log)]})
    assert await loaded.read() == text
    log.forget()
    assert (await log.read(), pieces_of(log)) == ("", [])


async def test_loaded_pieces_and_what_they_refer_to_are_held() -> None:
    """A full store lets nothing go that a loaded log needs, nor texts that its turns name."""
    store = ArtifactStore(max_bytes=5_000)
    whole = await store.put("all")
    log = HistoryArchive(store)
    cut = CUT.replace("abcdefghij", whole)
    store.remember_cut(cut, whole)
    await log.add([call("all").with_results([cut])])
    loaded = HistoryArchive(store)
    loaded.load(log.save())
    del log
    await loaded.hold([])
    await loaded.hold([])
    for i in range(40):
        await store.put(f"filler {i} " + "word " * 200)
    assert await store.exists(whole)
    assert "look returns" in await loaded.read()


async def test_a_failing_store_is_no_error(tmp_path: Path) -> None:
    """Turns that cannot be stored are told of, and a piece that is gone leaves a line in its place."""
    (tmp_path / "file").write_text("no folder")
    assert not await HistoryArchive(ArtifactStore(tmp_path / "file")).add([said("lost")])
    log = HistoryArchive(ArtifactStore(tmp_path / "folder"))
    await log.add([said("one")])
    await log.add([said("two")])
    (tmp_path / "folder" / f"artifact-{pieces_of(log)[0]}.txt").unlink()
    text = await log.read()
    assert text.startswith("[some turns cannot be read: ")
    assert text.endswith("[user] two")


async def test_the_list_of_pieces_stays_short(tmp_path: Path) -> None:
    """Of a run without end only the newest references are in the state; all that was said can be read."""
    store = ArtifactStore(tmp_path)
    archive = HistoryArchive(store)
    sizes: list[int] = []
    for i in range(400):
        await archive.add([said(f"turn {i}")])
        sizes.append(len(str(archive.save())))
    assert max(sizes[200:]) <= max(sizes[:200])
    text = "\n\n".join(f"[user] turn {i}" for i in range(400))
    loaded = HistoryArchive(store)
    loaded.load(archive.save())
    await loaded.hold([])
    assert await loaded.read() == await archive.read() == text
    older = loaded.save()["older"]
    (tmp_path / f"artifact-{older}.txt").unlink()
    assert (await loaded.read()).startswith("[some turns cannot be read: ")


async def test_pieces_stay_listed_while_the_store_fails(tmp_path: Path) -> None:
    """Where the list cannot be stored, it stays as it is."""
    folder = tmp_path / "folder"
    archive = HistoryArchive(ArtifactStore(folder))
    archive.load({"older": None, "pieces": [f"aaaaaaaa{a}{b}" for a in "abcdefgh" for b in "abcdefghi"]})
    folder.parent.joinpath("folder").write_text("no folder")
    assert not await archive.add([said("lost")])
    assert len(pieces_of(archive)) == 72


async def test_loaded_pieces_that_are_gone_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """A state that came without its store is one line in the log."""
    archive = HistoryArchive(ArtifactStore())
    archive.load({"older": None, "pieces": ["aaaaaaaaaa"]})
    with caplog.at_level("WARNING", "autogen_budget"):
        await archive.hold([])
        await archive.hold([])
    assert [record.getMessage()[:8] for record in caplog.records] == ["1 of 1 p"]


async def test_without_a_store_nothing_is_expected() -> None:
    """All is well, and there is nothing to read."""
    archive = HistoryArchive(None)
    assert await archive.add([said("gone")])
    await archive.hold(["text"])
    archive.forget()
    assert (archive.lease, await archive.read()) == (None, "")


async def test_turns_that_calls_at_once_let_go_are_stored_once() -> None:
    """Each turn is in the archive once, in whatever order the store answers; the same words again are another turn."""
    archive = HistoryArchive(ArtifactStore())
    one, two, three = said("one"), said("two"), said("three")
    with archive.in_use(), archive.in_use():
        await asyncio.gather(archive.add([one, two]), archive.add([one, two, three]), archive.add([one]))
    text = await archive.read()
    assert sorted(text.split("\n\n")) == ["[user] one", "[user] three", "[user] two"]
    await archive.add([said("one")])
    assert (await archive.read()).count("[user] one") == 2


async def test_a_cut_of_a_cut_does_not_stand_for_the_whole() -> None:
    """Where the store failed for the whole, and later kept what was left of it, the whole is stored all the same."""
    store = ArtifactStore()
    whole = "all is well aboard\n" + "the pump failed\n" * 9
    call = FunctionCall(id="1", name="look", arguments="{}")
    result = FunctionExecutionResult(content=whole, name="look", call_id="1", is_error=False)
    turn = Turn(AssistantMessage(content=[call], source="a"), FunctionExecutionResultMessage(content=[result]))
    once = turn.with_results(["the pump failed\n[cut]"])
    reference = await store.put("the pump failed\n[cut]")
    twice = once.with_results([f'[cut; read_artifact("{reference}")]'])
    store.remember_cut(f'[cut; read_artifact("{reference}")]', reference)
    archive = HistoryArchive(store)
    assert await archive.add([twice])
    assert indented(whole.strip()) in await archive.read()
