"""Texts are measured once, in pieces, and remembered while there is room."""

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import autogen_budget
from autogen_budget import Tally
from autogen_budget._counting._cache import TokenCache, count_bytes, shared_texts
from autogen_budget._counting._vocabulary import Vocabulary

WHOLE = Vocabulary("cl100k_base")


def cache_of(**sizes: int) -> TokenCache:
    """A cache of its own."""
    return TokenCache(lambda: WHOLE.measure, **sizes)


def test_a_text_is_measured_once() -> None:
    """An equal text gives the very tally of the first time, whoever asks."""
    texts = cache_of()
    first = texts.measure("one two three" * 3)
    assert first == WHOLE.measure("one two three" * 3)
    assert texts.measure("".join(["one two three"] * 3)) is first
    assert shared_texts("cl100k_base") is shared_texts("cl100k_base")


def test_the_longest_unused_text_is_forgotten_first() -> None:
    """Beyond its number of texts the memory lets go of the one that nobody asked for the longest."""
    texts = cache_of(entries=2)
    first, second = texts.measure("first text"), texts.measure("second text")
    assert texts.measure("first text") is first
    texts.measure("third text")
    assert texts.measure("first text") is first
    assert texts.measure("second text") is not second


def test_memory_is_bounded_in_characters() -> None:
    """Together the remembered texts stay below the limit; of a text of a large share of it, the size alone is kept."""
    texts = cache_of(characters=80)
    short = texts.measure("a b c d e")
    long = [texts.measure(f"x y z w v u {number}") for number in range(9)]
    assert all(texts.measure(f"x y z w v u {number}") is tally for number, tally in enumerate(long))
    assert texts.measure("a b c d e") is short
    for number in range(9):
        texts.measure(f"text {number:03}")
    assert texts.measure("a b c d e") is not short


def test_measuring_stops_when_enough_is_known() -> None:
    """Only as many pieces are read as it takes, the part is not remembered, and the whole can be had afterwards."""
    texts = cache_of(piece=10)
    text = "word " * 1_000
    seen: list[int] = []

    def enough(tally: Tally) -> bool:
        seen.append(tally.total)
        return tally.total > 20

    assert 20 < texts.measure(text, enough=enough).total < 30
    assert len(seen) < 20
    assert texts.measure(text) == WHOLE.measure(text)
    assert texts.measure(text, enough=bool) == WHOLE.measure(text)


def test_a_missing_vocabulary_is_told_once_and_counts_bytes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without the file each byte counts as a token, in pieces as well, and one warning says so."""
    texts = TokenCache(lambda: Vocabulary("cl100k_base", tmp_path).measure, piece=100)
    assert not texts.is_loaded
    assert texts.measure("hello wörld") == count_bytes("hello wörld") == Tally(text=12)
    assert texts.measure("hello world " * 50).total == 600
    assert texts.measure("half \ud83d").total == 8
    assert texts.is_loaded
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_unknown_texts_are_those_to_measure() -> None:
    """What was measured is known, however large it is."""
    texts = cache_of(characters=80)
    texts.measure("known")
    texts.measure("much too long, but known")
    found = texts.unknown(["known", "new", "much too long", "much too long, but known"])
    assert found == ["new", "much too long"]


def test_threads_load_one_vocabulary() -> None:
    """Threads that count the same texts at the same time agree, and the vocabulary is loaded once."""
    loads: list[int] = []
    counts: list[int] = []

    def load() -> Callable[[str], Tally]:
        loads.append(1)
        time.sleep(0.01)  # the other threads arrive meanwhile
        return WHOLE.measure

    texts = TokenCache(load, entries=5)

    def count() -> None:
        counts.append(sum(texts.measure(f"text {number % 9}").total for number in range(300)))

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == 8
    assert len(set(counts)) == 1
    assert len(loads) == 1


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_broken_installation_still_counts(tmp_path: Path, damage: str) -> None:
    """A package without its vocabulary imports and counts, from above."""
    package = Path(autogen_budget.__file__).parent
    script = (
        "from autogen_budget import TiktokenCounter; from autogen_core.models import UserMessage\n"
        "from autogen_budget._counting._vocabulary import SHIPPED\n"
        "counter = TiktokenCounter('gpt-4o')\n"
        "count = counter.count([UserMessage(content='Hello there!', source='user')])\n"
        "print(count >= 12, SHIPPED)\n"
    )
    copy = tmp_path / "autogen_budget"
    for file in package.rglob("*.py"):
        target = copy / file.relative_to(package)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    if damage == "damaged":
        (copy / "_counting" / "_vocabularies").mkdir()
        (copy / "_counting" / "_vocabularies" / "o200k_base.xz").write_bytes(b"nothing")
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert run.stdout.split() == ["True", str(copy / "_counting" / "_vocabularies")], run.stderr
