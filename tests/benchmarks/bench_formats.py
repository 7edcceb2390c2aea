"""How much of the same records is still there after a cut, whatever format and nesting they came in.

    python tests/benchmarks/bench_formats.py [--records N] [--all] [--seed N] [--fields NAME] [--language NAME]

Cuts 80 records (id, customer, e-mail address, date, amount, note of 40 words), as a tool's result in each format and
nesting of `tests/formats.py`, to 1,500 and 4,000 tokens, and prints how many identifiers stand in the cut text with the
address of their record close behind or before; last, as a share of what JSON keeps, and the reader's throughput.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from autogen_budget import TiktokenCounter
from autogen_budget._cut import cut_text
from autogen_budget._text import read_text
from formats import FIELDS, WORDS, identities, records, variants

CAPS = (1_500, 4_000)


def kept(text: str, pairs: Sequence[tuple[str, str]]) -> int:
    """How many identifiers stand in a text with their own address and no other identifier between them."""
    places = sorted((text.find(identifier), identifier) for identifier, _ in pairs if identifier in text)
    bounds = [0, *(place for place, _ in places), len(text)]
    addresses = dict(pairs)
    return sum(addresses[name] in text[bounds[i] : bounds[i + 2]] for i, (_, name) in enumerate(places))


def main() -> None:
    """Print a line for each format."""
    parser = argparse.ArgumentParser(description="What a cut keeps of records, by format.")
    parser.add_argument("--records", type=int, default=80)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fields", choices=FIELDS, default="orders")
    parser.add_argument("--language", choices=WORDS, default="en")
    parser.add_argument("--below", type=float, default=None, help="only formats below this share of JSON")
    options = parser.parse_args()
    items = records(options.records, seed=options.seed, fields=options.fields, language=options.language)
    pairs = identities(items)
    counter = TiktokenCounter()
    json_keeps: dict[int, int] = {}
    print(f"{'format':<28} {'tokens':>7} " + " ".join(f"{cap:>6,} {'share':>6}" for cap in CAPS) + f" {'MB/s':>6}")
    worst = 1.0
    for name, write in variants().items():
        text = write(items)
        start = time.perf_counter()
        read_text(text)
        speed = len(text.encode()) / (time.perf_counter() - start) / 1e6
        shares: list[float] = []
        cells: list[str] = []
        for cap in CAPS:
            count = kept(cut_text(text, cap, counter, reference="a1b2c3d4e5f6"), pairs)
            shares.append(count / json_keeps.setdefault(cap, count))
            cells.append(f"{count:>6} {shares[-1]:>6.2f}")
        worst = min(worst, *shares)
        if options.below is None or min(shares) < options.below:
            print(f"{name:<28} {counter.count_text(text):>7,} {' '.join(cells)} {speed:>6.1f}", flush=True)
    print(f"worst share: {worst:.2f}")


if __name__ == "__main__":
    main()
