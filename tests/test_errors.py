"""The tree of errors: texts that begin with the class's name, and figures as attributes."""

import pytest

from autogen_budget import BudgetError, ContextOverflowError
from autogen_budget._errors import ArtifactNotFoundError


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
