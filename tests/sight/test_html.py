"""The HTML report: one small file without network or script, every text escaped, a table behind each picture."""

import time
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from tempfile import NamedTemporaryFile

from autogen_budget import (
    CallRecord,
    LoopRecord,
    OutputCut,
    Record,
    Report,
    RetryRecord,
    Step,
    TimeLimitRecord,
    WaitRecord,
)
from builders import call_record
from made_up_runs import long_run


class Page(HTMLParser):
    """Counts the elements of a page and keeps its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        """Keep words."""
        self.words += data


def page_of(records: Sequence[Record]) -> Page:
    """The page of a run."""
    with NamedTemporaryFile() as file:
        Report.of(records).to_html(file.name)
        return Page(Path(file.name).read_text(encoding="utf-8"))


def test_a_long_run_is_one_small_file(tmp_path: Path) -> None:
    """5,000 calls are below 2 MB; nothing is loaded from anywhere, and nothing runs."""
    Report.of(long_run(5_000)).to_html(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert len(text.encode()) < 2_000_000
    assert not {"script", "link", "iframe", "img"} & set(page.elements)
    assert not any(name in ("src", "href") or name.startswith("on") for name, _ in page.attributes)
    assert "http" not in text.replace("http-equiv", "")
    assert page.elements.count("polygon") < 100


def test_each_picture_has_a_title_and_a_table() -> None:
    """What is drawn can be read as well, and tables can be scrolled with the keyboard."""
    page = page_of(long_run(90))
    pictures = [value for name, value in page.attributes if name == "aria-labelledby"]
    named = [value for name, value in page.attributes if name == "id"]
    assert pictures
    assert set(pictures) == set(named)
    assert page.words.count("The same as a table") == 3
    regions = sum(name == "role" and value == "region" for name, value in page.attributes)
    assert regions == sum(name == "tabindex" for name, _ in page.attributes) > 3


def test_figures_are_on_the_page() -> None:
    """Calls, caps, findings with their code, compactions and what else happened."""
    calls = [record for record in long_run(120) if isinstance(record, CallRecord)]
    others: list[Record] = [
        OutputCut("fetch", 9_000, 800, 200, "a1", None, name="writer", at=2e9),
        OutputCut("fetch", 9_000, 800, 200, None, "disk full", name="writer", at=2e9),
        WaitRecord("writer", "rate", 0.5, at=2e9),
        RetryRecord("writer", 1, "RateLimitError: slow down, Anna", 2.0, at=2e9),
        TimeLimitRecord("writer", "tool", 30.0, tool="fetch", at=2e9),
        TimeLimitRecord("writer", "run", 60.0, at=2e9),
        LoopRecord("writer", "call", "fetch", 3, "nudged", at=2e9),
    ]
    failed = replace(calls[-1], error="APIError: no such Anna", cache_bust="the order of the tools", cached_tokens=9)
    words = page_of([*calls, failed, *others]).words
    for part in (
        "cap 8,000",
        "history of researcher grows",
        "TrimOldest: 8,",
        "12 turns dropped",
        "whole in a1",
        "whole not kept",
        "rate: 0.50 s",
        "attempt 1 failed (RateLimitError), again in 2.0 s",
        "tool limit of 30.0 s of fetch",
        "run limit of 60.0 s",
        "call of fetch repeated 3 times: nudged",
        "cache lost: the order of the tools",
        "APIError",
        "read from cache",
        "outputs cut",
    ):
        assert part in words, part
    assert "Anna" not in words


def test_names_are_escaped() -> None:
    """Names of agents, tools, layers and strategies may be anybody's."""
    evil = "<script>alert('x')</script>"
    step = Step(evil, 900, 500, evil)
    calls = [
        call_record(name=evil, purpose=evil, layers_sent={evil: 900}, steps=(step,), cache_bust=evil, at=float(i))
        for i in range(6)
    ]
    page = page_of([*calls, OutputCut(evil, 9, 8, 7, evil, None, name=evil)])
    assert "script" not in page.elements
    assert evil in page.words


def test_any_run_has_a_page() -> None:
    """No calls, one call, failed calls only, a hundred agents, caps that move."""
    assert "Nothing stands out." in page_of([]).words
    assert "1 call" in page_of([call_record(layers_sent={"task": 900})]).words
    assert "Tokens per call" not in page_of([call_record(error="APIError: no")]).words
    crowd = [call_record(name=f"agent {i}", at=float(i)) for i in range(40)]
    assert "28 more agents" in page_of(crowd).words
    moved = page_of([call_record(cap=cap, at=-float(cap)) for cap in (2_000, 1_000, 950)])
    assert "cap 950" in moved.words
    assert "2,000" in moved.words


def test_tool_time_ends_where_another_agent_begins() -> None:
    """Only what lies between two calls of one agent with nobody else's between is known to be its tools' time."""
    alone = [call_record(at=10.0, seconds=1.0, called=("f",)), call_record(at=14.0, seconds=1.0)]
    assert "tools 3.0 s" in page_of(alone).words
    other = call_record(name="writer", at=12.0, seconds=1.0)
    assert "tools 0.0 s" in page_of([*alone, other]).words


def test_it_is_made_in_time_that_grows_with_the_run(tmp_path: Path) -> None:
    """Twenty times the calls take no hundred times as long."""

    def seconds(calls: int) -> float:
        report = Report.of(long_run(calls))
        began = time.perf_counter()
        report.to_html(tmp_path / "report.html")
        return time.perf_counter() - began

    assert seconds(4_000) < 100 * max(seconds(200), 0.001)
