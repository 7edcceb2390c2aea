"""Pauses after failures grow, end, and are forgotten after a success."""

from autogen_budget._summary._summarizer import LONGEST_PAUSE, Backoff


def pause_of(backoff: Backoff) -> int:
    """How many compactions go without in a row."""
    count = 0
    while backoff.skip():
        count += 1
    return count


def test_pauses_double_up_to_a_limit() -> None:
    """After each failure in a row the pause is twice as long, and at most 32 compactions."""
    backoff = Backoff()
    pauses: list[int] = []
    for _ in range(8):
        backoff.failed("TimeoutError")
        pauses.append(pause_of(backoff))
    assert pauses == [1, 2, 4, 8, 16, 32, 32, 32]
    assert max(pauses) == LONGEST_PAUSE


def test_nothing_pauses_without_a_failure() -> None:
    """At first every compaction may have a summary."""
    backoff = Backoff()
    assert not backoff.resting
    assert not backoff.skip()
    assert backoff.reason == ""


def test_a_success_begins_anew() -> None:
    """After a success, the next failure pauses for one compaction again."""
    backoff = Backoff()
    backoff.failed("one")
    backoff.failed("two")
    assert backoff.resting
    assert backoff.reason == "two"
    backoff.worked()
    assert not backoff.resting
    backoff.failed("three")
    assert pause_of(backoff) == 1
