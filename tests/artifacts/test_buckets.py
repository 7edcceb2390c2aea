"""Texts in a bucket, on a local server that speaks S3: many processes, a server that fails, machines that die."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

import s3_worker
from autogen_budget import ArtifactStore
from profiles import examples
from s3_server import FAILING, s3_server

pytest.importorskip("s3fs")


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket that answers."""
    with s3_server() as url:
        yield url


@pytest.fixture
def url(bucket: str) -> str:
    """A place in it that nobody else has."""
    return f"{bucket}/{uuid4().hex}"


def worker(*arguments: object) -> "subprocess.Popen[str]":
    """Another process."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", s3_worker.__file__, *map(str, arguments)], stdout=subprocess.PIPE, text=True
    )


def references(printed: str) -> dict[int, str]:
    """What a process stored, by the number of the text."""
    lines = [line.split() for line in printed.splitlines() if line.count(" ") == 1]
    return {int(number): reference for number, reference in lines}


async def check_all(url: str, stored: dict[int, str]) -> None:
    """All that somebody may refer to is there, whole, for somebody else."""
    store, places = ArtifactStore(url, timeout=s3_worker.TIMEOUT), asyncio.Semaphore(4)

    async def read(reference: str) -> str:
        while True:
            with suppress(OSError):  # the place fails, as it may, and says so
                return await store.get(reference)

    async def check(number: int, reference: str) -> None:
        async with places:
            assert await read(reference) == s3_worker.text_of(number)

    await asyncio.gather(*(check(number, reference) for number, reference in stored.items()))


@pytest.mark.timeout(1_800)
async def test_four_processes_and_a_server_that_fails(bucket: str) -> None:
    """It fails one request in ten; nothing is lost, and what is the same is stored once."""
    texts = 2_500 if examples(1) >= 1_000 else examples(0.5)  # a process
    del bucket  # it is on the same server
    url = f"{FAILING}/{uuid4().hex}"
    printed, _ = await asyncio.to_thread(worker(url, "put", 4, texts).communicate)
    stored = references(printed)
    assert len(printed.splitlines()) == 4 * texts
    assert len(set(stored.values())) == len(stored) < 4 * texts
    await check_all(url, stored)


async def test_a_machine_that_dies_in_mid_write(url: str) -> None:
    """Killed while it writes: all that it had named is there, whole, and nothing is there by halves."""
    dying = worker(url, "put", 1, 2_000)
    assert dying.stdout is not None
    first = [await asyncio.to_thread(dying.stdout.readline) for _ in range(10)]
    dying.kill()
    rest, _ = await asyncio.to_thread(dying.communicate)
    stored = references("".join([*first, rest]))
    assert 10 <= len(stored) < 2_000
    await check_all(url, stored)
    again = ArtifactStore(url, timeout=s3_worker.TIMEOUT)
    for number, reference in list(stored.items())[:5]:
        assert await again.put(s3_worker.text_of(number)) == reference, "who goes on in its place stores nothing twice"


async def test_stores_on_two_machines_do_not_disturb_each_other(url: str) -> None:
    """Each sees at once what the other puts, whatever it has listed before; a full one leaves alone what is young."""
    here = ArtifactStore(url, max_bytes=3_000, timeout=s3_worker.TIMEOUT)
    there = ArtifactStore(url, timeout=s3_worker.TIMEOUT)
    assert not await here.exists("abcdefghij")
    mine = await here.put("mine " * 500)
    other = await there.put("other " * 500)
    assert await here.exists(other)
    for number in range(3):
        await here.put(f"{number} " * 1_000)
    assert await there.get(other) == "other " * 500
    assert await there.get(mine) == "mine " * 500


async def test_a_conversation_goes_on_on_another_machine(url: str, tmp_path: Path) -> None:
    """Saved there and loaded here, it finds what left it long ago."""
    saved, history = tmp_path / "state.json", tmp_path / "history.txt"
    await asyncio.to_thread(worker(url, "talk", saved, history).communicate)
    agent = s3_worker.agent_at(url)
    await agent.load_state(json.loads(saved.read_text(encoding="utf-8")))
    assert await agent.read_history() == history.read_text(encoding="utf-8")
    assert s3_worker.SECRET in await agent.read_history()
    assert (await agent.run(task="Where does the spare key hang?")).messages[-1].to_text() == "Noted."
