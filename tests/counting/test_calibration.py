"""Tallies of the parts of a request, and what reported usage teaches about them."""

import dataclasses
import json
import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import pytest
from autogen_core.models import LLMMessage
from hypothesis import given, settings
from hypothesis import strategies as st

from autogen_budget import Tally, TiktokenCounter
from autogen_budget._counting._calibration import Calibration
from autogen_budget._counting._tally import KINDS, parts
from autogen_budget._counting._vocabulary import Vocabulary
from mixed_text import conversations, predictions
from profiles import examples

cl100k = Vocabulary("cl100k_base")
requests = st.builds(
    Tally,
    **{kind: st.integers(0, 5_000) for kind in KINDS if kind not in ("requests", "frame")},
    frame=st.integers(7, 100),
    requests=st.just(1),
)
reports = st.lists(st.tuples(requests, st.floats(0.01, 20)), max_size=5)

ENGLISH = Tally(text=10_000, letters=10_000, symbols=1_600, spaces=400, digits=220, scripts=0, frame=40, requests=1)

# Other ways to count a text.
TOKENIZERS: Mapping[str, Callable[[str], int]] = {
    "an older vocabulary": lambda text: cl100k.measure(text).text,
    "bytes by three": lambda text: math.ceil(len(text.encode()) / 3),
    "short pieces": lambda text: len(re.findall(r"[A-Za-z]{1,4}|[0-9]|[^\x00-\x7f]|\s+|[^\sA-Za-z0-9]", text)),
    "syllables": lambda text: len(re.findall(r" ?[A-Za-z]{1,6}|[0-9]{1,2}|[^\x00-\x7f]|\s+|[^\sA-Za-z0-9]{1,2}", text)),
}


def taught(*lessons: tuple[Tally, float]) -> Calibration:
    """A calibration that saw requests, each with its report as a multiple of the uncalibrated count."""
    calibration = Calibration()
    for tally, factor in lessons:
        calibration.observe(tally, int(tally.total * factor))
    return calibration


@pytest.mark.parametrize("name", TOKENIZERS)
def test_five_calls_are_enough(name: str) -> None:
    """Over changing mixtures of text few requests are larger than predicted, and predictions stay near."""

    def report(messages: Sequence[LLMMessage]) -> int:
        return 20 + sum(5 + TOKENIZERS[name](str(message.content)) for message in messages)

    ratios = [
        ratio for seed in range(4) for ratio in predictions(TiktokenCounter("local"), conversations(seed), report)
    ]
    assert len(ratios) == 100
    # The texts are this Python's own documentation and source: the share differs a little between versions.
    assert sum(ratio < 1 for ratio in ratios) <= 8
    assert min(ratios) > 0.8
    assert sum(ratios) / len(ratios) < 1.2


@given(requests=st.lists(requests, min_size=1, max_size=8), other=requests)
def test_a_right_vocabulary_stays_exact(requests: list[Tally], other: Tally) -> None:
    """As long as each report equals the count, no count ever changes."""
    calibration = taught(*((tally, 1) for tally in requests))
    assert calibration.tokens(other) == other.total


@given(reports=reports, tally=requests, more=requests)
def test_less_text_never_counts_more(reports: list[tuple[Tally, float]], tally: Tally, more: Tally) -> None:
    """Whatever was reported, each kind of text counts for something or nothing, but never against the rest."""
    calibration = taught(*reports)
    assert 0 <= calibration.tokens(tally) <= calibration.tokens(tally + more)
    assert calibration.tokens(tally - tally) == calibration.tokens(Tally()) == 0
    assert calibration.tokens(Tally() - tally) == 0


@given(reports=reports, tally=requests)
def test_learning_repeats_itself(reports: list[tuple[Tally, float]], tally: Tally) -> None:
    """The same reports teach the same, and a state that was saved, written as JSON and loaded counts as before."""
    calibration = taught(*reports)
    assert taught(*reports).save_state() == calibration.save_state()
    loaded = Calibration()
    loaded.load_state(json.loads(json.dumps(calibration.save_state())))
    assert loaded.tokens(tally) == calibration.tokens(tally)
    assert loaded.save_state() == calibration.save_state()


def test_a_higher_report_is_believed_at_once() -> None:
    """The very next request of the same kind is not predicted too small again."""
    assert taught((ENGLISH, 1.4)).tokens(ENGLISH) >= 1.4 * ENGLISH.total
    assert taught((ENGLISH, 1), (ENGLISH, 1), (ENGLISH, 1.2)).tokens(ENGLISH) > ENGLISH.total


@pytest.mark.parametrize("factor", [0.001, 0.1, 0.5])
def test_impossible_reports_are_ignored(factor: float) -> None:
    """Ten tokens for ten thousand, nothing at all or a negative number teach nothing."""
    calibration = taught((ENGLISH, 1.1))
    before = calibration.save_state()
    for reported in (int(factor * ENGLISH.total), 0, -5):
        calibration.observe(ENGLISH, reported)
    calibration.observe(Tally(), 100)
    calibration.observe(ENGLISH - Tally(text=15_000), 9_000)
    assert calibration.save_state() == before


def test_low_reports_lower_little() -> None:
    """One report of two thirds lowers a count by a seventh at most, and no number of them below six tenths."""
    assert taught((ENGLISH, 0.67)).tokens(ENGLISH) >= 0.84 * ENGLISH.total
    assert taught(*[(ENGLISH, 1.1)] * 5, (ENGLISH, 0.67)).tokens(ENGLISH) >= ENGLISH.total
    assert taught(*[(ENGLISH, 0.62)] * 60).tokens(ENGLISH) >= 0.6 * ENGLISH.total


def test_a_provider_that_hides_cached_tokens_is_not_believed() -> None:
    """Where most reports leave the cached prefix out, counts of prose stay near the full size all the same."""
    chance = random.Random(4)
    calibration = Calibration()
    for _ in range(40):
        calibration.observe(ENGLISH, int(ENGLISH.total * chance.choice([0.05, 0.6, 0.7, 1])))
    assert calibration.tokens(ENGLISH) >= 0.99 * ENGLISH.total


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("reported", [10**9, 30_000, 16_000, 5_600, 7_000, 1, 0, -5])
@pytest.mark.parametrize("vocabulary", [None, "other", "right"])
def test_absurd_reports_do_not_stay(vocabulary: Literal["right", "other"] | None, reported: int, times: int) -> None:
    """Once or three times in a row, early or late, a wrong report is outvoted by ten right ones, to within 7 %."""
    for before in (0, 5):
        calibration, honest = Calibration(vocabulary), Calibration(vocabulary)
        for one in (calibration, honest):
            for _ in range(before):
                one.observe(ENGLISH, ENGLISH.total)
        for _ in range(times):
            calibration.observe(ENGLISH, reported)
        for _ in range(times + 10):
            calibration.observe(ENGLISH, ENGLISH.total)
            honest.observe(ENGLISH, ENGLISH.total)
        assert 0.99 * ENGLISH.total <= calibration.tokens(ENGLISH) <= 1.07 * honest.tokens(ENGLISH)


def test_numbers_out_of_the_air_teach_nothing() -> None:
    """A report that no tokenizer and no hidden prompt explain changes nothing."""
    calibration = taught((ENGLISH, 1.1))
    before = calibration.save_state()
    for reported in (10**9, 10**30):
        calibration.observe(ENGLISH, reported)
    assert calibration.save_state() == before


@given(
    absurd=st.lists(st.tuples(requests, st.integers(-5, 10**12)), max_size=5),
    vocabulary=st.sampled_from([None, "other", "right"]),
)
@settings(max_examples=examples(0.4))
def test_it_recovers_from_any_reports(
    absurd: list[tuple[Tally, int]], vocabulary: Literal["right", "other"] | None
) -> None:
    """Whatever was reported before, right reports bring the count back to the right one and its usual margin."""
    calibration = Calibration(vocabulary)
    for tally, reported in absurd:
        calibration.observe(tally, reported)
    for _ in range(32):
        calibration.observe(ENGLISH, ENGLISH.total)
    assert 0.99 * ENGLISH.total <= calibration.tokens(ENGLISH) <= 1.05 * ENGLISH.total


def test_another_vocabulary_is_counted_safely_from_the_start() -> None:
    """Before any report digits count one by one and words in pieces; five reports bring the count near the real one."""
    calibration = Calibration("other")
    assert calibration.reports == 0
    digits = Tally(text=900, digits=2_400)
    assert calibration.tokens(digits) == 2_400
    assert calibration.tokens(ENGLISH) > 1.2 * ENGLISH.total
    for _ in range(5):
        calibration.observe(ENGLISH, int(1.04 * ENGLISH.total))
    assert 1.04 * ENGLISH.total <= calibration.tokens(ENGLISH) <= 1.04 * ENGLISH.total / 0.85
    assert calibration.tokens(digits) > 2_200, "what no report has shown stays safe"
    assert calibration.reports == 5


def test_small_changes_are_kept_back() -> None:
    """Reports that differ from the prediction by less than a hundredth leave later counts as they are."""
    calibration = taught(*[(ENGLISH, 1.2)] * 20)
    before = calibration.tokens(ENGLISH)
    for factor in (1.199, 1.201, 1.2):
        calibration.observe(ENGLISH, int(ENGLISH.total * factor))
        assert calibration.tokens(ENGLISH) == before


def test_schemas_and_frames_do_not_touch_the_text() -> None:
    """Where only tool schemas cost less than their JSON, texts still count exactly."""
    calibration = Calibration()
    for letters in (500, 4_000, 900, 7_000, 2_000, 300, 5_000):
        tally = Tally(
            text=letters, letters=letters * 5 // 4, structure=800, structure_pieces=1_000, frame=43, requests=1
        )
        calibration.observe(tally, tally.total - 240)
    text = Tally(text=10_000, letters=12_500)
    assert text.total <= calibration.tokens(text) <= 1.02 * text.total
    schemas = Tally(structure=800, structure_pieces=1_000)
    assert 560 <= calibration.tokens(schemas) <= 620


def test_templates_without_tools_are_learned() -> None:
    """A model whose template leaves tools out soon has them counted for little."""
    calibration = Calibration()
    for letters in (900, 4_000, 2_000, 3_000, 1_500):
        tally = Tally(
            text=letters, letters=letters * 5 // 4, structure=1_500, structure_pieces=1_900, frame=43, requests=1
        )
        calibration.observe(tally, letters + 43)
    assert calibration.tokens(Tally(structure=1_500, structure_pieces=1_900)) <= 300


def test_a_request_of_digits_alone_can_be_learned() -> None:
    """A request whose predicted size may be nothing is no obstacle."""
    digits = Tally(text=3, digits=9)
    calibration = Calibration()
    for reported in (1, 1, 1, 9, 9, 9):
        calibration.observe(digits, reported)
    assert 0 <= calibration.tokens(digits) <= 40


@pytest.mark.parametrize(
    "change",
    [
        {"kinds": ["words"]},
        {"published": [9.0] * len(KINDS)},
        {"fitted": "none"},
        {"margin": 7},
        {"reports": -1},
        {"reports": [{"parts": [0] * len(KINDS), "tokens": 5.0, "predicted": 5.0, "trust": 1.0}]},
        {"reports": [{"parts": [1] * len(KINDS), "tokens": math.nan, "predicted": 5.0, "trust": 1.0}]},
    ],
    ids=lambda change: "-".join(change),
)
def test_a_state_that_makes_no_sense_is_ignored(change: dict[str, object]) -> None:
    """Other kinds, impossible rates, missing and infinite numbers: the counter stays as it was."""
    calibration = Calibration()
    calibration.load_state({**taught((ENGLISH, 1.3)).save_state(), **change})
    assert calibration.save_state() == Calibration().save_state()


tallies = st.builds(Tally, **{kind: st.integers(-5, 1_000) for kind in KINDS})


@given(first=tallies, second=tallies, third=tallies)
def test_tallies_add_up_in_any_order(first: Tally, second: Tally, third: Tally) -> None:
    """Sums do not depend on order, nothing changes nothing, and a difference undoes a sum."""
    assert first + second == second + first
    assert (first + second) + third == first + (second + third) == Tally.sum([first, second, third])
    assert first + Tally() == first
    assert first + second - second == first
    assert (first + second).total == first.total + second.total


def test_the_sum_of_none_is_nothing() -> None:
    """Adding up no tallies gives the empty one."""
    assert Tally.sum([]) == Tally()
    assert Tally().total == 0


def test_an_exact_count_is_its_total() -> None:
    """A counter that needs no kinds gets its own number back."""
    assert Tally.exact(7).total == 7


def test_pieces_are_not_counted_twice() -> None:
    """Pieces measure text and schemas that were counted as tokens already, and a request's mark is no token."""
    assert Tally(letters=9, digits=9, structure_pieces=9, requests=1).total == 0
    assert Tally(text=5, letters=1, symbols=2, spaces=3, digits=4, scripts=5, structure_pieces=9).pieces == 15
    assert parts(Tally(text=1, requests=2)) == (1, *(0 for _ in KINDS[2:]), 2)


def test_tallies_cannot_be_changed() -> None:
    """A tally is a value."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Tally().text = 1  # type: ignore[misc]  # frozen, which is what is tried
