"""Texts are counted by vocabularies, and each text once."""

import base64
import hashlib
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import autogen_budget
from autogen_budget import Tally
from autogen_budget._counting._cache import TokenCache, count_bytes, shared_texts
from autogen_budget._counting._vocabulary import SHIPPED, Vocabulary, pieces, read_tokens
from official_vocabularies import SHA256, official_encoding, official_file
from scripts.pack_vocabulary import pack

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


NAMES = sorted(SHA256)
VOCABULARIES = {name: Vocabulary(name) for name in NAMES}

odd_texts = st.lists(
    st.sampled_from(
        [
            *"aZéßжд中を가ก0٣²½'`/\\.,;-_(\"，。！\n\r\t \u00a0\u3000\u200b\u2028\x1c\x85\u0301\ud800😀🇩🇪",
            "'s",
            "'LL",
            "  ",
            "\r\n",
            "don't",
            "://",
            "<|endoftext|>",
            "123456",
        ]
    )
    | st.text(max_size=5),
    max_size=60,
).map("".join)


def test_the_official_files_are_rebuilt_byte_for_byte() -> None:
    """What ships is the official vocabulary, nothing lost, and packing it again gives the shipped file."""
    for name in NAMES:
        official = official_file(name)
        assert hashlib.sha256(official).hexdigest() == SHA256[name]
        assert pack(official) == (SHIPPED / f"{name}.xz").read_bytes()


def test_ranks_out_of_order_are_refused() -> None:
    """The packed form has no room for ranks, so a file whose ranks are not its positions cannot be packed."""
    line = base64.b64encode(b"a").decode()
    with pytest.raises(ValueError, match="Line 1 has rank 5"):
        pack(f"{line} 0\n{line} 5\n".encode())


@pytest.mark.parametrize("name", NAMES)
@given(text=odd_texts)
@example(text="")
@example(text="\ud800")
def test_counts_are_those_of_tiktoken(name: str, text: str) -> None:
    """The tokens by kind add up to what tiktoken finds with the official file and its own pattern."""
    assert VOCABULARIES[name].measure(text).total == len(official_encoding(name).encode_ordinary(text))


@pytest.mark.parametrize("name", NAMES)
def test_pieces_are_told_apart_by_kind(name: str) -> None:
    """Letters, symbols, blanks, digits and words of other scripts are counted in pieces, each kind apart."""
    measure = VOCABULARIES[name].measure
    assert measure(" hello world") == Tally(text=2, letters=measure(" hello world").letters)
    assert measure("({") == Tally(text=1, symbols=measure("({").symbols)
    assert measure("\n\n") == Tally(text=1, spaces=1)
    assert measure("1234") == Tally(text=2, digits=4)
    assert measure("中").text == 1
    assert 1 <= measure("中").scripts <= 3


@pytest.mark.parametrize("name", NAMES)
@given(text=odd_texts)
def test_pieces_lie_between_tokens_and_bytes(name: str, text: str) -> None:
    """A small vocabulary needs at least one piece for each token, and at most one for each byte."""
    tally = VOCABULARIES[name].measure(text)
    assert tally.text <= tally.pieces <= len(text.encode("utf-8", "replace")) + 2 * text.count("\ud800")


@given(text=odd_texts, size=st.integers(1, 12))
@example(text="a//\n/b\n/c", size=1)
@example(text=">\n/**", size=2)
@example(text="it's 'S it'l l", size=1)
@example(text="x \n\n y\n  z", size=1)
def test_pieces_have_the_tokens_of_the_whole(text: str, size: int) -> None:
    """Cut at seams, the pieces are the text, and their tokens add up to those of the text in one go."""
    cut = list(pieces(text, size))
    assert "".join(cut) == text
    assert all(size <= len(piece) <= 2 * size for piece in cut[:-1])
    assume(not any(len(piece) == 2 * size for piece in cut[:-1]))  # a stretch without any seam was cut somewhere
    for vocabulary in VOCABULARIES.values():
        assert Tally.sum(map(vocabulary.measure, cut)) == vocabulary.measure(text)


@pytest.mark.parametrize("run", [" ", "\t", "\n", "a", "9", "中", "-", "😀", "\ud800"])
def test_endless_runs_are_cut(run: str) -> None:
    """A million times the same character has no seam and still is counted, about as one long run would be."""
    for vocabulary in VOCABULARIES.values():
        whole = sum(vocabulary.measure(piece).total for piece in pieces(run * 1_000_000, 50_000))
        part = vocabulary.measure(run * 100_000).total
        assert abs(whole - 10 * part) <= 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with both vocabularies, to be damaged."""
    for name in NAMES:
        (tmp_path / f"{name}.xz").write_bytes((SHIPPED / f"{name}.xz").read_bytes())
    return tmp_path


def test_a_missing_or_damaged_file_is_refused(folder: Path) -> None:
    """No file, half a file and another file each raise an error that says so."""
    whole = (folder / "cl100k_base.xz").read_bytes()
    assert len(read_tokens("cl100k_base", folder)) == 100_256
    (folder / "cl100k_base.xz").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="damaged"):
        Vocabulary("cl100k_base", folder)
    (folder / "cl100k_base.xz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="reinstall"):
        Vocabulary("cl100k_base", folder)
    (folder / "o200k_base.xz").write_bytes(whole)
    with pytest.raises(ValueError, match="not the file that was shipped"):
        Vocabulary("o200k_base", folder)
    (folder / "o200k_base.xz").unlink()
    with pytest.raises(OSError, match="o200k_base"):
        Vocabulary("o200k_base", folder)
