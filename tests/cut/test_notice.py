"""The notice: said, found again, kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget._cut._notice import Notice, find_notice

NOTICES = st.builds(
    Notice,
    st.integers(0, 10**9),
    st.integers(1, 10**12),
    st.none() | st.text("abcdef0123456789", min_size=1, max_size=12),
    st.just(1),
)


@given(NOTICES, st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from(["", "a_b, src/c.py", "the fields d, e"]))
def test_what_was_said_is_found(notice: Notice, lines: int, characters: int, among: str) -> None:
    """A notice found in a text says what the one put there said."""
    said = notice.say(lines, characters, among)
    found = find_notice(f"head [cut]\n{said}\ntail [... 3 lines]")
    assert found is not None
    assert (found.notice, found.missing) == (notice, characters)
    assert f"head [cut]\n{said}\ntail [... 3 lines]"[found.start : found.end] == said


def test_a_notice_inside_json_is_found() -> None:
    """Escaped quotes do not hide a reference."""
    found = find_notice('{"[cut]":"[cut; read_artifact(\\"a1b2c3\\", start_line=7)]"}')
    assert found is not None
    assert found.notice == Notice(0, 0, "a1b2c3", 7)


def test_a_notice_with_a_reference_comes_first() -> None:
    """Of several notices the one that can be followed is found."""
    text = Notice(3, 30).say(1, 10) + "\n" + Notice(9, 90, "a1b2c3").say(2, 20)
    found = find_notice(text)
    assert found is not None
    assert found.notice.reference == "a1b2c3"


@pytest.mark.parametrize(
    "text", ["", "[cut]", "[cut: some lines]", "[cut: 3 items]", "read_artifact(x)", "[cut: " * 800_000]
)
def test_other_texts_hold_no_notice(text: str) -> None:
    """What only looks like a notice is none, and what no cut can be as large as is not looked through."""
    assert find_notice(text) is None


def test_the_first_reference_stays() -> None:
    """A notice takes a reference only when it has none."""
    assert Notice(1, 2).referring("new").reference == "new"
    assert Notice(1, 2, "old").referring("new").reference == "old"
