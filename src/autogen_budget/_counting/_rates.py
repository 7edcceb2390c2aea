"""Rates: the tokens that a model may need per unit of each kind of text, known before it has reported anything.

There are two families. A model of OpenAI's needs what its vocabulary says (`counted`). Any other may need what `safe`
says: the most that any tokenizer did that was measured, by kind of text. Where each figure comes from:

- SmolLM2 (49,152 tokens, one of the smallest vocabularies in use, so one of those that need most), measured with
  `python tests/benchmarks/bench_first_calls.py`: its own tokens per token of `o200k_base`, and the safe count per
  token of its own, on texts of 6,000 characters.

  ==========  ===========  ==========
  text        model/o200k  safe/model
  ==========  ===========  ==========
  English            1.01        1.31
  code               1.09        1.28
  JSON               1.22        1.23
  digits             1.92        1.07
  log lines          1.45        1.09
  Chinese            2.30        1.51
  Russian            2.97        1.26
  base64             1.18        1.11
  ==========  ===========  ==========

- Gemma 3 (262,144 tokens) needs less than `o200k_base` for Chinese (0.58) and emoji (0.45), and twice as much for many
  short messages: hence the rate of `frame`.
- cl100k_base and three made-up ways to count stay below them in tests/counting/test_calibration.py.
"""

from __future__ import annotations

from typing import NamedTuple

from ._tally import KINDS


class Rate(NamedTuple):
    """What is known beforehand about the tokens per unit of one kind.

    Args:
        counted (float): By OpenAI's vocabulary.
        safe (float): At most, by any other that was measured.
        spread (float): How far below that they may be (a standard deviation).
        leeway (float): How far they may be off when OpenAI's vocabulary is right (a standard deviation).
        low (float): At least, for any model.
        high (float): At most, for any model.
    """

    counted: float
    safe: float
    spread: float
    leeway: float
    low: float
    high: float


RATES = {
    "text": Rate(1, safe=0, spread=0.5, leeway=0.003, low=0, high=4),
    "letters": Rate(0, safe=1.0, spread=0.3, leeway=0.002, low=0, high=2),
    "symbols": Rate(0, safe=1.4, spread=0.4, leeway=0.002, low=0, high=4),
    "spaces": Rate(0, safe=1.4, spread=0.5, leeway=0.002, low=0, high=4),
    "digits": Rate(0, safe=1.0, spread=0.4, leeway=0.001, low=0, high=2),
    "scripts": Rate(0, safe=1.0, spread=0.3, leeway=0.001, low=0, high=2),
    "structure": Rate(1, safe=0, spread=0.5, leeway=0.5, low=0, high=4),
    "structure_pieces": Rate(0, safe=1.25, spread=0.5, leeway=0.002, low=0, high=4),
    "frame": Rate(1, safe=1.4, spread=0.7, leeway=0.7, low=0.2, high=8),
    "images": Rate(1, safe=2, spread=1, leeway=0.7, low=0.3, high=8),
    "requests": Rate(0, safe=32, spread=40, leeway=40, low=0, high=20_000),
}
_TABLE = tuple(RATES[kind] for kind in KINDS)


class Belief(NamedTuple):
    """Rates to expect before any report, as deviations from OpenAI's count, and how firmly (1 / variance)."""

    expected: tuple[float, ...]
    firmness: tuple[float, ...]


LOW = tuple(rate.low - rate.counted for rate in _TABLE)
"""The lowest deviation of each rate."""

HIGH = tuple(rate.high - rate.counted for rate in _TABLE)
"""The highest deviation of each rate."""

RIGHT = Belief(tuple(0.0 for _ in _TABLE), tuple(rate.leeway**-2 for rate in _TABLE))
"""OpenAI's vocabulary is right."""

FOREIGN = Belief(tuple(rate.safe - rate.counted for rate in _TABLE), tuple(rate.spread**-2 for rate in _TABLE))
"""The vocabulary is another: safe rates."""
