"""What the package offers: a sorted list of names that are all there, documented and typed."""

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import pytest

import autogen_budget


def test_all_is_sorted_and_complete() -> None:
    """`__all__` is sorted, names what type checkers see, and each name is where it is looked for at run time."""
    assert list(autogen_budget.__all__) == sorted(autogen_budget.__all__)
    (seen,) = (
        node for node in ast.parse(Path(autogen_budget.__file__).read_text("utf-8")).body if isinstance(node, ast.If)
    )
    imported = {
        name.name: statement.module
        for statement in seen.body
        if isinstance(statement, ast.ImportFrom)
        for name in statement.names
    }
    assert {*autogen_budget.__all__} == {*imported, "__version__"} == {*dir(autogen_budget)}
    for name, module in imported.items():
        assert getattr(autogen_budget, name) is getattr(import_module(f"autogen_budget.{module}"), name)


@pytest.mark.parametrize("name", [name for name in autogen_budget.__all__ if name != "__version__"])
def test_public_things_are_documented(name: str) -> None:
    """Every public class and function says what it is, and so does every public member it defines."""
    thing = getattr(autogen_budget, name)
    assert inspect.getdoc(thing)
    for member, value in vars(thing).items() if inspect.isclass(thing) else ():
        if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            assert inspect.getdoc(getattr(thing, member)), f"{name}.{member}"


def test_version_is_the_distributions() -> None:
    """The package says which version it is."""
    assert autogen_budget.__version__ == version("autogen-budget")


def test_is_marked_as_typed() -> None:
    """Type checkers of users read the package's own annotations."""
    assert files("autogen_budget").joinpath("py.typed").is_file()


def test_importing_needs_no_extra() -> None:
    """Importing an agent loads no client library, no optional dependency and nothing that only reports need."""
    unwanted = "openai anthropic ollama mcp matplotlib redis typer rich autogen_budget._sight"
    code = f"import sys; from autogen_budget import BudgetedAgent; print({{*'{unwanted}'.split()}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_name_that_is_not_there_is_an_error_as_usual() -> None:
    """Names are looked up when they are used first; others are refused like those of any module."""
    with pytest.raises(AttributeError, match="no attribute 'telemetry'"):
        getattr(autogen_budget, "telemetry")  # noqa: B009 (mypy knows that there is none)
