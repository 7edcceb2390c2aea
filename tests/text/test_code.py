"""What is source code, and what its signatures are."""

import pytest

from autogen_budget._text import is_code, signatures

PYTHON = "import os\n\nclass Order:\n    @property\n    def total(self) -> float:\n        return sum(self.prices)\n"
RUST = (
    "use std::fs;\n\npub struct Order {\n    id: u32,\n}\n\npub(crate) async fn total(o: &Order) -> f64 {\n    0.0\n}\n"
)
JAVA = "package shop;\n\npublic class Order {\n    public static double total(Order o) {\n        return 0;\n    }\n}\n"


@pytest.mark.parametrize(
    ("code", "found"),
    [(PYTHON, [2, 3, 4]), (RUST, [2, 6]), (JAVA, [2, 3])],
)
def test_signatures_are_found_outermost_first(code: str, found: list[int]) -> None:
    """Functions, methods, classes and decorators, in several languages, with or without line numbers."""
    lines = code.split("\n")
    assert signatures(lines) == found
    assert signatures([f"{number:6}\t{line}" for number, line in enumerate(lines, 1)]) == found
    assert signatures([f"{number}:{line}" for number, line in enumerate(lines, 1)]) == found
    assert is_code(lines)


@pytest.mark.parametrize("text", ["", "\n\n", "Only prose, in\nseveral lines\nof text.", "id,name\n1,Jane\n2,John"])
def test_other_texts_are_no_code(text: str) -> None:
    """Prose and tables are no code."""
    assert not is_code(text.split("\n"))
