"""What the package offers: a sorted list of names that are all there, documented and typed."""

import inspect
import subprocess
import sys
from importlib.resources import files

import pytest

import autogen_budget


def test_all_is_sorted_and_complete() -> None:
    """`__all__` is sorted and names every public thing the package imports."""
    public = {
        name for name, value in vars(autogen_budget).items() if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert set(autogen_budget.__all__) == public
    assert list(autogen_budget.__all__) == sorted(autogen_budget.__all__)


@pytest.mark.parametrize("name", autogen_budget.__all__)
def test_public_things_are_documented(name: str) -> None:
    """Every public class and function says what it is, and so does every public member it defines."""
    thing = getattr(autogen_budget, name)
    assert inspect.getdoc(thing)
    for member, value in vars(thing).items() if inspect.isclass(thing) else ():
        if not member.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            assert inspect.getdoc(getattr(thing, member)), f"{name}.{member}"


def test_is_marked_as_typed() -> None:
    """Type checkers of users read the package's own annotations."""
    assert files("autogen_budget").joinpath("py.typed").is_file()


def test_importing_needs_no_extra() -> None:
    """Importing the package loads no client library and no optional dependency."""
    code = (
        "import sys, autogen_budget; "
        "print(sorted({'openai', 'anthropic', 'ollama', 'mcp', 'matplotlib', 'redis', 'typer'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
