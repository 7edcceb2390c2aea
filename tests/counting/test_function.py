"""A counter in one line, around any function that counts a text."""

import json
import logging

import pytest
from autogen_core.models import SystemMessage
from autogen_ext.models.replay import ReplayChatCompletionClient
from hypothesis import given
from hypothesis import strategies as st

from autogen_budget import BudgetedChatCompletionClient, FunctionCounter, TokenBudget, TokenCounter
from builders import call, result, user


def words(text: str) -> int:
    """Count words."""
    return len(text.split())


@given(text=st.text())
def test_texts_count_as_the_function_says(text: str) -> None:
    """A text's tokens are the function's; messages add their frame."""
    counter = FunctionCounter(words)
    assert isinstance(counter, TokenCounter)
    assert counter.count_text(text) == words(text)
    assert counter.count([SystemMessage(content=text)]) == words(text) + 4 + 3


def test_calls_results_and_schemas_are_counted_too() -> None:
    """Everything a request holds is written as text and counted by the function."""
    counter = FunctionCounter(len)
    assert counter.count([call("1"), result("1")]) > 90


def test_a_text_beyond_any_window_is_measured_by_samples() -> None:
    """It is cut in any case: only a little of it is read. Where samples do not say so, all of it is counted."""
    read: list[int] = []

    def characters(text: str) -> int:
        read.append(len(text))
        return len(text)

    huge = "All work and no play. " * 400_000
    assert FunctionCounter(characters).count_text(huge) == pytest.approx(len(huge), rel=0.01)
    assert sum(read) < len(huge) // 10
    sparse = "x" + " " * 9_000_000
    assert FunctionCounter(lambda text: text.count("x")).count_text(sparse) == 1


def test_each_text_is_counted_once() -> None:
    """The function is called once for equal texts, and huge texts are not read on beyond a limit."""
    seen: list[int] = []

    def count(text: str) -> int:
        seen.append(len(text))
        return len(text)

    counter = FunctionCounter(count)
    assert [counter.count_text("one two") for _ in range(3)] == [7] * 3
    assert seen == [7]
    assert counter.count_text("word " * 1_000_000, limit=10) > 10
    assert sum(seen) < 3_000_000
    assert counter.count_text("word " * 1_000_000) == 5_000_000


def fails(text: str) -> float:
    """Counts nothing."""
    return 1 / 0


def negative(text: str) -> float:
    """Counts below zero."""
    return -1


def nothing(text: str) -> None:
    """Gives no number."""


def not_a_number(text: str) -> float:
    """Gives what is no number."""
    return float("nan")


@pytest.mark.parametrize("bad", [fails, negative, nothing, not_a_number])
def test_a_function_that_fails_counts_bytes(bad: object, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the function does, a count is a number, from above, and one warning says so."""
    counter = FunctionCounter(bad)  # type: ignore[arg-type]  # functions of users are not always typed
    assert [counter.count_text(text) for text in ("four", "\ud83d", "zwölf")] == [4, 3, 6]
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    with pytest.raises(TypeError, match="function of a text"):
        FunctionCounter(7)  # type: ignore[arg-type]  # what is tried


def test_frames_are_learned_and_texts_are_not() -> None:
    """Reports change what a message costs beside its text; the state goes to a counter of the same kind only."""
    counter, text = FunctionCounter(len), "x" * 1_000
    request = counter.measure_extras() + counter.measure_message(user(text))
    for _ in range(8):
        counter.observe(request, counter.tokens(counter.measure_text(text)) + 40)
    assert counter.tokens(request) >= 1_038
    assert counter.count_text(text) <= 1_050
    other = FunctionCounter(len)
    other.load_state({"vocabulary": "o200k_base", "calibration": counter.save_state()["calibration"]})
    assert other.save_state() == FunctionCounter(len).save_state()
    other.load_state(json.loads(json.dumps(dict(counter.save_state()))))
    assert other.tokens(request) == counter.tokens(request)


async def test_it_serves_a_client() -> None:
    """One line around a function is all that a budget needs."""
    client = BudgetedChatCompletionClient(
        ReplayChatCompletionClient(["yes"]), TokenBudget(300), counter=FunctionCounter(len)
    )
    await client.create([user("word " * 500)])
    assert client.records[0].tokens_sent <= 300
