"""What the package imports is what its installation brings."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
OWN = {"autogen_budget", "_autogen_budget_pytest"}
BROUGHT_ALONG = {"pydantic_core"}
"""Pinned by a package that is declared."""


def _imported() -> Iterator[tuple[str, Path]]:
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((name.name.partition(".")[0], file) for name in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                yield node.module.partition(".")[0], file


def test_every_imported_package_is_declared() -> None:
    """A package that only other tools of the tests' environment bring is missing for a user."""
    lines = (ROOT / "pyproject.toml").read_text("utf-8").partition("\ndev = [")[0]
    declared = {name.lower() for name in re.findall(r'"([A-Za-z0-9-]+)(?:\[[a-z,0-9]+\])?>=', lines)} | {"pytest"}
    distributions = packages_distributions()
    missing = {
        f"{name} in {file.relative_to(ROOT)}"
        for name, file in _imported()
        if name not in {*sys.stdlib_module_names, *OWN, *BROUGHT_ALONG}
        and not declared & {each.lower().replace("_", "-") for each in distributions.get(name, [name])}
    }
    assert not missing
