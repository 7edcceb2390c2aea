"""What tells of an error in a log."""

import pytest

from autogen_budget._text import error_lines


@pytest.mark.parametrize(
    "line",
    [
        "ERROR disk full",
        "error: could not compile",
        "E   AssertionError: assert 1 == 2",
        "java.lang.IllegalStateException: closed",
        "FAILED tests/test_a.py::test_b",
        "process exited with code 3",
        "bash: foo: command not found",
        "Segmentation fault (core dumped)",
        "warning: unused variable",
    ],
)
def test_lines_that_tell_of_trouble(line: str) -> None:
    """Errors, failures, warnings and exit codes other than 0 are found."""
    assert error_lines(["all is well", line]) == [1]


@pytest.mark.parametrize("line", ["0 errors, 0 warnings", "exit code 0", "errors: 0", "no failures", "served order 7"])
def test_lines_that_tell_of_none(line: str) -> None:
    """A line that says that there are no errors is none."""
    assert error_lines([line]) == []


def test_what_is_new_comes_first() -> None:
    """Errors of a new kind come before warnings, and those before errors that only repeat."""
    assert error_lines(["ERROR order 1 lost", "warning: slow", "ERROR order 2 lost", "ERROR disk full"]) == [0, 3, 1, 2]


def test_a_traceback_belongs_together() -> None:
    """All its lines are found, the one that names the error first."""
    lines = ["Traceback (most recent call last):", '  File "a.py", line 1', "    run()", "OSError: gone", "well"]
    assert error_lines(lines) == [3, 2, 1, 0]
