"""Output is cut where it comes in: within its limit, kept whole, told, and never an error."""

import logging
from pathlib import Path
from typing import Any

import pytest
from autogen_agentchat.messages import TextMessage
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget import ArtifactStore, OutputCut, Tally, TiktokenCounter, TokenBudget
from autogen_budget._tools import ToolOutputLimiter, cap_of
from builders import reference_in
from histories import texts

COUNTER = TiktokenCounter()
REPORT = "\n".join(f"line {i} of the report" for i in range(3_000))


def limiter(budget: TokenBudget | None = None, store: ArtifactStore | None = None, **options: Any) -> ToolOutputLimiter:
    """A limiter with a memory of its own."""
    return ToolOutputLimiter(
        budget or TokenBudget(800), store or ArtifactStore(), options.pop("counter", COUNTER), **options
    )


class Broken(TiktokenCounter):
    """A counter that fails."""

    def measure_text(self, text: str, *, limit: int | None = None) -> Tally:
        """Fails."""
        raise RuntimeError("no count today")


@pytest.mark.parametrize(
    ("budget", "cap", "tool", "limit"),
    [
        (TokenBudget(8_000), None, "read", 2_000),
        (TokenBudget(8_000), 400, "read", 100),
        (TokenBudget(8_000, max_tool_output_tokens=30), None, "read", 30),
        (TokenBudget(8_000, max_tool_output_tokens=30, tool_output_tokens={"read": 70}), None, "read", 70),
        (TokenBudget(8_000, tool_output_tokens={"read": 70}), None, "list", 2_000),
        (TokenBudget(context_window=10_000, reply_reserve=0), None, "read", 2_500),
        (TokenBudget(), None, "read", 1_536),
        (TokenBudget(1), None, "read", 1),
    ],
)
def test_limits(budget: TokenBudget, cap: int | None, tool: str, limit: int) -> None:
    """A tool's own limit comes first, then that of the budget, then a quarter of the cap as it is now."""
    asked = limiter(budget, cap=None if cap is None else lambda: cap)
    assert asked.limit(tool) == limit


async def test_the_cap_at_the_time_of_the_call_counts() -> None:
    """Where no limit is set, it is a quarter of what a request may hold by now."""
    caps = [4_000, 800]
    asked = limiter(TokenBudget(), cap=lambda: caps[0])
    while caps:
        assert caps[0] // 8 < COUNTER.count_text(await asked.cut(REPORT, "read")) <= caps[0] // 4
        del caps[0]


def test_the_cap_without_a_model() -> None:
    """What the budget says, else what the smallest usual window leaves."""
    assert [cap_of(TokenBudget(9_000)), cap_of(TokenBudget(context_window=1_000)), cap_of(TokenBudget())] == [
        9_000,
        750,
        6_144,
    ]


async def test_cuts_keeps_and_tells(caplog: pytest.LogCaptureFixture) -> None:
    """The whole can be read by the reference in the notice; the record and the log say what was done."""
    told: list[OutputCut] = []
    store = ArtifactStore()

    def fails(record: OutputCut) -> None:
        raise RuntimeError(f"no place for {record}")

    asked = limiter(store=store, name="clerk", hooks=[fails, told.append])
    with caplog.at_level(logging.INFO, "autogen_budget"):
        cut = await asked.cut(REPORT, "read")
    reference = reference_in(cut)
    assert reference is not None
    assert await store.get(reference) == REPORT
    (record,) = asked.records.cuts
    assert told == [record]
    assert record == OutputCut("read", len(REPORT), len(cut), 200, reference, None, "clerk", record.at)
    assert COUNTER.measure_text(cut).total <= 200
    plain = [record.levelname for record in caplog.records if record.name == "autogen_budget"]
    assert plain == ["INFO", "WARNING"]


async def test_what_fits_is_the_same_object() -> None:
    """Nothing is stored or told."""
    asked = limiter()
    text = "short " * 20
    assert await asked.cut(text, "read") is text
    assert not asked.records.cuts


async def test_hints_tell_what_to_keep() -> None:
    """Lines that share rare words with the call, or with what is being asked, are kept."""
    lines = [f"item {i} sold in the north" for i in range(5_000)]
    lines[1_234], lines[4_321] = "item 1234 lost by the ferryman", "item 4321 found by a lighthouse"
    asked = limiter()
    asked.remember([TextMessage(content="who saw the ferryman?", source="user")])
    cut = await asked.cut("\n".join(lines), "read", hints=["lighthouse"])
    assert lines[1_234] in cut
    assert lines[4_321] in cut


async def test_a_notice_inside_does_not_pass_for_that_of_the_whole() -> None:
    """An output that tells of an earlier cut is kept whole under a reference of its own."""
    store = ArtifactStore()
    asked = limiter(store=store)
    inner = await asked.cut(REPORT, "read")
    outer = f"The other agent said:\n{inner}\n" + "\n".join(f"thing {i} was seen" for i in range(2_000))
    cut = await asked.cut(outer, "ask")
    reference = reference_in(cut)
    assert reference not in (None, reference_in(inner))
    assert await store.get(str(reference)) == outer
    again = inner.replace("line 0 of", "line 0 0 0 0 0 0 0 0 of")
    assert len(await asked.cut(again * 3, "ask")) <= len(again * 3)


async def test_a_failing_store_does_not_fail_the_cut(tmp_path: Path) -> None:
    """The output is cut all the same, and the record says that the whole was not kept."""
    (tmp_path / "file").write_text("no folder")
    asked = limiter(store=ArtifactStore(tmp_path / "file"))
    cut = await asked.cut(REPORT, "read")
    assert COUNTER.measure_text(cut).total <= 200
    assert "[cut: " in cut
    assert reference_in(cut) is None
    assert asked.records.cuts[0].reference is None
    assert "Error" in str(asked.records.cuts[0].error)


async def test_a_failing_counter_does_not_fail_the_call() -> None:
    """Where counting fails, each character is taken for a token."""
    asked = limiter(counter=Broken())
    assert await asked.cut("short", "read") == "short"
    assert await asked.cut(REPORT, "read") == REPORT[:200]


@given(text=texts, limit=st.integers(1, 300))
async def test_always_within_the_limit_and_kept(text: str, limit: int) -> None:
    """Whatever the text, what is left fits and is no longer, cutting again changes nothing, and the whole is there."""
    asked = limiter(TokenBudget(8_000, max_tool_output_tokens=limit))
    cut = await asked.cut(text, "any")
    assert COUNTER.measure_text(cut).total <= limit
    assert len(cut) <= len(text)
    assert await asked.cut(cut, "any") is cut
    if cut is not text:
        assert await asked.lease.store.get(str(asked.records.cuts[0].reference)) == text
