"""Which pieces of a text to keep first: several queues served in turn, each by its share."""

from collections.abc import Iterable, Sequence

Queue = tuple[float, Iterable[int]]
"""A share of the tokens, and positions in the order in which they should get it."""


def interleave(queues: Sequence[Queue], sizes: Sequence[int]) -> list[int]:
    """Merges queues so that at any point each has had its share of the tokens, as long as it has something to offer."""
    order: dict[int, None] = {}
    waiting = [(share, iter(places)) for share, places in queues]
    used = [0.0] * len(waiting)
    active = set(range(len(waiting)))
    while active:
        turn = min(active, key=lambda queue: (used[queue] / waiting[queue][0], queue))
        place = next((place for place in waiting[turn][1] if place not in order), None)
        if place is None:
            active.remove(turn)
            continue
        order[place] = None
        used[turn] += sizes[place] + 1
    return list(order)


def around(places: Iterable[int], count: int, radius: int) -> list[int]:
    """Return the places, each followed by its neighbours: the near ones before the far ones."""
    return [
        place + step
        for place in places
        for step in sorted(range(-radius, radius + 1), key=lambda step: (abs(step), -step))
        if 0 <= place + step < count
    ]
