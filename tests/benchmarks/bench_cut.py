"""How long cutting takes against one `str.splitlines`, and how much memory it needs against the text.

    python tests/benchmarks/bench_cut.py [LARGEST]

Prints a line for every kind of text and size from 10 kB to LARGEST characters (100 MB unless told otherwise): seconds
of `str.splitlines`, seconds of `cut_text` to 2,000 tokens, their ratio, and the most extra memory while cutting as a
share of the text. Below a few megabytes the time is that of looking closely at what may be kept, so the ratio means
nothing there.
"""

import json
import sys
import time
import tracemalloc
from collections.abc import Callable

from autogen_budget import TiktokenCounter
from autogen_budget._cut import cut_text

LIMIT = 2_000
SIZES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
REPEATS = 3


def log_line(number: int) -> str:
    """A line of a server's log, every ten-thousandth an error."""
    level = "ERROR" if number % 10_000 == 9_999 else "INFO"
    return (
        f"2026-03-01 12:{number // 60 % 60:02}:{number % 60:02},123 {level} worker-{number % 7} served order {number}\n"
    )


def record(number: int) -> str:
    """A record of a JSON list."""
    fields = {
        "id": f"ORD-{number}",
        "name": f"Person {number}",
        "total": number * 1.5,
        "tags": ["a", "b"],
        "note": "x " * 9,
    }
    return json.dumps(fields) + ", "


def csv_row(number: int) -> str:
    """A row of comma separated values."""
    return f"{number},Person {number},person{number}@example.com,2026-01-{number % 28 + 1:02},{number * 1.5}\n"


def sentence(number: int) -> str:
    """A sentence of one very long paragraph."""
    return f"The committee met in room {number} and discussed what there was to discuss, for hours, without result. "


def paragraph(number: int) -> str:
    """A paragraph of a page."""
    return (
        f'<div class="item"><h2>Item {number}</h2><p>A <b>text</b> about <a href="/item/{number}">it</a>.</p></div>\n'
    )


def function(number: int) -> str:
    """A function of a long module."""
    return f"def function_{number}(value: int) -> int:\n    result = value * {number}\n    return result + 1\n\n\n"


def repeated(make: Callable[[int], str], size: int, before: str = "", after: str = "") -> str:
    """A text of about so many characters, made of numbered parts; large ones repeat a block of a megabyte."""
    block: list[str] = []
    length = 0
    while length < min(size, 1_000_000):
        block.append(make(len(block)))
        length += len(block[-1])
    body = "".join(block) * max(1, size // length)
    return before + body.removesuffix(", ") + after


KINDS: dict[str, Callable[[int], str]] = {
    "log": lambda size: repeated(log_line, size),
    "json": lambda size: repeated(record, size, "[", "]"),
    "csv": lambda size: repeated(csv_row, size, "id,name,email,date,total\n"),
    "prose": lambda size: repeated(sentence, size),
    "html": lambda size: repeated(paragraph, size, "<!DOCTYPE html><html><body>\n", "</body></html>"),
    "code": lambda size: repeated(function, size),
}


def seconds(run: Callable[[], object]) -> float:
    """The shortest of a few runs."""
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best


def extra_memory(run: Callable[[], object]) -> int:
    """The most bytes that were allocated at once during a run."""
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def main() -> None:
    """Prints the table."""
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else SIZES[-1]
    counter = TiktokenCounter()
    counter.measure_text("load the vocabulary")
    print(f"{'kind':6} {'characters':>12} {'splitlines':>11} {'cut_text':>9} {'ratio':>7} {'memory':>7}")
    for kind, make in KINDS.items():
        for size in (size for size in SIZES if size <= largest):
            text = make(size)

            def cut(text: str = text) -> str:
                return cut_text(text, LIMIT, counter, hints=('{"order": "ORD-4711"}',), reference="a1b2c3")

            split, taken = seconds(text.splitlines), seconds(cut)
            print(
                f"{kind:6} {len(text):12,} {split:10.4f}s {taken:8.4f}s {taken / split:7.1f} "
                f"{extra_memory(cut) / len(text):7.2f}"
            )


if __name__ == "__main__":
    main()
