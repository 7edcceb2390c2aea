"""Render a report as values that JSON can hold."""

from dataclasses import asdict

from autogen_budget._report import Report

VERSION = 1
"""The version of the form that `report_values` returns."""


def report_values(report: Report) -> dict[str, object]:
    """Render a report as values that JSON can hold, without its records; money as text, so that it stays exact."""
    balance = report.balance
    return {
        "version": VERSION,
        "calls": report.calls,
        "from_cache": report.from_cache,
        "failed": report.failed,
        "compactions": report.compactions,
        "tokens_before": report.tokens_before,
        "tokens_sent": report.tokens_sent,
        "stable_prefix_tokens": report.stable_prefix_tokens,
        "cached_tokens": report.cached_tokens,
        "summaries": report.summaries,
        "oversize": report.oversize,
        "balance": None
        if balance is None
        else {
            "spent": str(balance.spent),
            "spared": str(balance.spared),
            "saved": str(balance.saved),
            "unpriced_calls": balance.unpriced_calls,
        },
        "output_cuts": report.output_cuts,
        "characters_cut": report.characters_cut,
        "waited_seconds": report.waited_seconds,
        "retries": report.retries,
        "time_limits": report.time_limits,
        "loops": report.loops,
        "left_behind": report.left_behind,
        "by_agent": {name: asdict(share) for name, share in report.by_agent.items()},
        "by_purpose": {name: asdict(share) for name, share in report.by_purpose.items()},
        "by_layer": dict(report.by_layer),
        "by_layer_before": dict(report.by_layer_before),
        "growth": [{**asdict(growth), "summary": str(growth)} for growth in report.growth],
        "findings": [asdict(finding) for finding in report.findings],
    }
