"""First calls to a real model with another tokenizer: none is over its cap by the model's own count."""

import statistics

import pytest

from first_calls import KINDS, SHAPES, Call, factors, first_call
from local_model import LocalModel

CAPS = (600, 1_500)


async def calls_of(model: LocalModel, *, ask: bool) -> list[Call]:
    """The very first calls of eight kinds of text under two caps, in two shapes."""
    return [
        call
        for kind in KINDS
        for shape in SHAPES
        for cap in CAPS
        for call in await first_call(model, kind, shape, cap, ask=ask)
    ]


async def test_the_server_counts_a_prompt_as_it_reads_it(local_model: LocalModel) -> None:
    """What the other tests here take from the server's count is what the model reports when it has read the prompt."""
    (read,), (counted,) = [
        await first_call(local_model, "JSON", "a talk", 600, ask=False, read=read) for read in (True, False)
    ]
    assert read == counted


@pytest.mark.parametrize("ask", [True, False], ids=["asked", "not asked"])
async def test_first_calls_fit(local_model: LocalModel, ask: bool) -> None:
    """Whether or not the server is asked, none of 32 is over its cap, and texts that have to be cut fill it well."""
    calls = await calls_of(local_model, ask=ask)
    assert len(calls) == 32
    assert [call for call in calls if call.reported > call.cap] == []
    cut = [call for call in calls if call.shape == "one text"]
    assert min(call.fill for call in cut if call.kind == "English") >= 0.7
    assert statistics.mean(call.fill for call in cut) >= (0.8 if ask else 0.55)


@pytest.mark.parametrize("kind", KINDS)
async def test_five_calls_teach_enough(local_model: LocalModel, kind: str) -> None:
    """After five calls a request's own count is at least 85 % of the library's, and no call was over its cap."""
    calls = await first_call(local_model, kind, "one text", 600, ask=False, calls=6)
    assert [call for call in calls if call.reported > call.cap] == []
    assert calls[-1].reported >= 0.85 * calls[-1].counted


@pytest.mark.parametrize("kind", KINDS)
def test_safe_rates_are_safe(local_model: LocalModel, kind: str) -> None:
    """What is counted before any report is never below the model's own count, for texts of any length."""
    for size in (300, 2_000, 6_000):
        _, safe = factors(local_model, kind, size)
        assert safe >= 1
