"""Made-up runs: records of teams whose calls follow a plan, as the library would have written them."""

from collections.abc import Iterator
from dataclasses import replace

from autogen_budget import CallRecord, OutputCut, Part, Record, Step, WaitRecord
from builders import call_record


def long_run(
    calls: int, *, agents: tuple[str, ...] = ("researcher", "writer", "critic"), cap: int = 8_000
) -> list[Record]:
    """A team that takes turns; histories grow, are compacted, and outputs are cut."""
    records: list[Record] = []
    clock = 1_700_000_000.0
    runs = [_agent(name, cap) for name in agents]
    for i in range(calls):
        call = next(runs[i % len(agents)])
        clock += 0.5 + call.seconds
        records.append(replace(call, at=clock))
        if i % 40 == 39:
            records.append(OutputCut("fetch_page", 90_000, 6_000, 2_000, f"a{i}", None, name=call.name, at=clock + 0.1))
        if i % 90 == 89:
            records.append(WaitRecord(call.name, "rate", 0.7, at=clock + 0.2))
    return records


def _agent(name: str, cap: int) -> Iterator[CallRecord]:
    system, tools, task, history, output, summary = 420, 900, 60, 0, 0, 0
    came = system + tools + task
    number = 0
    while True:
        number += 1
        results, text = 300 + number * 37 % 400, 40 + number * 53 % 90
        history, output, came = history + text, output + results, came + text + results
        layers = {
            "tool output": output,
            "history": history,
            "tools": tools,
            "system": system,
            "summary": summary,
            "task": task,
        }
        before = sum(layers.values())
        steps: tuple[Step, ...] = ()
        if before > cap:
            history, output, summary = history // 3, output // 4, 350
            layers |= {"tool output": output, "history": history, "summary": summary}
            steps = (Step("TrimOldest", before, sum(layers.values()), "12 turns dropped, 3 turns cut"),)
        sent = sum(layers.values())
        yield call_record(
            name=name,
            model="gpt-4o",
            cap=cap,
            window=128_000,
            tokens_before=came,
            tokens_sent=sent,
            layers_sent={layer: tokens for layer, tokens in layers.items() if tokens},
            steps=steps,
            compacted=summary > 0,
            stable_prefix_tokens=1_380 if steps else sent - results - text,
            new_tokens=results + text,
            seconds=1.2 + number * 31 % 17 / 10,
            waited_seconds=0.2,
            conversation="1",
            called=("fetch_page",),
            tools={"fetch_page": 300, "search": 250, "translate": 350},
            new_parts=(
                Part("result of fetch_page", "tool output", results, f"{name}{number}r"),
                Part("text of user", "history", text, f"{name}{number}t"),
            ),
        )
