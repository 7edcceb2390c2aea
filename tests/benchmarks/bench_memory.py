"""What a long run keeps: memory, saved state and time of an agent's turns, with `bounded_memory` and without it.

One turn is one task: the model, which answers at once, looks two orders up and then tells the result, so that each turn
adds a user's message, two calls with results, and a reply. What left the conversation is in a store on disk. Memory is
what Python allocated since the agent was made, without what the counter remembers of texts it measured; that is bounded
by itself, and shared by all agents of a process.

    python tests/benchmarks/bench_memory.py [turns]
"""

import asyncio
import gc
import json
import statistics
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from autogen_budget import ArtifactStore, BudgetedAgent

sys.path.insert(0, str(Path(__file__).parent.parent))
from clerks import Clerk, clerk

TURNS = 2_000
SHOWN = (50, 100, 200, 500, 1_000, 1_500, 2_000)
CAP = 8_000
COUNTED = ("*autogen_budget/_texts.py", "*autogen_budget/_digest/_digest.py")
"""Where the texts are made that the counter remembers: of digests, it measures many to choose one."""


async def measure(turns: int, folder: str, *, bounded: bool) -> None:
    """Print one table."""
    print(f"\nbounded_memory={bounded}")
    print(f"{'turn':>6} {'memory kB':>10} {'state kB':>9} {'messages':>8} {'ours kB':>8} {'digest kB':>10} {'ms':>10}")
    store = ArtifactStore(folder)
    gc.collect()
    tracemalloc.start()
    agent = clerk(Clerk(keep=False), cap=CAP, bounded=bounded, store=store)
    times: list[float] = []
    for turn in range(1, turns + 1):
        began = time.perf_counter()
        await agent.run(task=f"Question {turn}: where is parcel P-{turn:05d}, which was sent from pier {turn % 40}?")
        times.append((time.perf_counter() - began) * 1_000)
        if turn in SHOWN:
            print(await row(agent, turn, statistics.median(times[-50:])))
    tracemalloc.stop()
    print(stored(Path(folder)))


def stored(folder: Path) -> str:
    """What is in the store."""
    sizes = [file.stat().st_size for file in folder.iterdir()]
    return f"in the store: {len(sizes):,} texts, {sum(sizes) / 1_000:,.0f} kB"


async def row(agent: BudgetedAgent, turn: int, milliseconds: float) -> str:
    """The figures after a turn."""
    gc.collect()
    counted = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, place) for place in COUNTED])
    memory = sum(statistic.size for statistic in counted.statistics("filename"))
    state = await agent.save_state()
    ours = json.dumps(state["autogen_budget"])
    conversations = [part for client in state["autogen_budget"].values() for part in client["conversations"]]
    digest = sum(len(json.dumps(known["past"]["digest"])) for known in conversations)
    return (
        f"{turn:>6,} {memory / 1_000:>10,.0f} {len(json.dumps(state)) / 1_000:>9,.1f} "
        f"{len(state['llm_context']['messages']):>8,} {len(ours) / 1_000:>8,.1f} {digest / 1_000:>10,.1f} "
        f"{milliseconds:>10.1f}"
    )


async def main() -> None:
    """Print the tables."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else TURNS
    await clerk(Clerk()).run(task="Load what is loaded once for the whole process.")
    for bounded in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            await measure(turns, folder, bounded=bounded)


if __name__ == "__main__":
    asyncio.run(main())
