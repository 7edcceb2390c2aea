"""What the package offers: a sorted list of names that are all there, documented and typed."""

import inspect
import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files

import pytest

import autogen_budget


def test_all_is_sorted_and_complete() -> None:
    """`__all__` is sorted and names every public thing the package imports."""
    public = {
        name for name, value in vars(autogen_budget).items() if not name.startswith("_") and not inspect.ismodule(value)
    }
    when_asked_for = {"Telemetry", "assert_within", "show_run"}
    assert set(autogen_budget.__all__) == {*public - {"TYPE_CHECKING"}, *when_asked_for, "__version__"}
    assert list(autogen_budget.__all__) == sorted(autogen_budget.__all__)


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
    """Importing the package loads no client library and no optional dependency."""
    unwanted = "openai anthropic ollama mcp matplotlib redis typer rich autogen_budget._sight"
    code = f"import sys, autogen_budget; print(sorted(set('{unwanted}'.split()) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_loaded_when_asked_for_is_there() -> None:
    """Tracing, assertions and the console come with the first use; other names are an error as usual."""
    for name in ("Telemetry", "assert_within", "show_run"):
        assert getattr(autogen_budget, name).__module__.startswith("autogen_budget._sight")
    with pytest.raises(AttributeError, match="no attribute 'telemetry'"):
        getattr(autogen_budget, "telemetry")  # noqa: B009 (mypy knows that there is none)
