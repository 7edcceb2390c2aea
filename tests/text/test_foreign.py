"""Words of others inside lines of ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget._text import encodable, indented, one_line

ANY = st.text(st.characters(), max_size=60)  # lone surrogates and every line break of Unicode, too


@given(ANY)
def test_everything_can_be_encoded(text: str) -> None:
    """Lone surrogates are replaced, one character by one, and nothing else is."""
    new = encodable(text)
    assert len(new) == len(text)
    assert all(a == b or (b == "\ufffd" and "\ud800" <= a <= "\udfff") for a, b in zip(text, new, strict=True))
    for made in (new, one_line(text), indented(text)):
        made.encode()


@given(ANY)
def test_one_line_is_one_line(text: str) -> None:
    """No reader sees a second line, whatever it takes for a line break; what can be read stays."""
    new = one_line(text)
    assert len(new.splitlines()) <= 1
    assert new.split() == encodable(text).split()
    assert one_line(new) == new


@given(ANY)
def test_no_line_but_the_first_begins_at_the_margin(text: str) -> None:
    """Every further line is indented, and the words are the same."""
    new = indented(text)
    assert all(line.startswith("  ") for line in new.splitlines()[1:])
    assert new.split() == encodable(text).split()


@pytest.mark.parametrize("text", ["", "plain words", "h\u00e9llo \u6e2f\u53e3 \U0001f6a2"])
def test_what_is_plain_is_the_same_object(text: str) -> None:
    """Nothing is copied for nothing."""
    assert encodable(text) is one_line(text) is indented(text) is text
