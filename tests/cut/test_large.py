"""What is found in texts too large to be looked through."""

import pytest

from autogen_budget import TiktokenCounter
from autogen_budget._cut import cut_text
from autogen_budget._cut._large import LARGE, pieces_of_large
from autogen_budget._text import Scorer

COUNTER = TiktokenCounter()
LINE = "2026-03-01 12:00:00 INFO all is well with worker {}\n"


def large(*middle: str, line: str = LINE) -> str:
    """A large text with lines in its middle."""
    half = "".join(line.format(i) for i in range(2 * LARGE // len(line)))
    return half + "".join(middle) + half


def test_errors_and_lines_asked_for_are_found_in_the_middle() -> None:
    """Large as the text is, the line with an error and the one with a rare word of the hints are kept."""
    text = large("2026-03-01 12:00:00 ERROR disk full\n", "order ORD-88231 was lost\n")
    kept = cut_text(text, 400, COUNTER, hints=["ORD-88231"], reference="a1b2c3")
    assert "ERROR disk full" in kept
    assert "order ORD-88231 was lost" in kept
    assert kept.startswith(LINE.format(0))
    assert f" of {text.count(chr(10)):,} lines, " in kept
    assert f" of {len(text):,} characters" in kept


def test_pieces_stand_for_every_character_and_line() -> None:
    """What is shown and what is missing add up to the text."""
    text = large(*["an error\n"] * 300, "x" * 5_000 + "error" + "y" * 5_000 + "\n")
    pieces = pieces_of_large(text, Scorer.of([]), None).pieces
    assert sum(piece.characters for piece in pieces) == len(text)
    assert sum(piece.lines for piece in pieces) == text.count("\n")
    assert sum(len(piece.text) for piece in pieces) < LARGE


def test_a_large_text_without_lines_has_ends() -> None:
    """A text of one line is kept at both ends, and its notice tells of characters."""
    text = large(line="word {} ").removesuffix(" ")
    kept = cut_text(text, 300, COUNTER)
    assert kept.startswith("word 0 word 1 ")
    assert kept.endswith(text[-20:])
    assert " lines" not in kept


@pytest.mark.parametrize("text", [large(), "\n" * 2 * LARGE, "a" * 2 * LARGE, "error " * LARGE])
def test_large_texts_fit(text: str) -> None:
    """Whatever a large text is made of, its cut is within the limit."""
    assert COUNTER.count_text(cut_text(text, 150, COUNTER)) <= 150


def test_a_large_cut_text_keeps_its_reference() -> None:
    """What was cut before is recognised in a large text too."""
    text = large('[cut: 3 of 9 lines, 12 of 99 characters left out; read_artifact("a1b2c3:4")]\n')
    assert 'read_artifact("a1b2c3:' in cut_text(text, 150, COUNTER, reference="a1b2c3")
