"""Head and tail of texts whose structure must not be interpreted."""

import pytest

from autogen_budget import TiktokenCounter
from autogen_budget._cut import cut_middle
from autogen_budget._cut._head_tail import count_lines

COUNTER = TiktokenCounter()


def test_the_middle_goes_at_line_ends() -> None:
    """Whole lines are kept at both ends; JSON in a prompt is not touched."""
    lines = [f'{{"line": {i}, "error": true}}' for i in range(200)]
    kept = cut_middle("\n".join(lines), 150, COUNTER, reference="a1b2c3").split("\n")
    place = next(place for place, line in enumerate(kept) if line.startswith("[cut"))
    assert kept[:place] == lines[:place]
    assert kept[place + 1 :] == lines[place + 1 - len(kept) :]
    assert kept[place].startswith(f"[cut: {201 - len(kept)} of 200 lines, ")
    assert kept[place].endswith(f'read_artifact("a1b2c3:{place + 1}")]')


def test_words_stay_whole_where_there_are_no_lines() -> None:
    """A long line is cut between words."""
    kept = cut_middle("word " * 900 + "word", 80, COUNTER).split("\n")
    assert set(kept[0].split()) == set(kept[-1].split()) == {"word"}


def test_a_text_without_any_boundary_is_cut_between_characters() -> None:
    """Even one endless word keeps both ends."""
    kept = cut_middle("a" + "x" * 5_000 + "z", 80, COUNTER)
    assert kept[0] == "a"
    assert kept[-1] == "z"


@pytest.mark.parametrize(("limit", "kept"), [(0, ""), (1, ""), (3, "[cut]"), (5, "[cut]")])
def test_tiny_limits_leave_a_marker_or_nothing(limit: int, kept: str) -> None:
    """Where no notice fits, a bare marker stands; where not even that fits, nothing does."""
    text = "Several words on several lines.\n" * 20
    assert cut_middle(text, limit, COUNTER, reference="a1b2c3") == kept


def test_cutting_again_moves_the_notice_not_the_reference() -> None:
    """What is cut again has one notice, with the figures of the whole and a place to read on that is still right."""
    text = "\n".join(f"line {i} of the text" for i in range(400))
    again = cut_middle(cut_middle(text, 300, COUNTER, reference="a1b2c3"), 150, COUNTER, reference="a1b2c3")
    assert again.count("[cut") == 1
    assert " of 400 lines, " in again
    head = again.split("\n[cut")[0].split("\n")
    assert f'read_artifact("a1b2c3:{len(head) + 1}")' in again


def test_lines_are_counted_by_line_feeds() -> None:
    """A line feed at the end ends the last line."""
    assert [count_lines(text) for text in ("a", "a\n", "a\nb", "a\n\n")] == [1, 1, 2, 2]
