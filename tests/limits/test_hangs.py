"""Each situation in which AutoGen 0.7.5 hangs, in a process of its own: plain it hangs, under limits it ends."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import pytest

SCENARIO = Path(__file__).parents[1] / "hang_scenario.py"

HANGS_FOR = 1.5
"""Seconds for which a process that hangs is watched; what ends does so within a tenth of it."""

NAMES = [
    ("tool_of_agent", "CancelledError"),
    ("tool_of_team", "CancelledError"),
    ("workbench_of_agent", "with a result"),
    ("workbench_of_team", "with a result"),
    ("deaf_model", "CancelledError"),
    ("deaf_orchestrator", "CancelledError"),
    ("tool_in_a_thread", "with a result"),
    ("human", "RuntimeError"),
    ("hung_team", "TimeoutError"),
]


@pytest.mark.parametrize(("name", "ending"), NAMES)
async def test_what_hangs_without_limits_ends_with_them(name: str, ending: str) -> None:
    """With the ending that its caller expects, and no task left."""
    plain, wrapped = [
        await asyncio.create_subprocess_exec(
            sys.executable, SCENARIO, name, how, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
        )
        for how in ("plain", "wrapped")
    ]
    try:
        assert wrapped.stdout is not None
        said = (await wrapped.stdout.read()).decode().split("\n")  # and its input stays open
        told = [line for line in said if line and "Enter" not in line]
        assert told[-3:] == ["begun", f"ended: {ending}", "tasks left: 0"]
        assert plain.stdout is not None
        assert await plain.stdout.readline() == b"begun\n"
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(plain.stdout.readline(), 2 + HANGS_FOR)
    finally:
        for process in (plain, wrapped):
            if process.returncode is None:
                process.kill()
                await process.wait()
