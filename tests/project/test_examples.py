"""The team examples, run as a user runs them: they need nothing, hold their caps, and print a table."""

import argparse
import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

import model_choice
from servers import OpenAIServer

EXAMPLES = Path(model_choice.__file__).parent
NO_KEYS = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "OLLAMA_"))}


async def run(example: str, *arguments: str, **settings: str) -> str:
    """Run an example to its end; what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        EXAMPLES / example,
        *arguments,
        env={**NO_KEYS, **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    assert settings or not complained  # a model that nobody knows a price of is worth a warning
    return printed.decode()


def number(text: str) -> int:
    """A printed number."""
    return int(text.replace(",", ""))


def spending(printed: str) -> dict[tuple[str, str], int]:
    """The last table: calls by agent and purpose."""
    rows = re.findall(r"^(\S+) +(reply|selector|orchestrator|summary) +([\d,]+) ", printed, re.MULTILINE)
    return {(agent, purpose): number(calls) for agent, purpose, calls in rows}


async def test_per_agent_caps() -> None:
    """Each agent's history grows over its own cap, and none of its requests does."""
    printed = await run("per_agent_caps.py")
    rows = re.findall(r"^(reader|writer|critic) +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+)$", printed, re.MULTILINE)
    assert [row[0] for row in rows] == ["reader", "writer", "critic"]
    for _, cap, _, came, sent in rows:
        assert number(came) > number(cap) >= number(sent)
    assert {agent for agent, _ in spending(printed)} == {"reader", "writer", "critic"}


async def test_selector_team() -> None:
    """The selector's prompt grows to several times its cap; what is sent does not, and every expert has spoken."""
    printed = await run("selector_team.py")
    rows = re.findall(r"^ +\d+ +([\d,]+) +([\d,]+) +([\d,]+)  ", printed, re.MULTILINE)
    assert max(number(came) for came, _, _ in rows) > 2 * number(rows[0][2])
    assert all(number(sent) <= number(cap) for _, sent, cap in rows)
    purposes = spending(printed)
    assert sum(calls for (_, purpose), calls in purposes.items() if purpose == "selector") == len(rows)
    assert {agent for agent, purpose in purposes if purpose == "reply"} == {"engineer", "diver", "planner"}


async def test_shared_pool() -> None:
    """The run ends by itself before the pool is overspent, and says who spent what."""
    printed = await run("shared_pool.py")
    found = re.search(r"pool 'tug' spent ([\d,]+) of ([\d,]+) tokens", printed)
    assert found, printed
    spent, limit = map(number, found.groups())
    assert limit * 0.7 < spent <= limit
    assert re.search(r"the run ended because: .*tug", printed)
    assert set(spending(printed)) == {("pro", "reply"), ("contra", "reply")}


async def test_magentic() -> None:
    """The orchestrator's calls and those of its agents would have grown over their caps, and stay under them."""
    printed = await run("magentic.py")
    assert printed.startswith("Buoy N-7 drifted most: 41 metres.")
    rows = re.findall(
        r"^(\w+): \d+ calls; the largest would have held ([\d,]+) tokens, sent were ([\d,]+)", printed, re.MULTILINE
    )
    caps = {"orchestrator": 2_500, "reply": 1_500}
    assert len(rows) == 2
    for purpose, came, sent in rows:
        assert number(came) > caps[purpose] >= number(sent)
    assert {purpose for _, purpose in spending(printed)} == {"orchestrator", "reply"}


async def test_a_real_model_can_take_the_place_of_the_script() -> None:
    """With a key and a name, the requests go to that service, and its reported usage is in the table."""
    async with OpenAIServer() as server:
        server.script(*(f"Berth {'ABCDEFGHIJ'[i % 10] * (i // 10 + 1)} is free." for i in range(300)))
        printed = await run(
            "shared_pool.py", "--model", "openai:some-model", OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=server.base_url
        )
        assert sum(spending(printed).values()) == len(server.requests) > 10


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider without a key or without its package, and a model of no known form, end with what to do."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(SystemExit, match="set OPENAI_API_KEY"):
        model_choice.model_argument("openai:gpt-4o-mini")(lambda _: "")
    for provider in ("openai", "ollama"):
        monkeypatch.setitem(sys.modules, f"autogen_ext.models.{provider}", None)
        with pytest.raises(SystemExit, match=rf"pip install 'autogen-ext\[{provider}\]'"):
            model_choice.model_argument(f"{provider}:x")(lambda _: "")
    for value in ("gpt-4o", "openai:", "local:x"):
        with pytest.raises(argparse.ArgumentTypeError, match="is not one of"):
            model_choice.model_argument(value)


@pytest.mark.parametrize(
    ("trouble", "without", "under_budget"),
    [
        ("window", "This model's maximum context length is", "all 12 turns answered"),
        ("stuck", "stuck", "ModelTimeoutError: clerk: the model did not answer within 0.1 s"),
        ("tool", "stuck", "all 1 turns answered"),
        ("overload", "CUDA out of memory", "20 of 20 agents finished"),
        ("loop", "201 calls of the same tool", "LoopDetectedError: clerk: read_gauge 5 times in a row"),
        ("dangling", "sent User Assistant User", "sent User Assistant FunctionExecutionResult User"),
    ],
)
async def test_troubles(trouble: str, without: str, under_budget: str) -> None:
    """Each trouble happens without a budget, and is gone, or ends with its reason, under one."""
    _, bare, limited = (await run("troubles.py", trouble)).splitlines()
    assert without in bare
    assert under_budget in limited


async def test_moving() -> None:
    """AutoGen's own contexts go over the cap, break pairs or forget the beginning; the budget does none of it."""
    rows = re.findall(r"^(\w+)\S*.* +([\d,]+) +(\d+) +(\d+)  (yes|no)$", await run("moving.py"), re.MULTILINE)
    found = {name: (int(over) > 0, int(broken) > 0, knows) for name, _, over, broken, knows in rows}
    assert found == {
        "no": (True, False, "yes"),
        "BufferedChatCompletionContext": (True, False, "no"),
        "HeadAndTailChatCompletionContext": (True, False, "yes"),
        "TokenLimitedChatCompletionContext": (False, True, "yes"),
        "TokenBudget": (False, False, "yes"),
    }


async def test_recipes() -> None:
    """Each kind of agent works within its cap, and uses most of it."""
    rows = re.findall(r"^  (\w+): \d+ calls, the largest ([\d,]+) of ([\d,]+) tokens$", await run("recipes.py"), re.M)
    assert [name for name, _, _ in rows] == ["coder", "skipper", "librarian", "clerk"]
    assert all(0.6 * number(cap) < number(sent) <= number(cap) for _, sent, cap in rows)


async def test_shared_pool_redis() -> None:
    """Four processes spend together from one pool, and not a token more than its limit."""
    printed = await run("shared_pool_redis.py")
    assert (
        len(re.findall(r"^worker_\d \(process \d+\): \d+ calls, then refused: tokens are used up$", printed, re.M)) == 4
    )
    found = re.search(r"^([\d,]+) of ([\d,]+) tokens spent by 4 processes", printed, re.MULTILINE)
    assert found is not None
    assert 0.9 * number(found[2]) <= number(found[1]) <= number(found[2])


async def test_distributed() -> None:
    """A worker is killed in mid-run and replaced; every question is answered, and the sum is right."""
    printed = await run("distributed/run.py")
    assert "the writer was killed in mid-run: RemoteTimeoutError" in printed
    assert "24 answers from 4 processes" in printed
    by_agent = re.findall(r"^  (reader|writer|critic) +\d+ calls +([\d,]+) tokens$", printed, re.MULTILINE)
    found = re.search(r"^([\d,]+) of 60,000 tokens spent, 0 still held$", printed, re.MULTILINE)
    assert found is not None
    assert sum(number(tokens) for _, tokens in by_agent) == number(found[1])
    assert "the document is still whole" in printed


async def test_own_strategy() -> None:
    """A strategy of one's own frees what is needed, and its class needs at most 30 lines."""
    assert re.match(r"FirstLines: \d+ turns cut, [\d,]+ of [\d,]+ tokens freed\n$", await run("own_strategy.py"))
    text = (EXAMPLES / "own_strategy.py").read_text(encoding="utf-8")
    assert len(text[text.index("@dataclass") : text.index("async def main")].splitlines()) <= 30


async def test_many_tools() -> None:
    """Each tool is offered when it is called, and schemas stay under their cap."""
    printed = await run("many_tools.py")
    rows = re.findall(r"offered, ([\d,]+) of ([\d,]+) tokens; then called: (\w+)$", printed, re.MULTILINE)
    assert [called for *_, called in rows] == ["repair_crane", "find_tools", "rent_truck", "none"]
    assert all(number(sent) <= 1_500 < number(came) for sent, came, _ in rows)


async def test_long_instructions() -> None:
    """Each question is answered from its own section, and what is sent of the manual stays under its cap."""
    printed = await run("long_instructions.py")
    rows = re.findall(r"^.*\? *(?:What now\?)? +([\d,]+) +([\d,]+)  (\w+)$", printed, re.MULTILINE)
    assert [title for *_, title in rows] == ["Fuel", "Waste", "Storms", "Guests"]
    assert all(number(came) > 8_000 and number(sent) <= 1_500 for came, sent, _ in rows)
    assert "max_instruction_tokens=750 would free" in printed
