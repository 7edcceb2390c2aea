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
    text = f"head [cut]\n{said}\ntail [... 3 lines]"
    found = find_notice(text, notice.reference)
    assert found is not None
    assert (found.notice, found.missing) == (notice, characters)
    assert text[found.start : found.end] == said


def test_a_notice_inside_json_is_found() -> None:
    """Escaped quotes do not hide a reference."""
    found = find_notice('{"[cut]":"[cut; read_artifact(\\"a1b2c3:7\\")]"}', "a1b2c3")
    assert found is not None
    assert found.notice == Notice(0, 0, "a1b2c3", 7)


def test_only_the_notice_of_this_text_counts() -> None:
    """Notices without a reference, or with another one, are words like any others; so are numbers without end."""
    endless = f'[cut: {"9" * 5_000} of 3 characters left out; read_artifact("a1b2c3:2")]'
    others = "\n".join((Notice(3, 30).say(1, 10), Notice(9, 90, "other").say(2, 20), endless))
    assert find_notice(others, "a1b2c3") is None
    found = find_notice(f"{others}\n{Notice(5, 50, 'a1b2c3').say(3, 30)}", "a1b2c3")
    assert found is not None
    assert found.notice == Notice(5, 50, "a1b2c3")


@pytest.mark.parametrize(
    "text", ["", "[cut]", "[cut: some lines]", "[cut: 3 items]", "read_artifact(x)", "[cut: " * 800_000]
)
def test_other_texts_hold_no_notice(text: str) -> None:
    """What only looks like a notice is none, and what no cut can be as large as is not looked through."""
    assert find_notice(text, None) is None
    assert find_notice(f"{text} a1b2c3", "a1b2c3") is None
