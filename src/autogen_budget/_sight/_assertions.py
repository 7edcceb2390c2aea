"""Assertions for users' own tests: what a run sent stays within limits, with the report in the failure."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from autogen_budget._analysis import cost_of
from autogen_budget._records import CallRecord
from autogen_budget._report import Report
from autogen_budget._spend import Price


def assert_within(
    source: object,
    *,
    max_prompt_tokens: int | None = None,
    max_growth: float | None = None,
    max_total_tokens: int | None = None,
    max_calls: int | None = None,
    max_cost: float | Decimal | None = None,
    prices: Mapping[str, Price] | None = None,
) -> None:
    """Assert that a run stayed within limits.

    .. code-block:: python

        from autogen_budget import assert_within

        async def test_support_agent() -> None:
            await agent.run(task="Where is my parcel?")
            assert_within(agent, max_prompt_tokens=4_000, max_calls=5)

    Args:
        source (object): What `Report.of` takes: an agent, a client, a team, records.
        max_prompt_tokens (int | None): Tokens of each request as it is sent. `None` means without limit, here and
            below.
        max_growth (float | None): Tokens that each call may add to the history of an agent, on average, from four calls
            on.
        max_total_tokens (int | None): Tokens of all requests and replies together.
        max_calls (int | None): Model calls.
        max_cost (float | Decimal | None): US dollars for all calls whose price is known.
        prices (Mapping[str, Price] | None): Prices by model, before those of `genai-prices`. `None` means none.

    Raises:
        AssertionError: A limit is exceeded; the report is in its text.
        TypeError: The source holds no records and nothing that is under budget.
    """
    report = Report.of(source, prices=prices)
    calls = [record for record in report.records if isinstance(record, CallRecord)]
    exceeded = [
        *_requests(calls, max_prompt_tokens),
        *_growth(report, max_growth),
        *_totals(calls, max_total_tokens, max_calls, max_cost, prices or {}),
    ]
    if exceeded:
        raise AssertionError("\n".join((*exceeded, "", str(report))))


def _requests(calls: Sequence[CallRecord], most: int | None) -> Iterator[str]:
    """Yield the first request that is too large."""
    for number, call in enumerate(calls, 1):
        if most is not None and call.tokens_sent > most:
            largest = ", ".join(f"{layer} {tokens:,}" for layer, tokens in list(call.layers_sent.items())[:3])
            yield (
                f"call {number:,} of {call.name} sent {call.tokens_sent:,} tokens, more than "
                f"max_prompt_tokens={most:,}; largest parts: {largest}"
            )
            return


def _growth(report: Report, most: float | None) -> Iterator[str]:
    for growth in report.growth:
        if most is not None and growth.tokens_per_call > most:
            yield f"{growth}; more than max_growth={most:,}"


def _totals(
    calls: Sequence[CallRecord],
    max_tokens: int | None,
    max_calls: int | None,
    max_cost: float | Decimal | None,
    prices: Mapping[str, Price],
) -> Iterator[str]:
    total = sum(call.tokens_sent + (call.reported_completion_tokens or 0) for call in calls)
    if max_tokens is not None and total > max_tokens:
        yield f"{total:,} tokens in all, more than max_total_tokens={max_tokens:,}"
    if max_calls is not None and len(calls) > max_calls:
        yield f"{len(calls):,} calls, more than max_calls={max_calls:,}"
    cost = sum((cost_of(call, prices) or Decimal(0) for call in calls), Decimal(0))
    if max_cost is not None and cost > Decimal(str(max_cost)):
        yield f"${cost:,.6f} in all, more than max_cost=${max_cost}"
