"""What calls add up to, and whether compaction paid."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from autogen_agentchat.agents import AssistantAgent, SocietyOfMindAgent
from autogen_agentchat.teams import RoundRobinGroupChat, SelectorGroupChat
from autogen_core.models import UserMessage
from autogen_ext.models.cache import ChatCompletionCache
from autogen_ext.models.replay import ReplayChatCompletionClient

from autogen_budget import (
    BudgetedAgent,
    BudgetedChatCompletionClient,
    LoopRecord,
    OutputCut,
    Price,
    RecordFile,
    RecordLog,
    Report,
    RetryRecord,
    Step,
    TimeLimitRecord,
    TokenBudget,
    WaitRecord,
    assert_within,
    budget_team,
)
from builders import PLAIN_CALL
from servers import OpenAIServer
from servers.clients import client_of

PRICES = {"m": Price(input=1_000_000, output=2_000_000, cached_input=100_000)}
"""A dollar a token, ten cents if it was cached, two dollars a token of a reply."""

CALL = PLAIN_CALL
COMPACTED = replace(
    CALL,
    tokens_before=1_300,
    tokens_sent=600,
    stable_prefix_tokens=50,
    new_tokens=400,
    steps=(Step("TrimOldest", 1_300, 600, "9 turns dropped"),),
)


def test_nothing_compacted_costs_and_saves_nothing() -> None:
    """As long as requests go out as they came, both sides of the balance are the same."""
    first = replace(CALL, tokens_before=800, tokens_sent=800, stable_prefix_tokens=0, new_tokens=780)
    balance = Report.of([first, CALL], prices=PRICES).balance
    assert balance is not None
    assert balance.spent == balance.spared == 800 + 80 + 100
    assert balance.saved == 0


def test_a_broken_prefix_is_charged_to_compaction() -> None:
    """One compaction that no call follows costs more than it saves, and the report says so."""
    report = Report.of([COMPACTED], prices=PRICES)
    assert report.balance is not None
    assert report.balance.spent == Decimal(50) / 10 + 550
    assert report.balance.spared == Decimal(900) / 10 + 400
    assert report.balance.saved == -65
    assert "cost $65.000000 more than it saved" in str(report)


def test_later_calls_pay_compaction_back() -> None:
    """Calls that go on with the smaller request save what they need not read from the cache."""
    later = replace(CALL, tokens_before=1_350, tokens_sent=650, stable_prefix_tokens=600, new_tokens=50)
    report = Report.of([COMPACTED, *[later] * 3], prices=PRICES)
    assert report.balance is not None
    assert report.balance.saved == -65 + 3 * 70
    assert "saved $145.000000" in str(report)


def test_summaries_are_charged_to_compaction() -> None:
    """What a summary cost, prompt and reply, stands on the side of what was spent."""
    summary = replace(CALL, purpose="summary", tokens_before=500, tokens_sent=500, reported_completion_tokens=40)
    report = Report.of([summary], prices=PRICES)
    assert report.summaries == 1
    assert report.balance is not None
    assert (report.balance.spent, report.balance.spared) == (Decimal(580), Decimal(0))


def test_calls_without_a_price_are_counted_and_left_out() -> None:
    """A model whose price nobody knows makes no figure up; if no price is known there is no balance."""
    unknown = replace(CALL, model=None)
    assert Report.of([unknown]).balance is None
    mixed = Report.of([unknown, CALL], prices=PRICES)
    assert mixed.balance is not None
    assert mixed.balance.unpriced_calls == 1
    assert "1 calls without a known price" in str(mixed)


def test_figures_add_up() -> None:
    """Failures, compactions, oversize requests and the provider's cache are counted over all calls."""
    failed = replace(CALL, error="APIError: no", cached_tokens=512)
    told = replace(CALL, steps=(Step("repair", 900, 900, "orphaned result: f ('1')"),), cached_tokens=256)
    report = Report.of([failed, told, COMPACTED])
    assert (report.calls, report.failed, report.compactions, report.oversize) == (3, 1, 1, 1)
    assert (report.tokens_before, report.tokens_sent, report.stable_prefix_tokens) == (3_100, 2_400, 1_650)
    assert report.cached_tokens == 768
    assert "768 tokens were read from the provider's cache" in str(report)
    assert Report.of([CALL]).cached_tokens is None


async def test_replies_from_a_cache_cost_nothing() -> None:
    """What a `ChatCompletionCache` answered counts as a request, and in no sum of money."""
    async with OpenAIServer() as server, client_of(server) as client:
        cached = BudgetedChatCompletionClient(ChatCompletionCache(client), TokenBudget(500))
        for _ in range(2):
            await cached.create([UserMessage(content="How many ships?", source="user")])
    report = cached.report()
    assert (report.calls, report.from_cache) == (2, 1)
    assert report.tokens_sent == 2 * cached.records[0].tokens_sent
    assert report.balance == Report.of(cached.records[:1]).balance


async def test_scripted_replies_count_as_requests() -> None:
    """A test with a `ReplayChatCompletionClient`, whose replies are marked as cached, sees what was sent."""
    client = BudgetedChatCompletionClient(ReplayChatCompletionClient(["Noted."]), TokenBudget(500))
    await client.create([UserMessage(content="How many ships?", source="user")])
    report = client.report()
    assert (report.calls, report.from_cache) == (1, 1)
    assert report.by_layer == client.records[0].layers_sent
    with pytest.raises(AssertionError, match="more than max_prompt_tokens=1"):
        assert_within(client, max_prompt_tokens=1)


async def test_an_agents_report_follows_its_requests() -> None:
    """A long run of a priced model: the stable prefix is most of what was sent, and every call is in the balance."""
    async with OpenAIServer(window=1_500) as server, client_of(server, max_tokens=50) as client:
        budget = TokenBudget(1_000, context_window=1_500, reply_reserve=50)
        agent = BudgetedAgent(AssistantAgent("clerk", client), budget)
        for day in range(30):
            await agent.run(task=f"Day {day}: " + "the ships brought salt, tar, rope and oranges. " * 8)
        report = agent.report()
        assert report.calls == 30
        assert report.compactions >= 2
        assert report.oversize > 0
        assert report.tokens_sent == sum(record.tokens_sent for record in agent.records)
        assert report.balance is not None
        assert report.balance.unpriced_calls == 0
        assert all(record.stable_prefix_tokens < record.tokens_sent for record in agent.records)
        grown = [record for record in agent.records[1:] if not record.steps]
        assert all(
            record.stable_prefix_tokens + record.new_tokens == record.tokens_sent
            for record in grown
            if not record.compacted
        )
        assert report.stable_prefix_tokens > report.tokens_sent / 2
        assert "30 calls, 0 failed" in str(report)
        assert agent.report(prices={"gpt-4o": Price(input=0, output=0)}).balance != report.balance


async def test_a_teams_report_holds_every_call_once() -> None:
    """Agents, nested teams and managers, each owner once; by agent and by purpose."""
    async with OpenAIServer() as server, client_of(server) as client:
        inner = RoundRobinGroupChat([AssistantAgent(name, client) for name in ("one", "two")], max_turns=2)
        outer = SelectorGroupChat(
            [SocietyOfMindAgent("society", inner, client), AssistantAgent("three", client)],
            client,
            max_turns=2,
            selector_func=lambda messages: ("society", "three")[len(messages) > 1],
        )
        budget_team(outer, TokenBudget(2_000))
        await outer.run(task="Go.")
        report = Report.of(outer)
        assert report.calls == len(server.requests) == sum(share.calls for share in report.by_agent.values())
    assert {"society", "three", "one", "two"} <= set(report.by_agent)
    assert sum(report.by_layer.values()) == report.tokens_sent
    assert list(report.records) == sorted(report.records, key=lambda record: record.at)


def test_records_come_from_logs_and_files(tmp_path: Path) -> None:
    """A log, a file and a list of the same records give the same report."""
    log, write = RecordLog(), RecordFile(tmp_path / "x.jsonl")
    events = (
        OutputCut("f", 900, 80, 20, "a1", None),
        WaitRecord("clerk", "rate", 0.5),
        RetryRecord("clerk", 1, "TimeoutError", 0.5),
        TimeLimitRecord("clerk", "tool", 60.0, "f", left_behind=True),
        TimeLimitRecord("clerk", "run", 900.0),
        LoopRecord("clerk", "call", "f", 3, "nudged"),
    )
    for record in (CALL, COMPACTED, *events):
        log.add(record)
        write(record)
    report = Report.of(log, prices=PRICES)
    assert report == Report.of(log.all, prices=PRICES) == Report.read(tmp_path / "x.jsonl", prices=PRICES)
    assert (report.output_cuts, report.characters_cut, report.waited_seconds) == (1, 820, 0.5)
    assert (report.retries, report.time_limits, report.loops) == (1, 2, 1)
    assert "retries: 1, time limits reached: 2, loops: 1" in str(report)
    assert report.left_behind == 1
    assert "went on in the background: 1" in str(report)


async def test_what_is_not_under_budget_has_no_report() -> None:
    """The error says what to do; an agent that made no call yet has an empty report."""
    async with OpenAIServer() as server, client_of(server) as client:
        bare = AssistantAgent("clerk", client)
        with pytest.raises(TypeError, match=r"BudgetedAgent\(agent, budget\)"):
            Report.of(bare)
        with pytest.raises(TypeError, match="not of RoundRobinGroupChat"):
            Report.of(RoundRobinGroupChat([bare]))
        assert Report.of(BudgetedAgent(bare, TokenBudget(500))).calls == 0
