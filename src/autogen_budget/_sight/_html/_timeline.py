"""The timeline: when each agent waited, when its model answered, when its tools ran."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from html import escape

from autogen_budget._records import CallRecord

WIDTH = 1_000
"""Units along the timeline: shorter spans are put together."""

Span = tuple[float, float]

KINDS = {"waiting and planning": "--wait", "model": "--model", "tools": "--tool"}
"""What is distinguished, with the colour of each."""


def timeline(agents: dict[str, list[CallRecord]]) -> Iterator[str]:
    """Draw one lane for each agent.

    `agents`: Calls by agent, oldest first.
    """
    calls = [call for own in agents.values() for call in own]
    begin = min(call.at - call.seconds for call in calls)
    length = max(max(call.at for call in calls) - begin, 1e-9)
    starts = sorted((call.at - call.seconds, call.name) for call in calls)
    yield "<ul class=key>"
    yield "".join(f"<li><i style=--c:var({colour})></i>{kind}" for kind, colour in KINDS.items())
    yield "</ul><div class=lanes>"
    for number, (agent, own) in enumerate(agents.items()):
        spans = spans_of(own, starts)
        seconds = {kind: sum(end - start for start, end in spans[kind]) for kind in KINDS}
        about = ", ".join(f"{kind} {value:,.1f} s" for kind, value in seconds.items())
        yield f"<h3>{escape(agent)}</h3><p class=soft>{about}</p><div class=plot>"
        yield f'<svg viewBox="0 0 {WIDTH} 10" preserveAspectRatio=none role=img aria-labelledby=l{number}>'
        yield f"<title id=l{number}>Timeline of {escape(agent)}: {about}</title>"
        for kind, colour in KINDS.items():
            path = "".join(f"M{a} 0h{b - a}v10h{a - b}z" for a, b in _pixels(spans[kind], begin, length))
            if path:
                yield f'<path d="{path}" fill=var({colour}) />'
        yield "</svg></div>"
    yield f"<div class=ends><span>0 s</span><span>{length:,.1f} s</span></div></div>"


def spans_of(calls: Sequence[CallRecord], starts: Sequence[tuple[float, str]]) -> dict[str, list[Span]]:
    """Return when an agent waited, its model answered, and its tools ran.

    Tools ran between a reply that calls some and the agent's next call, if no other agent made a call first.

    `calls`: Its calls, oldest first.

    Returns:
        dict[str, list[Span]]: Begin and end in seconds of Unix time, by the names in `KINDS`.
    """
    spans: dict[str, list[Span]] = {kind: [] for kind in KINDS}
    for call in calls:
        start = call.at - call.seconds
        sent = min(call.at, start + call.waited_seconds)
        spans["waiting and planning"].append((start, sent))
        spans["model"].append((sent, call.at))
        following = bisect_left(starts, (call.at, ""))
        if call.called and following < len(starts) and starts[following][1] == call.name:
            spans["tools"].append((call.at, starts[following][0]))
    return spans


def _pixels(spans: Sequence[Span], begin: float, length: float) -> list[tuple[int, int]]:
    """Spans in units of the picture, those that touch put together, none narrower than one unit."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[1] > span[0]):
        a = min(WIDTH - 1, int((start - begin) / length * WIDTH))
        b = min(WIDTH, max(a + 1, int((end - begin) / length * WIDTH)))
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
        else:
            merged.append((a, b))
    return merged
