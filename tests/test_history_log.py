"""The log of a conversation: what left it, word for word and in order, from a store that may fail."""

from pathlib import Path

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

from autogen_budget import ArtifactStore
from autogen_budget._history_log import HistoryLog, written
from autogen_budget._turns import Turn


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


CUT = 'head\n[cut: 90 of 99 characters left out; read_artifact("abcdefghij", start_line=1)]'


@pytest.mark.parametrize(
    ("turn", "text"),
    [
        (said("hello"), "[user] hello"),
        (Turn(SystemMessage(content="rule")), "[instructions] rule"),
        (Turn(AssistantMessage(content="yes", source="watch")), "[watch] yes"),
        (Turn(AssistantMessage(content="yes", thought="no", source="w")), "[w thinks] no\n[w] yes"),
        (
            Turn(UserMessage(content=["see", Image(Picture.new("RGB", (2, 2)))], source="user")),
            "[user] see\n[image]",
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
    assert written(turn) == text


def test_what_was_cut_is_whole_or_keeps_its_reference() -> None:
    """A text that was shortened is told as it was, but for a result whose whole can be read by its own reference."""
    assert written(call("all of it").with_results(["part"])).endswith("[look returns] all of it")
    assert written(call("all of it").with_results([CUT])).endswith(CUT)
    cut = said("long words").with_head(UserMessage(content="long...", source="user"))
    assert written(cut) == "[user] long words"


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
    told = written(whole.with_calls(1).with_results([CUT]))
    assert told == "\n".join(f"[watch calls look] {{}}\n[look returns] {text}" for text in ("sea 0", "sea 1", CUT))


async def test_pieces_are_read_in_order() -> None:
    """What was added comes back as one text, through a saved state too."""
    store = ArtifactStore()
    log = HistoryLog(store)
    assert await log.read() == ""
    for i in range(40):
        assert await log.add([said(f"turn {i}"), said("again")])
    text = await log.read()
    assert text == "\n\n".join(f"[user] turn {i}\n\n[user] again" for i in range(40))
    loaded = HistoryLog(store)
    loaded.load(log.save())
    assert await loaded.read() == text
    loaded.load("garbage")
    loaded.load([7, *log.save()])
    assert await loaded.read() == text
    log.forget()
    assert (await log.read(), log.save()) == ("", [])


async def test_loaded_pieces_and_what_they_refer_to_are_held() -> None:
    """A full store lets nothing go that a loaded log needs, nor texts that its turns name."""
    store = ArtifactStore(max_bytes=5_000)
    whole = await store.put("the whole")
    log = HistoryLog(store)
    await log.add([call("all").with_results([CUT.replace("abcdefghij", whole)])])
    loaded = HistoryLog(store)
    loaded.load(log.save())
    del log
    await loaded.hold()
    await loaded.hold()
    for i in range(40):
        await store.put(f"filler {i} " + "word " * 200)
    assert await store.exists(whole)
    assert "look returns" in await loaded.read()


async def test_a_failing_store_is_no_error(tmp_path: Path) -> None:
    """Turns that cannot be stored are told of, and a piece that is gone leaves a line in its place."""
    (tmp_path / "file").write_text("no folder")
    assert not await HistoryLog(ArtifactStore(tmp_path / "file")).add([said("lost")])
    log = HistoryLog(ArtifactStore(tmp_path / "folder"))
    await log.add([said("one")])
    await log.add([said("two")])
    (tmp_path / "folder" / f"artifact-{log.save()[0]}.txt").unlink()
    text = await log.read()
    assert text.startswith("[some turns cannot be read: ")
    assert text.endswith("[user] two")
