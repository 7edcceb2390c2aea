"""A store with latency is written behind: in order, with a bound, and nothing is lost that somebody refers to."""

import asyncio
import hashlib
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.replay import ReplayChatCompletionClient
from hypothesis import given
from hypothesis import strategies as st

import far_place
from autogen_budget import ArtifactStore, BudgetedAgent, TokenBudget
from far_place import FarPlace

LARGE = "x" * (12 << 20)
"""A text of which two may wait, and three may not."""


class Owner:
    """Somebody who refers to texts."""


@pytest.fixture(autouse=True)
def _place() -> Iterator[None]:
    """Each test begins with an empty place, and ends with nothing that waits."""
    FarPlace.begin()
    yield
    FarPlace.failures.clear()
    FarPlace.gate.set()


@given(
    puts=st.lists(st.tuples(st.integers(0, 2), st.text(max_size=4)), min_size=1, max_size=12),
    failures=st.lists(st.booleans(), max_size=8),
)
def test_any_texts_over_any_line(puts: list[tuple[int, str]], failures: list[bool]) -> None:
    """Each can be read at once, is there for everybody after a flush, and an owner's are written in their order."""

    async def check() -> None:
        store, elsewhere = ArtifactStore("far://bucket"), ArtifactStore("far://bucket")
        owners = [Owner() for _ in range(3)]
        references: dict[str, str] = {}
        for owner, text in puts:
            references[text] = await store.put_behind(text, owner=owners[owner])
            assert await store.exists(references[text])
            for reader in (store, elsewhere):
                assert await reader.get(references[text]) == text
        while not await store.flush():
            assert failures
        for text, reference in references.items():
            assert FarPlace.store[f"/bucket/artifact-{reference}.txt"].getvalue().decode() == text
        for number, held_by in enumerate(owners):
            mine = list(dict.fromkeys(text for whose, text in puts if whose == number))
            assert set(store.held(held_by)) == {references[text] for text in mine}
            first_written = [text for text in dict.fromkeys(FarPlace.written) if text in mine]
            others = {text for whose, text in puts if whose != number}
            assert [text for text in first_written if text not in others] == [t for t in mine if t not in others]

    FarPlace.begin()
    FarPlace.failures.extend(failures)
    asyncio.run(check())


async def test_who_stores_a_text_does_not_wait_for_the_place() -> None:
    """As long as nothing is written, it is read from memory; `put` alone waits until it is written."""
    FarPlace.gate.clear()
    store, owner = ArtifactStore("far://bucket"), Owner()
    references = [await store.put_behind(f"text {number}", owner=owner) for number in range(20)]
    assert [await store.get(reference) for reference in references] == [f"text {number}" for number in range(20)]
    await ArtifactStore("far://bucket").hold(references, owner)
    putting = asyncio.create_task(store.put("text 5"))
    assert not (await asyncio.wait([putting], timeout=0.05))[0]
    assert not FarPlace.store
    FarPlace.gate.set()
    assert await putting == references[5]
    assert await store.flush()
    assert len(FarPlace.store) == 20


@pytest.mark.parametrize("away", [True, False])
async def test_only_so_much_waits(away: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever stores more waits until there is room; where the place is away, it is refused, and said so."""
    store = ArtifactStore("far://bucket")
    if away:
        FarPlace.failures.extend([True] * 1_000)
    else:
        FarPlace.gate.clear()
    first = [await store.put_behind(f"{number}{LARGE}") for number in range(2)]
    third = asyncio.create_task(store.put_behind(f"2{LARGE}"))
    if away:
        with pytest.raises(OSError, match=r"bytes wait already to be written to far://bucket: the line is down"):
            await third
        FarPlace.failures.clear()
    else:
        assert not (await asyncio.wait([third], timeout=0.05))[0]
        FarPlace.gate.set()
        first.append(await third)
    assert await store.flush()
    assert len(FarPlace.written) == len(first)
    said = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert (
        said
        == [
            "texts wait in memory until they can be written to far://bucket: the line is down",
            "texts are written to far://bucket again",
        ]
        * away
    )


async def test_a_place_that_fails_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    """It is asked again, and nobody is told."""
    FarPlace.failures.extend([True, True, False, True])
    store = ArtifactStore("far://bucket")
    for number in range(3):
        await store.put_behind(f"text {number}")
    assert await store.flush()
    assert FarPlace.written == ["text 0", "text 1", "text 2"]
    assert not caplog.messages


async def test_what_cannot_be_written_is_kept_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """It stays in memory; the log says so once, a flush as often as it fails; it is written when that works again."""
    FarPlace.failures.extend([True] * 1_000)
    store = ArtifactStore("far://bucket")
    references = [await store.put_behind(f"text {number}") for number in range(3)]
    assert not await store.flush()
    assert [await store.get(reference) for reference in references] == ["text 0", "text 1", "text 2"]
    FarPlace.failures.clear()
    assert await store.flush()
    assert FarPlace.written == ["text 0", "text 1", "text 2"]
    assert [record.message.partition(" far:")[0] for record in caplog.records] == [
        "texts wait in memory until they can be written to",
        "3 texts are kept in memory, and not yet in",
        "texts are written to",
    ]


async def test_a_reference_that_another_text_has(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is given the other text: this one stays in memory, and the log says so."""
    store, elsewhere = ArtifactStore("far://bucket"), ArtifactStore("far://bucket")
    real = hashlib.blake2b

    class Weak:
        def __init__(self, data: bytes) -> None:
            self.data = data

        def digest(self) -> bytes:
            return bytes(25) + real(self.data).digest()[25:]

    monkeypatch.setattr(hashlib, "blake2b", Weak)
    first = await elsewhere.put("one")
    assert await store.put_behind("two") == first
    assert not await store.flush()
    assert await store.get(first) == "two"
    assert f"far://bucket has another text as '{first}': this one is kept in memory alone" in caplog.messages
    FarPlace.store.clear()
    assert await store.flush()


async def test_a_place_that_hangs(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody waits for it longer than the timeout."""
    FarPlace.gate.clear()
    store = ArtifactStore("far://bucket", timeout=0.05)
    reference = await store.put_behind("text")
    assert not await store.flush()
    assert "1 texts are kept in memory" in caplog.text or "did not answer within 0.05 seconds" in caplog.text
    assert await store.get(reference) == "text"
    FarPlace.gate.set()
    while not await store.flush():
        pass


def agent_at(url: str) -> BudgetedAgent:
    """An agent whose turns leave a bounded memory."""
    inner = AssistantAgent("clerk", ReplayChatCompletionClient(["Noted."] * 40))
    return BudgetedAgent(inner, TokenBudget(300, reply_reserve=50), artifacts=ArtifactStore(url), bounded_memory=True)


async def converse(agent: BudgetedAgent) -> None:
    """Talk until something has left the conversation."""
    for number in range(6):
        await agent.run(task=f"Report {number}: " + "nothing new, the wind is light. " * 10)


async def test_a_saved_state_refers_to_nothing_that_is_not_written() -> None:
    """Calls go on while the place writes nothing; to save a state waits, and the next machine finds all of it."""
    FarPlace.gate.clear()
    agent = agent_at("far://bucket")
    await converse(agent)
    assert not FarPlace.store
    saving = asyncio.create_task(agent.save_state())
    assert not (await asyncio.wait([saving], timeout=0.05))[0]
    FarPlace.gate.set()
    state: Mapping[str, Any] = await saving
    other = agent_at("far://bucket")
    await other.load_state(state)
    history = await other.read_history()
    assert "Report 0" in history
    assert history == await agent.read_history()


async def test_a_closed_agent_has_written_everything() -> None:
    """Whoever closes an agent loses nothing."""
    FarPlace.gate.clear()
    agent = agent_at("far://bucket")
    await converse(agent)
    threading.Timer(0.05, FarPlace.gate.set).start()
    await agent.close()
    assert FarPlace.store


def test_the_end_of_the_process_waits(tmp_path: Path) -> None:
    """What was stored behind at the very end is there."""
    subprocess.run([sys.executable, far_place.__file__, str(tmp_path / "texts")], check=True)
    assert {path.read_text() for path in (tmp_path / "texts").iterdir()} == {"text 0", "text 1", "text 2"}
