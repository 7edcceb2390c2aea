"""JSON in and out, without loss."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget._cut._data._write_json import write_json
from autogen_budget._text import Gap
from formats import json_value

VALUES: st.SearchStrategy[object] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(VALUES, st.booleans())
def test_what_is_read_is_written(value: object, ensure_ascii: bool) -> None:
    """A value that was read is written as the same value, in characters that can be encoded."""
    written = write_json(json_value(json.dumps(value, ensure_ascii=ensure_ascii)))
    assert json.loads(written) == value
    written.encode()


@pytest.mark.parametrize("gap", [Gap(3), Gap(1_200, "fields"), Gap(7, "records"), Gap(None)])
def test_gaps_are_read_again(gap: Gap) -> None:
    """A gap that was written as a string is a gap again, and other strings are none."""
    read = Gap.read(json.loads(write_json([gap]))[0])
    assert read is not None
    assert (read.count, str(read)) == (gap.count, str(gap))
    assert Gap.read(f"{gap} ") is None


def test_gaps_add_up() -> None:
    """Counts are added; what is not known stays unknown."""
    assert Gap(2, "fields") + Gap(3) == Gap(5, "fields")
    assert Gap(2) + Gap(None) == Gap(None)
