"""What is a name and what is not."""

import pytest

from autogen_budget._text import names_in


@pytest.mark.parametrize(
    "name",
    [
        "https://example.com/a?b=1",
        "jane.doe@example.com",
        "src/shop/order.py",
        "/etc/hosts",
        "~/notes",
        "C:\\Users",
        "order.py",
        "2026-03-01",
        "ORD-4711",
        "#4711",
        "1.20.3",
        "total_price",
        "totalPrice",
        "4711",
        "a1b2c3",
        "autogen-core-0.7.5",
    ],
)
def test_names(name: str) -> None:
    """Addresses, paths, dates, identifiers and numbers are names, whatever stands around them."""
    assert names_in(f"See ({name}), then: {name}.", 5) == [name]


def test_other_words_are_none() -> None:
    """Plain words, short numbers, times and access modes are no names."""
    assert names_in("The well-known man said: 12 of 340, at 12:30:05 -rw-r--r-- and/or never", 5) == []


def test_no_more_than_asked_for() -> None:
    """The first names are told."""
    assert names_in("a_b1 c_d2 e_f3", 2) == ["a_b1", "c_d2"]
