"""Which lines of a log say the same."""

from autogen_budget._cut._prose import repeats, runs_of
from autogen_budget._text import is_log, line_template


def test_lines_of_a_log_are_alike_but_for_numbers() -> None:
    """In a log numbers do not tell lines apart, in other texts they do."""
    log = ["12:00:01 served 7", "12:00:02 served 8", "12:00:03 stopped", ""]
    assert is_log(log)
    assert repeats([line_template(line) for line in log]) == [0, 0, 2, 3]
    assert repeats(["order 7", "order 8", "order 7"]) == [0, 1, 0]


def test_runs_are_numbered() -> None:
    """Lines in a row that say the same share a number."""
    assert runs_of([0, 0, 2, 0]) == [0, 0, 1, 2]
