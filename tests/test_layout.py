"""The shape of the package: one idea a module, imports one way, private things stay private."""

import ast
import re
from pathlib import Path

import pytest

import autogen_budget

PACKAGE = Path(autogen_budget.__file__).parent
ROOT = Path(__file__).parent.parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the ground up: a module imports only from layers below its own.
LAYERS = (
    {"_errors", "_budget", "_tally", "_turns", "_report", "_usage", "_overflow", "_windows", "_adoption"},
    {"_vocabulary", "_estimate", "_calibration", "_wire", "_repair", "_spend"},
    {"_texts", "_totals"},
    {"_counting"},
    {"_cut", "_digest", "_artifacts", "_said"},
    {"_past", "_keep", "_summary", "_history_log"},
    {"_history"},
    {"_sizes"},
    {"_need", "_conversation_state"},
    {"_declared", "_stand_in", "_telling"},
    {
        "_truncate",
        "_duplicates",
        "_lighten",
        "_clear",
        "_conversation",
        "_outputs",
        "_selector",
        "_share",
        "_checks",
        "_delegate",
    },
    {"_last_resort", "_target"},
    {"_trim"},
    {"_summarize", "_conversations"},
    {"_strategies", "_executor", "_workbench"},
    {"_equipment"},
    {"_pipeline", "_memory", "_input_prices"},
    {"_planner", "_contexts"},
    {"_attempt"},
    {"_client"},
    {"_agent"},
    {"_phases", "_members"},
    {"_team"},
    {"__init__"},
)

INSIDE = {
    "_report",  # frozen values
    "_telling",  # what the tests of clearing and trimming go through
    "_checks",  # what the tests of the agent and the client go through
    "_delegate",  # what the tests of the client go through
    "_members",  # what the tests of teams go through
    "_equipment",  # what the tests of the agent go through
    "_facts",
    "_contexts",  # what the tests of bounded memory and of phases go through
    "_memory",  # what the tests of the planner and of states go through
    "_files",  # what the store's tests go through
    "_search",  # what the tests of cutting and of pages go through
    "_split",
    "_json_columns",  # the steps of shortening JSON
    "_json_document",
    "_json_ladder",
    "_json_shrink",
}
"""Modules without a test file of their own: the tests of the module that they belong to cover them."""

LONGEST = 400
"""Lines a module may have at most."""


def name_of(module: Path) -> str:
    """A module's name, or that of the package inside ours that it belongs to."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(module: Path) -> set[str]:
    """Names of our own modules that a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            parts = node.module.split(".")
            if parts[0] == "autogen_budget":
                found.update(parts[1:2])
            elif node.level == 1 and module.parent == PACKAGE:
                found.add(parts[0])
    return found - {name_of(module)}


def layer_of(name: str) -> int:
    """Where a module stands, counted from the ground."""
    return next(i for i, layer in enumerate(LAYERS) if name in layer)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_go_one_way(module: Path) -> None:
    """A module imports from lower layers only."""
    assert [name for name in imports_of(module) if layer_of(name) >= layer_of(name_of(module))] == []


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_modules_are_short_and_say_their_idea(module: Path) -> None:
    """No module is longer than its limit, and its docstring says in one line what it is about."""
    text = module.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST
    docstring = ast.get_docstring(ast.parse(text))
    assert docstring
    assert docstring.splitlines()[0].endswith((".", ":")) or len(docstring.splitlines()) > 1


def test_only_one_module_reaches_into_agents() -> None:
    """`vars` and `setattr` on other people's objects stand in the adoption module alone."""
    pattern = re.compile(r"\b(vars|setattr)\(")
    reaching = [module.name for module in MODULES if pattern.search(module.read_text(encoding="utf-8"))]
    assert reaching == ["_adoption.py"]


def test_the_planning_core_knows_messages_only() -> None:
    """Histories, strategies and the planner import AutoGen's messages and tools, not its agents, teams or clients."""
    allowed = {"autogen_core", "autogen_core.models", "autogen_core.tools"}
    core = (
        "_turns",
        "_said",
        "_keep",
        "_repair",
        "_past",
        "_history",
        "_sizes",
        "_need",
        "_stand_in",
        "_telling",
        "_duplicates",
        "_lighten",
        "_truncate",
        "_clear",
        "_trim",
        "_target",
        "_last_resort",
        "_pipeline",
    )
    for name in core:
        tree = ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"))
        foreign = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
        assert {module for module in foreign if module.startswith("autogen_") and module != "autogen_budget"} <= allowed
        assert not {"_spend", "_client", "_agent"} & imports_of(PACKAGE / f"{name}.py")


def test_the_top_level_holds_nothing_else() -> None:
    """The repository's top level is fixed."""
    files = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert files - {"dist", "build"} == {"pyproject.toml", "src", "tests", "examples", "README.md", "LICENSE"}


def test_each_module_has_its_tests() -> None:
    """`tests/` mirrors `src/`: one test file a module."""
    untested = [
        str(place)
        for module in MODULES
        if (place := module.relative_to(PACKAGE)).stem not in {"__init__", *INSIDE}
        and not (ROOT / "tests" / place.parent.name.strip("_") / f"test{module.stem}.py").exists()
    ]
    assert untested == []
