"""The words of names."""

import pytest

from autogen_budget._text import name_similarity, words_of


@pytest.mark.parametrize("name", ["order_ids", "orderIds", "Order ID", "order-id", "ORDER_ID"])
def test_spellings_of_a_name_are_the_same(name: str) -> None:
    """Case, separators and number do not matter."""
    assert words_of(name) == ("order", "id")


def test_alike_is_the_share_of_words_in_common() -> None:
    """From 0 for nothing in common to 1 for the same words."""
    assert name_similarity("orders", "order_id") == 0.5
    assert name_similarity("address", "Address") == 1
    assert name_similarity("", "") == 0
