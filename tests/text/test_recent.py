"""What was made of keys used lately is kept while there is room."""

from hypothesis import given
from hypothesis import strategies as st

from autogen_budget._text import Recent


@given(st.lists(st.integers(0, 9), max_size=40), st.lists(st.integers(0, 12), min_size=10, max_size=10))
def test_the_latest_that_fit_are_kept(keys: list[int], sizes: list[int]) -> None:
    """As many of the latest values are known as fit together; one too large for all the room pushes none out."""
    recent = Recent[int, int](10)
    for key in keys:
        recent.put(key, sizes[key], sizes[key])
    fitting = [(key, sizes[key]) for key in keys if sizes[key] <= 10]
    left, room = dict[int, int](), 10
    for key, size in reversed(fitting):
        if key not in left:
            room -= size
            if room < 0:
                break
            left[key] = size
    assert {key: value for key in range(10) if (value := recent.get(key)) is not None} == left


def test_what_is_used_stays() -> None:
    """A value that is asked for outlives one that came later and was not."""
    recent = Recent[str, int](2)
    recent.put("old", 1, 1)
    recent.put("new", 2, 1)
    assert recent.get("old") == 1
    recent.put("newest", 3, 1)
    assert (recent.get("old"), recent.get("new"), recent.get("newest")) == (1, None, 3)
