"""Render a report as plain text."""

import textwrap
from collections.abc import Iterator, Mapping

from autogen_budget._analysis import Finding
from autogen_budget._report import CallTotals, Report

WIDTH = 100
"""Columns that text is wrapped at."""


def report_text(report: Report) -> str:
    """Render a report as plain text: what was sent, by whom, how it grows, what to change."""
    return printable("\n".join(_lines(report)))


def printable(text: str) -> str:
    """Take out what a terminal would obey: names of agents and tools are foreign text."""
    return "".join(character if character.isprintable() or character == "\n" else "�" for character in text)


def summary_lines(report: Report) -> Iterator[str]:
    """Yield the figures of a report in a few lines."""
    stable = report.stable_prefix_tokens / max(1, report.tokens_sent)
    rare = {
        "would not have fit into the window": report.oversize,
        "made for summaries": report.summaries,
        "answered from a cache": report.from_cache,
    }
    named = "".join(f", {calls:,} {what}" for what, calls in rare.items() if calls)
    yield f"{report.calls:,} calls, {report.failed:,} failed, {report.compactions:,} compacted{named}"
    yield (
        f"{report.tokens_before:,} tokens received, {report.tokens_sent:,} sent; {stable:.0%} of these the same as in "
        "the request before"
    )
    for layer, what in (("system", "instructions"), ("tools", "tool schemas")):
        received, sent = report.by_layer_before.get(layer, 0), report.by_layer.get(layer, 0)
        if received > sent:
            yield f"{what}: {received:,} tokens received, {sent:,} sent"
    if report.cached_tokens is not None:
        yield f"{report.cached_tokens:,} tokens were read from the provider's cache"
    if report.output_cuts:
        yield f"tool outputs cut: {report.output_cuts:,}, by {report.characters_cut:,} characters"
    if report.waited_seconds:
        yield f"calls waited {report.waited_seconds:,.1f} seconds"
    if events := event_counts(report):
        yield ", ".join(f"{what}: {times}" for what, times in events.items())
    if report.left_behind:
        yield f"could not be stopped at their time limit, and went on in the background: {report.left_behind:,}"
    if report.balance is not None:
        yield str(report.balance)


def event_counts(report: Report) -> dict[str, str]:
    """Count what went wrong beside the calls themselves, without what did not happen."""
    events = {"retries": report.retries, "time limits reached": report.time_limits, "loops": report.loops}
    return {what: f"{times:,}" for what, times in events.items() if times}


def _lines(report: Report) -> Iterator[str]:
    yield from summary_lines(report)
    if report.by_layer:
        yield ""
        yield from _bars("what was sent", report.by_layer)
    for title, shares in (("by agent", report.by_agent), ("by purpose", report.by_purpose)):
        if len(shares) > 1:
            yield ""
            yield from _shares(title, shares)
    if report.growth:
        yield ""
        yield "growth"
        for growth in report.growth:
            yield from _wrapped(str(growth), "  ")
    if report.findings:
        yield ""
        yield "what to change, the largest gain first"
        for number, finding in enumerate(report.findings, 1):
            yield from finding_lines(number, finding)


def finding_lines(number: int, finding: Finding, width: int = WIDTH) -> Iterator[str]:
    """Render one finding: what was seen, what to do, the code to paste."""
    yield from _wrapped(f"{number}. {finding.summary}", "  ", width)
    yield from _wrapped(finding.remedy, "     ", width)
    if finding.code:
        yield f"     {finding.code}"


def _bars(title: str, sizes: Mapping[str, int]) -> Iterator[str]:
    total = max(1, sum(sizes.values()))
    name_width = max(map(len, sizes))
    yield title
    for name, tokens in sizes.items():
        share = tokens / total
        yield f"  {name:<{name_width}} {tokens:>13,} {share:>5.0%}  {'█' * round(share * 40)}".rstrip()


def _shares(title: str, shares: Mapping[str, CallTotals]) -> Iterator[str]:
    name_width = max(len(title), *map(len, shares))
    yield f"{title:<{name_width}}   {'calls':>7} {'tokens sent':>13} {'replies':>10} {'seconds':>9}"
    for name, share in shares.items():
        yield (
            f"  {name:<{name_width}} {share.calls:>7,} {share.tokens_sent:>13,} {share.reply_tokens:>10,} "
            f"{share.seconds:>9,.1f}"
        )


def _wrapped(text: str, indent: str, width: int = WIDTH) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent + "   ", break_on_hyphens=False
    ) or [indent]
