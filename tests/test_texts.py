"""Texts are measured once, in pieces, and remembered while there is room."""

import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import autogen_budget
from autogen_budget._estimate import estimate
from autogen_budget._tally import Tally
from autogen_budget._texts import Texts, shared_texts
from autogen_budget._vocabulary import Vocabulary

WHOLE = Vocabulary("cl100k_base")


def test_a_text_is_measured_once() -> None:
    """An equal text gives the very tally of the first time, whoever asks."""
    texts = Texts("cl100k_base")
    first = texts.measure("one two three" * 3)
    assert first == WHOLE.measure("one two three" * 3)
    assert texts.measure("".join(["one two three"] * 3)) is first
    assert shared_texts("cl100k_base") is shared_texts("cl100k_base")


def test_the_longest_unused_text_is_forgotten_first() -> None:
    """Beyond its number of texts the memory lets go of the one that nobody asked for the longest."""
    texts = Texts("cl100k_base", entries=2)
    first, second = texts.measure("first text"), texts.measure("second text")
    assert texts.measure("first text") is first
    texts.measure("third text")
    assert texts.measure("first text") is first
    assert texts.measure("second text") is not second


def test_memory_is_bounded_in_characters() -> None:
    """Together the remembered texts stay below the limit, and a text of a large share of it is never kept."""
    texts = Texts("cl100k_base", characters=80)
    long, short = texts.measure("x y z w v u"), texts.measure("a b c d e")
    assert texts.measure("x y z w v u") is not long
    assert texts.measure("a b c d e") is short
    for number in range(9):
        texts.measure(f"text {number:03}")
    assert texts.measure("a b c d e") is not short


def test_measuring_stops_when_enough_is_known() -> None:
    """Only as many pieces are read as it takes, the part is not remembered, and the whole can be had afterwards."""
    texts = Texts("cl100k_base", piece=10)
    text = "word " * 1_000
    seen: list[int] = []

    def enough(tally: Tally) -> bool:
        seen.append(tally.total)
        return tally.total > 20

    assert 20 < texts.measure(text, enough=enough).total < 30
    assert len(seen) < 20
    assert texts.measure(text) == WHOLE.measure(text)
    assert texts.measure(text, enough=bool) == WHOLE.measure(text)


def test_a_missing_vocabulary_is_told_once_and_estimated(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without the file the estimate counts, in pieces as well, and one warning says so."""
    texts = Texts("cl100k_base", folder=tmp_path, piece=100)
    assert texts.estimated
    assert texts.measure("hello world") == estimate("hello world")
    assert texts.measure("hello world " * 50).total >= WHOLE.measure("hello world " * 50).total
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert not Texts("cl100k_base").estimated


def test_threads_load_one_vocabulary(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Threads that count the same texts at the same time agree, and the file is looked for once."""
    texts = Texts("cl100k_base", folder=tmp_path, entries=5)
    counts: list[int] = []

    def count() -> None:
        counts.append(sum(texts.measure(f"text {number % 9}").total for number in range(300)))

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == 8
    assert len(set(counts)) == 1
    assert len(caplog.records) == 1


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_broken_installation_still_counts(tmp_path: Path, damage: str) -> None:
    """A package without its vocabulary imports and counts, says that it estimates, and calibrates apart."""
    package = Path(autogen_budget.__file__).parent
    script = (
        "from autogen_budget import TiktokenCounter; from autogen_core.models import UserMessage\n"
        "from autogen_budget._vocabulary import SHIPPED\n"
        "counter = TiktokenCounter('gpt-4o')\n"
        "count = counter.count([UserMessage(content='Hello there!', source='user')])\n"
        "print(counter.estimated, count >= 12, counter.save_state()['vocabulary'], SHIPPED)\n"
    )
    copy = tmp_path / "autogen_budget"
    for file in package.rglob("*.py"):
        target = copy / file.relative_to(package)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    if damage == "damaged":
        (copy / "_vocabularies").mkdir()
        (copy / "_vocabularies" / "o200k_base.xz").write_bytes(b"nothing")
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert run.stdout.split() == ["True", "True", "estimate", str(copy / "_vocabularies")], run.stderr
