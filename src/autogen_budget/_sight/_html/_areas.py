"""The picture of an agent's calls: tokens as stacked areas by layer against the cap, with compactions marked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from autogen_budget._records import CallRecord

from ._style import layer_colour, layer_order

MAX_POINTS = 600
"""Points along the picture: more calls are put together, the largest of each group shown."""

TABLE_ROWS = 40
"""Rows of the table behind the picture."""

HEIGHT, WIDTH = 1_000, 1_000


@dataclass(frozen=True, slots=True)
class _Point:
    """One call or several: the largest stands for them."""

    first: int
    last: int
    call: CallRecord
    shrank: int


def areas(agent: str, calls: Sequence[CallRecord], number: int) -> Iterator[str]:
    """Draw the calls of one agent.

    `calls`: Its calls, oldest first.
    """
    points = _points(calls, MAX_POINTS)
    layers = layer_order({layer for point in points for layer in point.call.layers_sent})
    highest = max(1, *(max(point.call.cap, _sum(point.call, layers)) for point in points))
    top = -(-highest * 27 // 25)  # space above the cap for the marks
    cap = calls[-1].cap
    name = escape(agent)
    shrunk = sum(point.shrank for point in points)
    about = (
        f"{len(calls):,} calls of {name}; the largest holds {max(call.tokens_sent for call in calls):,} tokens, the "
        f"cap is {cap:,}; {shrunk:,} calls were compacted"
    )
    yield f"<figure><figcaption>{about}.</figcaption><div class=plot>"
    yield f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio=none role=img aria-labelledby=t{number}>'
    yield f"<title id=t{number}>Tokens per call by layer: {about}</title>"
    yield from _stack(points, layers, top)
    yield _line([point.call.cap for point in points], top)
    marks = "".join(f"M{_x(i, points)} 0v40" for i, point in enumerate(points) if point.shrank)
    if marks:
        yield f'<path d="{marks}" stroke=var(--text) stroke-width=2 vector-effect=non-scaling-stroke />'
    yield "</svg>"
    yield f"<span style=top:{100 * (1 - cap / top):.1f}% class=cap>cap {cap:,}</span><span style=top:100%>0</span>"
    if cap < 0.85 * highest:
        yield f"<span style=top:{100 * (1 - highest / top):.1f}%>{highest:,}</span>"
    yield f"</div><div class=ends><span>call 1</span><span>call {len(calls):,}</span></div>"
    yield from _table(_points(calls, TABLE_ROWS), layers)
    yield "</figure>"


def _points(calls: Sequence[CallRecord], most: int) -> list[_Point]:
    size = max(1, -(-len(calls) // most))
    groups = [(at, calls[at : at + size]) for at in range(0, len(calls), size)]
    return [
        _Point(
            at + 1,
            at + len(group),
            max(group, key=lambda call: call.tokens_sent),
            sum(call.shrank for call in group),
        )
        for at, group in groups
    ]


def _stack(points: Sequence[_Point], layers: Sequence[str], top: int) -> Iterator[str]:
    below = [0] * len(points)
    for layer in layers:
        above = [base + point.call.layers_sent.get(layer, 0) for base, point in zip(below, points, strict=True)]
        there = " ".join(f"{_x(i, points)},{_y(tokens, top)}" for i, tokens in enumerate(above))
        back = " ".join(f"{_x(i, points)},{_y(below[i], top)}" for i in reversed(range(len(points))))
        if len(points) == 1:  # one call is a bar, not a line without width
            there = f"0,{_y(above[0], top)} {WIDTH},{_y(above[0], top)}"
            back = f"{WIDTH},{_y(below[0], top)} 0,{_y(below[0], top)}"
        yield f'<polygon points="{there} {back}" fill="{layer_colour(layer)}"><title>{escape(layer)}</title></polygon>'
        below = above


def _line(caps: Sequence[int], top: int) -> str:
    path = f"M0 {_y(caps[0], top)}"
    for i, (before, cap) in enumerate(pairwise(caps), 1):
        if cap != before:  # the cap moves when the provider reports its window
            path += f"H{i * WIDTH / len(caps):.1f}V{_y(cap, top)}"
    return (
        f'<path d="{path}H{WIDTH}" fill=none stroke=var(--cap) stroke-width=2 stroke-dasharray="6 4" '
        "vector-effect=non-scaling-stroke><title>cap</title></path>"
    )


def _table(points: Sequence[_Point], layers: Sequence[str]) -> Iterator[str]:
    yield "<details><summary>The same as a table</summary>"
    yield '<div class=scroll tabindex=0 role=region aria-label="Tokens per call by layer"><table><thead><tr><th>calls'
    yield "".join(f"<th class=n>{escape(layer)}" for layer in layers)
    yield "<th class=n>sent<th class=n>cap<th class=n>compacted</thead><tbody>"
    for point in points:
        calls = f"{point.first:,}" if point.first == point.last else f"{point.first:,}-{point.last:,}"
        cells = "".join(f"<td class=n>{point.call.layers_sent.get(layer, 0):,}" for layer in layers)
        yield (
            f"<tr><td>{calls}{cells}<td class=n>{point.call.tokens_sent:,}<td class=n>{point.call.cap:,}"
            f"<td class=n>{point.shrank:,}"
        )
    yield "</tbody></table></div></details>"


def _sum(call: CallRecord, layers: Sequence[str]) -> int:
    return sum(call.layers_sent.get(layer, 0) for layer in layers)


def _x(i: int, points: Sequence[_Point]) -> str:
    return f"{WIDTH * i / max(1, len(points) - 1):.4g}"


def _y(tokens: int, top: int) -> str:
    return f"{HEIGHT * (1 - tokens / top):.4g}"
