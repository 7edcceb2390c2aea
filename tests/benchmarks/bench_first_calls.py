"""How well first calls fill their cap, and how many are over it, by the own count of a model with another tokenizer.

First the factors that `_counting/_rates.py` publishes. Then eight kinds of text, as one text that has to be cut and as
a talk whose turns have to be dropped (compaction then goes down to 60 % of the cap), under two caps, with and without
asking the server; then the sixth call after five.

    python tests/benchmarks/bench_first_calls.py
"""

import asyncio
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from first_calls import KINDS, SHAPES, Call, factors, first_call
from local_model import LocalModel

CAPS = (600, 1_500)


async def main() -> None:
    """Measure, and print a table."""
    with LocalModel(window=2_048) as model:
        print("the model's own tokens per token of o200k_base, and the safe count per token of its own")
        for kind in KINDS:
            own, safe = factors(model, kind)
            print(f"{kind:12}{own:8.2f}{safe:8.2f}")
        for ask in (False, True):
            print(f"\nfirst calls, the server is {'asked' if ask else 'not asked'}: share of the cap filled")
            print(f"{'':12}" + "".join(f"{f'{shape}, {cap}':>18}" for shape in SHAPES for cap in CAPS))
            made: list[Call] = []
            for kind in KINDS:
                row = [(await first_call(model, kind, shape, cap, ask=ask))[0] for shape in SHAPES for cap in CAPS]
                made += row
                print(f"{kind:12}" + "".join(f"{call.fill:18.2f}" for call in row))
            cut = [call.fill for call in made if call.shape == "one text"]
            print(f"over the cap: {sum(call.fill > 1 for call in made)} of {len(made)}; ", end="")
            print(f"mean of one text: {statistics.mean(cut):.2f}")
        print("\nthe sixth call, nobody asked, one text, cap 600")
        for kind in KINDS:
            *five, last = await first_call(model, kind, "one text", 600, ask=False, calls=6)
            over = sum(call.fill > 1 for call in (*five, last))
            print(f"{kind:12}{last.fill:8.2f}   over the cap: {over} of 6")


if __name__ == "__main__":
    asyncio.run(main())
