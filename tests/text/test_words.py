"""The words of names."""

import pytest

from autogen_budget._text import words_of


@pytest.mark.parametrize("name", ["order_ids", "orderIds", "Order ID", "order-id", "ORDER_ID"])
def test_spellings_of_a_name_are_the_same(name: str) -> None:
    """Case, separators and number do not matter."""
    assert words_of(name) == ("order", "id")
