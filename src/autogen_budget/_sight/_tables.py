"""Render reports, conversations, replays and plans as tables for a terminal; needs the extra `cli` (rich)."""

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autogen_budget._analysis import Finding
from autogen_budget._records import CallRecord
from autogen_budget._report import Report

from ._html import steps_text
from ._inspect import Contents
from ._plan import Outcome
from ._replay import Replayed, totals
from ._text import printable, summary_lines

BAR = 24
"""Columns of the longest bar."""


def bars(title: str, sizes: Mapping[str, int], whole: int | None = None) -> Table:
    """Return a table of sizes with bars.

    `whole`: What shares are of. `None` means of the sum.
    """
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column("tokens", justify="right")
    table.add_column("share", justify="right")
    table.add_column("", no_wrap=True)
    total = max(1, whole or sum(sizes.values()))
    most = max(1, *sizes.values()) if sizes else 1
    for name, tokens in sizes.items():
        bar = "█" * max(1, round(BAR * tokens / most)) if tokens else ""
        table.add_row(plain(name), f"{tokens:,}", f"{tokens / total:.0%}", Text(bar, style="cyan"))
    return table


def plain(text: str) -> Text:
    """Foreign text: nothing in it is markup, and nothing in it is obeyed."""
    return Text(printable(text))


def report_tables(report: Report) -> RenderableType:
    """Return a report as tables."""
    parts: list[RenderableType] = [Text(line) for line in summary_lines(report)]
    if report.by_layer:
        parts += [Text(), bars("what was sent", report.by_layer)]
    if len(report.by_agent) > 1:
        parts += [Text(), bars("by agent", {name: share.tokens_sent for name, share in report.by_agent.items()})]
    if len(report.by_purpose) > 1:
        parts += [Text(), bars("by purpose", {name: share.tokens_sent for name, share in report.by_purpose.items()})]
    if report.growth:
        parts += [Text(), Text("growth", style="bold")]
        parts += [Padding(plain(str(growth)), (0, 0, 0, 2)) for growth in report.growth]
    if report.findings:
        parts += [Text(), Text("what to change, the largest gain first", style="bold")]
        parts += [finding for number, each in enumerate(report.findings, 1) for finding in _finding(number, each)]
    return Group(*parts)


def _finding(number: int, finding: Finding) -> Iterable[RenderableType]:
    yield Padding(plain(f"{number}. {finding.summary}"), (0, 0, 0, 2))
    yield Padding(plain(finding.remedy), (0, 0, 0, 5))
    if finding.code:
        yield Padding(Text(printable(finding.code), style="green"), (0, 0, 0, 5))


def contents_tables(contents: Contents) -> RenderableType:
    """Return what fills one conversation, largest first."""
    largest = Table(title="largest parts", title_justify="left", title_style="bold", box=None, pad_edge=False)
    for header in ("tokens", "share"):
        largest.add_column(header, justify="right")
    largest.add_column("message", justify="right")
    largest.add_column("")
    for piece in contents.largest:
        place = "" if piece.place is None else f"{piece.place:,}"
        largest.add_row(f"{piece.tokens:,}", f"{piece.tokens / max(1, contents.tokens):.0%}", place, plain(piece.label))
    head = plain(f"{contents.name}: {contents.tokens:,} tokens in {contents.messages:,} messages")
    head.stylize("bold")
    return Group(head, bars("by layer", contents.layers), largest)


def conversations_table(all_contents: Sequence[Contents], shown: int) -> Table:
    """Many conversations, the largest first."""
    table = Table(title=f"{len(all_contents):,} conversations, the largest first", title_justify="left", box=None)
    table.add_column("name", overflow="ellipsis", no_wrap=True, max_width=48)
    table.add_column("tokens", justify="right")
    table.add_column("messages", justify="right")
    table.add_column("mostly", no_wrap=True)
    for contents in all_contents[:shown]:
        layer, tokens = next(iter(contents.layers.items()), ("", 0))
        mostly = f"{layer} {tokens / max(1, contents.tokens):.0%}"
        table.add_row(plain(contents.name), f"{contents.tokens:,}", f"{contents.messages:,}", plain(mostly))
    return table


def replay_table(run: Replayed) -> Table:
    """Return what each call of a replay sent, kept, dropped and recalled."""
    table = Table(title=printable(run.name), title_justify="left", title_style="bold", box=None, pad_edge=False)
    for header in ("call", "received", "sent", "cap", "same", "dropped", "cut", "recalled"):
        table.add_column(header, justify="right")
    table.add_column("what was done")
    for number, call in enumerate(run.calls, 1):
        counts = (sum(getattr(step, name) for step in call.steps) for name in ("dropped", "cut", "recalled"))
        table.add_row(
            str(number),
            *(f"{n:,}" for n in (call.tokens_before, call.tokens_sent, call.cap, call.stable_prefix_tokens)),
            *(f"{n:,}" if n else "" for n in counts),
            plain(_done(call)),
        )
    return table


def _done(call: CallRecord) -> str:
    if call.error or call.cache_bust:
        return steps_text(call)
    return ", ".join(step.strategy for step in call.steps)


def totals_table(runs: Mapping[str, Sequence[Replayed]]) -> Table:
    """Totals of replays side by side."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for settings in runs:
        table.add_column(plain(settings), justify="right")
    rows = {settings: {**totals(each), **_held(each)} for settings, each in runs.items()}
    for row in next(iter(rows.values())):
        table.add_row(row.replace("_", " "), *(f"{values[row]:,}" for values in rows.values()))
    return table


def _held(runs: Sequence[Replayed]) -> dict[str, int]:
    return {"values_needed": sum(run.needed for run in runs), "values_held": sum(run.held for run in runs)}


def plan_table(tried: Sequence[Outcome], best: Outcome) -> Table:
    """Return the settings side by side."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("settings", overflow="fold")
    for header in ("sent", "cost", "cached", "kept", "compacted", "failed"):
        table.add_column(header, justify="right")
    for outcome in tried:
        table.add_row(
            "→" if outcome is best else "",
            plain(str(outcome.settings)),
            f"{outcome.tokens_sent:,}",
            "?" if outcome.cost is None else f"${outcome.cost:,.4f}",
            f"{outcome.cached_share:.0%}",
            f"{outcome.retention:.1%}",
            f"{outcome.compactions:,}",
            f"{outcome.violations:,}",
            style="bold" if outcome is best else "" if outcome.loses_nothing else "dim",
        )
    return table
