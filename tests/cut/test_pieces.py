"""Texts in pieces: every character and line is accounted for, whatever is kept."""

from hypothesis import given
from hypothesis import strategies as st

from autogen_budget._cut._notice import Notice, find_notice
from autogen_budget._cut._pieces import Piece, Pieces, pieces_of, split

TEXTS = st.lists(st.sampled_from(["", "a", "word " * 30, "Sentence. " * 90, "x" * 700]), min_size=1).map("\n".join)


@given(TEXTS)
def test_pieces_put_together_are_the_text(text: str) -> None:
    """Splitting loses nothing, makes no long pieces, and counts the lines."""
    pieces = split(text)
    assert "".join(piece.text for piece in pieces) == text
    assert all(0 < len(piece.text) <= 600 for piece in pieces)
    assert sum(piece.lines for piece in pieces) == text.count("\n") + (not text.endswith("\n") and bool(text))


@given(st.lists(st.sampled_from(["", "a", "some words " * 9]), min_size=2).map("\n".join), st.sets(st.integers(0, 40)))
def test_what_is_kept_and_what_is_told_add_up(text: str, chosen: set[int]) -> None:
    """Kept pieces stand in the rendered text as they are; taken to pieces again, it stands for the same whole."""
    pieces = pieces_of(text, "a1b2c3")
    kept = {place for place in chosen if place < len(pieces.pieces)}
    rendered = pieces.render(kept)
    assert all(pieces.texts[place].strip("\n") in rendered for place in kept)
    if find_notice(rendered, "a1b2c3") is None:
        assert rendered == text
    else:
        again = pieces_of(rendered, "a1b2c3")
        assert again.whole.reference == "a1b2c3"
        assert sum(piece.lines for piece in again.pieces) == again.whole.lines == pieces.whole.lines


def test_gaps_are_told_where_they_are() -> None:
    """The first gap holds the notice, the others tell their lines or characters, names and repetitions."""
    lines = [Piece(f"this is line number {i}\n", 1, 22) for i in range(8)]
    part = Piece("and the rest of the seventh line\n", 0, 33)
    pieces = Pieces((*lines, part, lines[0]), Notice(9, 231, "a1b2c3"))
    rendered = pieces.render(
        [1, 3, 5, 7, 9], names={2: ["a_b"], 0: ["c_d", "e_f"]}, runs=[0, 1, 2, 3, 3, 4, 5, 6, 7, 8]
    )
    assert rendered.split("\n") == [
        '[cut: 4 of 9 lines, 121 of 231 characters left out, among them c_d, e_f; read_artifact("a1b2c3")]',
        "this is line number 1",
        "[... 1 line: a_b]",
        "this is line number 3",
        "[... 1 line like the one above]",
        "this is line number 5",
        "[... 1 line]",
        "this is line number 7",
        "[... 33 characters]",
        "this is line number 0",
        "",
    ]


def test_short_gaps_are_filled() -> None:
    """A line that is shorter than the marker that would stand for it is kept."""
    pieces = pieces_of("a long line of text\n}\nanother line of text\nthe end of it all", None)
    assert pieces.render([0, 2]).startswith("a long line of text\n}\nanother line of text\n[cut: 1 of 4 lines, ")
