"""Learn how one model counts from the prompt tokens that its provider reports.

A model of OpenAI's counts as its vocabulary says, and then nothing here changes a count. Any other model has a
vocabulary of its own. Its tokens are predicted as a sum of rates: so many for each token of OpenAI's, and for each
piece of each kind of text. Before the first report the rates are *safe*: no tokenizer measured needs more. Each
report then moves them, by regression on the latest reports; what no report has shown yet keeps its safe rate.

Two beliefs compete for a model with a name of OpenAI's: that the vocabulary is right, and that it is another. The one
that needs the smaller excuse for the reports sets the rates. On top comes a margin that follows the recent errors.

Reports can be wrong: caches that are left out, zeros, numbers out of the air. No number that no tokenizer could reach
is believed; one report moves a prediction by a bounded step; and the fit minimises absolute errors, so that a few wrong
reports among right ones do not count, and none does once it is `window` reports old.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator
from typing_extensions import Self

from ._rates import FOREIGN, HIGH, LOW, RIGHT, Belief
from ._tally import KINDS, Tally, parts


@dataclass(frozen=True, slots=True)
class CalibrationSettings:
    """How fast a calibration learns, and how much it doubts.

    The figures were set on requests of mixed text (prose, code, JSON, tables, logs, Chinese) that ten tokenizers
    counted; see tests/benchmarks/bench_first_calls.py.

    Args:
        window (int): Reports that are remembered.
        memory (float): Weight of a report when the next one arrives.
        noise (float): Relative error of a report that no rate explains.
        rounding (float): Its error in tokens besides.
        strictness (float): A right vocabulary leaves smaller errors: its excuse weighs this much more.
        head_start (float): What a right vocabulary is trusted for before the first report.
        error_memory (float): Weight of an error in the margin when the next one arrives.
        margin_errors (float): The margin, in standard errors.
        unexplained (float): An error of prediction counts for this multiple of today's error at most.
        least_margin (float): The margin of another vocabulary at least, as a share.
        few_reports (float): How much larger that is after the first report, as a share; after n reports, the nth of it.
        largest_margin (float): The margin at most.
        fall (float): The lowest share of a prediction that one report can ask for ...
        rise (float): ... and the highest.
        doubt (float): Weight of a report that is below `fall`: cached tokens may be missing in it.
        agreement (float): A report that is no further from its prediction teaches nothing.
        material (float): Smaller changes are kept back, so that counts stay the same from call to call.
        lowest (float): A report below this share of the count of `tiktoken` is not believed at all: the lowest seen is
            0.58, for Chinese by Gemma 3.
        highest (float): Neither is one above this multiple of the safe count ...
        hidden (int): ... and the tokens that a provider may add to a request unseen.
    """

    window: int = 32
    memory: float = 0.97
    noise: float = 0.02
    rounding: float = 3.0
    strictness: float = 3.0
    head_start: float = 1.0
    error_memory: float = 0.85
    margin_errors: float = 2.0
    unexplained: float = 4.0
    least_margin: float = 0.03
    few_reports: float = 2.0
    largest_margin: float = 0.3
    fall: float = 0.85
    rise: float = 2.0
    doubt: float = 0.1
    agreement: float = 0.002
    material: float = 0.01
    lowest: float = 0.55
    highest: float = 4.0
    hidden: int = 20_000


_SET = CalibrationSettings()
_ZERO = tuple(0.0 for _ in KINDS)
_STRUCTURE = [KINDS.index("structure"), KINDS.index("structure_pieces")]
_FITS, _SWEEPS, _SETTLED = 6, 40, 1e-3  # a fit ends when no rate moves by this share of its standard deviation

_Vector = Annotated[tuple[FiniteFloat, ...], Field(min_length=len(KINDS), max_length=len(KINDS))]
_Parts = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=len(KINDS), max_length=len(KINDS))]
_Positive = Annotated[FiniteFloat, Field(gt=0)]


class _Report(BaseModel):
    """One report: what was measured, predicted and reported.

    Args:
        parts (tuple[int, ...]): The parts of the request's tally.
        tokens (float): What was reported, cut to the largest step that one report can ask for.
        predicted (float): What had been predicted for it, without a margin.
        trust (float): Its weight: 1, or less where it looks wrong.
    """

    model_config = ConfigDict(frozen=True)

    parts: _Parts
    tokens: _Positive
    predicted: _Positive
    trust: Annotated[FiniteFloat, Field(gt=0, le=1)]

    @property
    def tally(self) -> Tally:
        return Tally(*self.parts)


class _Fit(NamedTuple):
    """The rates that explain the reports best under one belief."""

    rates: tuple[float, ...]
    excuse: float
    """How far rates and reports depart from the belief."""


class _Learned(BaseModel):
    """What the reports so far have taught: the state that is saved."""

    model_config = ConfigDict(frozen=True)

    kinds: tuple[str, ...] = KINDS
    reports: Annotated[tuple[_Report, ...], Field(max_length=_SET.window)] = ()
    fitted: _Vector = _ZERO
    is_right: bool = True
    published: _Vector = _ZERO
    margin: Annotated[float, Field(ge=0, le=_SET.largest_margin)] = 0.0

    @model_validator(mode="after")
    def _within_bounds(self) -> Self:
        if self.kinds != KINDS:
            raise ValueError("the state knows other kinds of text")
        if any(report.tally.total <= 0 for report in self.reports):
            raise ValueError("the state holds a report on nothing")
        for rates in (self.fitted, self.published):
            if not all(low <= rate <= high for low, rate, high in zip(LOW, rates, HIGH, strict=True)):
                raise ValueError("the state holds a rate that no model can have")
        return self

    def size(self, tally: Tally) -> float:
        """Predict a size in tokens, margin included."""
        return _size(tally, self.published) * (1 + self.margin)

    def prediction(self, tally: Tally) -> float:
        """Predict a size in tokens as exactly as the last fit can, never below 1."""
        return max(1.0, _size(tally, self.fitted))

    def judged(self, tally: Tally, reported: int) -> _Report:
        """Cut a report to the largest step that one report can ask for, and say how far to trust it."""
        predicted = self.prediction(tally)
        values = parts(tally)
        # Schemas are the one part that may be missing from a prompt.
        schemas = tally.structure + sum(self.fitted[i] * values[i] for i in _STRUCTURE)
        # Below the count of tiktoken, hardly any tokenizer is: from there on the safe rates may come down in one step.
        text = min(predicted - schemas, tally.total - tally.structure)
        tokens = min(max(reported, _SET.fall * text, 1.0), _SET.rise * predicted)
        trust = _SET.doubt if reported < _SET.fall * text else 1.0
        return _Report(parts=values, tokens=tokens, predicted=predicted, trust=trust)

    def after(self, tally: Tally, reported: int, vocabulary: Literal["right", "other"] | None) -> _Learned:
        """Learn from one more report."""
        report = self.judged(tally, reported)
        reports = (*self.reports, report)[-_SET.window :]
        fitted, is_right = self.fitted, self.is_right
        if abs(reported - report.predicted) > max(0.5, _SET.agreement * report.predicted):
            fit, is_right = _fit(reports, FOREIGN if vocabulary == "other" else RIGHT), vocabulary != "other"
            if vocabulary is None:
                other = _fit(reports, FOREIGN)
                if other.excuse + _SET.head_start < _SET.strictness * fit.excuse:
                    fit, is_right = other, False
            fitted = fit.rates
        least = 0.0 if is_right else _SET.least_margin * (1 + _SET.few_reports / len(reports))
        margin = min(_SET.largest_margin, _usual_error(reports, fitted) + least)
        old, new = self.size(tally), _size(tally, fitted) * (1 + margin)
        publish = reported > old or abs(new - old) > _SET.material * old
        return _Learned(
            reports=reports,
            fitted=fitted,
            is_right=is_right,
            published=fitted if publish else self.published,
            margin=margin if publish else self.margin,
        )


class Calibration:
    """How one model counts, learned call by call. Safe to use from several threads.

    `vocabulary`: "other" for a model that has another vocabulary than OpenAI's: counts are safe until reports bring
    them down. "right" where texts are counted with the model's own: only frames, schemas and images are learned.
    `None` means the vocabulary is taken for right until reports say otherwise.
    """

    def __init__(self, vocabulary: Literal["right", "other"] | None = None) -> None:
        self._vocabulary: Literal["right", "other"] | None = vocabulary
        self._learned = self._beginning
        self._lock = threading.Lock()

    @property
    def reports(self) -> int:
        """How many reports the counts rest on now."""
        return len(self._learned.reports)

    def tokens(self, tally: Tally) -> int:
        """Say how many tokens a tally is for this model; never less when a part of it grows.

        Returns:
            int: The tokens, never below 0.
        """
        return max(0, math.ceil(self._learned.size(tally) - 1e-6))

    def observe(self, tally: Tally, reported: int) -> None:
        """Learn from the report on one request."""
        lowest = max(1.0, _SET.lowest * tally.text)
        highest = _SET.highest * _size(tally, FOREIGN.expected) + _SET.hidden
        if tally.total > 0 and min(parts(tally)) >= 0 and lowest <= reported <= highest:
            with self._lock:
                self._learned = self._learned.after(tally, reported, self._vocabulary)

    def forget(self) -> None:
        """Begin anew, as without any report."""
        with self._lock:
            self._learned = self._beginning

    @property
    def _beginning(self) -> _Learned:
        start = FOREIGN.expected if self._vocabulary == "other" else _ZERO
        return _Learned(fitted=start, published=start, is_right=self._vocabulary != "other")

    def save_state(self) -> dict[str, object]:
        """Return what was learned."""
        return self._learned.model_dump(mode="json")

    def load_state(self, state: Mapping[str, object]) -> None:
        """Take over what another calibration learned, if it can be understood."""
        try:
            learned = _Learned.model_validate(dict(state))
        except ValidationError:
            return
        with self._lock:
            self._learned = learned


def _fit(reports: Sequence[_Report], belief: Belief) -> _Fit:
    """Find the rates that explain the reports with the least departure from a belief.

    The sum of absolute errors is minimised, by least squares whose weights follow the errors: one wrong report among
    right ones then has no say.
    """
    ages = range(len(reports) - 1, -1, -1)
    weights = [r.trust * _SET.memory**age / _variance(r) for r, age in zip(reports, ages, strict=True)]
    shares = [[part / report.tally.total for part in report.parts] for report in reports]
    errors = [report.tokens / report.tally.total - 1 for report in reports]
    doubts = [1.0] * len(reports)
    rates, misfits = belief.expected, [0.0] * len(reports)
    for _ in range(_FITS):
        before = rates
        rates = _least_squares([w * d for w, d in zip(weights, doubts, strict=True)], shares, errors, belief, rates)
        misfits = [abs(error - _dot(row, rates)) for error, row in zip(errors, shares, strict=True)]
        doubts = [min(1.0, _SET.noise / misfit) if misfit else 1.0 for misfit in misfits]
        if max(abs(new - old) for new, old in zip(rates, before, strict=True)) < _SETTLED:
            break
    misfit = sum(w * d * m * m for w, d, m in zip(weights, doubts, misfits, strict=True))
    departures = ((rate - expected) ** 2 for rate, expected in zip(rates, belief.expected, strict=True))
    return _Fit(rates, misfit + _dot(belief.firmness, departures))


def _least_squares(
    weights: Sequence[float],
    shares: Sequence[Sequence[float]],
    errors: Sequence[float],
    belief: Belief,
    start: tuple[float, ...],
) -> tuple[float, ...]:
    """Fit the rates, within their bounds, by coordinate descent from a start."""
    rates = list(start)
    columns = {i: column for i, column in enumerate(zip(*shares, strict=True)) if any(column)}
    products: list[tuple[int, list[float], float]] = []
    for i, column in columns.items():
        weighted = list(map(mul, weights, column))
        products.append((i, [_dot(weighted, other) for other in columns.values()], _dot(weighted, errors)))
    moving = [rates[i] for i in columns]
    for _ in range(_SWEEPS):
        largest_step = 0.0
        for place, (i, row, target) in enumerate(products):
            firmness, old = belief.firmness[i], moving[place]
            rest = _dot(row, moving) - row[place] * old
            best = (target + firmness * belief.expected[i] - rest) / (row[place] + firmness)
            moving[place] = best = min(max(best, LOW[i]), HIGH[i])
            largest_step = max(largest_step, abs(best - old) * math.sqrt(firmness))
        if largest_step < _SETTLED:
            break
    for place, i in enumerate(columns):
        rates[i] = moving[place]
    return tuple(rates)


def _usual_error(reports: Sequence[_Report], rates: tuple[float, ...]) -> float:
    """Give the margin that recent errors of prediction ask for.

    An error that was due to rates long corrected is not held against the rates of today: it counts for no more than a
    multiple of what they leave unexplained. Reports that they do not explain at all are wrong, and left out.
    """
    weights, squares = 0.0, 0.0
    for age, report in enumerate(reversed(reports[1:])):  # before the first there was nothing to predict from
        unexplained = abs(report.tokens / max(1.0, _size(report.tally, rates)) - 1)
        if unexplained < _SET.largest_margin / 2:
            weight = report.trust * _SET.error_memory**age
            weights += weight
            squares += weight * min(abs(report.tokens / report.predicted - 1), _SET.unexplained * unexplained) ** 2
    return _SET.margin_errors * math.sqrt(squares / weights) if weights else 0.0


def _variance(report: _Report) -> float:
    return _SET.noise**2 + (_SET.rounding / report.tally.total) ** 2


def _dot(left: Iterable[float], right: Iterable[float]) -> float:
    return float(sum(map(mul, left, right)))


def _size(tally: Tally, rates: tuple[float, ...]) -> float:
    return tally.total + _dot(rates, parts(tally))
