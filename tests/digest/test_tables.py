"""Facts of tables in texts."""

import pytest

from autogen_budget._digest._facts import Origin, Place
from autogen_budget._digest._render import lines_of
from autogen_budget._digest._tables import read_table, split_tables
from autogen_budget._digest._text import read_lines

PLACE = Place("query", Origin.RESULT, 0)


@pytest.mark.parametrize(
    "table",
    [
        "| sku | name |\n|-----|:----|\n| B771 | Red Lamp |\n| C905 | |",
        " sku  | name\n------+-----\n B771 | Red Lamp\n C905 | ",
        "sku\tname\nB771\tRed Lamp\nC905\t",
        "sku,name\nB771,Red Lamp\nC905,",
    ],
)
def test_cells_are_named_by_their_column(table: str) -> None:
    """In every notation a cell has the head of its column, beside the others of its row."""
    facts = list(read_lines(f"rows:\n{table}\ndone", PLACE))

    assert lines_of(facts) == ["query: sku=B771, name=Red Lamp; sku=C905"]


def test_other_lines_are_left_alone() -> None:
    """Prose with commas, a line alone and rows without a head are no tables."""
    lines = ["a, b", "c, d", "sku,name", "plain", "1|2", "3|4", "plain", "a,a", "b,b"]

    assert split_tables(lines) == ([], lines)


def test_rows_are_told_apart_by_their_first_cell() -> None:
    """The same value in two rows is two facts."""
    facts = list(read_table([["sku", "state"], ["B771", "open"], ["C905", "open"]], PLACE))

    assert len({fact.key for fact in facts}) == 4
