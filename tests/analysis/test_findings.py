"""The edges of what is found: too little to tell, compaction that does not pay, figures of growth."""

from dataclasses import replace

from autogen_budget import Part, Price, Report, Step
from builders import call_record

PRICES = {"m": Price(input=1_000_000, output=2_000_000, cached_input=100_000)}
SHRINK = (Step("TrimOldest", 1_300, 600, dropped=9),)


def kinds(report: Report) -> list[str]:
    """What is found."""
    return [finding.kind for finding in report.findings]


def test_compaction_that_does_not_pay_is_said_so() -> None:
    """With the figure, and the window as the cap to take; without prices or compaction nothing is said."""
    call = call_record(
        steps=SHRINK, tokens_before=1_300, tokens_sent=600, stable_prefix_tokens=50, new_tokens=400, at=1.0
    )
    (finding,) = Report.of([call], prices=PRICES).findings
    assert finding.kind == "compaction costs"
    assert "cost $65.000000 more than it saved" in finding.summary
    assert finding.tokens == 150
    assert finding.code == "TokenBudget(context_window=1200)"
    assert Report.of([replace(call, window=None)], prices=PRICES).findings[0].code == ""
    assert kinds(Report.of([call])) == []
    plain = call_record(tokens_before=1_000, tokens_sent=1_000, stable_prefix_tokens=0)
    assert kinds(Report.of([plain, replace(plain, tokens_sent=1_100)], prices=PRICES)) == []


def test_frequent_compaction_is_named() -> None:
    """One call in three or more, three times at least."""
    quiet = call_record()
    shrunk = call_record(steps=SHRINK, tokens_before=1_300, tokens_sent=600, stable_prefix_tokens=50, new_tokens=100)
    (finding,) = Report.of([shrunk] * 3 + [quiet] * 6).findings
    assert finding.kind == "frequent compaction"
    assert "3 of 9 calls of clerk" in finding.summary
    assert finding.tokens == 3 * 450
    assert finding.code == "TokenBudget(2000)  # or TokenBudget(1000, compact_to=0.4)"
    assert kinds(Report.of([shrunk] * 2)) == []
    assert kinds(Report.of([shrunk] * 3 + [quiet] * 7)) == []


def test_growth_is_told_from_layers_where_parts_are_not_known() -> None:
    """Records of another source, too few calls, histories that do not grow or are over the window."""
    calls = [
        call_record(layers_before={"task": 100, "history": 100 * i}, tokens_before=100 + 100 * i, at=float(i))
        for i in range(5)
    ]
    (growth,) = Report.of(calls).growth
    assert (growth.cause, growth.cause_share, growth.tokens_per_call) == ("history", 1.0, 100.0)
    assert growth.calls_left == 7
    assert "at this rate 1,200 tokens are full in 7 calls" in str(growth)
    (full,) = Report.of([replace(call, tokens_before=5_000) for call in calls]).growth
    assert "as it came it would no longer fit into 1,200 tokens" in str(full)
    (still,) = Report.of([call_record()] * 4).growth
    assert str(still) == "history of clerk does not grow"
    assert Report.of(calls[:3]).growth == ()


def test_the_longest_conversation_tells_the_growth() -> None:
    """Others of the same agent are left out of it."""
    long = [call_record(conversation="1", new_parts=(Part("text of user", "history", 10, str(i)),)) for i in range(5)]
    short = [call_record(conversation="2", new_parts=(Part("text of user", "history", 900, "x"),))]
    (growth,) = Report.of([*short, *long]).growth
    assert (growth.calls, growth.tokens_per_call) == (5, 10)


def test_schemas_are_named_where_every_tool_is_called() -> None:
    """Nothing is unused, and yet they take a third of the cap."""
    tools = {f"look_{i}": 100 for i in range(8)}
    calls = [
        call_record(cap=2_000, layers_sent={"tools": 800}, tools=tools, called=tuple(tools), at=float(i))
        for i in range(6)
    ]
    (finding,) = Report.of(calls).findings
    assert finding.kind == "tool schemas"
    assert "tool schemas of clerk take 800 tokens of every request, 40% of the cap; largest: look_0 100" in (
        finding.summary
    )


def test_many_unused_tools_are_counted() -> None:
    """The largest are named."""
    tools = {f"look_{i}": 100 + i for i in range(9)}
    calls = [call_record(cap=2_000, layers_sent={"tools": 936}, tools=tools, at=float(i)) for i in range(6)]
    (finding,) = Report.of(calls).findings
    assert "9 of 9 tools of clerk were never called" in finding.summary
    assert "look_8 108" in finding.summary
    assert "and 3 more" in finding.summary
    chosen = [replace(call, tools_withheld=("look_9",)) for call in calls]  # by what each request is about
    assert not any("never called" in finding.summary for finding in Report.of(chosen).findings)


def test_calls_for_summaries_and_failed_ones_are_no_ones_growth() -> None:
    """They are in the totals only."""
    report = Report.of([call_record(purpose="summary"), call_record(error="APIError: no")] * 5)
    assert report.calls == 10
    assert report.growth == ()
