"""What is a table, and where its header is."""

import pytest

from autogen_budget._cut._tables import header_rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("id,name\n1,Jane\n2,John\n3,Joan\n4,Jean", 1),
        ('id,name\n1,"Doe, Jane"\n2,"Doe, John"\n3,Joan\n4,Jean', 1),
        ("id\tname\n1\tJane\n2\tJohn\n3\tJoan\n4\tJean", 1),
        ("| id | name |\n|----|------|\n| 1 | Jane |\n| 2 | John |\n| 3 | Joan |", 2),
        ("People:\n\n| id | name |\n|----|------|\n| 1 | Jane |\n| 2 | John |\n| 3 | Joan |", 4),
        ("NAME      READY   AGE\nweb-1     1/1     3d\nweb-2     1/1     3d\nweb-3     0/1     1h", 1),
        ("id,name\n1,Jane", 0),
        ("12:00:01,5 INFO a\n12:00:02,5 INFO b\n12:00:03,5 INFO c\n12:00:04,5 INFO d", 0),
        ("One line.\nAnother line, with a comma.\nA third.\nA fourth, with two, of them.", 0),
        ("----\n\n", 0),
        ("", 0),
    ],
)
def test_headers_are_found(text: str, rows: int) -> None:
    """Separated values, Markdown and aligned columns have a header; logs and prose have none."""
    assert header_rows(text.split("\n")) == rows
