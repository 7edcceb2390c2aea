"""Queues served by their shares."""

from hypothesis import given
from hypothesis import strategies as st

from autogen_budget._cut._order import around, interleave


def test_queues_are_served_by_their_shares() -> None:
    """A queue of twice the share gets twice the room, until it has nothing left."""
    order = interleave([(2.0, range(6)), (1.0, range(9, 5, -1))], [1] * 10)
    assert order == [0, 9, 1, 2, 8, 3, 4, 7, 5, 6]


@given(st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=4))
def test_every_place_comes_once(queues: list[list[int]]) -> None:
    """Whatever queues share, no place is lost or doubled."""
    order = interleave([(1.0, queue) for queue in queues], list(range(10)))
    assert sorted(order) == sorted({place for queue in queues for place in queue})


def test_neighbours_follow_their_place() -> None:
    """Neighbours come near before far, and none lies outside."""
    assert around([5, 0], 7, 2) == [5, 6, 4, 3, 0, 1, 2]
