"""An agent finds one record in a 20 MB file, although each of its requests holds 4,000 tokens at most.

The files are made up and lie in a temporary directory. Without arguments the model is a script and needs no network:

    python examples/big_tool_output.py
    OPENAI_API_KEY=... python examples/big_tool_output.py --model openai:gpt-4o-mini
    python examples/big_tool_output.py --model ollama:qwen3
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import TaskResult
from autogen_agentchat.messages import ToolCallExecutionEvent, ToolCallRequestEvent
from autogen_core import FunctionCall
from autogen_core.models import ChatCompletionClient
from autogen_core.tools import BaseTool

from autogen_budget import BudgetedAgent, TiktokenCounter, TokenBudget
from model_choice import Script, chosen_model

CAP = 4_000  # tokens of a request
MEGABYTE = 1_000_000  # bytes
CUSTOMER, ACCOUNT = "Ottoline Featherstonehaugh", "AC-16543"
TASK = f"A parcel of our customer {CUSTOMER} was returned. From which warehouse was it sent, and when?"
SYSTEM_MESSAGE = (
    "You answer questions about a folder of exports. A file that is cut can be searched with read_artifact: give it "
    "the reference in the notice and a pattern."
)


# Files ----------------------------------------------------------------------------------------------------------------

WAREHOUSES = ["Aarhus", "Bremen", "Cork", "Dijon", "Espoo", "Faro"]
STATES = ["delivered"] * 14 + ["in transit"] * 4 + ["at the depot", "returned"]
FIRST_NAMES = ["Ada", "Bela", "Cato", "Dara", "Edda", "Finn", "Gosta", "Hilda"]
LAST_NAMES = ["Archer", "Baker", "Cooper", "Dyer", "Fisher", "Glover", "Mason", "Turner"]


def make_exports(folder: Path) -> dict[str, int]:
    """Write the files, the same ones each time.

    Args:
        folder (Path): Where to.

    Returns:
        dict[str, int]: Bytes of each file by its name.
    """
    chance = Random(2_026)
    shipments = "".join(shipment_rows(chance))
    middle = shipments.index("\n", len(shipments) * 5 // 8) + 1
    returned = f"SH-9104477,{ACCOUNT},2026-02-11,Espoo,returned,4.20\n"
    people = [f"{chance.choice(FIRST_NAMES)} {chance.choice(LAST_NAMES)}" for _ in range(9_000)]
    customers = [{"name": name, "account": f"AC-{10_000 + i}", "since": 2001 + i % 25} for i, name in enumerate(people)]
    customers[6_543] |= {"name": CUSTOMER}
    log = "".join(f"02:{i // 60 % 60:02d}:{i % 60:02d} INFO batch {i} of shipments read\n" for i in range(4_000))
    files = {
        "customers.json": json.dumps(customers, indent=1),
        "import.log": log,
        "readme.md": "# Exports\n\nCustomers have an account; shipments name the account they belong to.\n",
        "shipments.csv": shipments[:middle] + returned + shipments[middle:],
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return {name: len(text) for name, text in files.items()}


def shipment_rows(chance: Random) -> Iterator[str]:
    """Rows of a table until there are 20 MB of them."""
    yield (row := "shipment,account,date,warehouse,state,kilograms\n")
    size, number = len(row), 4_000_000
    while size < 20 * MEGABYTE:
        number += chance.randrange(1, 9)
        account, day = f"AC-{chance.randrange(10_000, 19_000)}", chance.randrange(365)
        date = f"{2025 + day % 2}-{day // 31 + 1:02d}-{day % 28 + 1:02d}"
        place, state = chance.choice(WAREHOUSES), chance.choice(STATES[:-1] if account == ACCOUNT else STATES)
        yield (row := f"SH-{number},{account},{date},{place},{state},{chance.randrange(1, 3_000) / 100:.2f}\n")
        size += len(row)


def tools_of(folder: Path) -> list[BaseTool[Any, Any] | Callable[..., Any] | Callable[..., Awaitable[Any]]]:
    """The agent's tools: they give whole files, as tools do."""

    def list_files() -> str:
        """Lists the files with their sizes in bytes."""
        return "\n".join(f"{path.name} {path.stat().st_size}" for path in sorted(folder.iterdir()))

    def read_file(name: str) -> str:
        """Reads a file."""
        return (folder / Path(name).name).read_text(encoding="utf-8")

    return [list_files, read_file]


# Models ---------------------------------------------------------------------------------------------------------------


def call(tool: str, **arguments: str) -> FunctionCall:
    """A call of a tool."""
    return FunctionCall(id=f"call_{tool}", name=tool, arguments=json.dumps(arguments))


def newest(pattern: str, said: str) -> str:
    """What the newest place that matches a pattern says; empty when there is none."""
    found: list[str] = re.findall(pattern, said)
    return found[-1] if found else ""


def search(pattern: str, said: str) -> FunctionCall:
    """A search in the text that was cut last."""
    return call("read_artifact", ref=newest(r'read_artifact\(\\*"(\w+)', said), pattern=pattern)


SCRIPT: list[Callable[[str], FunctionCall | str]] = [
    lambda _: call("list_files"),
    lambda _: call("read_file", name="customers.json"),
    lambda said: search(CUSTOMER, said),
    lambda _: call("read_file", name="shipments.csv"),
    lambda said: search(newest(rf'{CUSTOMER}[^A]*"account\W+(AC-\d+)', said) + ".*returned", said),
    lambda said: f"The record says: {newest(rf'SH-[0-9]+,{ACCOUNT},[0-9-]+,[A-Za-z]+,returned,[0-9.]+', said)}",
]


def script_of(moves: Sequence[Callable[[str], FunctionCall | str]]) -> Script:
    """A model that takes references and account numbers from what it was sent, as a model would."""
    left = iter(moves)
    return lambda messages: next(left)("\n".join(str(message.content) for message in messages))


# Run and print --------------------------------------------------------------------------------------------------------


async def look(client: ChatCompletionClient) -> None:
    """Let an agent look for the record, and print where it looked."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, size in make_exports(folder).items():
            print(f"{file:<16}{size:>12,} bytes")
        assistant = AssistantAgent(
            "clerk", client, tools=tools_of(folder), system_message=SYSTEM_MESSAGE, max_tool_iterations=12
        )
        agent = BudgetedAgent(assistant, TokenBudget(CAP))
        print(f"\n{TASK}\n")
        result = await agent.run(task=TASK)
    await client.close()
    for row in rows(agent, result):
        print(row)
    print(f"\n{result.messages[-1].to_text()}")
    print(f"The largest request held {max(record.tokens_sent for record in agent.records):,} of {CAP:,} tokens.")


def rows(agent: BudgetedAgent, result: TaskResult) -> Iterator[str]:
    """The lines of a table: each call, how much its tool put out, how much of that the model was given."""
    counter = TiktokenCounter()
    cuts = {cut.reference: cut for cut in agent.cuts}
    yield f"{'it looked with':<15}{'for':<50}{'characters':>12}{'tokens given':>14}"
    requests = [message.content for message in result.messages if isinstance(message, ToolCallRequestEvent)]
    answers = [message.content for message in result.messages if isinstance(message, ToolCallExecutionEvent)]
    for question, answer in zip(chain(*requests), chain(*answers), strict=True):
        cut = next((cuts[reference] for reference in cuts if reference and reference in answer.content), None)
        whole = len(answer.content) if cut is None or question.name == "read_artifact" else cut.characters
        words = ", ".join(f"{value}" for value in json.loads(question.arguments).values())
        tokens = counter.count_text(answer.content)
        yield f"{question.name:<15}{words:<50}{whole:>12,}{tokens:>14,}"


def main() -> None:
    """Read the command line and run."""
    client = chosen_model("Finds one record in a 20 MB file within 4,000 tokens a request.", script_of(SCRIPT))
    asyncio.run(look(client))


if __name__ == "__main__":
    main()
