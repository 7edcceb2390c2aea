"""Servers that fail in every way, at random: no hang, no lost or repeated turn, no broken pair, no task left."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fault_schedules import play, play_alone
from profiles import examples
from servers import OpenAIServer
from servers.clients import client_of


@settings(max_examples=examples(0.1))
@given(st.integers(0, 2**32))
def test_whatever_a_server_does_agents_end_and_stay_whole(seed: int) -> None:
    """Every run ends; what is asked is in the conversation once; nothing is held for calls that ended."""
    play_alone(seed)


@settings(max_examples=examples(0.04))
@given(st.integers(0, 2**32))
def test_the_same_over_connections(seed: int) -> None:
    """With sockets that break, in real time, which is short."""

    async def main() -> None:
        async with OpenAIServer() as server, client_of(server) as client:
            await play(random.Random(seed), server, client, agents=5, unit=0.2)
        ours = [task for task in asyncio.all_tasks() if "autogen_budget" in str(task.get_coro())]
        assert ours == []

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("autogen_budget._limits._sending.FIRST_DELAY", 0.001)
        patched.setattr("autogen_budget._limits._sending.THROTTLED_DELAY", 0.001)
        asyncio.run(asyncio.wait_for(main(), 120))
