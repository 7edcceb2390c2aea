"""Assertions in users' tests, and the pytest plugin: what fails, and what the failure says."""

from pathlib import Path

import pytest
from autogen_agentchat.agents import AssistantAgent

from autogen_budget import BudgetedAgent, Part, Price, TokenBudget, assert_within
from builders import call_record
from servers import OpenAIServer
from servers.clients import client_of

pytest_plugins = ["pytester"]

CALLS = [
    call_record(
        tokens_sent=400 + 100 * i,
        layers_sent={"tool output": 300 + 100 * i, "task": 100},
        new_parts=(Part("result of fetch", "tool output", 100, str(i)),),
        reported_prompt_tokens=400,
        reported_completion_tokens=10,
        cached_tokens=100,
        at=float(i),
    )
    for i in range(5)
]
PRICES = {"m": Price(input=1_000_000, output=2_000_000, cached_input=100_000)}


def test_a_run_within_its_limits_passes() -> None:
    """Every limit just reached."""
    cost = 5 * (300 + 10 + 20)
    assert_within(
        CALLS,
        max_prompt_tokens=800,
        max_growth=100,
        max_total_tokens=3_050,
        max_calls=5,
        max_cost=cost,
        prices=PRICES,
    )
    assert_within(CALLS)
    assert_within([call_record(model="m", from_cache=True)], max_cost=0, prices=PRICES)
    assert_within([call_record(model="nobody's")], max_cost=0)


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"max_prompt_tokens": 699}, "call 4 of clerk sent 700 tokens, more than max_prompt_tokens=699; largest parts"),
        ({"max_growth": 99}, "history of clerk grows 100 tokens a call, 100% of it results of fetch"),
        ({"max_total_tokens": 3_049}, "3,050 tokens in all, more than max_total_tokens=3,049"),
        ({"max_calls": 4}, "5 calls, more than max_calls=4"),
        ({"max_cost": 1_649}, "$1,650.000000 in all, more than max_cost=$1649"),
    ],
)
def test_each_limit_fails_with_the_report(limit: dict[str, int], message: str) -> None:
    """The first line says what was exceeded, the report where the tokens went."""
    with pytest.raises(AssertionError) as caught:
        assert_within(
            CALLS,
            max_prompt_tokens=limit.get("max_prompt_tokens"),
            max_growth=limit.get("max_growth"),
            max_total_tokens=limit.get("max_total_tokens"),
            max_calls=limit.get("max_calls"),
            max_cost=limit.get("max_cost"),
            prices=PRICES,
        )
    assert message in str(caught.value)
    assert "what was sent\n  tool output" in str(caught.value)


async def test_an_agent_can_be_asserted_on() -> None:
    """As in a user's test."""
    async with OpenAIServer() as server, client_of(server) as client:
        agent = BudgetedAgent(AssistantAgent("clerk", client), TokenBudget(500))
        await agent.run(task="How many ships?")
    assert_within(agent, max_prompt_tokens=500, max_calls=1)
    with pytest.raises(AssertionError, match="max_calls=0"):
        assert_within(agent, max_calls=0)


def test_the_plugin_fails_tests_that_use_too_much(pytester: pytest.Pytester) -> None:
    """The marker holds a test against its bounds; the fixture gives the records; others are left alone."""
    pytester.makepyfile(
        test_runs="""
        import pytest
        from autogen_budget._hooks import tell
        from builders import call_record

        @pytest.mark.token_bounds(max_prompt_tokens=1000)
        def test_small():
            tell(call_record(tokens_sent=1000), ())

        @pytest.mark.token_bounds(max_prompt_tokens=1000)
        def test_large():
            tell(call_record(tokens_sent=1001), ())

        @pytest.mark.token_bounds(max_calls=0)
        def test_that_fails_by_itself():
            tell(call_record(), ())
            raise KeyError("its own")

        def test_records(token_records):
            tell(call_record(name="a"), ())
            assert [call.name for call in token_records.calls] == ["a"]

        @pytest.mark.token_bounds(max_calls=1)
        def test_both(token_records):
            tell(call_record(), ())
            assert len(token_records.calls) == 1

        def test_without():
            tell(call_record(), ())
        """
    )
    here = str(Path(__file__).parents[1])
    result = pytester.runpytest_inprocess(
        "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore", "-o", f"pythonpath={here}", "--strict-markers"
    )
    result.assert_outcomes(passed=4, failed=2)
    result.stdout.fnmatch_lines(["*call 1 of clerk sent 1,001 tokens, more than max_prompt_tokens=1,000*"])
    result.stdout.fnmatch_lines(["*KeyError: 'its own'"])
