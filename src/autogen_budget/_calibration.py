"""Learns how one model counts from the prompt tokens that its provider reports, one rate per kind of text.

A model of OpenAI's counts as its vocabulary says, and then nothing here changes a count. Any other model has a
vocabulary of its own: close by for English, far off for digits and foreign scripts. Two beliefs compete to explain the
reports: "the vocabulary is right, only schemas, frames and images cost something else", and "the vocabulary is
another". Each is fitted by ridge regression (on relative errors; older reports count less), and the one that needs the
smaller excuse sets the rates. On top comes a margin that follows the recent errors, so that few requests turn out
larger than predicted.

Rates are bounded, and a report can move them up by a factor of two but down by a seventh only: a provider that leaves
cached tokens out of its reports, or one absurd report, must not make later requests look small.

The figures in this module were set on requests of mixed text (prose, code, JSON, tables, logs, Chinese, tool schemas)
counted by five vocabularies: SmolLM2, Mistral v3, Mistral Tekken, cl100k_base and o200k_base.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping
from operator import mul
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator
from typing_extensions import Self

from ._tally import KINDS, Tally, parts


class _Rate(NamedTuple):
    """What is known beforehand about the real tokens per unit of one kind."""

    counted: float  # by an uncalibrated count
    low: float  # at least, for any model
    high: float  # at most
    leeway: float  # how far it may be off (a standard deviation) when the vocabulary is right
    foreign: float  # what to expect when it is not: rather too much, for a kind may be seen only later
    spread: float  # and how far that may be off


_RATES = {
    "letters": _Rate(1, low=0.6, high=4, leeway=0.003, foreign=1.1, spread=0.2),
    "symbols": _Rate(1, low=0.5, high=4, leeway=0.003, foreign=1.1, spread=0.4),
    "spaces": _Rate(1, low=0.5, high=4, leeway=0.003, foreign=1.2, spread=0.5),
    # Most vocabularies take digits one by one or by three: the characters say more than OpenAI's tokens.
    "digits": _Rate(1, low=0, high=4, leeway=0.003, foreign=0, spread=0.4),
    # o200k_base has much longer tokens for other scripts than most, so the bytes say more here.
    "scripts": _Rate(1, low=0.2, high=8, leeway=0.003, foreign=0.5, spread=0.5),
    # Some chat templates leave tools out altogether.
    "structure": _Rate(1, low=0.1, high=4, leeway=0.5, foreign=1, spread=0.5),
    "frame": _Rate(1, low=0.2, high=8, leeway=0.7, foreign=1, spread=0.7),
    "images": _Rate(1, low=0.3, high=8, leeway=0.7, foreign=1, spread=0.7),
    "digit_characters": _Rate(0, low=0, high=2, leeway=0.001, foreign=1, spread=0.4),
    "script_bytes": _Rate(0, low=0, high=1, leeway=0.001, foreign=0.35, spread=0.15),
    "requests": _Rate(0, low=0, high=10_000, leeway=40, foreign=0, spread=40),
}
_TABLE = tuple(_RATES[kind] for kind in KINDS)
_STRUCTURE = KINDS.index("structure")

# From here on a rate is its deviation from the uncalibrated count: a report that equals the count changes nothing.
_ZERO = tuple(0.0 for _ in _TABLE)
_LOW = tuple(rate.low - rate.counted for rate in _TABLE)
_HIGH = tuple(rate.high - rate.counted for rate in _TABLE)


class _Belief(NamedTuple):
    """Rates to expect before any report, and how firmly (1 / variance)."""

    expected: tuple[float, ...]
    firmness: tuple[float, ...]


_RIGHT = _Belief(_ZERO, tuple(rate.leeway**-2 for rate in _TABLE))
_FOREIGN = _Belief(tuple(rate.foreign - rate.counted for rate in _TABLE), tuple(rate.spread**-2 for rate in _TABLE))

_NOISE = 0.02  # relative error of a report that no rate explains ...
_ROUNDING = 3  # ... and its error in tokens
_MEMORY = 0.97  # weight of a report when the next one arrives
_ERROR_MEMORY = 0.85  # the same for the errors behind the margin
_STRICTNESS = 3  # a right vocabulary leaves smaller errors: its excuse weighs this much more
_HEAD_START = 1  # what a right vocabulary is trusted for beforehand
_MARGIN_ERRORS = 2  # the margin in standard errors: about one request in fifty turns out larger
_LEAST_MARGIN = 0.03  # for a foreign vocabulary
_LARGEST_MARGIN = 0.3
_FALL, _RISE = 0.85, 2  # the largest steps, relative to the prediction, that one report can ask for
_DOUBTFUL, _DOUBT = 0.9, 0.1  # a report below this share of the prediction weighs a tenth: cached tokens may be missing
_MATERIAL = 0.01  # smaller changes are kept back, so that counts stay the same from call to call
_SWEEPS, _SETTLED = 200, 1e-4  # a fit ends when no rate moves by this share of its standard deviation

_Vector = Annotated[tuple[FiniteFloat, ...], Field(min_length=len(KINDS), max_length=len(KINDS))]
_Matrix = Annotated[tuple[_Vector, ...], Field(min_length=len(KINDS), max_length=len(KINDS))]
_Sum = Annotated[FiniteFloat, Field(ge=0)]


class _Evidence(BaseModel):
    """All reports so far, as the sums that weighted least squares need."""

    model_config = ConfigDict(frozen=True)

    products: _Matrix = (_ZERO,) * len(KINDS)  # of the kinds' shares in a request
    errors: _Vector = _ZERO  # of these shares and the relative error
    squares: _Sum = 0.0  # of the relative error

    def plus(self, tally: Tally, reported: float, trust: float) -> _Evidence:
        """Adds one report, trusted fully (1) or less."""
        weight = trust / (_NOISE**2 + (_ROUNDING / tally.total) ** 2)
        shares = [part / tally.total for part in parts(tally)]
        error = (reported - tally.total) / tally.total

        def added(old: Iterable[float], factor: float) -> tuple[float, ...]:
            return tuple(_MEMORY * sum_ + weight * factor * share for sum_, share in zip(old, shares, strict=True))

        return _Evidence(
            products=tuple(added(row, share) for row, share in zip(self.products, shares, strict=True)),
            errors=added(self.errors, error),
            squares=_MEMORY * self.squares + weight * error**2,
        )

    def fit(self, belief: _Belief) -> tuple[tuple[float, ...], float]:
        """Finds the rates, within their bounds, that explain the reports with the least departure from a belief.

        Coordinate descent: misfit and departure are convex, so improving one rate at a time leads to their least sum.

        Returns:
            tuple[tuple[float, ...], float]: The rates, and that sum: the excuse that the belief needs for the reports.
        """
        rates = list(belief.expected)
        for _ in range(_SWEEPS):
            largest_step = 0.0
            for i, (row, expected, firmness) in enumerate(zip(self.products, *belief, strict=True)):
                rest = _dot(row, rates) - row[i] * rates[i]
                best = (self.errors[i] + firmness * expected - rest) / (row[i] + firmness)
                best = min(max(best, _LOW[i]), _HIGH[i])
                largest_step = max(largest_step, abs(best - rates[i]) * math.sqrt(firmness))
                rates[i] = best
            if largest_step < _SETTLED:
                break
        misfit = self.squares - 2 * _dot(self.errors, rates) + _dot(rates, (_dot(row, rates) for row in self.products))
        departures = ((rate - expected) ** 2 for rate, expected in zip(rates, belief.expected, strict=True))
        return tuple(rates), misfit + _dot(belief.firmness, departures)


class _Learned(BaseModel):
    """What the reports so far have taught: the state that is saved."""

    model_config = ConfigDict(frozen=True)

    kinds: tuple[str, ...] = KINDS
    evidence: _Evidence = _Evidence()
    fitted: _Vector = _ZERO
    published: _Vector = _ZERO
    margin: Annotated[float, Field(ge=0, le=_LARGEST_MARGIN)] = 0.0
    surprises: _Sum = 0.0  # recent relative errors of prediction, squared and summed up
    predictions: _Sum = 0.0  # how many these are
    reports: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _within_bounds(self) -> Self:
        if self.kinds != KINDS:
            raise ValueError("the state knows other kinds of text")
        if any(row[i] < 0 for i, row in enumerate(self.evidence.products)):
            raise ValueError("the state holds a sum of squares below 0")
        for rates in (self.fitted, self.published):
            if not all(low <= rate <= high for low, rate, high in zip(_LOW, rates, _HIGH, strict=True)):
                raise ValueError("the state holds a rate that no model can have")
        return self

    def size(self, tally: Tally) -> float:
        """Predicts a size in tokens, margin included."""
        return _size(tally, self.published) * (1 + self.margin)

    def prediction(self, tally: Tally) -> float:
        """Predicts a size in tokens as exactly as the last fit can, never below 1."""
        return max(1.0, _size(tally, self.fitted))

    def judge(self, tally: Tally, reported: int) -> tuple[float, float]:
        """Cuts a report to the largest step that one report can ask for, and says how far to trust it."""
        predicted = self.prediction(tally)
        # Schemas are the one part that may be missing from a prompt.
        text = predicted - tally.structure * (1 + self.fitted[_STRUCTURE])
        return min(max(reported, _FALL * text), _RISE * predicted), _DOUBT if reported < _DOUBTFUL * text else 1.0

    def after(self, tally: Tally, reported: int) -> _Learned:
        """Learns from one more report."""
        credible, trust = self.judge(tally, reported)
        evidence = self.evidence.plus(tally, credible, trust)
        right, excuse = evidence.fit(_RIGHT)
        foreign, foreign_excuse = evidence.fit(_FOREIGN)
        is_foreign = foreign_excuse + _HEAD_START < _STRICTNESS * excuse
        fitted = foreign if is_foreign else right

        surprises, predictions = self.surprises, self.predictions
        if self.reports:  # before the first there was nothing to predict from
            surprises = _ERROR_MEMORY * surprises + (credible / self.prediction(tally) - 1) ** 2
            predictions = _ERROR_MEMORY * predictions + 1
        margin = _MARGIN_ERRORS * math.sqrt(surprises / predictions) if predictions else 0.0
        margin = min(_LARGEST_MARGIN, margin + (_LEAST_MARGIN if is_foreign else 0.0))

        old, new = self.size(tally), _size(tally, fitted) * (1 + margin)
        publish = reported > old or abs(new - old) > _MATERIAL * old
        return _Learned(
            evidence=evidence,
            fitted=fitted,
            published=fitted if publish else self.published,
            margin=margin if publish else self.margin,
            surprises=surprises,
            predictions=predictions,
            reports=self.reports + 1,
        )


class Calibration:
    """How one model counts, learned call by call. Safe to use from several threads."""

    def __init__(self) -> None:
        self._learned = _Learned()
        self._lock = threading.Lock()

    def tokens(self, tally: Tally) -> int:
        """Says how many tokens a tally is for this model; never less when a part of it grows.

        Args:
            tally (Tally): A tally, or a sum or difference of tallies.

        Returns:
            int: The tokens, never below 0; `tally.total` as long as nothing else was ever reported.
        """
        return max(0, math.ceil(self._learned.size(tally)))

    def observe(self, tally: Tally, reported: int) -> None:
        """Learns from the report on one request.

        Args:
            tally (Tally): What the whole request was measured to be. Nothing is learned from a difference of tallies.
            reported (int): Prompt tokens that the provider reported. Nothing is learned from a number too small for any
                model.
        """
        if tally.total > 0 and min(parts(tally)) >= 0 and reported >= _size(tally, _LOW):
            with self._lock:
                self._learned = self._learned.after(tally, reported)

    def save_state(self) -> dict[str, object]:
        """Returns what was learned.

        Returns:
            dict[str, object]: Values that JSON can hold.
        """
        return self._learned.model_dump(mode="json")

    def load_state(self, state: Mapping[str, object]) -> None:
        """Takes over what another calibration learned, if it can be understood.

        Args:
            state (Mapping[str, object]): What `save_state` returned, perhaps by way of JSON.
        """
        try:
            learned = _Learned.model_validate(dict(state))
        except ValidationError:
            return
        with self._lock:
            self._learned = learned


def _dot(left: Iterable[float], right: Iterable[float]) -> float:
    return float(sum(map(mul, left, right)))


def _size(tally: Tally, rates: tuple[float, ...]) -> float:
    return tally.total + _dot(rates, parts(tally))
