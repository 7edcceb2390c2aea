"""The tree of errors: texts that begin with the class's name, and figures as attributes."""

import pytest

from autogen_budget import BudgetError, ContextOverflowError
from autogen_budget._errors import ArtifactNotFoundError, SpendLimitError


@pytest.mark.parametrize("kind", [BudgetError, ArtifactNotFoundError])
def test_texts_begin_with_the_name(kind: type[BudgetError]) -> None:
    """A team keeps only the text of an error, so the text names the class."""
    error = kind("no such thing")
    assert str(error) == f"{kind.__name__}: no such thing"
    assert isinstance(error, BudgetError)


def test_overflow_carries_its_figures() -> None:
    """Cap, size and parts can be read without parsing the text."""
    error = ContextOverflowError("too large", cap=100, size=120, parts={"system": 90})
    assert str(error) == "ContextOverflowError: too large"
    assert (error.cap, error.size, error.parts) == (100, 120, {"system": 90})


def test_a_spend_limit_carries_its_figures() -> None:
    """Who refused, what there is too little of, and whether waiting helps can be read without parsing the text."""
    error = SpendLimitError(
        "too little left", pool="team", unit="tokens", limit=100, spent=60, reserved=30, asked=20, final=False
    )
    assert str(error) == "SpendLimitError: too little left"
    assert isinstance(error, BudgetError)
    assert (error.pool, error.unit, error.final) == ("team", "tokens", False)
    assert (error.limit, error.spent, error.reserved, error.asked) == (100, 60, 30, 20)


def test_the_figures_of_an_error_are_its_own() -> None:
    """Parts that change after the error was raised do not change what it says."""
    parts = {"system": 90}
    error = ContextOverflowError("too large", cap=100, size=120, parts=parts)
    parts.clear()
    assert error.parts == {"system": 90}
