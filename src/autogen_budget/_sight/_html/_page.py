"""The page of the HTML report, put together from its pictures and tables."""

from collections.abc import Iterator, Mapping
from html import escape

from autogen_budget._analysis import Finding, calls_by_agent
from autogen_budget._records import CallRecord, Event, OutputCut, RetryRecord, TimeLimitRecord, WaitRecord
from autogen_budget._report import CallTotals, Report
from autogen_budget._sight._text import event_counts

from ._areas import areas
from ._style import STYLE, layer_colour, layer_order
from ._timeline import timeline

MAX_PICTURES = 12
"""Agents that get a picture; of a larger team those that sent the most."""

MAX_ROWS = 10_000
"""Calls in the table, the newest; the file stays small enough for a phone."""


def report_html(report: Report) -> str:
    """Render a report as one HTML page; every text in it is escaped, and no content of messages is in it."""
    return "\n".join(_page(report))


def _page(report: Report) -> Iterator[str]:
    yield "<!doctype html><html lang=en><meta charset=utf-8>"
    yield '<meta name=viewport content="width=device-width,initial-scale=1">'
    yield f"<title>Token report: {report.calls:,} calls</title><style>{STYLE}</style>"
    yield "<body><main><h1>Where the tokens went</h1>"
    yield from _cards(report)
    agents = dict(
        sorted(
            calls_by_agent([record for record in report.records if isinstance(record, CallRecord)]).items(),
            key=lambda item: -sum(call.tokens_sent for call in item[1]),
        )
    )
    yield from _findings(report.findings)
    if agents:
        yield "<h2>Tokens per call against the cap</h2>"
        yield from _layers(report.by_layer)
        yield "<p class=soft>The dashed line is the cap; ticks at the top mark calls that were compacted.</p>"
        for number, (agent, calls) in enumerate(list(agents.items())[:MAX_PICTURES]):
            yield f"<h3>{escape(agent)}</h3>"
            yield from areas(agent, calls, number)
        if len(agents) > MAX_PICTURES:
            yield f"<p class=soft>{len(agents) - MAX_PICTURES:,} more agents are in the tables below.</p>"
        if report.growth:
            yield "<h2>Growth</h2><ul>"
            yield "".join(f"<li>{escape(str(growth))}" for growth in report.growth)
            yield "</ul>"
    yield from _shares("By agent", report.by_agent)
    yield from _shares("By purpose", report.by_purpose)
    if agents:
        yield "<h2>Time</h2>"
        yield from timeline(agents)
    yield from _events([record for record in report.records if not isinstance(record, CallRecord)])
    yield from _calls([record for record in report.records if isinstance(record, CallRecord)])
    yield "</main></body></html>"


def _cards(report: Report) -> Iterator[str]:
    cards = {
        "calls": f"{report.calls:,}",
        "tokens sent": f"{report.tokens_sent:,}",
        "received": f"{report.tokens_before:,}",
        "same as before": f"{report.stable_prefix_tokens / max(1, report.tokens_sent):.0%}",
        "compacted": f"{report.compactions:,}",
        "failed": f"{report.failed:,}",
    }
    if report.cached_tokens is not None:
        cards["read from cache"] = f"{report.cached_tokens:,}"
    if report.balance is not None:
        cards["saved"] = f"${report.balance.saved:,.4f}"
    if report.output_cuts:
        cards["outputs cut"] = f"{report.output_cuts:,}"
    cards |= event_counts(report)
    yield "<dl class=cards>"
    yield "".join(f"<div><dt>{name}<dd>{value}</div>" for name, value in cards.items())
    yield "</dl>"
    if report.balance is not None:
        yield f"<p class=soft>{escape(str(report.balance))}</p>"


def _findings(findings: tuple[Finding, ...]) -> Iterator[str]:
    yield "<h2>What to change</h2>"
    if not findings:
        yield "<p>Nothing stands out.</p>"
        return
    yield "<ol class=findings>"
    for finding in findings:
        code = f"<pre>{escape(finding.code)}</pre>" if finding.code else ""
        yield f"<li><strong>{escape(finding.summary)}</strong><p>{escape(finding.remedy)}</p>{code}"
    yield "</ol>"


def _layers(layers: Mapping[str, int]) -> Iterator[str]:
    total = max(1, sum(layers.values()))
    yield "<ul class=key>"
    for layer in layer_order(layers):
        share = f"{layers[layer] / total:.0%}"
        yield f'<li><i style="--c:{layer_colour(layer)}"></i>{escape(layer)} {layers[layer]:,} ({share})'
    yield "</ul>"


def _shares(title: str, shares: Mapping[str, CallTotals]) -> Iterator[str]:
    if not shares:
        return
    most = max(1, *(share.tokens_sent for share in shares.values()))
    yield f"<h2>{title}</h2><div class=scroll tabindex=0 role=region aria-label='{title}'><table><thead><tr><th>name"
    yield "<th class=n>calls<th class=n>tokens sent<th>share<th class=n>replies<th class=n>seconds</thead><tbody>"
    for name, share in shares.items():
        yield (
            f"<tr><td>{escape(name)}<td class=n>{share.calls:,}<td class=n>{share.tokens_sent:,}<td>"
            '<svg viewBox="0 0 100 10" preserveAspectRatio=none aria-hidden=true>'
            f"<rect width={100 * share.tokens_sent / most:.4g} height=10 fill=var(--accent) /></svg>"
            f"<td class=n>{share.reply_tokens:,}<td class=n>{share.seconds:,.1f}"
        )
    yield "</tbody></table></div>"


def _events(records: list[Event]) -> Iterator[str]:
    if not records:
        return
    yield "<h2>Cuts, waits, retries, time limits and loops</h2>"
    yield "<div class=scroll tabindex=0 role=region aria-label='Other records'><table><thead><tr><th>what"
    yield "<th>who<th>details</thead><tbody>"
    for record in records[-MAX_ROWS:]:
        yield f"<tr><td>{record.kind.replace('_', ' ')}<td>{escape(record.name)}<td>{escape(event_text(record))}"
    yield "</tbody></table></div>"


def event_text(record: Event) -> str:
    """Say in a few words what a record other than a call is about."""
    if isinstance(record, OutputCut):
        where = f", whole in {record.reference}" if record.reference else ", whole not kept"
        return f"{record.tool}: {record.characters:,} characters, {record.kept:,} left{where}"
    if isinstance(record, WaitRecord):
        return f"{record.reason}: {record.seconds:,.2f} s"
    if isinstance(record, RetryRecord):
        error = record.error.partition(":")[0]
        return f"attempt {record.attempt:,} failed ({error}), again in {record.delay:,.1f} s"
    if isinstance(record, TimeLimitRecord):
        return f"{record.limit} limit of {record.seconds:,.1f} s{f' of {record.tool}' if record.tool else ''}"
    return f"{record.pattern} of {record.subject} repeated {record.repeats:,} times: {record.action}"


def _calls(calls: list[CallRecord]) -> Iterator[str]:
    shown = calls[-MAX_ROWS:]
    yield f"<h2>Calls</h2><details{' open' if len(calls) <= 200 else ''}><summary>{len(shown):,} calls</summary>"
    yield "<div class=scroll tabindex=0 role=region aria-label=Calls><table class=calls><thead><tr><th class=n>call"
    yield "<th>agent<th>purpose<th class=n>received<th class=n>sent<th class=n>cap<th class=n>same<th class=n>s<th>"
    yield "what was done"
    yield "</thead><tbody>"
    for number, call in enumerate(shown, len(calls) - len(shown) + 1):
        yield (
            f"<tr><td class=n>{number}<td>{escape(call.name)}<td>{escape(call.purpose)}<td class=n>{call.tokens_before}"
            f"<td class=n>{call.tokens_sent}<td class=n>{call.cap}<td class=n>{call.stable_prefix_tokens}"
            f"<td class=n>{call.seconds:.2f}<td>{escape(steps_text(call))}"
        )
    yield "</tbody></table></div></details>"


def steps_text(call: CallRecord) -> str:
    """Say what was done to a request, and how the call ended if it failed."""
    done = [f"{step.strategy}: {step.tokens_before:,} → {step.tokens_after:,} ({step.detail})" for step in call.steps]
    if call.cache_bust:
        done.append(f"cache lost: {call.cache_bust}")
    if call.error:
        done.append(call.error.partition(":")[0])
    return "; ".join(done)
