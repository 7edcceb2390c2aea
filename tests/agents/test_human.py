"""Waiting for a person in a team: an answer passes, and where nobody answers the run ends with a clear error."""

import asyncio
from typing import Any

import pytest
from autogen_agentchat.agents import UserProxyAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken

import simulated_time
from autogen_budget import Limits, Record, RunTimeoutError, TimeLimitRecord, TokenBudget, budget_team

BUDGET = TokenBudget(4_000)


def asked(ask: Any, limits: Limits, told: list[Record] | None = None) -> RoundRobinGroupChat:
    """A team of one person."""
    end = MaxMessageTermination(2)
    team = RoundRobinGroupChat([UserProxyAgent("boss", input_func=ask)], termination_condition=end)
    return budget_team(team, BUDGET, limits=limits, hooks=[] if told is None else [told.append])


@pytest.mark.parametrize("is_async", [False, True])
async def test_an_answer_passes(is_async: bool) -> None:
    """From a function of either kind, once, however often the team is put under budget."""
    prompts: list[str] = []

    def at_once(prompt: str) -> str:
        prompts.append(prompt)
        return "Aye."

    async def later(prompt: str, _: CancellationToken | None) -> str:
        await asyncio.sleep(0)
        return at_once(prompt)

    team = asked(later if is_async else at_once, Limits())
    budget_team(team, BUDGET)
    assert (await team.run(task="Well?")).messages[-1].to_text() == "Aye."
    assert prompts == ["Enter your response: "]


def test_nobody_who_answers_in_time_is_an_error() -> None:
    """It says what to do, and is recorded; the team can run again. Without a limit, the deadline of the run counts."""
    told: list[Record] = []
    waits = [3_600.0, 0.0, 3_600.0]

    async def ask(_prompt: str, _token: CancellationToken | None) -> str:
        await asyncio.sleep(waits.pop(0))
        return "Aye."

    async def main() -> None:
        team = asked(ask, Limits(tool_timeouts={"user_input": 60}), told)
        with pytest.raises(RuntimeError, match=r"nobody answered for 'boss' within 60 s\. Give UserProxyAgent"):
            await team.run(task="Well?")
        assert (await team.run()).messages[-1].to_text() == "Aye."
        with pytest.raises(RunTimeoutError):
            await asked(ask, Limits(run_timeout=90)).run(task="Well?")
        assert asyncio.get_running_loop().time() == pytest.approx(150, abs=2)

    simulated_time.run(main())
    assert [(record.name, record.tool) for record in told if isinstance(record, TimeLimitRecord)] == [
        ("boss", "user_input")
    ]


async def test_an_input_at_its_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under a service manager or in a container, which give a program no input."""

    def closed(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", closed)
    with pytest.raises(RuntimeError, match="nobody can answer for 'boss': the standard input has ended"):
        await asked(None, Limits()).run(task="Well?")
