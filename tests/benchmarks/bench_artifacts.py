"""How long it takes to store, get, read and search texts of different sizes.

    python tests/benchmarks/bench_artifacts.py [LARGEST]

Prints a line for every size from 10 kB to LARGEST characters (100 MB unless told otherwise), in milliseconds: one
`str.splitlines` for comparison; `put`, `put` of the same text again, and `get`, in memory and in a folder; a page from
the middle; a search for a word at the end; a search for what is not there. Then a `put` into a full folder of 5,000.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial

from autogen_budget import ArtifactStore, TiktokenCounter
from autogen_budget._artifacts._page import read_page

LIMIT = 2_000
SIZES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
COUNTER = TiktokenCounter()
COLUMNS = ("splitlines", "put mem", "again", "get", "put dir", "again", "get", "page", "word", "nothing")


def log(size: int) -> str:
    """A log of about so many characters, that ends with a line of its own."""
    line = "2026-03-01 12:00:00,123 INFO worker-3 served order {} in {} ms\n"
    return "".join(line.format(number, number % 313) for number in range(size // len(line))) + "the last word\n"


def timed(job: Callable[[], object]) -> float:
    """Milliseconds a job takes."""
    began = time.perf_counter()
    job()
    return (time.perf_counter() - began) * 1_000


async def awaited(job: Awaitable[str]) -> tuple[float, str]:
    """Milliseconds until a result is there, and the result."""
    began = time.perf_counter()
    result = await job
    return (time.perf_counter() - began) * 1_000, result


async def stored(store: ArtifactStore, text: str) -> list[float]:
    """Milliseconds of a put, the same put again, and a get."""
    first, reference = await awaited(store.put(text))
    return [first, (await awaited(store.put(text)))[0], (await awaited(store.get(reference)))[0]]


async def full_folder(folder: str) -> float:
    """Milliseconds of a put that makes room among 5,000 texts, on average."""
    store = ArtifactStore(folder, max_bytes=5_000 * 100)
    for number in range(5_000):
        await store.put(f"{number:0100}")
    began = time.perf_counter()
    for number in range(5_000, 6_000):
        await store.put(f"{number:0100}")
    return time.perf_counter() - began


async def main(largest: int) -> None:
    """Prints the table."""
    COUNTER.measure_text("loads the vocabulary")
    print(f"{'size':>12}", *(f"{column:>11}" for column in COLUMNS))
    for size in (size for size in SIZES if size <= largest):
        text = log(size)
        with tempfile.TemporaryDirectory() as folder:
            row = [
                timed(text.splitlines),
                *await stored(ArtifactStore(), text),
                *await stored(ArtifactStore(folder), text),
                timed(partial(read_page, text, LIMIT, COUNTER, start_line=text.count("\n") // 2)),
                timed(partial(read_page, text, LIMIT, COUNTER, pattern="last word")),
                timed(partial(read_page, text, LIMIT, COUNTER, pattern=r"(?i)error|timeout")),
            ]
        print(f"{size:>12,}", *(f"{milliseconds:>11.2f}" for milliseconds in row))
    with tempfile.TemporaryDirectory() as folder:
        print(f"put into a full folder of 5,000: {await full_folder(folder):.2f} ms")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else SIZES[-1]))
