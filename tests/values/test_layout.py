"""The shape of the package: rooms with one idea, imports one way, private things stay private."""

import ast
import re
from pathlib import Path

import pytest

import autogen_budget

PACKAGE = Path(autogen_budget.__file__).parent
ROOT = Path(__file__).parents[2]
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the ground up: a room imports only from levels below its own, and modules at the top level count as the lowest.
LEVELS = (
    {
        "_errors",
        "_budget",
        "_records",
        "_hooks",
        "_record_json",
        "_report",
        "_checks",
        "_model_facts",
        "_introspection",
        "_background",
    },
    {"_text", "_shared"},
    {"_counting", "_turns", "_spend", "_limits"},
    {"_cut", "_recall", "_analysis"},
    {"_artifacts", "_digest", "_fixed", "_summary"},
    {"_history"},
    {"_compaction"},
    {"_client", "_tools"},
    {"_agents", "_sight"},
)

LONGEST = 400
"""Lines a module may have at most."""

CORE = {"_text", "_counting", "_turns", "_cut", "_digest", "_recall", "_fixed", "_history", "_compaction"}
"""The rooms that know AutoGen's messages and tools, but not its agents, teams or clients."""


def room_of(module: Path) -> str:
    """The room that a module stands in, or its own name where it stands at the top level."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(module: Path) -> set[str]:
    """What a module imports, absolute: relative imports stay within a room, and ruff holds them to it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(f"autogen_budget.{node.module}" if node.level and module.parent == PACKAGE else node.module)
    return found


def level_of(room: str) -> int:
    """Where a room stands, counted from the ground."""
    return next(i for i, level in enumerate(LEVELS) if room in level)


@pytest.mark.parametrize("module", [module for module in MODULES if module.parent != PACKAGE], ids=str)
def test_rooms_import_one_way_and_through_faces(module: Path) -> None:
    """A room imports from lower levels only, and from another room only what that room's `__init__` shows."""
    ours = [name.split(".")[1:] for name in imports_of(module) if name.startswith("autogen_budget.")]
    others = [path for path in ours if path[0] != room_of(module)]
    assert [path for path in others if level_of(path[0]) >= level_of(room_of(module))] == []
    assert [path for path in others if len(path) > 1] == []


def test_the_top_level_is_small() -> None:
    """At most twelve modules stand at the top of the package."""
    assert len([module for module in MODULES if module.parent == PACKAGE]) <= 12


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_modules_are_short_and_say_their_idea(module: Path) -> None:
    """No module is longer than its limit, and its docstring says in one line what it is about."""
    text = module.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring
    assert docstring.splitlines()[0].endswith((".", ":")) or len(docstring.splitlines()) > 1


def test_only_one_module_reaches_into_agents() -> None:
    """`vars` and `setattr` on other people's objects stand in the introspection module alone."""
    pattern = re.compile(r"\b(vars|setattr)\(")
    reaching = [module.name for module in MODULES if pattern.search(module.read_text(encoding="utf-8"))]
    assert reaching == ["_introspection.py"]


@pytest.mark.parametrize("module", [module for module in MODULES if room_of(module) in CORE], ids=str)
def test_the_core_knows_messages_only(module: Path) -> None:
    """Counting, turns, histories and strategies import AutoGen's messages and tools, and nothing else of it."""
    foreign = {name for name in imports_of(module) if name.startswith("autogen_") and "autogen_budget" not in name}
    assert foreign <= {"autogen_core", "autogen_core.models", "autogen_core.tools"}


def test_the_repository_holds_nothing_else() -> None:
    """The repository's top level is fixed."""
    files = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert files - {"dist", "build"} == {"pyproject.toml", "src", "tests", "examples", "README.md", "LICENSE"}
