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
        server.script(*["I have nothing to add."] * 300)
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
