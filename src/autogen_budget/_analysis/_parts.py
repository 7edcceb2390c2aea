"""The parts that calls were new with, and what they cost afterwards."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from autogen_budget._records import CallRecord, Part


def new_parts(calls: Sequence[CallRecord]) -> Iterator[tuple[int, Part]]:
    """Yield the new parts of calls, each with how many later calls of its conversation were sent it as well.

    `calls`: Calls of one agent, oldest first.
    """
    left = Counter(call.conversation for call in calls)
    for call in calls:
        left[call.conversation] -= 1
        yield from ((left[call.conversation], part) for part in call.new_parts)


def is_received(part: Part, agents: Collection[str]) -> bool:
    """Return whether a part comes from outside: a tool's result, memory, or a text that none of the agents wrote."""
    source = part.label.removeprefix("text of ")
    return part.layer == "tool output" or part.label == "memory" or (source != part.label and source not in agents)


def described(label: str) -> str:
    """Return the label of many parts: "results of fetch_page", "texts of user"."""
    return label.replace("result of ", "results of ").replace("text of ", "texts of ")
